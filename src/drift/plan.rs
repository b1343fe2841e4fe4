//! How the features of a reference are counted, worked out once: what a request needs of them
//! lies close together, and tensors that hold many are looked at once.

use super::binning::Binning;
use super::reference::Watched;
use crate::features::{Role, Table};
use crate::stats::Edges;

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) inputs: Vec<Group>,
    pub(super) predictions: Vec<Group>,
}

/// Features that are read together.
#[derive(Debug)]
pub(super) enum Group {
    /// Columns, each with its place.
    Table(Table, Vec<Lane>),
    /// Another reading of a tensor.
    Other(Lane),
}

/// Where one feature is counted.
#[derive(Debug)]
pub(super) struct Lane {
    /// Among all features.
    pub(super) place: usize,
    /// Its bins begin here.
    pub(super) first: usize,
    /// Finite numbers of the reference lie between these.
    least: f64,
    greatest: f64,
    /// The edges once more, if they are few.
    few: Option<[f64; FEW]>,
    binning: Binning,
}

/// As many edges as profiles have for a number, or more: so many comparisons need no loop, and
/// no other memory than that of the lane.
const FEW: usize = 12;

impl Plan {
    pub(super) fn new(watched: &[Watched]) -> Self {
        let of = |role| {
            let mut groups: Vec<Group> = Vec::new();
            for (place, watched) in watched.iter().enumerate() {
                if watched.feature.role == role {
                    add(&mut groups, place, watched);
                }
            }
            groups
        };
        Self { inputs: of(Role::Input), predictions: of(Role::Prediction) }
    }
}

fn add(groups: &mut Vec<Group>, place: usize, watched: &Watched) {
    let lane = Lane::new(place, watched);
    let Some(own) = Table::new(&watched.feature) else {
        groups.push(Group::Other(lane));
        return;
    };
    if let Some(Group::Table(table, lanes)) = groups.last_mut()
        && table.join(&own)
    {
        lanes.push(lane);
        return;
    }
    groups.push(Group::Table(own, vec![lane]));
}

impl Lane {
    pub(super) fn new(place: usize, watched: &Watched) -> Self {
        // Where the reference had no finite number, none is outside of it.
        let all = (f64::NEG_INFINITY, f64::INFINITY);
        let moments = watched.profile.moments;
        let (least, greatest) = moments.map_or(all, |of| (of.least, of.greatest));
        let binning = watched.binning.clone();
        let few = if let Binning::Edges(edges) = &binning { few(edges) } else { None };
        Self { place, first: watched.first, least, greatest, few, binning }
    }

    pub(super) fn binning(&self) -> &Binning {
        &self.binning
    }

    /// Whether the reference had no number so small or so large.
    #[inline]
    pub(super) fn is_outside(&self, number: f64) -> bool {
        number < self.least || number > self.greatest
    }

    /// Where a number is counted.
    pub(super) fn of_number(&self, number: f64) -> usize {
        self.first + self.binning.of_number(number)
    }

    /// The same of a finite one.
    #[inline]
    pub(super) fn of_finite(&self, number: f64) -> usize {
        let Some(edges) = &self.few else { return self.of_number(number) };
        self.first + edges.iter().map(|edge| usize::from(*edge < number)).sum::<usize>()
    }

    pub(super) fn of_text(&self, text: &str) -> usize {
        self.first + self.binning.of_text(text)
    }
}

/// Filled up with edges that nothing is above.
fn few(edges: &Edges) -> Option<[f64; FEW]> {
    let mut few = [f64::INFINITY; FEW];
    few.get_mut(..edges.as_slice().len())?.copy_from_slice(edges.as_slice());
    Some(few)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_edges_are_the_same_edges() {
        let values = [-1e300, -1.0, 0.0, 1.0, 1.5, 2.0, 1e300];
        for count in [0u8, 1, 9, 12, 13] {
            let edges = Edges::try_from((0..count).map(f64::from).collect::<Vec<_>>()).unwrap();
            let Some(few) = few(&edges) else {
                assert_eq!(count, 13);
                continue;
            };
            for value in values {
                let below = few.iter().filter(|edge| **edge < value).count();
                assert_eq!(below, edges.bin_of(value));
            }
        }
    }
}
