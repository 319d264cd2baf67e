//! What an operator decides, validated once and then shared.

use crate::limits::Limits;

/// The configuration of a server machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Sizes and numbers.
    pub limits: Limits,
}
