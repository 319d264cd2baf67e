//! Refusing a request: what every protocol answers in its own manner.

use crate::frame::ErrorId;

/// Why a request is refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) id: ErrorId,
    /// More than the id says.
    pub(crate) text: Option<&'static str>,
}

impl Refusal {
    pub(crate) const fn because(id: ErrorId, text: &'static str) -> Self {
        Self { id, text: Some(text) }
    }
}

impl From<ErrorId> for Refusal {
    fn from(id: ErrorId) -> Self {
        Self { id, text: None }
    }
}
