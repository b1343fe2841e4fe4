//! The way of a version into service, step by step.
//!
//! ```text
//! Waiting -> Verifying -> Loading -> Gate -> (serves) -> Draining -> (gone)
//!      \__________\___________\________\-> Refused
//! ```
//!
//! Every step before the switch may end in [`Refused`], and then nothing changes for
//! callers. A newer version, or newer files, supersede a version on its way: it stops at
//! its next step.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::gate;

/// Where a version is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// For a thread to load it.
    Waiting,
    /// Digest, manifest, signature.
    Verifying,
    /// Reading, compiling, warming up.
    Loading,
    /// Compared with the live version, its examples, its limits.
    Gate,
}

impl Stage {
    const ALL: [Self; 4] = [Self::Waiting, Self::Verifying, Self::Loading, Self::Gate];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Verifying => "verifying",
            Self::Loading => "loading",
            Self::Gate => "gate",
        }
    }
}

/// Why a version does not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Settings,
    /// It could not be copied from its source.
    Fetch,
    /// Digest, manifest or signature do not match.
    Verification,
    /// The file cannot be read, compiled or run.
    Model,
    Memory,
    Signature,
    Contract,
    Profile,
    Quality,
    Golden,
    Latency,
    Evaluation,
    RolledBack,
    /// A newer version or newer files came before it was ready.
    Superseded,
}

impl Cause {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Fetch => "fetch",
            Self::Verification => "verification",
            Self::Model => "model",
            Self::Memory => "memory",
            Self::Signature => "signature",
            Self::Contract => "contract",
            Self::Profile => "profile",
            Self::Quality => "quality",
            Self::Golden => "golden",
            Self::Latency => "latency",
            Self::Evaluation => "evaluation",
            Self::RolledBack => "rolled_back",
            Self::Superseded => "superseded",
        }
    }
}

impl From<gate::Kind> for Cause {
    fn from(kind: gate::Kind) -> Self {
        match kind {
            gate::Kind::Signature => Self::Signature,
            gate::Kind::Contract => Self::Contract,
            gate::Kind::Profile => Self::Profile,
            gate::Kind::Quality => Self::Quality,
            gate::Kind::Golden => Self::Golden,
            gate::Kind::Latency => Self::Latency,
            gate::Kind::Evaluation => Self::Evaluation,
        }
    }
}

/// The reason of versions that nobody waits for any more: it is no failure.
pub const SUPERSEDED: &str = "superseded before it was ready";

/// How the reasons of versions begin that were taken back.
pub const ROLLED_BACK: &str = "rolled back";

/// The end of a version that did not come into service.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refused {
    pub(super) cause: Cause,
    /// As the repository index shows it.
    pub(super) reason: String,
    /// The checks of its gate, if it came as far.
    pub(super) checks: Arc<[gate::Check]>,
}

impl Refused {
    pub(super) fn new(cause: Cause, reason: impl Into<String>) -> Self {
        Self { cause, reason: reason.into(), checks: Arc::default() }
    }
}

/// One version on its way: who loads it says where it is, who owns it may stop it.
#[derive(Debug, Default)]
pub struct Ticket {
    stage: AtomicU8,
    cancelled: AtomicBool,
}

impl Ticket {
    #[must_use]
    pub fn stage(&self) -> Stage {
        let number = usize::from(self.stage.load(Ordering::Relaxed));
        Stage::ALL.get(number).copied().unwrap_or(Stage::Waiting)
    }

    /// # Errors
    /// [`Refused`] if nobody wants the version any more.
    pub(super) fn enter(&self, stage: Stage) -> Result<(), Refused> {
        self.stage.store(stage as u8, Ordering::Relaxed);
        if self.is_cancelled() {
            return Err(Refused::new(Cause::Superseded, SUPERSEDED));
        }
        Ok(())
    }

    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}
