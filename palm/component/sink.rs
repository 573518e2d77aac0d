use super::publishing::Publishing;
use crate::part::{Address, CacheService, Methods, SubConnection};
use crate::service::{Service, SinkService, Topic};
use crate::topology::{Route, ServerTemplate};

/// Joins several streams: a [`Pipeline`](super::Pipeline) that takes what any number of components publish.
///
/// `sub_addresses` and `previous` go together, in order. The cache has the addresses as `sub_address_0` and so on.
///
/// ```
/// #[derive(Default)]
/// struct MySink;
///
/// #[palm::sink]
/// impl MySink {
///     fn foo(&mut self, message: &[u8]) -> Vec<u8> {
///         [b"and gathered ", message].concat()
///     }
/// }
///
/// let sink = palm::Sink::new("my_sink", MySink)
///     .sub_addresses(["tcp://127.0.0.1:5561", "tcp://127.0.0.1:5571"])
///     .previous(["my_pipeline", "my_pipeline"])
///     .start()?;
/// assert_eq!(sink.address("sub_address_1")?, "tcp://127.0.0.1:5571");
/// # Ok::<(), palm::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a component does nothing until it is started"]
pub struct Sink {
    template: ServerTemplate,
    db_address: Address,
    cache_messages: u64,
    sub_addresses: Vec<Address>,
    previous: Vec<Topic>,
    publishing: Publishing,
}

impl Sink {
    /// A sink of that name over an impl block with `#[palm::sink]`.
    pub fn new(name: impl Into<String>, service: impl SinkService) -> Self {
        Self::boxed(name, Box::new(service))
    }

    pub(crate) fn boxed(name: impl Into<String>, service: Box<dyn Service>) -> Self {
        Self {
            template: ServerTemplate::new(name).boxed_service(Some(service)),
            db_address: Address::any(),
            cache_messages: u64::MAX,
            sub_addresses: Vec::new(),
            previous: Vec::new(),
            publishing: Publishing::new(false),
        }
    }

    /// The `pub_address` of each component before this one.
    pub fn sub_addresses<A: Into<Address>>(mut self, addresses: impl IntoIterator<Item = A>) -> Self {
        self.sub_addresses = addresses.into_iter().map(Into::into).collect();
        self
    }

    /// The topic at each of them: its name, or what its `handle_stream` chooses. Where there are fewer topics than addresses,
    /// the rest takes every topic.
    pub fn previous<T: Into<Topic>>(mut self, previous: impl IntoIterator<Item = T>) -> Self {
        self.previous = previous.into_iter().map(Into::into).collect();
        self
    }

    /// Whether results go back to the client rather than on to another component. Default: back.
    ///
    /// The other way round it is `pipelined` at a [`Server`](super::Server), [`Master`](super::Master) or [`Hub`](super::Hub). If
    /// it is `false` and several components take the stream, see [`expected_subscribers`](Self::expected_subscribers).
    pub const fn to_client(mut self, to_client: bool) -> Self {
        self.publishing.pipelined = !to_client;
        self
    }

    fn assemble(self) -> ServerTemplate {
        let mut template = self.template.numbered("sub_address");
        let mut previous = self.previous.into_iter();
        let several = self.sub_addresses.len() > 1;
        for (number, address) in self.sub_addresses.into_iter().enumerate() {
            let part = SubConnection::new(address).previous(previous.next().unwrap_or_default());
            let name = if several { format!("Sub_{number}") } else { "Sub".to_owned() };
            template = template.register_inbound(name, part, "Methods");
        }
        let template = template
            .register_outbound("Methods", Methods::default(), "Pub")
            .register_bypass("Cache", CacheService::new(self.db_address).messages(self.cache_messages));
        self.publishing.register(template, Route::exterior().handle_stream())
    }
}

component!(Sink);
methods!(Sink);
with_cache!(Sink);
publishing!(Sink);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    struct MySink;

    #[crate::sink]
    impl MySink {}

    #[test]
    fn one_address_is_numbered_as_several_are() {
        let sink = super::Sink::new("my_sink", MySink).sub_addresses(["tcp://127.0.0.1:5561"]).start().unwrap();
        assert_eq!(sink.address("sub_address_0").unwrap(), "tcp://127.0.0.1:5561");
        assert!(sink.address("sub_address").is_err());
    }
}
