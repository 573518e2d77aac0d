//! What a checked impl block is known to be.

use proc_macro2::{Ident, TokenStream};
use quote::format_ident;
use syn::{Attribute, Expr, Type};

/// Which attribute stands on the block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Server,
    Pipeline,
    Sink,
    Master,
    Hub,
    Worker,
}

impl Kind {
    /// The attribute, and what people call such a component.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Pipeline => "pipeline",
            Self::Sink => "sink",
            Self::Master => "master",
            Self::Hub => "hub",
            Self::Worker => "worker",
        }
    }

    /// The variant of `palm::service::Kind`.
    pub(crate) fn variant(self) -> Ident {
        format_ident!(
            "{}",
            match self {
                Self::Server => "Server",
                Self::Pipeline => "Pipeline",
                Self::Sink => "Sink",
                Self::Master => "Master",
                Self::Hub => "Hub",
                Self::Worker => "Worker",
            }
        )
    }

    /// The marker trait.
    pub(crate) fn marker(self) -> Ident {
        format_ident!("{}Service", self.variant())
    }

    /// A master hands its messages to workers and back; that is all it does.
    pub(crate) fn has_workers(self) -> bool {
        matches!(self, Self::Master | Self::Hub)
    }
}

/// An impl block that keeps every rule.
pub(crate) struct Component {
    pub(crate) kind: Kind,
    pub(crate) self_type: Type,
    /// The type's name, without its path.
    pub(crate) name: String,
    pub(crate) docs: String,
    /// What of the block's attributes holds for generated code too: `cfg` and lint levels.
    pub(crate) attributes: Vec<Attribute>,
    /// The function of `constructor = …`.
    pub(crate) constructor: Option<Expr>,
    pub(crate) methods: Vec<Method>,
    pub(crate) hooks: Vec<HookMethod>,
}

/// A method that is called by name.
pub(crate) struct Method {
    pub(crate) ident: Ident,
    /// The name on the wire.
    pub(crate) wire: String,
    pub(crate) docs: String,
    pub(crate) cfgs: Vec<Attribute>,
    /// A call of it is not the user's doing, so it warns nobody.
    pub(crate) deprecated: bool,
    pub(crate) access: Access,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) reply: Option<Type>,
}

impl Method {
    pub(crate) fn payload(&self) -> Option<&Type> {
        self.arguments.iter().find_map(|argument| match argument {
            Argument::Payload(kind) => Some(&**kind),
            Argument::Call => None,
        })
    }
}

/// How a call has the object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// `&mut self`
    Alone,
    /// `&self`
    Shared,
    /// `&self`, in an `async fn`
    Async,
}

/// What an argument is made from; a method has at most one of each.
pub(crate) enum Argument {
    Payload(Box<Type>),
    Call,
}

/// A method that is called by the engine.
pub(crate) struct HookMethod {
    pub(crate) hook: Hook,
    pub(crate) ident: Ident,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) reply: Option<Type>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hook {
    Scatter,
    Gather,
    HandleStream,
    Started,
    Stopping,
}

impl Hook {
    pub(crate) const ALL: [Self; 5] = [Self::Scatter, Self::Gather, Self::HandleStream, Self::Started, Self::Stopping];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Scatter => "scatter",
            Self::Gather => "gather",
            Self::HandleStream => "handle_stream",
            Self::Started => "started",
            Self::Stopping => "stopping",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.name() == name)
    }

    /// How it is to be written.
    pub(crate) fn signature(self) -> &'static str {
        match self {
            Self::Scatter => "fn scatter(&mut self, message: Message) -> impl Iterator<Item = Message>",
            Self::Gather => "fn gather(&mut self, message: Message) -> Option<Message>",
            Self::HandleStream => "fn handle_stream(&mut self, message: &mut Message) -> Topic",
            Self::Started => "fn started(&mut self)",
            Self::Stopping => "fn stopping(&mut self)",
        }
    }

    /// The field of `palm::service::Hooks`, if the engine asks for it.
    pub(crate) fn field(self) -> Option<Ident> {
        matches!(self, Self::Scatter | Self::Gather | Self::HandleStream).then(|| format_ident!("{}", self.name()))
    }
}

/// `::palm::__private`, the one module that generated code names.
pub(crate) fn private() -> TokenStream {
    quote::quote!(::palm::__private)
}
