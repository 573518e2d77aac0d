//! Encryption: rustls, with ring.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::Uri;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::connector::{Connector, Trust};
use super::limits::Limits;
use super::server::Tls;
use crate::error::BoxError;

/// A certificate and its private key, each in a PEM file. The files are read when the part opens.
///
/// ```
/// use palm::http::{Certificate, HttpService};
///
/// let part = HttpService::new("https://0.0.0.0:8443").certificate(Certificate::files("cert.pem", "key.pem"));
/// ```
#[derive(Debug, Clone)]
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Certificate {
    /// The certificate in one file, followed by those that lead to its authority if there are some, and its key in another.
    pub fn files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { chain: certificate.into(), key: key.into() }
    }

    fn read(&self) -> Result<Identity, BoxError> {
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| unread(&self.key, &error))?;
        Ok((certificates(&self.chain)?, key))
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, BoxError> {
    let read = || CertificateDer::pem_file_iter(file)?.collect::<Result<Vec<_>, _>>();
    match read() {
        Ok(found) if found.is_empty() => Err(format!("{} has no certificate", file.display()).into()),
        Ok(found) => Ok(found),
        Err(error) => Err(unread(file, &error)),
    }
}

fn unread(file: &Path, error: &rustls::pki_types::pem::Error) -> BoxError {
    format!("{} cannot be read: {error}", file.display()).into()
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn authorities(file: &Path) -> Result<RootCertStore, BoxError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(file)? {
        store.add(certificate)?;
    }
    Ok(store)
}

/// What a service makes of its connections, if it has a certificate.
pub(super) fn acceptor(limits: &Limits) -> Result<Tls, BoxError> {
    let Some(certificate) = &limits.certificate else {
        return match limits.client_ca_file {
            Some(_) => {
                Err("callers show a certificate only over TLS; give the part one with `certificate(…)` too".into())
            }
            None => Ok(None),
        };
    };
    let (chain, key) = certificate.read()?;
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let builder = match &limits.client_ca_file {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let roots = Arc::new(authorities(file)?);
            builder.with_client_cert_verifier(WebPkiClientVerifier::builder_with_provider(roots, provider()).build()?)
        }
    };
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(tokio_rustls::TlsAcceptor::from(Arc::new(config))))
}

/// TLS on TCP, where the URL says so.
pub(super) fn connector(mut tcp: HttpConnector, uri: &Uri, trust: &Trust) -> Result<Connector, BoxError> {
    tcp.enforce_http(false);
    let roots = match &trust.ca_file {
        Some(file) => authorities(file)?,
        // Without `https://` none is needed.
        None if uri.scheme_str() != Some("https") => RootCertStore::empty(),
        None => {
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if store.is_empty() {
                return Err("the system has no certificates of authorities; give a file with `ca_file(…)`".into());
            }
            store
        }
    };
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let builder = builder.with_root_certificates(roots);
    let config = match &trust.certificate {
        None => builder.with_no_client_auth(),
        Some(certificate) => {
            let (chain, key) = certificate.read()?;
            builder.with_client_auth_cert(chain, key)?
        }
    };
    Ok(HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().wrap_connector(tcp))
}
