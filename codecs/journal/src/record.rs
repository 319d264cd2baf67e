//! What a journal consists of.

use alloc::string::String;
use alloc::sync::Arc;

use confer_core::config::Config;
use confer_core::door::{Identity, Input};
use confer_core::pii::Pii;
use confer_core::time::{Instant, Wall};
use serde::{Deserialize, Serialize};

/// One record: something that was done to the machine, or what is known of it.
///
/// What goes in is behind a reference where a record is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record<I = Input> {
    /// How it began. The first record, and nowhere else.
    Start(Start),
    /// The machine was given an input.
    Handle {
        /// When.
        now: Instant,
        /// What.
        input: I,
    },
    /// The machine was told to do what is due.
    Timeout {
        /// When.
        now: Instant,
        /// How many timers at most.
        budget: u64,
    },
    /// All actions were taken, and this is what they came to.
    Checkpoint(Checkpoint),
    /// The same, when the recording ended as it should. The last record.
    End(Checkpoint),
}

/// What a machine was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The program and its version.
    pub program: String,
    /// Whether texts and secrets are here; if not, nothing can be run again.
    pub has_text: bool,
    /// The machine's entropy, from which all its secrets come; only where texts are.
    pub seed: Option<Pii<[u8; 32]>>,
    /// The calendar.
    pub wall: Wall,
    /// When the machine began.
    pub now: Instant,
    /// What masks, by name; `none`: nothing does.
    pub masker: String,
    /// Who the machine is to others.
    pub identity: Identity,
    /// The configuration the machine was given; without secrets, which it does not know.
    pub config: Arc<Config>,
}

impl Start {
    /// What a machine is made of that begins at [`Instant::ZERO`] and masks nothing, in a journal with
    /// texts.
    pub fn new(program: &str, config: Arc<Config>, seed: [u8; 32], wall: Wall) -> Self {
        Self {
            program: program.into(),
            has_text: true,
            seed: Some(Pii::new(seed)),
            wall,
            now: Instant::ZERO,
            masker: Self::NO_MASK.into(),
            identity: Identity::default(),
            config,
        }
    }

    /// The same of a machine that is this to others.
    #[must_use]
    pub fn with_identity(self, identity: Identity) -> Self {
        Self { identity, ..self }
    }

    /// The name of what masks nothing.
    pub const NO_MASK: &'static str = "none";

    /// The same for a journal without texts and secrets, which can be looked at and no more.
    #[must_use]
    pub fn without_text(self) -> Self {
        Self { has_text: false, seed: None, ..self }
    }
}

/// What the machine has done so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Inputs and timeouts since the start.
    pub calls: u64,
    /// Actions since the start.
    pub actions: u64,
    /// SHA-256 over all of them; none where texts are left out, since it would betray short ones.
    pub digest: Option<[u8; 32]>,
}
