//! What is read off the user's tokens: doc comments, types as they are written, spans.

use proc_macro2::{Delimiter, Group, Punct, Spacing, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Type};

/// The text of the doc comments, without the blank that follows `///`.
pub(crate) fn docs(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => literal(&meta.value).map(LitStr::value),
        _ => None,
    });
    let lines: Vec<_> = lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).to_owned()).collect();
    lines.join("\n").trim().to_owned()
}

/// The string literal, if the expression is one; a `$text:literal` of a user's macro comes in invisible brackets.
pub(crate) fn literal(expression: &Expr) -> Option<&LitStr> {
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Str(literal), .. }) => Some(literal),
        Expr::Group(group) => literal(&group.expr),
        _ => None,
    }
}

/// The type itself, out of the invisible brackets that a `$type:ty` of a user's macro puts around it.
pub(crate) fn peeled(kind: &Type) -> &Type {
    match kind {
        Type::Group(group) => peeled(&group.elem),
        Type::Paren(group) => peeled(&group.elem),
        other => other,
    }
}

/// The tokens' first and last place, in which generated code is shown; names in it are resolved where the macro is called.
pub(crate) fn ends(tokens: impl ToTokens) -> (Span, Span) {
    let mut spans = tokens.into_token_stream().into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    let last = spans.last().unwrap_or(first);
    (first.resolved_at(Span::call_site()), last.resolved_at(Span::call_site()))
}

/// The tokens with every lifetime but `'static` left to inference, so that they can stand outside of their signature.
pub(crate) fn without_lifetimes(tokens: impl ToTokens) -> TokenStream {
    let mut after_tick = false;
    let replace = |token| {
        let was_after_tick =
            std::mem::replace(&mut after_tick, matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\''));
        match token {
            TokenTree::Ident(name) if was_after_tick && name != "static" => {
                TokenTree::Ident(proc_macro2::Ident::new("_", name.span()))
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), without_lifetimes(group.stream()));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            other => other,
        }
    };
    tokens.into_token_stream().into_iter().map(replace).collect()
}

/// A type as people write it. (`TokenStream::to_string` spaces tokens as it likes, from one compiler to the next.)
pub(crate) fn written(tokens: impl ToTokens) -> String {
    let mut text = String::new();
    write(tokens.into_token_stream(), &mut text);
    text
}

fn write(tokens: TokenStream, text: &mut String) {
    let (mut after_tick, mut after_word) = (false, false);
    for token in tokens {
        let word = matches!(token, TokenTree::Ident(_) | TokenTree::Literal(_));
        if word && !after_tick && text.ends_with(|end: char| end.is_alphanumeric() || "_>)]".contains(end)) {
            text.push(' ');
        }
        let separate = after_word && matches!(token, TokenTree::Group(_));
        after_word = after_tick
            || matches!(&token, TokenTree::Ident(name) if ["mut", "dyn", "impl"].contains(&name.to_string().as_str()));
        after_tick = false;
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(if separate { " " } else { "" });
                text.push_str(open);
                write(group.stream(), text);
                text.push_str(close);
            }
            TokenTree::Punct(punct) => {
                after_tick = punct.as_char() == '\'';
                write_punct(&punct, text);
            }
            word => text.push_str(&word.to_string()),
        }
    }
}

fn write_punct(punct: &Punct, text: &mut String) {
    let second_of_arrow = punct.as_char() == '>' && text.ends_with(" -");
    match punct.as_char() {
        ',' | ';' => text.extend([punct.as_char(), ' ']),
        '>' if second_of_arrow => text.push_str("> "),
        '-' if punct.spacing() == Spacing::Joint => text.push_str(" -"),
        '+' | '=' => text.extend([' ', punct.as_char(), ' ']),
        ':' if punct.spacing() == Spacing::Alone && !text.ends_with(':') => text.push_str(": "),
        '\'' if text.ends_with(|end: char| end.is_alphanumeric()) => text.push_str(" '"),
        other => text.push(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn types_are_written_as_people_write_them() {
        for text in [
            "&[u8]",
            "&'a mut Vec<u8>",
            "&'a mut [u8]",
            "&'_ [u8]",
            "palm::Result<Vec<u8>>",
            "impl Iterator<Item = Result<String, Error>> + 'static",
            "Box<dyn Fn(u8, &str) -> u8 + Send>",
            "[u8; 4]",
            "(u8, &'static str)",
            "<T as Trait>::Type",
        ] {
            assert_eq!(written(text.parse::<TokenStream>().expect(text)), text);
        }
    }

    #[test]
    fn lifetimes_are_left_to_inference_but_static_is_kept() {
        let tokens = without_lifetimes(quote::quote!(Pair<'a, &'b [&'static str]>));
        assert_eq!(written(tokens), "Pair<'_, &'_ [&'static str]>");
    }

    #[test]
    fn doc_comments_lose_one_blank() {
        let item: syn::ItemStruct = parse_quote! {
            /// First.
            ///
            ///   indented
            #[doc(hidden)]
            struct S;
        };
        assert_eq!(docs(&item.attrs), "First.\n\n  indented");
    }
}
