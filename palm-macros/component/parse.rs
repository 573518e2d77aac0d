//! Rules about one attribute or one item: what stands in `#[palm::server(…)]` and `#[palm(…)]`, and on what.

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ImplItem, Item, ItemImpl, LitStr, Meta};

use super::model::Kind;
use crate::errors::Errors;
use crate::nearest;

/// What stands in the parentheses of `#[palm::server(…)]`.
#[derive(Default)]
pub(super) struct Arguments {
    pub(super) constructor: Option<Expr>,
}

/// What `#[palm(…)]` says about a method.
#[derive(Default)]
pub(super) struct Exposure {
    pub(super) skip: Option<Span>,
    pub(super) name: Option<LitStr>,
}

const ARGUMENT_KEYS: [&str; 1] = ["constructor"];
const METHOD_KEYS: [&str; 2] = ["skip", "name"];

pub(super) fn arguments(kind: Kind, tokens: TokenStream, errors: &mut Errors) -> Arguments {
    let mut arguments = Arguments::default();
    let parser = syn::meta::parser(|meta| {
        let key = key(&meta);
        match key.as_str() {
            "constructor" => {
                let value = meta.value().map_err(|_| {
                    meta.error("`constructor` wants the path of a function: `constructor = MyType::new`")
                })?;
                let function: Expr = value.parse()?;
                if !matches!(function, Expr::Path(_) | Expr::Group(_)) {
                    errors
                        .on(&function, "`constructor` wants the path of a function, as in `constructor = MyType::new`");
                } else if arguments.constructor.is_some() {
                    errors.on(&meta.path, "`constructor` is given twice");
                } else {
                    arguments.constructor = Some(function);
                }
            }
            "threads" => {
                skip_value(&meta)?;
                let builder = kind.variant();
                let instead = if kind.has_workers() {
                    "its workers run the methods, each on as many as it is given".to_owned()
                } else {
                    format!("tell them to the component, as in `{builder}::new(name, service).threads(4)`")
                };
                errors.on(&meta.path, format!("`threads` is not said of an impl block; {instead}"));
            }
            _ => {
                skip_value(&meta)?;
                errors
                    .on(&meta.path, unknown(&key, &format!("argument of `#[palm::{}]`", kind.name()), &ARGUMENT_KEYS));
            }
        }
        Ok(())
    });
    if let Err(error) = parser.parse2(tokens) {
        errors.push(error);
    }
    arguments
}

/// The impl block, if that is what the attribute stands on.
pub(super) fn block(kind: Kind, item: TokenStream) -> syn::Result<ItemImpl> {
    let (token, what): (&dyn ToTokens, _) = match &syn::parse2::<Item>(item)? {
        Item::Impl(block) => return Ok(block.clone()),
        Item::Struct(item) => (&item.struct_token.clone(), "a struct"),
        Item::Enum(item) => (&item.enum_token.clone(), "an enum"),
        Item::Union(item) => (&item.union_token.clone(), "a union"),
        Item::Fn(item) => (&item.sig.fn_token.clone(), "a function"),
        Item::Trait(item) => (&item.trait_token.clone(), "a trait"),
        Item::Mod(item) => (&item.mod_token.clone(), "a module"),
        other => (&other.clone(), "this item"),
    };
    Err(syn::Error::new_spanned(token, format!("`#[palm::{}]` belongs on an impl block, not on {what}", kind.name())))
}

/// Takes the `#[palm(…)]` attributes out of the block: for each item what they say, or `None` for what is no method.
pub(super) fn exposures(block: &mut ItemImpl, errors: &mut Errors) -> Vec<Option<Exposure>> {
    for attribute in take_ours(&mut block.attrs) {
        errors.on(attribute, "`#[palm(…)]` belongs on a method");
    }
    let exposure = |item: &mut ImplItem| {
        let attributes = match item {
            ImplItem::Fn(method) => return Some(exposure(take_ours(&mut method.attrs), errors)),
            ImplItem::Const(item) => &mut item.attrs,
            ImplItem::Type(item) => &mut item.attrs,
            ImplItem::Macro(item) => &mut item.attrs,
            _ => return None,
        };
        for attribute in take_ours(attributes) {
            errors.on(attribute, "`#[palm(…)]` belongs on a method");
        }
        None
    };
    block.items.iter_mut().map(exposure).collect()
}

/// `#[palm(…)]` and what looks like it, `#[palm::skip]`.
fn take_ours(attributes: &mut Vec<Attribute>) -> Vec<Attribute> {
    let ours = |attribute: &mut Attribute| {
        let path = attribute.path();
        let looks_like = |name: &&str| {
            path.segments.len() == 2 && path.segments[0].ident == "palm" && path.segments[1].ident == name
        };
        path.is_ident("palm") || METHOD_KEYS.iter().any(looks_like)
    };
    attributes.extract_if(.., ours).collect()
}

fn exposure(attributes: Vec<Attribute>, errors: &mut Errors) -> Exposure {
    let mut exposure = Exposure::default();
    for attribute in attributes {
        if !attribute.path().is_ident("palm") {
            let key = attribute.path().segments[1].ident.to_string();
            errors.on(
                attribute.path(),
                format!("`{key}` is no attribute of its own; write `#[palm({})]`", example(&key)),
            );
        } else if let Meta::List(_) = attribute.meta {
            let parsed = attribute.parse_nested_meta(|meta| method_key(&meta, &mut exposure, errors));
            if let Err(error) = parsed {
                errors.push(error);
            }
        } else {
            errors
                .on(&attribute, "`palm` wants to be told what to do; write `#[palm(skip)]` or `#[palm(name = \"…\")]`");
        }
    }
    if let (Some(skip), Some(name)) = (exposure.skip, &exposure.name) {
        errors.at(
            skip,
            format!("a method that is skipped has no name on the wire; remove `skip` or `name = \"{}\"`", name.value()),
        );
    }
    exposure
}

fn method_key(meta: &ParseNestedMeta<'_>, exposure: &mut Exposure, errors: &mut Errors) -> syn::Result<()> {
    let key = key(meta);
    match key.as_str() {
        "skip" if exposure.skip.is_some() => errors.on(&meta.path, "`skip` is given twice"),
        "skip" if !meta.input.is_empty() && !meta.input.peek(syn::Token![,]) => {
            skip_value(meta)?;
            errors.on(&meta.path, "`skip` takes no value; write `#[palm(skip)]`");
        }
        "skip" => exposure.skip = Some(meta.path.span()),
        "name" => {
            let value =
                meta.value().map_err(|_| meta.error("`name` wants the name on the wire: `#[palm(name = \"…\")]`"))?;
            let value: Expr = value.parse()?;
            match crate::source::literal(&value) {
                Some(_) if exposure.name.is_some() => errors.on(&meta.path, "`name` is given twice"),
                Some(name) => exposure.name = Some(name.clone()),
                None => errors.on(value, "`name` wants a string literal, as in `#[palm(name = \"…\")]`"),
            }
        }
        _ => {
            skip_value(meta)?;
            errors.on(&meta.path, unknown(&key, "key of `#[palm(…)]`", &METHOD_KEYS));
        }
    }
    Ok(())
}

fn key(meta: &ParseNestedMeta<'_>) -> String {
    meta.path.get_ident().map_or_else(|| crate::source::written(&meta.path), Ident::to_string)
}

/// Reads over the value of a key that is an error already, so that those behind it are looked at too.
fn skip_value(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    while !meta.input.is_empty() && !meta.input.peek(syn::Token![,]) {
        meta.input.parse::<proc_macro2::TokenTree>()?;
    }
    Ok(())
}

fn unknown(key: &str, what: &str, known: &[&str]) -> String {
    let known_keys = known.iter().map(|known| format!("`{}`", example(known))).collect::<Vec<_>>().join(", ");
    match nearest::nearest(key, known.iter().copied()) {
        Some(nearest) => format!("`{key}` is no {what}; did you mean `{}`?", example(nearest)),
        None => format!("`{key}` is no {what}; there is {known_keys}"),
    }
}

fn example(key: &str) -> &str {
    match key {
        "name" => "name = \"…\"",
        "constructor" => "constructor = path",
        other => other,
    }
}
