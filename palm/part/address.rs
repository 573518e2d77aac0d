use std::fmt;

/// Where a part binds or connects.
///
/// Whatever takes an address takes `impl Into<Address>`: `&str`, `String` and the like, or an `Address`.
///
/// ```
/// use palm::part::Address;
/// assert_eq!(Address::from("tcp://127.0.0.1:5555").to_string(), "tcp://127.0.0.1:5555");
/// assert_eq!(Address::any().to_string(), "tcp://127.0.0.1:*");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address(pub(crate) AddressKind);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum AddressKind {
    Given(String),
    Any,
    /// What the cache of the component's master says under this key.
    Lookup(&'static str),
}

impl Address {
    /// A port of the system's choice, on loopback. It is published in the component's cache.
    #[must_use]
    pub const fn any() -> Self {
        Self(AddressKind::Any)
    }

    pub(crate) const fn is_lookup(&self) -> bool {
        matches!(self.0, AddressKind::Lookup(_))
    }

    /// What the cache of the component's master says when the part opens; waited for without limit.
    pub(crate) const fn lookup(key: &'static str) -> Self {
        Self(AddressKind::Lookup(key))
    }
}

impl Default for Address {
    fn default() -> Self {
        Self::any()
    }
}

impl<T: Into<String>> From<T> for Address {
    fn from(address: T) -> Self {
        Self(AddressKind::Given(address.into()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            AddressKind::Given(address) => f.write_str(address),
            AddressKind::Any => f.write_str("tcp://127.0.0.1:*"),
            AddressKind::Lookup(key) => write!(f, "{key} of the master"),
        }
    }
}
