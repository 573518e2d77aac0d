//! Names of builder methods, made from the names of parts.

use proc_macro2::Ident;

/// `WorkerPush` as `worker_push_address`: no keyword, and nothing that every topology has of its own.
pub(super) fn setter(part: &Ident) -> Ident {
    Ident::new(&(snake_case(&part.to_string()) + "_address"), part.span())
}

fn snake_case(name: &str) -> String {
    let name = name.strip_prefix("r#").unwrap_or(name);
    let letters: Vec<_> = name.chars().collect();
    let mut text = String::new();
    for (i, letter) in letters.iter().enumerate() {
        let before = i.checked_sub(1).map(|before| letters[before]);
        let after_word = before.is_some_and(|before| before.is_lowercase() || before.is_numeric());
        let ends_acronym =
            before.is_some_and(char::is_uppercase) && letters.get(i + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (after_word || ends_acronym) {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_become_methods() {
        let setter_of = |name| setter(&Ident::new(name, proc_macro2::Span::call_site())).to_string();
        assert_eq!(setter_of("Pull"), "pull_address");
        assert_eq!(setter_of("WorkerPush"), "worker_push_address");
        assert_eq!(setter_of("Pub"), "pub_address");
        assert_eq!(setter_of("Cache"), "cache_address");
        assert_eq!(setter_of("HTTPGateway2Go"), "http_gateway2_go_address");
        assert_eq!(setter(&Ident::new_raw("pub", proc_macro2::Span::call_site())), "pub_address");
    }
}
