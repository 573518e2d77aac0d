//! What an impl block says about itself, as plain data.

use std::fmt;

/// What one annotated impl block says about itself.
#[derive(Debug)]
pub struct Description {
    /// The type's name, as it is written in the impl block.
    pub name: &'static str,
    /// Which attribute stands on the block.
    pub kind: Kind,
    /// The methods that can be called by name, in source order; [`Service::resolve`](super::Service::resolve) gives the index.
    pub methods: &'static [Method],
    /// Which of the three stream hooks the block has.
    pub hooks: Hooks,
    /// The doc comment on the impl block; empty if there is none.
    pub docs: &'static str,
    /// The source file, as rustc was given it.
    pub file: &'static str,
    /// The line of the block's attribute, from 1.
    pub line: u32,
}

/// What one method says about itself.
#[derive(Debug)]
pub struct Method {
    /// The name on the wire, without the component's name.
    pub name: &'static str,
    /// The doc comment; empty if there is none.
    pub docs: &'static str,
    /// The payload argument's type as written; empty if the method takes none.
    pub payload: &'static str,
    /// The result's type as written; empty if there is none.
    pub reply: &'static str,
    /// Whether it takes `&self`, so that several calls of it may run at a time.
    pub shared: bool,
    /// Whether it is an `async fn`, whose calls are tasks of a runtime. Such a method is `shared` too.
    pub is_async: bool,
    /// The line of the method's name, from 1.
    pub line: u32,
}

/// The kinds of component that an impl block can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `#[palm::server]`
    Server,
    /// `#[palm::pipeline]`
    Pipeline,
    /// `#[palm::sink]`
    Sink,
    /// `#[palm::master]`
    Master,
    /// `#[palm::hub]`
    Hub,
    /// `#[palm::worker]`
    Worker,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Server => "server",
            Self::Pipeline => "pipeline",
            Self::Sink => "sink",
            Self::Master => "master",
            Self::Hub => "hub",
            Self::Worker => "worker",
        })
    }
}

/// Which of the three stream hooks a block has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    /// One message in, those for the workers out.
    pub scatter: bool,
    /// One worker's answer in, those for the client out.
    pub gather: bool,
    /// The topic of each result.
    pub handle_stream: bool,
}

impl Hooks {
    /// A block without hooks.
    pub const NONE: Self = Self { scatter: false, gather: false, handle_stream: false };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_print_as_the_attributes_are_called() {
        assert_eq!(format!("{:>8}|{}", Kind::Server, Kind::Hub), "  server|hub");
    }
}
