use std::fmt;

/// Where a part binds or connects.
///
/// ```
/// use palm::part::Address;
/// assert_eq!(Address::from("tcp://127.0.0.1:5555").to_string(), "tcp://127.0.0.1:5555");
/// assert_eq!(Address::any().to_string(), "tcp://127.0.0.1:*");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address(pub(crate) Place);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Given(String),
    Any,
    /// What the cache at `db_address` says under `key`.
    Lookup { db_address: String, key: &'static str },
}

impl Address {
    /// A port of the system's choice, on loopback. It is published in the component's cache.
    #[must_use]
    pub const fn any() -> Self {
        Self(Place::Any)
    }

    /// What another component's cache says when the part opens; waited for without limit.
    pub(crate) fn lookup(db_address: impl Into<String>, key: &'static str) -> Self {
        Self(Place::Lookup { db_address: db_address.into(), key })
    }

    pub(crate) const fn is_lookup(&self) -> bool {
        matches!(self.0, Place::Lookup { .. })
    }
}

impl Default for Address {
    fn default() -> Self {
        Self::any()
    }
}

impl<T: Into<String>> From<T> for Address {
    fn from(address: T) -> Self {
        Self(Place::Given(address.into()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Given(address) => f.write_str(address),
            Place::Any => f.write_str("tcp://127.0.0.1:*"),
            Place::Lookup { db_address, key } => write!(f, "{key} of {db_address}"),
        }
    }
}
