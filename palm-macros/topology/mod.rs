//! `topology!`: parse, check, expand.

use proc_macro2::TokenStream;

mod address;
mod check;
mod expand;
mod model;
mod names;
mod parse;

use crate::errors::Errors;

pub(crate) fn topology(tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let source = match parse::topology(tokens, &mut errors) {
        Ok(source) => source,
        Err(error) => {
            errors.push(error);
            return errors.into_tokens();
        }
    };
    let topology = check::check(source, &mut errors);
    if errors.is_empty() { expand::expand(&topology) } else { expand::stub(&topology, errors) }
}
