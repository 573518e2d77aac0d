//! Whom a client of the registry trusts behind TLS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, RootCertStore};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::failure::Failure;
use crate::input;

/// Whose certificates are accepted.
#[derive(Clone, Debug)]
pub(crate) enum Trust {
    /// Those that the system trusts, or the file that `SSL_CERT_FILE` names.
    System,
    /// Those in a file, and nobody else.
    File { path: PathBuf, certificates: Vec<Certificate<'static>> },
}

impl Trust {
    /// What the option `--ca-file` says for the registry at `url`.
    pub(crate) fn of(file: Option<&Path>, url: &str) -> Result<Self, Failure> {
        let Some(path) = file else { return Ok(Self::System) };
        let name = path.display();
        // Who says whom to trust does not want to speak to anybody.
        if !is_encrypted(url) {
            let text =
                format!("`{name}` says whom to trust by TLS, and {url} has none; write https://, or no --ca-file");
            return Err(Failure::usage(text));
        }
        let pem = input::whole(path)?;
        let mut certificates = Vec::new();
        for item in parse_pem(&pem) {
            let item = item.map_err(|error| Failure::usage(format!("`{name}` is no file of certificates: {error}")))?;
            let PemItem::Certificate(certificate) = item else { continue };
            let number = certificates.len() + 1;
            RootCertStore::empty()
                .add(CertificateDer::from(certificate.der()))
                .map_err(|error| Failure::usage(format!("certificate {number} in `{name}` cannot be used: {error}")))?;
            certificates.push(certificate);
        }
        if certificates.is_empty() {
            return Err(Failure::usage(format!("`{name}` has no certificate in it; give a file in PEM")));
        }
        Ok(Self::File { path: path.to_owned(), certificates })
    }

    /// What a client of `url` needs to know of it.
    pub(crate) fn config(&self, url: &str) -> TlsConfig {
        if !is_encrypted(url) {
            return TlsConfig::default();
        }
        let certificates = match self {
            Self::System => {
                let trusted = rustls_native_certs::load_native_certs().certs;
                trusted.iter().map(|der| Certificate::from_der(der).to_owned()).collect()
            }
            Self::File { certificates, .. } => certificates.clone(),
        };
        TlsConfig::builder()
            .root_certs(RootCerts::from(certificates))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build()
    }

    /// Why a registry is not trusted, if that is what went wrong.
    pub(crate) fn refusal(&self, error: &ureq::Error) -> Option<String> {
        let error = match error {
            ureq::Error::Rustls(error) => error,
            ureq::Error::Io(error) => error.get_ref()?.downcast_ref()?,
            _ => return None,
        };
        let rustls::Error::InvalidCertificate(error) = error else { return None };
        Some(match (error, self) {
            // Signed by nobody who is known, or by somebody of the same name.
            (CertificateError::UnknownIssuer | CertificateError::BadSignature, Self::System) => {
                "its certificate is from nobody whom the system trusts; name the file of whom to trust: --ca-file"
                    .to_owned()
            }
            (CertificateError::UnknownIssuer | CertificateError::BadSignature, Self::File { path, .. }) => {
                format!("its certificate is none of those in `{}`, nor from one of them", path.display())
            }
            // The library has no name for it.
            (CertificateError::Other(other), _) if other.to_string() == "CaUsedAsEndEntity" => {
                "its certificate is one of an authority; make one with basicConstraints=CA:FALSE".to_owned()
            }
            (error, _) => error.to_string(),
        })
    }
}

fn is_encrypted(url: &str) -> bool {
    url.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"))
}
