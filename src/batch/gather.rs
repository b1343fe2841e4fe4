//! The pieces of a task: whichever thread is free scores the next ones, and who has done the last ones
//! gets them all.

use std::sync::{Arc, Mutex, PoisonError};

use super::error::Error;
use super::part::Part;
use super::read::{Goal, Opened, PIECE_ROWS, Task};
use crate::table::Piece;

/// Pieces that follow each other, with the files that they are of.
type Pieces<'a> = Vec<(Arc<Opened<'a>>, Piece)>;

/// Pieces on their way.
pub(super) struct Unit<'a> {
    pub(super) pieces: Pieces<'a>,
    pub(super) place: Place,
}

/// Where the part goes that is made of them.
pub(super) struct Place {
    at: usize,
    gathering: Arc<Gathering>,
}

struct Gathering {
    goal: Goal,
    parts: Mutex<Parts>,
}

struct Parts {
    /// By place.
    done: Vec<Option<Result<Part, Error>>>,
    left: usize,
    /// The first one that failed: nobody asks for those behind it.
    failed: Option<usize>,
}

/// A task of which all pieces were done: its parts in order, or the first of its failures.
pub(super) struct Gathered {
    pub(super) goal: Goal,
    pub(super) parts: Result<Vec<Part>, Error>,
}

/// The pieces of a task, which must have some. Those of small files go together: what a thread hands over
/// is as large for one row as for many.
pub(super) fn units(task: Task<'_>) -> impl Iterator<Item = Unit<'_>> {
    let Task { goal, pieces } = task;
    let groups = together(pieces);
    let left = groups.len();
    let parts = Parts { done: (0..left).map(|_| None).collect(), left, failed: None };
    let gathering = Arc::new(Gathering { goal, parts: Mutex::new(parts) });
    groups.into_iter().enumerate().map(move |(at, pieces)| {
        let place = Place { at, gathering: Arc::clone(&gathering) };
        Unit { pieces, place }
    })
}

fn together(pieces: Pieces<'_>) -> Vec<Pieces<'_>> {
    let (mut groups, mut rows): (Vec<Pieces>, usize) = (Vec::new(), 0);
    for (opened, piece) in pieces {
        rows += piece.rows;
        match groups.last_mut() {
            Some(group) if rows <= PIECE_ROWS => group.push((opened, piece)),
            _ => {
                rows = piece.rows;
                groups.push(vec![(opened, piece)]);
            }
        }
    }
    groups
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
