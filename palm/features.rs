//! What this library can do beyond classic PALM, as it tells its peers.

/// Topics and cache keys that begin with it belong to the library.
pub(crate) const RESERVED: &str = "_palm.";

/// Topic and cache-key prefix under which peers of this library find each other.
pub(crate) const TOPIC: &str = "_palm.link";

/// Cache key of the features.
pub(crate) const KEY: &str = "_palm.features";

/// The address of a component's link, as its features object says it where there is no cache to be asked.
pub(crate) fn link_in(features: &[u8]) -> Option<String> {
    let features: serde_json::Value = serde_json::from_slice(features).ok()?;
    features.get("link")?.as_str().map(str::to_owned)
}

/// The features object: protocol version, crate version, list of feature names.
pub(crate) fn json() -> Vec<u8> {
    serde_json::json!({
        "protocol": 1,
        "version": env!("CARGO_PKG_VERSION"),
        "features": ["id", "error", "hold"],
    })
    .to_string()
    .into_bytes()
}
