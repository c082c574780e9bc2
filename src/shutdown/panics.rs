//! What is said about a panic.
//!
//! The message of a panic may quote what it failed on, and that may be
//! somebody's text. So only messages that were written in the source are shown;
//! of all others the place is.

use std::any::Any;

/// Logs panics with their place, and their message only where it was written in
/// the source. Install once, in `main`, after the telemetry.
pub fn install_hook() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string);
        let thread = std::thread::current();
        tracing::error!(
            place,
            thread = thread.name(),
            message = harmless(info.payload()),
            "a panic"
        );
    }));
}

/// The message of a panic, where it cannot contain anybody's text.
pub(super) fn harmless(payload: &(dyn Any + Send)) -> &'static str {
    // A formatted message is a `String`; only a literal is a `&'static str`.
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .unwrap_or("(not shown: it could quote a message)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_panic_quotes_is_never_shown() {
        let secret = "my diary";
        let payload = std::panic::catch_unwind(|| panic!("cannot cut {secret:?}"));
        let shown = harmless(payload.expect_err("it panicked").as_ref());
        assert!(!shown.contains("diary"), "{shown}");
        let payload = std::panic::catch_unwind(|| panic!("a literal"));
        assert_eq!(
            harmless(payload.expect_err("it panicked").as_ref()),
            "a literal"
        );
    }
}
