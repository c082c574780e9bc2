//! The `lastword` program.
fn main() {}
