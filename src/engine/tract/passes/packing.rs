//! Packed matrices that the plans of a model have in common: each plan packs its own, and gives
//! it back where another has the same.

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::engine::tract::kernels::{ColumnPanels, RowPanels};

/// What the plans of one model hold at present.
#[derive(Default)]
pub(in crate::engine::tract) struct Shelf {
    columns: Shared<ColumnPanels>,
    rows: Shared<Vec<RowPanels>>,
}

type Shared<T> = Mutex<Vec<Weak<T>>>;

impl Shelf {
    /// Of all matrices together.
    pub(in crate::engine::tract) fn bytes(&self) -> u64 {
        let columns = alive(&self.columns).iter().map(|panels| panels.bytes()).sum::<u64>();
        columns + alive(&self.rows).iter().map(|groups| bytes(groups)).sum::<u64>()
    }
}

fn alive<T>(all: &Shared<T>) -> Vec<Arc<T>> {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|kept| kept.strong_count() > 0);
    all.iter().filter_map(Weak::upgrade).collect()
}

fn bytes(groups: &[RowPanels]) -> u64 {
    groups.iter().map(RowPanels::bytes).sum()
}

/// The packing of one plan.
pub(in crate::engine::tract) struct Packing<'a> {
    shelf: &'a Shelf,
    packed: Cell<u64>,
}

impl<'a> Packing<'a> {
    pub(in crate::engine::tract) fn of(shelf: &'a Shelf) -> Self {
        Self { shelf, packed: Cell::new(0) }
    }

    /// Bytes that lie on the shelf for this plan, and perhaps for others.
    pub(in crate::engine::tract) fn packed(&self) -> u64 {
        self.packed.get()
    }

    pub(super) fn columns(&self, panels: ColumnPanels) -> Arc<ColumnPanels> {
        self.packed.set(self.packed.get() + panels.bytes());
        one_of(&self.shelf.columns, panels)
    }

    pub(super) fn rows(&self, groups: Vec<RowPanels>) -> Arc<Vec<RowPanels>> {
        self.packed.set(self.packed.get() + bytes(&groups));
        one_of(&self.shelf.rows, groups)
    }
}

fn one_of<T: PartialEq>(all: &Shared<T>, new: T) -> Arc<T> {
    // Unlike matrices differ early, or in size.
    if let Some(same) = alive(all).into_iter().find(|kept| **kept == new) {
        return same;
    }
    let new = Arc::new(new);
    all.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&new));
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panels(number: f32) -> Vec<RowPanels> {
        vec![RowPanels::pack(&[number; 24], 2)]
    }

    #[test]
    fn equal_matrices_are_kept_once_as_long_as_a_plan_has_them() {
        let size = bytes(&panels(1.0));
        let shelf = Shelf::default();
        let (first, second) = (Packing::of(&shelf), Packing::of(&shelf));
        let one = first.rows(panels(1.0));
        let two = first.rows(panels(2.0));
        let same = second.rows(panels(1.0));
        assert!(Arc::ptr_eq(&one, &same));
        assert_eq!((first.packed(), second.packed(), shelf.bytes()), (2 * size, size, 2 * size));
        drop((one, two));
        assert_eq!(shelf.bytes(), size);
        drop(same);
        assert_eq!(shelf.bytes(), 0);
    }
}
