//! Which kind a type was declared as, so that `palm::Server::new` takes no worker.

use super::Service;

/// A type whose impl block is a `#[palm::server]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a server",
    label = "not a server",
    note = "annotate its impl block with `#[palm::server]`"
)]
pub trait ServerService: Service {}

/// A type whose impl block is a `#[palm::pipeline]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a pipeline",
    label = "not a pipeline",
    note = "annotate its impl block with `#[palm::pipeline]`"
)]
pub trait PipelineService: Service {}

/// A type whose impl block is a `#[palm::sink]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a sink",
    label = "not a sink",
    note = "annotate its impl block with `#[palm::sink]`"
)]
pub trait SinkService: Service {}

/// A type whose impl block is a `#[palm::master]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a master",
    label = "not a master",
    note = "annotate its impl block with `#[palm::master]`"
)]
pub trait MasterService: Service {}

/// A type whose impl block is a `#[palm::hub]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a hub",
    label = "not a hub",
    note = "annotate its impl block with `#[palm::hub]`"
)]
pub trait HubService: Service {}

/// A type whose impl block is a `#[palm::worker]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a worker",
    label = "not a worker",
    note = "annotate its impl block with `#[palm::worker]`"
)]
pub trait WorkerService: Service {}
