//! The door to masking (§15 of the behaviour): a text comes in, the same text without what must not
//! be kept goes out.

use crate::frame::KvList;
use crate::text::Text;

/// Finds in a text what must not be kept of it.
///
/// A machine asks once for each text, when it comes in, and stores the answer beside the text. What
/// is asked must be answered soon, whatever the text (B15.8), and the same answer must come for the
/// same text.
pub trait Masker: Send + Sync {
    /// The text with what must not be kept replaced; `None` if there is nothing to replace.
    fn mask(&self, text: &str) -> Option<Masked>;
}

/// A text with something replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked {
    /// The text; as many characters as before (B15.1).
    pub text: Text,
    /// What was replaced, where and by which rule: the list `pii-cleanup` of the event's attributes
    /// (B15.3).
    pub cleanup: KvList,
}

/// Replaces nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMask;

impl Masker for NoMask {
    fn mask(&self, _: &str) -> Option<Masked> {
        None
    }
}
