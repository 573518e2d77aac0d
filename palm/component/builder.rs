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
            pub fn log_level(mut self, level: $crate::Level) -> Self {
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

#[cfg(feature = "http")]
pub(crate) use component;

/// What components that run methods can be told.
macro_rules! methods {
    ($name:ident) => {
        impl $name {
            /// How many calls of methods that take `&self` may run at a time, each on a thread of its own. Default: 1, and 0
            /// is 1: one call at a time, whose results leave in the order in which the calls came.
            ///
            /// With more, results leave in the order in which the calls end. A method that takes `&mut self`, or a hook,
            /// waits until those that run have ended, and what came after it waits until it has. Starting fails with
            /// [`Error::Topology`]($crate::Error::Topology) if the object is not `Sync`.
            ///
            /// ```
            #[doc = concat!("use palm::", stringify!($name), ";")]
            ///
            /// #[derive(Default)]
            /// struct Lookup(std::collections::HashMap<String, String>);
            ///
            #[doc = concat!("#[palm::", methods!(@attribute $name), "]")]
            /// impl Lookup {
            ///     fn find(&self, key: &str) -> Option<String> {
            ///         self.0.get(key).cloned()
            ///     }
            ///
            ///     fn add(&mut self, key: String) {
            ///         self.0.insert(key.clone(), key);
            ///     }
            /// }
            ///
            #[doc = concat!("let lookup = ", stringify!($name), "::new(\"lookup\", Lookup::default()).threads(4);")]
            /// # drop(lookup);
            /// ```
            pub fn threads(mut self, threads: usize) -> Self {
                self.template = self.template.threads(threads);
                self
            }

            /// How many calls of `async` methods may be under way at a time, as tasks of a runtime; such methods need the
            /// feature `tokio`. Default: 256, and 0 is 1.
            ///
            /// Results leave in the order in which the calls end. A method that takes `&mut self`, or a hook, waits until those
            /// that run have ended, and what came after it waits until it has.
            ///
            /// ```
            /// # #[cfg(feature = "tokio")] {
            #[doc = concat!("use palm::", stringify!($name), ";")]
            ///
            /// #[derive(Default)]
            /// struct Lookup;
            ///
            #[doc = concat!("#[palm::", methods!(@attribute $name), "]")]
            /// impl Lookup {
            ///     async fn find(&self, key: &str) -> String {
            ///         // Others run while this one waits.
            ///         tokio::task::yield_now().await;
            ///         key.to_uppercase()
            ///     }
            /// }
            ///
            #[doc = concat!("let lookup = ", stringify!($name), "::new(\"lookup\", Lookup).tasks(1000);")]
            /// # drop(lookup);
            /// # }
            /// ```
            pub fn tasks(mut self, tasks: usize) -> Self {
                self.template = self.template.tasks(tasks);
                self
            }

            /// The runtime on which calls of `async` methods run (feature `tokio`). Default: one of the component's own,
            /// with a thread for each processor and four at most, which ends with the component.
            ///
            /// The component neither starts nor ends a runtime that it is given. If that one ends first, the calls which
            /// are under way, and those that come later, are answered with
            /// [`Code::ShuttingDown`]($crate::wire::Code::ShuttingDown).
            #[cfg(feature = "tokio")]
            pub fn runtime(mut self, handle: ::tokio::runtime::Handle) -> Self {
                self.template = self.template.runtime(handle);
                self
            }
        }
    };
    (@attribute Server) => {
        "server"
    };
    (@attribute Pipeline) => {
        "pipeline"
    };
    (@attribute Sink) => {
        "sink"
    };
    (@attribute Worker) => {
        "worker"
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

            /// Ends the cache service after so many requests, for tests. Default: no limit.
            pub const fn cache_messages(mut self, messages: u64) -> Self {
                self.cache_messages = messages;
                self
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

/// What components with workers can be told. The type has a field `working`.
macro_rules! working {
    ($name:ident) => {
        impl $name {
            /// Where workers pull their messages. Default: a port of the system's choice on loopback.
            pub fn worker_push_address(mut self, address: impl Into<$crate::part::Address>) -> Self {
                self.working.address = address.into();
                self
            }

            /// Ports for workers on the classic sockets: each has one for itself, up to 256; who finds none free uses
            /// `worker_push_address` itself. Default: any free port where that is on loopback; none where it is beyond.
            ///
            /// ```
            #[doc = concat!("let component = palm::", stringify!($name), "::new(\"server\").worker_ports(5600..=5699);")]
            /// # drop(component);
            /// ```
            pub fn worker_ports(mut self, ports: ::std::ops::RangeInclusive<u16>) -> Self {
                self.working.ports = Some(ports);
                self
            }

            /// A directory, made if it is not there, where it is kept which worker has which of these ports. So workers find
            /// theirs again after a restart, as those of pylm need it: they ask for it once. Default: none; after a restart
            /// such a worker has to be restarted too, unless it was told the address by hand.
            ///
            /// Starting fails if nothing can be written there. The ports should be a range of
            /// [`worker_ports`](Self::worker_ports) that the system gives to nobody else meanwhile, and `db_address` and
            /// `worker_pull_address` such as do not change.
            ///
            /// ```
            /// # let directory = std::env::temp_dir().join(format!("palm-doc-{}", std::process::id()));
            #[doc = concat!("let component = palm::", stringify!($name), "::new(\"server\")")]
            ///     .worker_ports(5600..=5699)
            ///     .state_dir(&directory);
            /// # drop(component);
            /// ```
            pub fn state_dir(mut self, directory: impl Into<::std::path::PathBuf>) -> Self {
                self.working.state_dir = Some(directory.into());
                self
            }

            /// How long a method may take before its message is handed to another worker. Default: 1800 s; `None` is for
            /// ever.
            ///
            /// A linked worker is told it, and fails when a method takes longer: under `run` its process ends, since a thread
            /// cannot be ended.
            pub const fn work_timeout(mut self, timeout: Option<::std::time::Duration>) -> Self {
                self.working.crew.work_timeout = timeout;
                self
            }

            /// How often a message is handed out before its caller gets an error. Default: 3.
            pub const fn attempts(mut self, attempts: u32) -> Self {
                self.working.crew.attempts = attempts;
                self
            }

            /// Messages that a worker may hold unanswered. Default: 500. Within it, a worker holds about 50 ms of work.
            pub const fn worker_messages(mut self, messages: usize) -> Self {
                self.working.crew.messages = messages;
                self.working.crew.linked_messages = messages;
                self
            }

            /// How long a message waits while there is no worker at all, before its caller gets an error. Default: 30 s.
            /// The messages of clients that are not of this library wait on.
            pub const fn no_workers_timeout(mut self, timeout: ::std::time::Duration) -> Self {
                self.working.crew.no_workers = timeout;
                self
            }

            /// Workers that must have connected before the first message is handed out, so that a short stream is shared
            /// by all of them. Default: 1.
            ///
            /// They are waited for as long as [`no_workers_timeout`](Self::no_workers_timeout) says, from the first message
            /// on; then whoever is there begins, and a line says so. Over `inproc://` connections cannot be seen, and
            /// nothing is waited for.
            pub const fn expected_workers(mut self, workers: usize) -> Self {
                self.working.crew.expected = workers;
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

            /// Where clients, workers and further components of this library are linked, beside the classic sockets. Default:
            /// a port of the system's choice on loopback; none if the component is [`insecure`](Self::insecure), so that it
            /// may be reached from elsewhere.
            pub fn link_address(mut self, address: impl Into<$crate::part::Address>) -> Self {
                self.publishing.link_address = Some(address.into());
                self
            }

            /// Offers no link, so that every peer uses the classic sockets. Default: a link beside them.
            pub const fn classic(mut self) -> Self {
                self.publishing.classic = true;
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

            /// Bytes of results that may wait for all subscribers together, and for all linked peers together, before nothing
            /// more is taken in. Default: 256 MiB each.
            pub const fn hold_total(mut self, bytes: usize) -> Self {
                self.publishing.hold_total = Some(bytes);
                self
            }

            /// Bytes that each linked client may have sent and the component not taken in; beyond it the client waits.
            /// Default: 8 MiB. One message that is larger passes alone.
            pub const fn intake_bytes(mut self, bytes: usize) -> Self {
                self.publishing.intake_bytes = Some(bytes);
                self
            }

            /// How long a subscriber may take nothing of its results before they are dropped, counted as `stalled` and
            /// logged. Default: 600 s.
            pub const fn stall_timeout(mut self, timeout: ::std::time::Duration) -> Self {
                self.publishing.stall_timeout = Some(timeout);
                self
            }

            /// Subscribers that a stream waits for which goes on to other components (`pipelined(true)`,
            /// `to_client(false)`): without it, those that subscribe late miss what went out before them. Default: 1.
            pub const fn expected_subscribers(mut self, subscribers: u32) -> Self {
                self.publishing.expected_subscribers = subscribers;
                self
            }
        }
    };
}
