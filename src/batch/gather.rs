//! The pieces of a task: whichever thread is free scores some while others are read, and who has done
//! the last ones gets them all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::Error;
use super::part::Part;
use super::read::{Goal, Opened, PIECE_ROWS};
use crate::table::Piece;

/// Pieces that follow each other, with the files that they are of.
type Pieces<'a> = Vec<(Arc<Opened<'a>>, Piece)>;

/// A task that is being read. Its pieces are handed out while others are read, but for the last ones:
/// without them the task is not done before its goal is known. Those of small files go together: what a
/// thread hands over is as large for one row as for many.
pub(super) struct Task<'g, 'a> {
    give: &'g mut dyn FnMut(Unit<'a>),
    gathering: Arc<Gathering>,
    /// Those that were not handed out yet, and their rows.
    pieces: Pieces<'a>,
    rows: usize,
}

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

#[derive(Default)]
struct Gathering(Mutex<Parts>);

#[derive(Default)]
struct Parts {
    /// By place.
    places: Vec<Option<Result<Part, Error>>>,
    done: usize,
    /// The first one that failed: nobody asks for those behind it.
    failed: Option<usize>,
    /// Known when all was read.
    goal: Option<Goal>,
}

/// A task of which all pieces were done: its parts in order, or the first of its failures.
pub(super) struct Gathered {
    pub(super) goal: Goal,
    pub(super) parts: Result<Vec<Part>, Error>,
}

impl<'g, 'a> Task<'g, 'a> {
    pub(super) fn new(give: &'g mut dyn FnMut(Unit<'a>)) -> Self {
        Self { give, gathering: Arc::default(), pieces: Vec::new(), rows: 0 }
    }

    pub(super) fn add(&mut self, opened: Arc<Opened<'a>>, piece: Piece) {
        if !self.pieces.is_empty() && self.rows + piece.rows > PIECE_ROWS {
            self.hand_out(None);
        }
        self.rows += piece.rows;
        self.pieces.push((opened, piece));
    }

    /// There are no more pieces; some there were. A task that does not end so is never done.
    pub(super) fn end(mut self, goal: Goal) {
        self.hand_out(Some(goal));
    }

    fn hand_out(&mut self, goal: Option<Goal>) {
        let gathering = Arc::clone(&self.gathering);
        let mut parts = gathering.lock();
        let at = parts.places.len();
        parts.places.push(None);
        parts.goal = goal;
        drop(parts);
        self.rows = 0;
        let pieces = std::mem::take(&mut self.pieces);
        (self.give)(Unit { pieces, place: Place { at, gathering } });
    }
}

impl Gathering {
    fn lock(&self) -> MutexGuard<'_, Parts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Makes the part and puts it there, unless one before it has failed; the task, if it was the last
    /// one.
    pub(super) fn fill(self, part: impl FnOnce() -> Result<Part, Error>) -> Option<Gathered> {
        let Self { at, gathering } = self;
        let is_wanted = gathering.lock().failed.is_none_or(|failed| at < failed);
        let part = is_wanted.then(part);
        let mut parts = gathering.lock();
        if matches!(part, Some(Err(_))) {
            parts.failed = Some(parts.failed.map_or(at, |failed| failed.min(at)));
        }
        parts.places[at] = part;
        parts.done += 1;
        if parts.done < parts.places.len() {
            return None;
        }
        let goal = parts.goal.take()?;
        let parts = std::mem::take(&mut parts.places).into_iter().flatten().collect();
        Some(Gathered { goal, parts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::read::Mark;

    fn goal(number: u64) -> Goal {
        Goal { number, output: 0, after: Mark::default(), read: 0 }
    }

    fn failed(reason: &str) -> Result<Part, Error> {
        Err(Error::Internal(reason.to_owned()))
    }

    /// The places of a task of three units, of which the last one is handed out by `end`.
    fn places(end: impl FnOnce(Task)) -> Vec<Place> {
        let mut places = Vec::new();
        let mut give = |unit: Unit| places.push(unit.place);
        let mut task = Task::new(&mut give);
        task.hand_out(None);
        task.hand_out(None);
        end(task);
        places
    }

    #[test]
    fn a_task_is_done_with_its_last_unit_in_any_order() {
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let mut places: Vec<Option<Place>> =
                places(|task| task.end(goal(7))).into_iter().map(Some).collect();
            let mut fill = |at: usize| places[at].take().unwrap().fill(|| Ok(Part::default()));
            assert!(fill(order[0]).is_none() && fill(order[1]).is_none());
            let gathered = fill(order[2]).unwrap();
            assert_eq!((gathered.goal.number, gathered.parts.unwrap().len()), (7, 3));
        }
    }

    #[test]
    fn a_task_that_is_not_read_to_its_end_is_never_done() {
        for place in places(|task| drop(task)) {
            assert!(place.fill(|| Ok(Part::default())).is_none());
        }
    }

    #[test]
    fn units_that_are_done_while_others_are_read_wait_for_them() {
        let mut places = Vec::new();
        let mut give = |unit: Unit| places.push(unit.place);
        let mut task = Task::new(&mut give);
        task.hand_out(None);
        let gathering = Arc::clone(&task.gathering);
        let first = Place { at: 0, gathering };
        assert!(first.fill(|| Ok(Part::default())).is_none());
        task.end(goal(3));
        let gathered = places.pop().unwrap().fill(|| Ok(Part::default())).unwrap();
        assert_eq!((gathered.goal.number, gathered.parts.unwrap().len()), (3, 2));
    }

    #[test]
    fn the_first_failure_is_told_and_nothing_behind_it_is_asked_for() {
        let mut places = places(|task| task.end(goal(0)));
        let (third, second, first) = (places.pop(), places.pop(), places.pop());
        assert!(second.unwrap().fill(|| failed("second")).is_none());
        assert!(third.unwrap().fill(|| panic!("it is not asked for")).is_none());
        let gathered = first.unwrap().fill(|| failed("first")).unwrap();
        let Err(Error::Internal(reason)) = gathered.parts else { panic!("one failed") };
        assert_eq!(reason, "first");
    }
}
