pub(super) fn parts(p: &str) -> Vec<String> {
    vec![p.into()]
}
