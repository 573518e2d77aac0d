//! Encrypted, on both sides.

use std::path::PathBuf;
use std::time::Duration;

use palm::http::{Certificate, HttpConnection, HttpService, HttpWorker};
use palm::topology::Route;
use palm::wire::Code;
use palm::{Handle, ServerTemplate};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use crate::parts::{Work, http};
use crate::raw::{call, connect, request, rest};
use crate::support::guarded;

/// An authority, and what it has signed, in files.
struct Authority {
    place: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { place, issuer }
    }

    fn file(&self) -> PathBuf {
        self.place.path().join("ca.pem")
    }

    fn certificate(&self, name: &str) -> Certificate {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        let files = ["pem", "key"].map(|kind| self.place.path().join(format!("{name}.{kind}")));
        std::fs::write(&files[0], certificate.pem()).unwrap();
        std::fs::write(&files[1], key.serialize_pem()).unwrap();
        let [certificate, key] = files;
        Certificate::files(certificate, key)
    }
}

fn proxy(connection: HttpConnection) -> Handle {
    ServerTemplate::new("proxy")
        .register_inbound("Http", HttpService::new("http://127.0.0.1:*"), Route::to("Web").blocking())
        .register_outbound("Web", connection.no_workers_timeout(Duration::ZERO), Route::exterior())
        .start()
        .unwrap()
}

fn outcome(proxy: &Handle) -> Result<String, (Code, String)> {
    let message = call(&http(proxy), "x.shout", "hello").message();
    match message.error() {
        None => Ok(String::from_utf8(message.payload().to_vec()).unwrap()),
        Some(error) => Err((error.code.into(), error.text)),
    }
}

#[test]
fn a_worker_with_a_certificate_is_called_over_tls() {
    guarded(|| {
        let authority = Authority::new();
        let worker =
            HttpWorker::new("web_worker", Work).certificate(authority.certificate("127.0.0.1")).start().unwrap();
        let url = http(&worker);
        assert!(url.starts_with("https://127.0.0.1:"), "{url}");
        let trusting = proxy(HttpConnection::new(&*url).ca_file(authority.file()));
        for _ in 0..3 {
            assert_eq!(outcome(&trusting), Ok("HELLO".to_owned()));
        }
        // Another authority; the right one for another name; no encryption at all.
        let other = proxy(HttpConnection::new(&*url).ca_file(Authority::new().file()));
        assert_eq!(outcome(&other).unwrap_err().0, Code::NoWorkers);
        let misnamed = url.replace("127.0.0.1", "localhost");
        let misnamed = proxy(HttpConnection::new(misnamed).ca_file(authority.file()));
        assert_eq!(outcome(&misnamed).unwrap_err().0, Code::NoWorkers);
        let mut plain = connect(&url);
        std::io::Write::write_all(&mut plain, &request("POST", "/", "", b"")).unwrap();
        assert!(!String::from_utf8_lossy(&rest(plain)).contains("HTTP"));
        assert_eq!(outcome(&trusting), Ok("HELLO".to_owned()));
    });
}

#[test]
fn a_worker_may_want_to_see_a_certificate() {
    guarded(|| {
        let (authority, callers) = (Authority::new(), Authority::new());
        let worker = HttpWorker::new("web_worker", Work)
            .certificate(authority.certificate("127.0.0.1"))
            .client_ca_file(callers.file())
            .start()
            .unwrap();
        let connection = || HttpConnection::new(http(&worker)).ca_file(authority.file());
        assert_eq!(outcome(&proxy(connection().certificate(callers.certificate("caller")))), Ok("HELLO".to_owned()));
        assert!(outcome(&proxy(connection())).is_err());
        assert!(outcome(&proxy(connection().certificate(Authority::new().certificate("stranger")))).is_err());
    });
}

#[test]
fn files_that_are_none_are_named() {
    let authority = Authority::new();
    let start = |worker: HttpWorker| worker.start().unwrap_err().to_string();
    let worker = || HttpWorker::new("web_worker", Work);
    let error = start(worker().certificate(Certificate::files("nowhere.pem", "nowhere.key")));
    assert!(error.contains("nowhere.key cannot be read"), "{error}");
    authority.certificate("a");
    let swapped = Certificate::files(authority.place.path().join("a.key"), authority.place.path().join("a.key"));
    let error = start(worker().certificate(swapped));
    assert!(error.contains("a.key has no certificate"), "{error}");
    let error = start(worker().client_ca_file(authority.file()));
    assert!(error.contains("give the part one with `certificate(…)` too"), "{error}");
}

#[test]
fn encryption_is_enough_beyond_loopback() {
    let authority = Authority::new();
    let worker = HttpWorker::new("web_worker", Work)
        .address("https://0.0.0.0:0")
        .advertise("example.org")
        .certificate(authority.certificate("example.org"))
        .start()
        .unwrap();
    assert!(http(&worker).starts_with("https://example.org:"));
}
