pub(super) fn heal(p: &str) -> std::borrow::Cow<'_, str> {
    p.into()
}
