//! The list of fail points is whole: whatever the store writes is died at.

use lastword::death::{READS, WRITES, WRITES_ELSEWHERE};

use crate::tidy::rust;

/// The names of the operations in the source of a store.
fn operations(text: &str) -> Vec<&str> {
    ["run(", "run_shared("]
        .iter()
        .flat_map(|call| text.match_indices(call))
        .filter_map(|(at, call)| {
            let argument = text[at + call.len()..].trim_start().strip_prefix('"')?;
            argument.split('"').next()
        })
        .collect()
}

#[test]
fn every_operation_of_the_store_is_known_to_the_fail_points() {
    let mut seen = 0;
    for source in rust() {
        if !source.path.starts_with("src/store/sqlite") || source.path.ends_with("tests.rs") {
            continue;
        }
        let text: Vec<&str> = source.code().map(|(_, line)| line).collect();
        for name in operations(&text.join("\n")) {
            seen += 1;
            let writes = WRITES.iter().any(|(known, _)| *known == name);
            let known = writes || READS.contains(&name) || WRITES_ELSEWHERE.contains(&name);
            assert!(
                known,
                "{}: add {name:?} to a list of src/death.rs, so that it is died at",
                source.path
            );
        }
    }
    assert!(seen > 30, "the operations were not found");
}
