use std::io::{BufRead as _, BufReader};

use crate::components::{classic_shop, shop};
use crate::program::{outcome, palm, prints, spawn};

#[test]
fn counters_are_shown_for_people() {
    let ((_one, first), (_other, second)) = (shop(), classic_shop());
    let text = prints(&mut palm(["top", "--db", &first, "--db", &second, "--interval", "0.05"]));
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].starts_with("NAME  ADDRESS"), "{text}");
    for (line, db) in lines[1..].iter().zip([&first, &second]) {
        assert!(line.starts_with("shop") && line.contains(&**db), "{text}");
    }
}

#[test]
fn counters_are_shown_for_programs() {
    let (_shop, db) = shop();
    prints(&mut palm(["call", "--db", &db, "shop.shout", "x", "--repeat", "10"]));
    let out = prints(&mut palm(["top", "--db", &db, "--interval", "0.05", "--count", "3", "--json"]));
    let looks: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(looks.len(), 3);
    for look in &looks {
        let component = &look["components"][0];
        assert_eq!((&component["name"], &component["stats"]["calls"]), (&"shop".into(), &10.into()));
        assert_eq!(component["per_second"]["calls"], 0.0);
        assert!(component["error"].is_null() && look["at"].is_string());
    }
}

#[test]
fn what_goes_through_in_a_second_is_counted() {
    let (_shop, db) = shop();
    let mut caller = spawn(&mut palm(["call", "--db", &db, "shop.back", "x", "--repeat", "1000000000"]));
    let mut answers = BufReader::new(caller.stdout.take().unwrap()).lines();
    answers.next().unwrap().unwrap();
    // Read on, so that it goes on.
    let reader = std::thread::spawn(move || answers.map_while(Result::ok).count());
    let out = prints(&mut palm(["top", "--db", &db, "--interval", "0.2", "--count", "2", "--json"]));
    caller.kill().unwrap();
    caller.wait().unwrap();
    reader.join().unwrap();
    let looks: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let calls = |look: usize| looks[look]["components"][0]["stats"]["calls"].as_u64().unwrap();
    assert!(calls(0) < calls(1), "{out}");
    for look in &looks {
        assert!(look["components"][0]["per_second"]["calls"].as_f64().unwrap() > 0.0, "{out}");
    }
}

#[test]
fn one_that_is_away_is_shown_as_such() {
    let (_shop, db) = shop();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let away = format!("tcp://{}", nobody.local_addr().unwrap());
    let found = outcome(&mut palm(["top", "--db", &format!("{db},{away}"), "--interval", "0.05"]));
    assert_eq!(found.code, 0, "{}", found.err);
    assert!(found.out.lines().nth(2).unwrap().trim_end().ends_with("away"), "{}", found.out);
}
