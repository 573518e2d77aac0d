//! `#[palm::server]` and its siblings: parse, check, expand.

use proc_macro2::TokenStream;
use quote::quote;

mod check;
mod expand;
mod fallback;
pub(crate) mod model;
mod parse;

use crate::errors::Errors;
use model::Kind;

pub(crate) fn attribute(kind: Kind, arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let arguments = parse::arguments(kind, arguments, &mut errors);
    let mut block = match parse::block(kind, item.clone()) {
        Ok(block) => block,
        Err(error) => {
            errors.push(error);
            let errors = errors.into_tokens();
            return quote!(#item #errors);
        }
    };
    let exposures = parse::exposures(&mut block, &mut errors);
    let generated = match check::check(kind, arguments, &block, exposures, &mut errors) {
        Some(component) if errors.is_empty() => expand::expand(&component),
        _ => fallback::expand(kind, &block, errors),
    };
    quote!(#block #generated)
}
