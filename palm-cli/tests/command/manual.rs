//! Help, completions and man pages.

use crate::program::{fails, palm, prints};

/// Every command by its words, as the help lists them, with its help.
fn commands() -> Vec<(Vec<String>, String)> {
    let mut all = Vec::new();
    let mut left = vec![Vec::new()];
    while let Some(words) = left.pop() {
        let help = prints(&mut palm(words.iter().map(String::as_str).chain(["--help"])));
        let listed = help.split_once("\nCommands:\n").map_or("", |(_, rest)| rest);
        let listed = listed.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
        let names = listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
        left.extend(names.map(|name| [&words[..], &[name.to_owned()]].concat()));
        all.push((words, help));
    }
    all.sort();
    all
}

#[test]
fn help_is_as_it_was() {
    let commands = commands();
    let texts = commands.iter().map(|(words, help)| format!("$ palm {} --help\n{help}", words.join(" ")));
    insta::assert_snapshot!(texts.collect::<Vec<_>>().join("\n"));
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
    for (words, _) in commands() {
        let name = [&["palm".to_owned()], &words[..]].concat().join("-");
        let page = std::fs::read_to_string(pages.join(format!("{name}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{name}");
    }
    fails(&mut palm(["man", "/proc/nowhere"]), 1, &["cannot write to /proc/nowhere"]);
}
