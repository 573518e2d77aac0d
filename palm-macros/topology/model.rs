//! What a checked topology is known to be.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident};
use syn::{Attribute, Expr, LitStr, Type, Visibility};

/// A topology. Its parts keep every rule that tokens can show.
pub(super) struct Topology {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) name: Ident,
    pub(super) parts: Vec<Part>,
    /// Two parts, by their places, that stand on one address: not both may bind.
    pub(super) shared_addresses: Vec<(usize, usize)>,
    /// A blocking inbound part and the outbound parts that its messages pass: all of them must reply.
    pub(super) blocking: Vec<(usize, Vec<usize>)>,
}

pub(super) struct Part {
    pub(super) direction: Direction,
    pub(super) name: Ident,
    /// The builder method that sets the address, and the field that keeps it.
    pub(super) setter: Ident,
    pub(super) docs: String,
    pub(super) kind: Type,
    pub(super) options: Vec<(Ident, Expr)>,
    pub(super) address: Option<Expr>,
    pub(super) target: Target,
    pub(super) blocking: bool,
    /// Hooks of the component's impl block that messages pass on this route: `scatter`, `gather`, `handle_stream`.
    pub(super) hooks: Vec<Ident>,
    pub(super) log: Option<LitStr>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Inbound,
    Outbound,
    Bypass,
}

impl Direction {
    pub(super) const NAMES: [&str; 3] = ["inbound", "outbound", "bypass"];

    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "inbound" => Self::Inbound,
            "outbound" => Self::Outbound,
            "bypass" => Self::Bypass,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::Bypass => "bypass",
        }
    }

    /// "a" or "an", and the name.
    pub(super) fn with_article(self) -> &'static str {
        match self {
            Self::Inbound => "an inbound",
            Self::Outbound => "an outbound",
            Self::Bypass => "a bypass",
        }
    }

    /// The trait that a part of this direction implements.
    pub(super) fn bound(self) -> TokenStream {
        let name = match self {
            Self::Inbound => format_ident!("Inbound"),
            Self::Outbound => format_ident!("Outbound"),
            Self::Bypass => format_ident!("Bypass"),
        };
        name.to_token_stream()
    }
}

/// Where a part's messages, or its feedback, go.
pub(super) enum Target {
    /// The outbound part at that place.
    Part(usize),
    Discard,
    /// Back to where they came from; for a bypass part, nothing at all.
    Exterior,
}
