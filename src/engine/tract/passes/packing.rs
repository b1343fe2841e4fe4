//! Packed matrices that the plans of a model have in common: each plan packs its own, and gives
//! it back where another has the same.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tract_onnx::prelude::*;

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
    /// Constants that are packed, each once.
    sources: RefCell<Vec<Arc<Tensor>>>,
}

impl<'a> Packing<'a> {
    pub(in crate::engine::tract) fn of(shelf: &'a Shelf) -> Self {
        Self { shelf, sources: RefCell::default() }
    }

    /// Bytes of constants that this plan has on the shelf instead, perhaps with others.
    pub(in crate::engine::tract) fn packed(&self) -> u64 {
        let bytes = |source: &Arc<Tensor>| source.len() * source.datum_type().size_of();
        self.sources.borrow().iter().map(|source| bytes(source) as u64).sum()
    }

    pub(super) fn columns(&self, of: &Arc<Tensor>, panels: ColumnPanels) -> Arc<ColumnPanels> {
        self.note(of);
        one_of(&self.shelf.columns, panels, ColumnPanels::is)
    }

    pub(super) fn rows(&self, of: &Arc<Tensor>, groups: Vec<RowPanels>) -> Arc<Vec<RowPanels>> {
        self.note(of);
        let alike = |left: &Vec<RowPanels>, right: &Vec<RowPanels>| {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left.is(right))
        };
        one_of(&self.shelf.rows, groups, alike)
    }

    fn note(&self, source: &Arc<Tensor>) {
        let mut sources = self.sources.borrow_mut();
        if !sources.iter().any(|noted| Arc::ptr_eq(noted, source)) {
            sources.push(Arc::clone(source));
        }
    }
}

/// Two threads that pack the same at the same time may keep both.
fn one_of<T>(all: &Shared<T>, new: T, alike: impl Fn(&T, &T) -> bool) -> Arc<T> {
    if let Some(same) = alive(all).into_iter().find(|kept| alike(kept, &new)) {
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

    fn constant(number: f32) -> Arc<Tensor> {
        Tensor::from_shape(&[24], &[number; 24]).unwrap().into_arc_tensor()
    }

    #[test]
    fn equal_matrices_are_kept_once_as_long_as_a_plan_has_them() {
        let size = bytes(&panels(1.0));
        let shelf = Shelf::default();
        let (first, second) = (Packing::of(&shelf), Packing::of(&shelf));
        let one = first.rows(&constant(1.0), panels(1.0));
        let two = first.rows(&constant(2.0), panels(2.0));
        let same = second.rows(&constant(1.0), panels(1.0));
        assert!(Arc::ptr_eq(&one, &same));
        assert_eq!(shelf.bytes(), 2 * size);
        drop((one, two));
        assert_eq!(shelf.bytes(), size);
        drop(same);
        assert_eq!(shelf.bytes(), 0);
    }

    #[test]
    fn what_is_not_a_number_is_like_itself() {
        let shelf = Shelf::default();
        let packing = Packing::of(&shelf);
        let of = constant(0.0);
        let one = packing.rows(&of, panels(f32::NAN));
        assert!(Arc::ptr_eq(&one, &packing.rows(&of, panels(f32::NAN))));
    }

    #[test]
    fn a_constant_that_is_packed_twice_counts_once_and_without_its_filling() {
        let shelf = Shelf::default();
        let packing = Packing::of(&shelf);
        let of = constant(1.0);
        let _both = (packing.rows(&of, panels(1.0)), packing.rows(&of, panels(2.0)));
        assert_eq!(packing.packed(), 24 * 4);
    }
}
