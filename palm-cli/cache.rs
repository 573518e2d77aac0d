//! `palm get`, `set` and `delete`: the cache of a component.
