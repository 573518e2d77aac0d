//! The golden bytes of the wire tests are what pylm encodes today.

use std::path::Path;
use std::process::Command;

use crate::python;

#[test]
fn golden_bytes_are_those_of_pylm() {
    let Some(interpreter) = python::interpreter() else {
        return;
    };
    let output =
        Command::new(interpreter).arg(crate::run::script("golden.py")).output().expect("the script can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/golden.txt");
    let kept = std::fs::read_to_string(path).expect("the golden bytes are in the repository");
    assert_eq!(
        kept,
        String::from_utf8_lossy(&output.stdout),
        "tests/interop/scripts/golden.py > tests/wire/golden.txt brings it up to date"
    );
}
