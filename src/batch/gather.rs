//! The pieces of a task: whichever thread is free scores the next one, and who has done the last one
//! gets them all.

use std::sync::{Arc, Mutex, PoisonError};

use super::error::Error;
use super::read::{Goal, Opened, Task};
use super::score::Part;
use crate::table::Piece;

/// A piece on its way.
pub(super) struct Unit<'a> {
    pub(super) opened: Arc<Opened<'a>>,
    pub(super) piece: Piece,
    pub(super) place: Place,
}

/// Where the part goes that is made of it.
pub(super) struct Place {
    at: usize,
    gathering: Arc<Gathering>,
}

struct Gathering {
    goal: Goal,
    parts: Mutex<Parts>,
}

#[derive(Default)]
struct Parts {
    /// By place.
    done: Vec<Option<Result<Part, Error>>>,
    left: usize,
    /// The first one that failed: nobody asks for those behind it.
    failed: Option<usize>,
}

/// A task of which every piece was done: its parts in order, or the first of its failures.
pub(super) struct Gathered {
    pub(super) goal: Goal,
    pub(super) parts: Result<Vec<Part>, Error>,
}

/// The pieces of a task. It must have some.
pub(super) fn units(task: Task<'_>) -> impl Iterator<Item = Unit<'_>> {
    let Task { goal, pieces } = task;
    let left = pieces.len();
    let parts = Parts { done: (0..left).map(|_| None).collect(), left, failed: None };
    let gathering = Arc::new(Gathering { goal, parts: Mutex::new(parts) });
    pieces.into_iter().enumerate().map(move |(at, (opened, piece))| {
        let place = Place { at, gathering: Arc::clone(&gathering) };
        Unit { opened, piece, place }
    })
}

impl Place {
    /// Makes the part and puts it there, unless one before it has failed; the task, if it was the last
    /// one.
    pub(super) fn fill(self, part: impl FnOnce() -> Result<Part, Error>) -> Option<Gathered> {
        let Self { at, gathering } = self;
        let lock = || gathering.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let is_wanted = lock().failed.is_none_or(|failed| at < failed);
        let part = is_wanted.then(part);
        let mut parts = lock();
        if matches!(part, Some(Err(_))) {
            parts.failed = Some(parts.failed.map_or(at, |failed| failed.min(at)));
        }
        parts.done[at] = part;
        parts.left -= 1;
        if parts.left > 0 {
            return None;
        }
        let parts = std::mem::take(&mut parts.done).into_iter().flatten().collect();
        Some(Gathered { goal: gathering.goal, parts })
    }
}
