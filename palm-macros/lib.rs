//! The macros of `palm`. Their documentation stands on the re-exports there.

use proc_macro::TokenStream;

mod component;
mod errors;
mod nearest;
#[cfg(test)]
mod snapshots;
mod source;
mod topology;

use component::model::Kind;

macro_rules! kinds {
    ($($name:ident $kind:ident)*) => {$(
        /// See `palm`.
        #[proc_macro_attribute]
        pub fn $name(arguments: TokenStream, item: TokenStream) -> TokenStream {
            component::attribute(Kind::$kind, arguments.into(), item.into()).into()
        }
    )*};
}

kinds! {
    server Server
    pipeline Pipeline
    sink Sink
    master Master
    hub Hub
    worker Worker
}

/// See `palm`.
#[proc_macro]
pub fn topology(tokens: TokenStream) -> TokenStream {
    topology::topology(tokens.into()).into()
}
