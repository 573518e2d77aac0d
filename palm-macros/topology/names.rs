//! Names of builder methods, made from the names of parts.

use proc_macro2::Ident;

/// Methods, and a field, that every topology has.
const TAKEN: [&str; 12] = [
    "new",
    "template",
    "run",
    "start",
    "service",
    "cache",
    "messages",
    "preset_cache",
    "log_level",
    "context",
    "insecure",
    "advertise",
];

/// `WorkerPush` as `worker_push`. A keyword gets a trailing `_`, and so does what every topology has of its own.
pub(super) fn setter(part: &Ident) -> Ident {
    let name = snake_case(&part.to_string());
    let free = syn::parse_str::<Ident>(&name).is_ok() && !TAKEN.contains(&name.as_str());
    Ident::new(&if free { name } else { name + "_" }, part.span())
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
        assert_eq!(setter_of("Pull"), "pull");
        assert_eq!(setter_of("WorkerPush"), "worker_push");
        assert_eq!(setter_of("Pub"), "pub_");
        assert_eq!(setter_of("Cache"), "cache_");
        assert_eq!(setter_of("HTTPGateway2Go"), "http_gateway2_go");
        assert_eq!(setter_of("Self_"), "self_");
    }
}
