use serde_json::json;

use crate::components::shop;
use crate::program::{fails, outcome, outcome_of_input, palm, prints, prints_json};

#[test]
fn values_are_set_read_and_removed() {
    let (_shop, db) = shop();
    assert_eq!(prints(&mut palm(["set", "a value", "key", "--db", &db])), "");
    assert_eq!(prints(&mut palm(["get", "key", "--db", &db])), "a value\n");
    assert_eq!(prints(palm(["get", "key"]).env("PALM_GET_DB", &db)), "a value\n");
    assert_eq!(prints(&mut palm(["delete", "key", "--db", &db])), "");
    fails(&mut palm(["delete", "key", "--db", &db]), 1, &[]);
    fails(&mut palm(["get", "key", "--db", &db]), 1, &[]);
}

#[test]
fn a_value_without_a_key_gets_one() {
    let (_shop, db) = shop();
    let piped = outcome_of_input(&mut palm(["set", "-", "--db", &db]), b"from\0stdin");
    assert_eq!((piped.code, piped.err.as_str()), (0, ""));
    let key = piped.out.trim_end();
    assert_eq!(key.len(), 36);
    assert_eq!(prints(&mut palm(["get", key, "--db", &db])), "from\0stdin\n");
}

#[test]
fn programs_get_objects() {
    let (_shop, db) = shop();
    assert_eq!(prints_json(&mut palm(["set", "v", "k", "--db", &db, "--json"])), json!({ "key": "k" }));
    assert_eq!(prints_json(&mut palm(["get", "k", "--db", &db, "--json"])), json!({ "key": "k", "value": "dg==" }));
    assert_eq!(prints_json(&mut palm(["delete", "k", "--db", &db, "--json"])), json!({ "key": "k", "deleted": true }));
    let missing = outcome(&mut palm(["get", "k", "--db", &db, "--json"]));
    assert_eq!(missing.code, 1);
    assert_eq!(missing.out, "{\n  \"key\": \"k\",\n  \"value\": null\n}\n");
}

#[test]
fn what_is_the_components_own_is_refused() {
    let (_shop, db) = shop();
    fails(&mut palm(["set", "mine", "name", "--db", &db]), 1, &["refused `name`: it is read-only\n"]);
    fails(&mut palm(["delete", "name", "--db", &db]), 1, &[]);
    assert_eq!(prints(&mut palm(["get", "name", "--db", &db])), "shop\n");
}
