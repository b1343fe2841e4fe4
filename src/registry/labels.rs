//! The label values of the registry's metrics: enums, never text from a request.

/// Which family of clients a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    V1,
    V2,
    Grpc,
    /// Files that are scored while they come.
    Score,
}

impl Protocol {
    pub(super) const ALL: [Self; 4] = [Self::V1, Self::V2, Self::Grpc, Self::Score];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::Grpc => "grpc",
            Self::Score => "score",
        }
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    /// The request is wrong: 4xx.
    Invalid,
    NotFound,
    /// The model is not ready.
    Unavailable,
    /// A queue is full.
    Overloaded,
    DeadlineExceeded,
    /// An operator failed or panicked.
    Failed,
    /// The caller went away.
    Cancelled,
}

impl Outcome {
    pub const ALL: [Self; 8] = [
        Self::Ok,
        Self::Invalid,
        Self::NotFound,
        Self::Unavailable,
        Self::Overloaded,
        Self::DeadlineExceeded,
        Self::Failed,
        Self::Cancelled,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::Unavailable => "unavailable",
            Self::Overloaded => "overloaded",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Why a request was turned away although nothing is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    NotReady,
    QueueFull,
    WouldBeLate,
    CompilerBusy,
    DeadlineExceeded,
    ShuttingDown,
}

impl Refusal {
    pub(super) const ALL: [Self; 6] = [
        Self::NotReady,
        Self::QueueFull,
        Self::WouldBeLate,
        Self::CompilerBusy,
        Self::DeadlineExceeded,
        Self::ShuttingDown,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::NotReady => "not_ready",
            Self::QueueFull => "queue_full",
            Self::WouldBeLate => "would_be_late",
            Self::CompilerBusy => "compiler_busy",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::ShuttingDown => "shutting_down",
        }
    }
}

/// A part of a request's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Decode,
    Queue,
    Infer,
    Encode,
}

impl Stage {
    pub(super) const ALL: [Self; 4] = [Self::Decode, Self::Queue, Self::Infer, Self::Encode];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Queue => "queue",
            Self::Infer => "infer",
            Self::Encode => "encode",
        }
    }
}

/// What became of the copy of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShadowOutcome {
    Compared,
    /// The shadow's outputs are not those of the version that answered.
    Incomparable,
    /// The shadow did not answer.
    Failed,
    /// The caller got no answer to compare with.
    Unanswered,
    /// Too many copies were under way.
    Dropped,
}

impl ShadowOutcome {
    pub(super) const ALL: [Self; 5] =
        [Self::Compared, Self::Incomparable, Self::Failed, Self::Unanswered, Self::Dropped];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compared => "compared",
            Self::Incomparable => "incomparable",
            Self::Failed => "failed",
            Self::Unanswered => "unanswered",
            Self::Dropped => "dropped",
        }
    }
}
