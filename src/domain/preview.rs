//! What a running completion has produced so far: the value of the `watch`
//! channel between a turn and whoever shows its progress. Latest wins; nobody
//! may depend on seeing every value.

/// The state of a completion that is still running.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// Content received so far (Markdown as the model writes it).
    pub text: String,
    /// Whether the model has begun to reason but not yet to answer.
    pub thinking: bool,
}
