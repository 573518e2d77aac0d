//! The grammar: `direction Name: Type { option: expr, … } = address => Route, blocking, scatter, log "text";`.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Attribute, Expr, LitStr, Token, Type, Visibility, braced, token};

use super::model::Direction;
use crate::errors::Errors;
use crate::nearest::{nearest, suggestion};
use crate::source::docs;

/// A topology as it is written.
pub(super) struct Source {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) name: Ident,
    pub(super) parts: Vec<Declaration>,
}

/// A part as it is written.
pub(super) struct Declaration {
    pub(super) direction: Direction,
    pub(super) name: Ident,
    pub(super) docs: String,
    pub(super) kind: Type,
    pub(super) options: Vec<(Ident, Expr)>,
    pub(super) address: Option<Expr>,
    pub(super) route: Option<Ident>,
    pub(super) blocking: Option<Span>,
    pub(super) hooks: Vec<Ident>,
    pub(super) log: Option<(Ident, LitStr)>,
}

/// The topology without the parts that are no parts; those are in `errors`.
pub(super) fn topology(tokens: TokenStream, errors: &mut Errors) -> syn::Result<Source> {
    let header = |input: ParseStream<'_>| {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        if !input.peek(Token![struct]) {
            return Err(error_at(input, "a topology is written as a struct: `pub struct Name { … }`"));
        }
        input.parse::<Token![struct]>()?;
        let name = input.parse()?;
        if input.peek(Token![<]) || input.peek(Token![where]) {
            return Err(error_at(input, "a topology cannot be generic"));
        }
        if !input.peek(token::Brace) {
            return Err(error_at(
                input,
                "the parts of a topology stand in braces: `{ inbound Pull: PullService => Pub; … }`",
            ));
        }
        let body;
        braced!(body in input);
        if !input.is_empty() {
            return Err(error_at(input, "`topology!` makes one topology; write another `topology!` for the next"));
        }
        Ok((attributes, visibility, name, body.parse::<TokenStream>()?))
    };
    let (attributes, visibility, name, body) = header.parse2(tokens)?;
    let parts = statements(body, errors).into_iter().filter_map(|part| {
        let parsed = Parser::parse2(
            |input: ParseStream<'_>| {
                let statement;
                braced!(statement in input);
                declaration(&statement, errors)
            },
            part.into(),
        );
        errors.take(parsed)
    });
    let parts = parts.collect();
    Ok(Source { attributes, visibility, name, parts })
}

/// A mistake at the next token, or at the end if there is none.
fn error_at(input: ParseStream<'_>, text: impl std::fmt::Display) -> syn::Error {
    syn::Error::new(input.span(), text)
}

/// Cuts the body at each `;`, so that a mistake in one part hides none in the next. The braces around a part bear the span of
/// its `;`, where the parser looks for what is missing.
fn statements(body: TokenStream, errors: &mut Errors) -> Vec<TokenTree> {
    fn statement(tokens: &mut Vec<TokenTree>, end: Span) -> TokenTree {
        let mut group = Group::new(Delimiter::Brace, tokens.drain(..).collect());
        group.set_span(end);
        TokenTree::Group(group)
    }
    let (mut statements, mut tokens) = (Vec::new(), Vec::new());
    for token in body {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ';' => statements.push(statement(&mut tokens, punct.span())),
            token => tokens.push(token),
        }
    }
    if let Some(end) = tokens.last().map(TokenTree::span) {
        errors.at(end, "a part ends with `;`");
        statements.push(statement(&mut tokens, end));
    }
    statements
}

fn declaration(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Declaration> {
    let attributes = input.call(Attribute::parse_outer)?;
    for attribute in attributes.iter().filter(|attribute| !attribute.path().is_ident("doc")) {
        errors.on(attribute, "a part has no attributes but its doc comment");
    }
    let direction = direction(input)?;
    let name = input.call(Ident::parse_any).map_err(|error| {
        syn::Error::new(
            error.span(),
            format!("{} part needs a name: `{} Name: Type`", direction.with_article(), direction.name()),
        )
    })?;
    if !input.peek(Token![:]) {
        return Err(error_at(input, format!("`{name}` needs a type: `{name}: PartType`")));
    }
    input.parse::<Token![:]>()?;
    let kind: Type = input.parse()?;
    let options = if input.peek(token::Brace) { options(input, errors)? } else { Vec::new() };
    let address = if input.peek(Token![=]) && !input.peek(Token![=>]) {
        input.parse::<Token![=]>()?;
        Some(input.parse()?)
    } else {
        None
    };
    let route = if input.peek(Token![=>]) {
        input.parse::<Token![=>]>()?;
        let route = input.call(Ident::parse_any);
        Some(route.map_err(|error| {
            syn::Error::new(error.span(), "a route leads to the name of an outbound part, or to `discard`")
        })?)
    } else {
        None
    };
    let mut part = Declaration {
        direction,
        name,
        docs: docs(&attributes),
        kind,
        options,
        address,
        route,
        blocking: None,
        hooks: Vec::new(),
        log: None,
    };
    flags(input, &mut part, errors)?;
    Ok(part)
}

fn direction(input: ParseStream<'_>) -> syn::Result<Direction> {
    let missing = |span| syn::Error::new(span, "a part starts with its direction: `inbound`, `outbound` or `bypass`");
    let word = input.call(Ident::parse_any).map_err(|error| missing(error.span()))?;
    let text = word.to_string();
    Direction::of(&text).ok_or_else(|| match nearest(&text, Direction::NAMES) {
        Some(nearest) => syn::Error::new(word.span(), format!("`{word}` is no direction; did you mean `{nearest}`?")),
        None => missing(word.span()),
    })
}

fn options(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Vec<(Ident, Expr)>> {
    struct PartOption(Ident, Expr);
    impl Parse for PartOption {
        fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
            let name: Ident = input.parse()?;
            if !input.peek(Token![:]) {
                return Err(error_at(input, format!("the option `{name}` needs a value: `{name}: …`")));
            }
            input.parse::<Token![:]>()?;
            Ok(Self(name, input.parse()?))
        }
    }
    let body;
    braced!(body in input);
    let mut options: Vec<(Ident, Expr)> = Vec::new();
    for PartOption(name, value) in body.parse_terminated(PartOption::parse, Token![,])? {
        if options.iter().any(|(other, _)| *other == name) {
            errors.on(&name, format!("the option `{name}` is given twice"));
        } else {
            options.push((name, value));
        }
    }
    Ok(options)
}

fn flags(input: ParseStream<'_>, part: &mut Declaration, errors: &mut Errors) -> syn::Result<()> {
    while !input.is_empty() {
        if !input.peek(Token![,]) {
            let direction = input.fork().call(Ident::parse_any).ok().and_then(|word| Direction::of(&word.to_string()));
            return Err(error_at(
                input,
                match direction {
                    Some(_) => "the part before ends with `;`",
                    None => {
                        "a part goes on with `= address`, `=> Route`, `, blocking`, `, log \"text\"`, in this order, and ends with `;`"
                    }
                },
            ));
        }
        input.parse::<Token![,]>()?;
        if input.is_empty() {
            return Ok(());
        }
        let word = input.call(Ident::parse_any)?;
        match word.to_string().as_str() {
            "blocking" if part.blocking.is_some() => errors.on(&word, "`blocking` is given twice"),
            "blocking" => part.blocking = Some(word.span()),
            "log" => {
                let text = input
                    .parse::<LitStr>()
                    .map_err(|error| syn::Error::new(error.span(), "`log` wants its text: `log \"…\"`"))?;
                if part.log.is_some() {
                    errors.on(&word, "`log` is given twice");
                }
                part.log = Some((word, text));
            }
            "scatter" | "gather" | "handle_stream" if part.hooks.contains(&word) => {
                errors.on(&word, format!("`{word}` is given twice"));
            }
            "scatter" | "gather" | "handle_stream" => part.hooks.push(word),
            text => {
                let hint = suggestion(text, ["blocking", "log", "scatter", "gather", "handle_stream"]);
                let known = "; there are `blocking`, `scatter`, `gather`, `handle_stream` and `log \"text\"`";
                let known = if hint.is_empty() { known } else { &hint };
                errors.on(&word, format!("`{word}` is no option of a route{known}"));
                skip_to_comma(input)?;
            }
        }
    }
    Ok(())
}

fn skip_to_comma(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

impl Declaration {
    /// Where messages about the route point when there is none.
    pub(super) fn end(&self) -> Span {
        self.name.span()
    }

    pub(super) fn address_span(&self) -> Span {
        self.address.as_ref().map_or_else(|| self.end(), Spanned::span)
    }
}
