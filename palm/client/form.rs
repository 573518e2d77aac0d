//! How the messages of a call leave.

use super::draft::Draft;
use super::outgoing::Outgoing;

#[derive(Debug)]
pub(super) enum Form {
    /// On classic sockets, each as a frame.
    Classic(Outgoing),
    /// Over the link, many in one.
    Link(Draft),
}
