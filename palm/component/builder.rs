//! The setters that components share, in one place.

/// An address setter.
macro_rules! address {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        pub fn $name(mut self, address: impl Into<$crate::part::Address>) -> Self {
            self.$name = address.into();
            self
        }
    };
}

/// What every component can be told, and how it is started. The type has a field `template` and a method `assemble`.
macro_rules! component {
    ($name:ident) => {
        impl $name {
            /// Ends the component after so many messages. Default: no limit.
            pub fn messages(mut self, messages: u64) -> Self {
                self.template = self.template.messages(messages);
                self
            }

            /// The least important level that the component logs, where the `log` layer of this library is installed.
            /// Default: INFO.
            pub fn log_level(mut self, level: ::tracing::Level) -> Self {
                self.template = self.template.log_level(level);
                self
            }

            /// Shares a ZeroMQ context, so that `inproc://` addresses lead to others that share it. Default: its own.
            pub fn context(mut self, context: &$crate::Context) -> Self {
                self.template = self.template.context(context);
                self
            }

            /// Allows addresses beyond loopback, unencrypted as they are. Default: they are refused.
            pub fn insecure(mut self) -> Self {
                self.template = self.template.insecure();
                self
            }

            /// The host name that peers are told for addresses beyond loopback. Default: this machine's own.
            pub fn advertise(mut self, host: impl Into<String>) -> Self {
                self.template = self.template.advertise(host);
                self
            }

            /// Binds, connects and starts the component.
            ///
            /// # Errors
            /// An address cannot be used.
            pub fn start(self) -> $crate::Result<$crate::Handle> {
                self.assemble().start()
            }

            /// Runs the component until SIGTERM or Ctrl-C, or until it has taken its `messages`. What is inside is handed
            /// over first, for 25 s at most; a second signal ends the process at once.
            ///
            /// # Errors
            /// An address cannot be used, or the component failed.
            pub fn run(self) -> $crate::Result<()> {
                self.assemble().run()
            }

            /// The component's topology as data, for a look at it.
            #[must_use]
            pub fn plan(self) -> $crate::topology::Plan {
                self.assemble().plan()
            }
        }
    };
}

/// What components with a cache of their own can be told.
macro_rules! with_cache {
    ($name:ident) => {
        impl $name {
            address! {
                /// Where the cache service is bound. Default: a port of the system's choice on loopback.
                db_address
            }

            /// Presets a key of the cache. Peers may read it, and not change it.
            pub fn preset_cache(mut self, key: impl Into<String>, value: impl Into<$crate::Bytes>) -> Self {
                self.template = self.template.preset_cache(key, value);
                self
            }

            /// Where the cache is kept. Default: a [`MemoryCache`]($crate::cache::MemoryCache).
            pub fn cache(mut self, cache: impl $crate::cache::Cache) -> Self {
                self.template = self.template.cache(cache);
                self
            }
        }
    };
}

/// What components that publish can be told. The type has a field `publishing`.
macro_rules! publishing {
    ($name:ident) => {
        impl $name {
            /// Where results are published. Default: a port of the system's choice on loopback.
            pub fn pub_address(mut self, address: impl Into<$crate::part::Address>) -> Self {
                self.publishing.address = address.into();
                self
            }

            /// How long a result waits for its subscriber. Default: 30 s.
            pub const fn hold_time(mut self, time: ::std::time::Duration) -> Self {
                self.publishing.hold_time = Some(time);
                self
            }

            /// Bytes that may wait for one subscriber before nothing more is taken in. Default: 16 MiB.
            pub const fn hold_bytes(mut self, bytes: usize) -> Self {
                self.publishing.hold_bytes = Some(bytes);
                self
            }

            /// Subscribers that a pipelined stream waits for. Default: 1.
            pub const fn expected_subscribers(mut self, subscribers: u32) -> Self {
                self.publishing.expected_subscribers = subscribers;
                self
            }
        }
    };
}
