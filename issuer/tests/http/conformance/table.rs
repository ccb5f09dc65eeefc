//! `docs/conformance.md` names a test for each module, or says why there is none; every test that it names exists, and
//! every test here stands in it.

use std::collections::BTreeSet;
use std::path::Path;

/// The names of all tests below a folder.
fn tests(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            tests(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let after_mark = text.split("test]\n").skip(1);
            let names = after_mark.filter_map(|rest| rest.split_once("fn ")?.1.split_once('('));
            found.extend(names.map(|(name, _)| name.to_owned()));
        }
    }
}

/// The rows of the tables: module, and the rest.
fn rows() -> Vec<(String, String)> {
    let page = include_str!("../../../../docs/conformance.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    cells.map(|(module, rest)| (module.to_owned(), rest.to_owned())).collect()
}

fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn each_module_has_a_test_that_exists_or_a_reason() {
    let mut existing = BTreeSet::new();
    tests(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/http"), &mut existing);

    let rows = rows();

    assert_eq!(rows.iter().filter(|(module, _)| module.starts_with("oidcc-")).count(), 52);
    for (module, rest) in &rows {
        let is_reasoned = rest.contains("not offered: ");
        assert!(is_reasoned || quoted(rest).next().is_some(), "{module} has neither");
        for test in quoted(rest).filter(|_| !is_reasoned) {
            assert!(existing.contains(test), "{module}: there is no test {test}");
        }
    }
}

#[test]
fn each_test_of_a_module_stands_in_the_table() {
    let mut written = BTreeSet::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/http/conformance");
    tests(&folder, &mut written);
    let rows = rows();
    let named: BTreeSet<&str> = rows.iter().flat_map(|(_, rest)| quoted(rest)).collect();

    let is_of_a_module = |test: &&String| {
        let is_numbered = test.starts_with('b') && test[1..3].bytes().all(|b| b.is_ascii_digit());
        is_numbered || test.starts_with("rp_initiated_") || test.starts_with("discovery_")
    };
    for test in written.iter().filter(is_of_a_module) {
        assert!(named.contains(test.as_str()), "{test} is not in docs/conformance.md");
    }
}
