//! From leaves to scores.

use std::thread;
use std::time::{Duration, Instant};

use tract_onnx::prelude::TractResult;
use tract_onnx::tract_core::internal::multithread::{Executor, current_tract_executor};

use super::enough;
use super::forest::{Forest, Leaves};
use super::number::Number;
use super::source::Aggregate;
use super::walk::{Leaf, Rows};
use crate::courtesy;
use crate::engine::tract::operators::values::cells;

/// Rows whose values fit into the fastest cache beside a tree.
const BLOCK: usize = 64;

/// The work left after the first block must take at least this long to be shared among
/// threads: starting one takes some tens of microseconds.
const WORTH_THREADS: Duration = Duration::from_millis(2);

/// The scores of some rows.
pub(super) struct Scores<T> {
    /// Row by row, one for each target.
    pub(super) scores: Vec<T>,
    /// Whether a leaf said anything about the target; empty where there is one target.
    pub(super) seen: Vec<bool>,
}

impl<T: Number> Forest<T> {
    /// Columns that an input must have.
    pub(super) fn needed(&self) -> usize {
        self.columns.last().map_or(0, |last| last + 1)
    }

    /// Scores of all rows, without base values.
    ///
    /// # Errors
    /// If there are fewer columns than the trees ask for.
    pub(super) fn score(&self, rows: Rows<T>, aggregate: Aggregate) -> TractResult<Scores<T>> {
        enough(self.needed(), rows.columns)?;
        let cells = cells(rows.count, self.targets)?;
        let mut all = Scores {
            scores: vec![T::default(); cells],
            seen: vec![false; if self.targets == 1 { 0 } else { cells }],
        };
        let part = Part { scores: &mut all.scores, seen: &mut all.seen, targets: self.targets };
        self.fill_timed(rows, aggregate, part);
        if aggregate == Aggregate::Average {
            let trees = T::count(self.trees.len().max(1));
            all.scores.iter_mut().for_each(|score| *score = *score / trees);
        }
        Ok(all)
    }

    /// Measures a first block to know whether the rest is worth more threads.
    fn fill_timed(&self, rows: Rows<T>, aggregate: Aggregate, part: Part<T>) {
        let started = Instant::now();
        let (first, rest) = rows.split_at(BLOCK);
        let (first_part, rest_part) = part.split_at(first.count);
        self.fill(first, aggregate, first_part);
        let blocks = u32::try_from(rest.count.div_ceil(BLOCK)).unwrap_or(u32::MAX);
        if blocks > 0 {
            let long = started.elapsed().saturating_mul(blocks) > WORTH_THREADS;
            self.fill_shared(rest, aggregate, rest_part, if long { cores() } else { 1 });
        }
    }

    /// Shares the rows among threads, this one included.
    fn fill_shared(&self, rows: Rows<T>, aggregate: Aggregate, part: Part<T>, threads: usize) {
        let share = rows.count.div_ceil(threads).next_multiple_of(BLOCK);
        if share >= rows.count {
            return self.fill(rows, aggregate, part);
        }
        let (mine, others) = rows.split_at(share);
        let (my_part, other_parts) = part.split_at(share);
        thread::scope(|scope| {
            scope.spawn(move || self.fill_shared(others, aggregate, other_parts, threads - 1));
            self.fill(mine, aggregate, my_part);
        });
    }

    fn fill(&self, mut rows: Rows<T>, aggregate: Aggregate, mut part: Part<T>) {
        while rows.count > 0 {
            let (block, rest) = rows.split_at(BLOCK);
            let (block_part, rest_part) = part.split_at(block.count);
            self.fill_block(block, aggregate, block_part);
            (rows, part) = (rest, rest_part);
            // Not in the first block alone, which is timed by the clock.
            if rows.count > 0 {
                courtesy::point();
            }
        }
    }

    fn fill_block(&self, rows: Rows<T>, aggregate: Aggregate, part: Part<T>) {
        let values = match &self.leaves {
            Leaves::One(values) => values,
            Leaves::Many { ranges, weights } => {
                return self.walk(rows, &mut Many { ranges, weights, part, aggregate });
            }
        };
        let scores = part.scores;
        match aggregate {
            Aggregate::Sum | Aggregate::Average => self.walk(rows, &mut Sum { values, scores }),
            Aggregate::Min => self.walk(rows, &mut Best { values, scores, better: T::lt }),
            Aggregate::Max => self.walk(rows, &mut Best { values, scores, better: T::gt }),
        }
    }
}

#[cfg(test)]
impl<T: Number> Forest<T> {
    /// The sums of all rows, shared among so many threads.
    pub(super) fn score_on(&self, rows: Rows<T>, aggregate: Aggregate, threads: usize) -> Vec<T> {
        let cells = rows.count * self.targets;
        let (mut scores, mut seen) = (vec![T::default(); cells], vec![false; cells]);
        let part = Part { scores: &mut scores, seen: &mut seen, targets: self.targets };
        self.fill_shared(rows, aggregate, part, threads);
        scores
    }
}

/// Cores that this run may use: further ones only while they stand idle.
fn cores() -> usize {
    match current_tract_executor() {
        Executor::MultiThread(pool) => pool.current_num_threads(),
        Executor::SingleThread | Executor::RayonGlobal => 1,
    }
}

/// Where the scores of some rows go.
struct Part<'a, T> {
    scores: &'a mut [T],
    seen: &'a mut [bool],
    targets: usize,
}

impl<T> Part<'_, T> {
    fn split_at(self, rows: usize) -> (Self, Self) {
        let Self { scores, seen, targets } = self;
        let cells = rows * targets;
        let (scores, more_scores) = scores.split_at_mut(cells);
        let (seen, more_seen) = seen.split_at_mut(cells.min(seen.len()));
        (Self { scores, seen, targets }, Self { scores: more_scores, seen: more_seen, targets })
    }
}

/// The sum for a single target.
struct Sum<'a, T> {
    values: &'a [T],
    scores: &'a mut [T],
}

impl<T: Number> Leaf for Sum<'_, T> {
    #[inline]
    fn reached(&mut self, _: usize, row: usize, position: u32) {
        self.scores[row] = self.scores[row] + self.values[position as usize];
    }
}

/// The smallest or largest for a single target.
struct Best<'a, T> {
    values: &'a [T],
    scores: &'a mut [T],
    better: fn(&T, &T) -> bool,
}

impl<T: Number> Leaf for Best<'_, T> {
    fn reached(&mut self, tree: usize, row: usize, position: u32) {
        let value = self.values[position as usize];
        if tree == 0 || (self.better)(&value, &self.scores[row]) {
            self.scores[row] = value;
        }
    }
}

/// Several targets.
struct Many<'a, T> {
    ranges: &'a [(u32, u32)],
    weights: &'a [(u32, T)],
    part: Part<'a, T>,
    aggregate: Aggregate,
}

impl<T: Number> Leaf for Many<'_, T> {
    #[inline]
    fn reached(&mut self, _: usize, row: usize, position: u32) {
        let (start, end) = self.ranges[position as usize];
        let row = row * self.part.targets;
        for &(target, value) in &self.weights[start as usize..end as usize] {
            let cell = row + target as usize;
            let (score, seen) = (&mut self.part.scores[cell], &mut self.part.seen[cell]);
            match self.aggregate {
                Aggregate::Sum | Aggregate::Average => *score = *score + value,
                Aggregate::Min if !*seen || value < *score => *score = value,
                Aggregate::Max if !*seen || value > *score => *score = value,
                Aggregate::Min | Aggregate::Max => {}
            }
            *seen = true;
        }
    }
}
