//! What this library can do beyond classic PALM, as it tells its peers.

/// Topics and cache keys that begin with it belong to the library.
pub(crate) const RESERVED: &str = "_palm.";

/// Topic and cache-key prefix under which peers of this library find each other.
pub(crate) const TOPIC: &str = "_palm.link";

/// Cache key of the features.
pub(crate) const KEY: &str = "_palm.features";

/// The features object: protocol version, crate version, list of feature names, and where the link is if there is one.
pub(crate) fn json(link: Option<&str>) -> Vec<u8> {
    let mut features = serde_json::json!({
        "protocol": 1,
        "version": env!("CARGO_PKG_VERSION"),
        "features": ["id", "error", "hold"],
    });
    if let Some(link) = link {
        features["link"] = link.into();
    }
    features.to_string().into_bytes()
}

/// The topic on which a publisher says to a session of its link that the link goes on from here.
pub(crate) fn change_over(session: &[u8]) -> String {
    use std::fmt::Write as _;
    session.iter().fold(format!("{TOPIC}."), |mut topic, byte| {
        let _ = write!(topic, "{byte:02x}");
        topic
    })
}

/// Where the link of a publisher is, as it says on [`TOPIC`].
pub(crate) fn link_of(features: &[u8]) -> Option<String> {
    let features: serde_json::Value = serde_json::from_slice(features).ok()?;
    Some(features.get("link")?.as_str()?.to_owned())
}
