//! What is linked in is found by name, and made by whatever way its type offers.

use palm::service::registry::{self, LookupError};

mod components {
    #[derive(Default)]
    pub(crate) struct ByDefault;
    #[palm::worker]
    impl ByDefault {}

    pub(crate) struct ByNothing(std::convert::Infallible);
    #[palm::worker]
    impl ByNothing {}

    pub(crate) struct ByFunction;
    #[palm::worker(constructor = Self::new)]
    impl ByFunction {
        #[palm(skip)]
        fn new() -> Self {
            Self
        }
    }

    pub(crate) struct ByFallible;
    #[palm::worker(constructor = make)]
    impl ByFallible {}
    fn make() -> Result<ByFallible, &'static str> {
        Err("not today")
    }

    pub(crate) mod twins {
        #[derive(Default)]
        pub(crate) struct Twin;
        #[palm::pipeline]
        impl Twin {}
    }

    #[derive(Default)]
    pub(crate) struct Twin;
    #[palm::sink]
    impl Twin {}
}

fn construct(name: &str) -> Option<Result<&'static str, String>> {
    let made = (registry::all().find(name).unwrap().construct)()?;
    Some(made.map(|service| service.description().name).map_err(|error| error.to_string()))
}

#[test]
fn a_type_is_made_by_what_it_has() {
    assert_eq!(construct("ByDefault"), Some(Ok("ByDefault")));
    assert_eq!(construct("ByFunction"), Some(Ok("ByFunction")));
    assert_eq!(construct("ByFallible"), Some(Err("not today".to_owned())));
    assert_eq!(construct("ByNothing"), None);
}

#[test]
fn twins_are_found_out_when_they_are_looked_up() {
    let _ = (components::Twin, components::twins::Twin, components::ByFunction, components::ByFallible);
    let Err(LookupError::Twins { places, .. }) = registry::all().find("Twin") else { panic!("there are two") };
    assert_eq!(places.len(), 2);
    assert!(places[0].1 < places[1].1 && places[0].0.ends_with("tests/macros/registry.rs"), "{places:?}");
}

#[test]
fn the_registry_is_sorted() {
    assert!(registry::all().iter().map(|one| one.description.name).is_sorted());
}
