//! Help, completions and man pages.

use crate::program::{fails, palm, prints};

/// Every command, by its words.
const COMMANDS: [&[&str]; 18] = [
    &[],
    &["call"],
    &["get"],
    &["set"],
    &["delete"],
    &["ping"],
    &["top"],
    &["graph"],
    &["cluster"],
    &["cluster", "new"],
    &["cluster", "list"],
    &["cluster", "status"],
    &["cluster", "logs"],
    &["cluster", "reset"],
    &["cluster", "delete"],
    &["doctor"],
    &["completions"],
    &["man"],
];

#[test]
fn help_is_as_it_was() {
    let texts = COMMANDS.map(|words| {
        let help = prints(&mut palm(words.iter().chain(&["--help"])));
        format!("$ palm {} --help\n{help}", words.join(" "))
    });
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn every_shell_has_completions() {
    for (shell, sign) in [
        ("bash", "_palm()"),
        ("zsh", "#compdef palm"),
        ("fish", "complete -c palm"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion"),
    ] {
        let script = prints(&mut palm(["completions", shell]));
        assert!(script.contains(sign) && script.contains("doctor"), "{shell}");
    }
    fails(&mut palm(["completions", "dos"]), 2, &["bash"]);
}

#[test]
fn every_command_has_a_page() {
    let page = prints(&mut palm(["man"]));
    assert!(page.contains(".TH palm 1") && page.contains("palm\\-cluster(1)"), "{page}");
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("man1");
    assert_eq!(prints(&mut palm(["man", pages.to_str().unwrap()])), "");
    for words in COMMANDS {
        let name = [&["palm"], words].concat().join("-");
        let page = std::fs::read_to_string(pages.join(format!("{name}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{name}");
    }
    fails(&mut palm(["man", "/proc/nowhere"]), 1, &["cannot write to /proc/nowhere"]);
}
