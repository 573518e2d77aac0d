//! The web service: started, and stopped.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::http::{App, Refusal, Server, router};
use crate::store::{Holder, Limits, NewUser, Store, StoreError};
use crate::users::{self, Hasher, Refused, Secret, Throttle};

/// Between two looks for leases that have ended.
const LOOK: Duration = Duration::from_millis(500);
/// Between two deletions of what is too old.
const SWEEP: Duration = Duration::from_secs(60);

/// How the service is to run.
///
/// ```
/// use palm_registry::Settings;
///
/// let settings = Settings { database: "palm.db".into(), ..Settings::default() };
/// assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens: 127.0.0.1:8080. Port 0 is one of the system's choice.
    pub listen: SocketAddr,
    /// A `postgres://` URL, or the path of an SQLite file, which is made if there is none: `palm-registry.db`.
    pub database: String,
    /// Listen beyond loopback without TLS: passwords and keys can be read on the way.
    pub insecure: bool,
    /// Something in front speaks TLS with browsers and runners: listening beyond loopback is right then, and cookies travel by TLS alone.
    pub behind_tls: bool,
    /// Let no runner in by the key of its cluster alone. Beyond loopback none is.
    pub require_runner_token: bool,
    /// How much is kept, and for how long.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            database: "palm-registry.db".to_owned(),
            insecure: false,
            behind_tls: false,
            require_runner_token: false,
            limits: Limits::default(),
        }
    }
}

/// The service cannot start, or a user cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// It was to listen beyond loopback without TLS.
    #[error(
        "{listen} is reached from other machines, and passwords and keys would travel unencrypted; put TLS in front and say `--behind-tls`, or say `--insecure`"
    )]
    Insecure {
        /// Where it was to listen.
        listen: SocketAddr,
    },
    /// It cannot listen there.
    #[error("cannot listen on {listen}")]
    Listen {
        /// Where it was to listen.
        listen: SocketAddr,
        /// Why it cannot.
        source: std::io::Error,
    },
    /// The database cannot be used.
    #[error("the database `{database}` cannot be used")]
    Database {
        /// Its path, or its URL without the password.
        database: String,
        /// Why it cannot.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What was asked for is refused.
    #[error("{0}")]
    Refused(String),
}

impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.text)
    }
}

/// A registry that answers. Dropping it ends it as [`shutdown`](Self::shutdown) does, without waiting for that.
///
/// ```
/// use palm_registry::{Service, Settings};
///
/// # let directory = tempfile::tempdir()?;
/// # let database = directory.path().join("palm.db").display().to_string();
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
/// let settings = Settings { listen: ([127, 0, 0, 1], 0).into(), database, ..Settings::default() };
/// let service = Service::start(settings).await?;
/// println!("http://{}", service.address());
/// // Nobody can sign in yet: the first user is made on a page that asks for this.
/// assert!(service.setup_token().is_some());
/// service.shutdown().await;
/// # Ok::<(), palm_registry::ServiceError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    setup_token: Option<String>,
    app: Arc<App>,
    server: Server,
    housekeeping: Housekeeping,
}

impl Service {
    /// Opens the database, listens, and answers from then on. It wants a runtime of tokio with time and I/O.
    ///
    /// # Errors
    /// It was to listen beyond loopback without TLS, the address is taken, or the database cannot be used.
    pub async fn start(settings: Settings) -> Result<Self, ServiceError> {
        let listen = settings.listen;
        let loopback = listen.ip().is_loopback();
        if !loopback && !settings.insecure && !settings.behind_tls {
            return Err(ServiceError::Insecure { listen });
        }
        let store = open(&settings.database, settings.limits).await?;
        let database = |source| cannot(&settings.database, source);
        store.renew_leases(Timestamp::now()).await.map_err(database)?;
        let setup = match store.has_users().await.map_err(database)? {
            true => None,
            false if loopback => Some(Secret::new("").map_err(Refusal::internal)?),
            false => {
                tracing::warn!("there is no user yet; make one by `palm registry user add`");
                None
            }
        };
        let listener = TcpListener::bind(listen).await.map_err(|source| ServiceError::Listen { listen, source })?;
        let address = listener.local_addr().map_err(|source| ServiceError::Listen { listen, source })?;
        let setup_token = setup.as_ref().map(|secret| secret.text().to_owned());
        let app = Arc::new(App {
            store,
            hasher: Hasher::new().await?,
            throttle: Throttle::default(),
            refused: Refused::default(),
            setup: Mutex::new(setup),
            open_runners: loopback && !settings.behind_tls && !settings.require_runner_token,
            loopback_only: loopback,
            behind_tls: settings.behind_tls,
        });
        let server = Server::start(listener, router(app.clone()));
        let housekeeping = Housekeeping(tokio::spawn(keep_house(app.clone())));
        Ok(Self { address, setup_token, app, server, housekeeping })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the page asks for on which the first user is made; nothing if there is a user, or if the page could be reached from elsewhere.
    #[must_use]
    pub fn setup_token(&self) -> Option<&str> {
        self.setup_token.as_deref()
    }

    /// Accepts no more, lets open requests end for up to 5 s, and closes the database.
    pub async fn shutdown(self) {
        drop(self.housekeeping);
        self.server.stop().await;
        self.app.store.close().await;
    }
}

/// Ends with the service.
#[derive(Debug)]
struct Housekeeping(JoinHandle<()>);

impl Drop for Housekeeping {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn keep_house(app: Arc<App>) {
    let mut swept = None::<tokio::time::Instant>;
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        if let Err(error) = app.store.expire(Timestamp::now()).await {
            tracing::error!(%error, "leases cannot be looked at");
        }
        if let Some(tries) = app.refused.take(Instant::now())
            && let Err(error) = app.store.record_refused(&tries, Timestamp::now()).await
        {
            tracing::error!(%error, ?tries, "refused sign-ins cannot be recorded");
        }
        if swept.is_none_or(|at| at.elapsed() >= SWEEP) {
            swept = Some(tokio::time::Instant::now());
            if let Err(error) = app.store.sweep(Timestamp::now()).await {
                tracing::error!(%error, "what is too old cannot be deleted");
            }
        }
    }
}

/// Makes a user in a database, whether a service runs on it or not, and gives an API key of the user. It is told once.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let database = directory.path().join("palm.db").display().to_string();
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
/// let key = palm_registry::add_user(&database, "ann", "correct horse", true).await?;
/// assert!(key.starts_with("palm_key_"));
/// assert!(palm_registry::add_user(&database, "ann", "correct horse", true).await.is_err());
/// # Ok::<(), palm_registry::ServiceError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The name is taken or empty, the password is too short, or the database cannot be used.
pub async fn add_user(database: &str, name: &str, password: &str, admin: bool) -> Result<String, ServiceError> {
    let name = users::name("name", name)?;
    let store = open(database, Limits::default()).await?;
    let hash = Hasher::new().await?.hash(password).await?;
    let new = NewUser { name, full_name: "", email: "", admin, password_hash: &hash };
    let (now, secret) = (Timestamp::now(), Secret::new("palm_key_").map_err(Refusal::internal)?);
    store.add_user(&new, "the command line", now).await.map_err(Refusal::from)?;
    let (user, _) = store
        .user_by_name(name)
        .await
        .map_err(Refusal::from)?
        .ok_or_else(|| ServiceError::Refused("the user is gone again".to_owned()))?;
    store.add_secret(&user, Holder::User(user.id), "first", &secret.hash(), now).await.map_err(Refusal::from)?;
    store.close().await;
    Ok(secret.text().to_owned())
}

async fn open(database: &str, limits: Limits) -> Result<Store, ServiceError> {
    Store::open(database, limits).await.map_err(|source| cannot(database, source))
}

fn cannot(database: &str, source: StoreError) -> ServiceError {
    // A URL has a password in it.
    let database = match database.rsplit_once('@') {
        Some((_, rest)) if crate::store::is_postgres(database) => format!("postgres://…@{rest}"),
        _ => database.to_owned(),
    };
    ServiceError::Database { database, source: Box::new(source) }
}
