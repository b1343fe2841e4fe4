//! How the features of a reference are counted, worked out once: what a request needs of them
//! lies close together, and tensors that hold many are looked at once.

use super::binning::Binning;
use super::reference::Watched;
use crate::features::{Reading, Role, Table};

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
    pub(super) bins: usize,
    /// Finite numbers of the reference lie between these.
    pub(super) least: f64,
    pub(super) greatest: f64,
    pub(super) binning: Binning,
}

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

impl Group {
    /// The place of one of its features; all have the same tensor.
    pub(super) fn place(&self) -> usize {
        match self {
            Self::Table(_, lanes) => lanes.first().map_or(0, |lane| lane.place),
            Self::Other(lane) => lane.place,
        }
    }
}

impl Lane {
    fn new(place: usize, watched: &Watched) -> Self {
        // Where the reference had no finite number, none is outside of it.
        let all = (f64::NEG_INFINITY, f64::INFINITY);
        let moments = watched.profile.moments;
        let (least, greatest) = moments.map_or(all, |of| (of.least, of.greatest));
        let binning = watched.binning.clone();
        debug_assert!(binning.is_of_numbers() || watched.feature.reading == Reading::Text);
        Self { place, first: watched.first, bins: binning.bins(), least, greatest, binning }
    }
}
