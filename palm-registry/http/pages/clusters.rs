//! Clusters: all of them, one, and a new one.

use askama::Template;
use axum::extract;
use jiff::Timestamp;

use super::super::Refusal;
use super::super::app::{App, Shared};
use super::super::arguments::Arguments;
use super::super::legacy;
use super::account::Shown;
use super::form::Signed;
use super::page::{Answer, escaped, go, render, render_as};
use super::session::SignedIn;
use super::text::{marked, visible};
use crate::api::{Cluster, ClusterState, Event, Node, PlacedInstance, State};
use crate::cluster::{Collision, collisions};
use crate::store::{ClusterRow, Deed, EventFilter, Holder, KeptSecret, Session, StoreError, User};
use crate::users::{self, Secret};

/// Events that the page of a cluster shows.
const EVENTS: i64 = 30;
/// Deeds of users that administrators are shown.
const DEEDS: i64 = 50;

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Dashboard<'a> {
    session: &'a Session,
    clusters: Vec<Cluster>,
    keys: Vec<KeptSecret>,
    users: Vec<User>,
    deeds: Vec<Deed>,
}

#[derive(Template)]
#[template(path = "cluster.html")]
struct OneCluster<'a> {
    session: &'a Session,
    cluster: Cluster,
    instances: Vec<PlacedInstance>,
    nodes: Vec<Node>,
    events: Vec<Event>,
    tokens: Vec<KeptSecret>,
    /// Other clusters of the user that give out the same addresses.
    rivals: Vec<(ClusterRow, Collision)>,
    open_runners: bool,
}

#[derive(Template)]
#[template(path = "new_cluster.html")]
struct NewCluster<'a> {
    session: &'a Session,
    error: &'a str,
    alias: &'a str,
    file: &'a str,
}

/// How a state is coloured.
fn tone(state: &ClusterState) -> &'static str {
    match state {
        ClusterState::Ready => "good",
        ClusterState::Empty | ClusterState::Partial => "idle",
        ClusterState::Degraded => "warn",
        ClusterState::Failed => "bad",
    }
}

fn tone_of(state: &State) -> &'static str {
    match state {
        State::Running => "good",
        State::Starting | State::Stopping | State::Stopped | State::Exited => "idle",
        State::Backoff => "warn",
        State::Fatal | State::Lost => "bad",
    }
}

fn name(state: &ClusterState) -> &'static str {
    match state {
        ClusterState::Ready => "ready",
        ClusterState::Empty => "empty",
        ClusterState::Partial => "partly placed",
        ClusterState::Degraded => "degraded",
        ClusterState::Failed => "failed",
    }
}

fn time(at: &Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn moment(micros: &i64) -> String {
    time(&Timestamp::from_microsecond(*micros).unwrap_or_default())
}

/// What an event says, in one line.
fn story(event: &Event) -> String {
    let mut words = Vec::new();
    if let (Some(from), Some(to)) = (event.from, event.to) {
        words.push(format!("{from} → {to}"));
    } else if let Some(to) = event.to {
        words.push(format!("→ {to}"));
    }
    words.extend(event.exit_code.map(|code| format!("exit code {code}")));
    words.extend(event.signal.map(|signal| format!("signal {signal}")));
    words.extend(event.reason.as_deref().map(visible));
    words.extend(event.user.as_deref().map(|user| format!("by {user}")));
    words.join(", ")
}

pub(super) async fn dashboard(extract::State(app): extract::State<Shared>, SignedIn(session): SignedIn) -> Answer {
    let mut clusters = Vec::new();
    for cluster in app.store.clusters_of(&session.user).await? {
        clusters.push(app.store.describe(&cluster, false).await?);
    }
    let keys = app.store.secrets_of(Holder::User(session.user.id)).await?;
    let (users, deeds) = if session.user.is_admin() {
        (app.store.users().await?, app.store.deeds(DEEDS).await?)
    } else {
        Default::default()
    };
    render(&Dashboard { session: &session, clusters, keys, users, deeds })
}

pub(super) async fn show(
    extract::State(app): extract::State<Shared>,
    SignedIn(session): SignedIn,
    arguments: Arguments,
) -> Answer {
    let row = app.store.cluster_of(arguments.required("cluster")?, &session.user).await?;
    let last =
        EventFilter { after: 0, before: Some(i64::MAX), kind: String::new(), instance: String::new(), limit: EVENTS };
    let mut events = app.store.events(row.id, &last).await?;
    events.reverse();
    render(&OneCluster {
        cluster: app.store.describe(&row, true).await?,
        instances: app.store.instances(&row).await?,
        nodes: app.store.nodes(&row, Timestamp::now()).await?,
        tokens: app.store.secrets_of(Holder::Cluster(row.id)).await?,
        rivals: rivals(&app, &row, &session.user).await?,
        open_runners: app.open_runners,
        session: &session,
        events,
    })
}

async fn rivals(app: &App, row: &ClusterRow, user: &User) -> Result<Vec<(ClusterRow, Collision)>, StoreError> {
    let (own, mut rivals) = (row.placement()?, Vec::new());
    for other in app.store.clusters_of(user).await?.into_iter().filter(|other| other.id != row.id) {
        for collision in collisions(&own, &other.placement()?) {
            rivals.push((other.clone(), collision));
        }
    }
    Ok(rivals)
}

pub(super) async fn show_new(SignedIn(session): SignedIn) -> Answer {
    render(&NewCluster { session: &session, error: "", alias: "", file: "" })
}

pub(super) async fn create(extract::State(app): extract::State<Shared>, form: Signed) -> Answer {
    // Browsers end lines as no file here does.
    let (alias, file) = (form.fields.text("alias"), form.fields.text("description").replace("\r\n", "\n"));
    let made = async {
        let key = legacy::new_key(form.fields.text("key"))?;
        app.store.add_cluster(form.user(), &key, users::label("alias", alias)?, &file, Timestamp::now()).await?;
        Ok::<_, Refusal>(())
    };
    match made.await {
        Ok(()) => go("/dashboard"),
        Err(refusal) if refusal.status.is_client_error() => {
            render_as(refusal.status, &NewCluster { session: &form.session, error: &refusal.text, alias, file: &file })
        }
        Err(refusal) => Err(refusal.into()),
    }
}

fn page_of(key: &str) -> String {
    format!("/view_cluster?cluster={}", escaped(key))
}

pub(super) async fn reset(extract::State(app): extract::State<Shared>, form: Signed) -> Answer {
    let key = form.fields.required("cluster")?;
    app.store.reset(key, form.user(), Timestamp::now()).await?;
    go(&page_of(key))
}

pub(super) async fn delete(extract::State(app): extract::State<Shared>, form: Signed) -> Answer {
    let key = form.fields.required("cluster")?;
    if form.fields.text("confirm") != key {
        return Err(Refusal::bad("to delete a cluster with its log, type its key").into());
    }
    app.store.delete_cluster(key, form.user(), Timestamp::now()).await?;
    go("/dashboard")
}

pub(super) async fn restart(extract::State(app): extract::State<Shared>, form: Signed) -> Answer {
    let key = form.fields.required("cluster")?;
    if !app.store.restart(key, form.user(), form.fields.required("instance")?, Timestamp::now()).await? {
        return Err(Refusal::not_found("no instance of that name is placed").into());
    }
    go(&page_of(key))
}

pub(super) async fn new_token(extract::State(app): extract::State<Shared>, form: Signed) -> Answer {
    let cluster = app.store.cluster_of(form.fields.required("cluster")?, form.user()).await?;
    let name = users::label("name", form.fields.text("name"))?;
    let secret = Secret::new("palm_runner_").map_err(Refusal::internal)?;
    app.store.add_secret(form.user(), Holder::Cluster(cluster.id), name, &secret.hash(), Timestamp::now()).await?;
    let back = page_of(&cluster.key);
    render(&Shown { session: &form.session, what: "runner token", secret: secret.text(), back: &back })
}

pub(super) async fn remove_token(extract::State(app): extract::State<Shared>, form: Signed) -> Answer {
    let cluster = app.store.cluster_of(form.fields.required("cluster")?, form.user()).await?;
    let id = form.fields.number("id")?.ok_or_else(|| Refusal::bad("which token?"))?;
    if !app.store.remove_secret(form.user(), Holder::Cluster(cluster.id), id, Timestamp::now()).await? {
        return Err(Refusal::not_found("there is no such token of this cluster").into());
    }
    go(&page_of(&cluster.key))
}
