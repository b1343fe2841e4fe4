//! What is known of a job, and outlives the process.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::request::Request;
use crate::batch::Summary;

/// Milliseconds since 1970.
pub(super) type Moment = i64;

/// Enough until the year 2527.
const ID_DIGITS: usize = 11;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) request: Request,
    pub(super) state: State,
    /// Times that it was begun or gone on with.
    #[serde(default)]
    pub(super) attempts: u32,
    pub(super) created: Moment,
    #[serde(default)]
    pub(super) started: Option<Moment>,
    #[serde(default)]
    pub(super) ended: Option<Moment>,
    /// The model that it was begun with.
    #[serde(default)]
    pub(super) began: Option<Began>,
    #[serde(default)]
    pub(super) error: Option<String>,
    #[serde(default)]
    pub(super) rows: u64,
    #[serde(default)]
    pub(super) bad: u64,
    /// What was done, as `onnxd predict --summary` says it.
    #[serde(default)]
    pub(super) summary: Option<Summary>,
    #[serde(default)]
    pub(super) schedule: Option<Scheduled>,
}

/// The schedule that asked for a job, and the time that it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduled {
    pub name: String,
    pub scheduled_for: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Waiting,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Began {
    pub(super) version: u64,
    pub(super) sha256: String,
}

impl State {
    pub const ALL: [Self; 5] =
        [Self::Waiting, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// # Errors
    /// The states that there are.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| {
            let all = Self::ALL.map(Self::as_str).join(", ");
            format!("'{text}' is no state of a job, expected one of {all}")
        })
    }

    /// Nothing more happens to it on its own.
    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

impl Record {
    pub(super) fn new(id: String, request: Request, schedule: Option<Scheduled>) -> Self {
        Self {
            id,
            request,
            state: State::Waiting,
            attempts: 0,
            created: now(),
            started: None,
            ended: None,
            began: None,
            error: None,
            rows: 0,
            bad: 0,
            summary: None,
            schedule,
        }
    }
}

pub(super) fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment::try_from(since.as_millis()).unwrap_or(Moment::MAX)
}

/// The id of a job that was accepted then.
pub(super) fn id(moment: Moment) -> String {
    format!("{moment:0ID_DIGITS$x}")
}

/// What an id was made of; none if it is no id.
pub(super) fn moment(id: &str) -> Option<Moment> {
    let is_id = id.len() == ID_DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    Moment::from_str_radix(id, 16).ok().filter(|_| is_id)
}
