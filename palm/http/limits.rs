//! What an HTTP part may be told about its callers, in one place.

use std::time::Duration;

use super::token::Token;

/// Largest body of a request, unless the part is told another.
pub const BODY_LIMIT: usize = 64 << 20;
/// Bytes of all requests' bodies that a part holds at a time; a larger body passes alone.
pub const BODIES_LIMIT: usize = 256 << 20;
/// How long a request may take, unless the part is told another.
pub const DEADLINE: Duration = Duration::from_secs(60);
/// Requests that may wait for their answers, unless the part is told another.
pub const MAX_REQUESTS: usize = 4_096;
/// Connections that a part holds, unless it is told another.
pub const MAX_CONNECTIONS: usize = 4_096;

/// What a part that listens for HTTP can be told.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) token: Option<Token>,
    pub(super) body_limit: usize,
    pub(super) deadline: Duration,
    pub(super) max_requests: usize,
    pub(super) max_connections: usize,
    #[cfg(feature = "tls")]
    pub(super) certificate: Option<super::tls::Certificate>,
    #[cfg(feature = "tls")]
    pub(super) client_ca_file: Option<std::path::PathBuf>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            token: None,
            body_limit: BODY_LIMIT,
            deadline: DEADLINE,
            max_requests: MAX_REQUESTS,
            max_connections: MAX_CONNECTIONS,
            #[cfg(feature = "tls")]
            certificate: None,
            #[cfg(feature = "tls")]
            client_ca_file: None,
        }
    }
}

impl Limits {
    /// Whether connections are encrypted.
    pub(super) const fn is_encrypted(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.certificate.is_some();
        #[cfg(not(feature = "tls"))]
        return false;
    }

    /// Whether callers need a secret, or at least cannot be overheard.
    pub(super) const fn protects(&self) -> bool {
        self.is_encrypted() || self.token.is_some()
    }
}

/// The setters of those who listen. The type has a field `limits`.
macro_rules! limits {
    ($name:ident) => {
        impl $name {
            /// Callers have to bring this token, as `Authorization: Bearer …`; others get 401. Default: none is asked for.
            ///
            /// With it the part may listen beyond loopback; without TLS too it can be overheard there.
            pub fn token(mut self, token: impl Into<String>) -> Self {
                self.limits.token = Some($crate::http::token::Token::new(token));
                self
            }

            /// Largest body of a request in bytes; larger ones get 413. Default: [`BODY_LIMIT`](crate::http::BODY_LIMIT),
            /// 64 MiB.
            pub const fn body_limit(mut self, bytes: usize) -> Self {
                self.limits.body_limit = bytes;
                self
            }

            /// How long a request may take from its head to its answer; then it gets 504, and is forgotten. Default:
            /// [`DEADLINE`](crate::http::DEADLINE), 60 s.
            pub const fn deadline(mut self, deadline: ::std::time::Duration) -> Self {
                self.limits.deadline = deadline;
                self
            }

            /// Requests that may wait for their answers; those that come on top get 503 with `Retry-After`. Default:
            /// [`MAX_REQUESTS`](crate::http::MAX_REQUESTS), 4,096.
            pub const fn max_requests(mut self, requests: usize) -> Self {
                self.limits.max_requests = requests;
                self
            }

            /// Connections that are held; for one on top, the one that has been idle longest is cut. Default:
            /// [`MAX_CONNECTIONS`](crate::http::MAX_CONNECTIONS), 4,096.
            pub const fn max_connections(mut self, connections: usize) -> Self {
                self.limits.max_connections = connections;
                self
            }

            /// Serves over TLS 1.2 or 1.3 with this certificate. Default: no encryption.
            #[cfg(feature = "tls")]
            pub fn certificate(mut self, certificate: $crate::http::Certificate) -> Self {
                self.limits.certificate = Some(certificate);
                self
            }

            /// Callers have to show a certificate that one of the authorities in this PEM file has signed. Default: none is
            /// asked for.
            #[cfg(feature = "tls")]
            pub fn client_ca_file(mut self, file: impl Into<::std::path::PathBuf>) -> Self {
                self.limits.client_ca_file = Some(file.into());
                self
            }
        }
    };
}
pub(super) use limits;
