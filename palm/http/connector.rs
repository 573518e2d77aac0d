//! How a connection reaches its worker: TCP, and TLS on it where the URL says so.

use std::time::Duration;

use hyper::Uri;
use hyper_util::client::legacy::connect::HttpConnector;

use crate::error::BoxError;

/// How long connecting may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(feature = "tls")]
pub(super) type Connector = hyper_rustls::HttpsConnector<HttpConnector>;
#[cfg(not(feature = "tls"))]
pub(super) type Connector = HttpConnector;

/// Whom a connection trusts, and what it shows.
#[derive(Debug, Clone, Default)]
pub(super) struct Trust {
    #[cfg(feature = "tls")]
    pub(super) ca_file: Option<std::path::PathBuf>,
    #[cfg(feature = "tls")]
    pub(super) certificate: Option<super::tls::Certificate>,
}

/// The connector for a URL.
pub(super) fn connector(uri: &Uri, trust: &Trust) -> Result<Connector, BoxError> {
    let mut tcp = HttpConnector::new();
    tcp.set_connect_timeout(Some(PATIENCE));
    tcp.set_nodelay(true);
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") if cfg!(feature = "tls") => {}
        Some("https") => return Err("https is in the feature `tls` of this library; switch it on".into()),
        _ => return Err("it is called over HTTP; write `http://host:port/path`".into()),
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err("the URL has no host".into());
    }
    #[cfg(feature = "tls")]
    return super::tls::connector(tcp, uri, trust);
    #[cfg(not(feature = "tls"))]
    {
        let Trust {} = trust;
        Ok(tcp)
    }
}
