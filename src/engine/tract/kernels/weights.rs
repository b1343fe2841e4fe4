//! A matrix cut into panels of rows, as the tile reads it.

use std::ops::Range;

use super::vector;
use crate::courtesy;

/// Rows of a panel. With two vectors per row their sums fill the registers of AVX-512.
pub(in crate::engine::tract) const ROWS: usize = 12;

/// A matrix in panels of [`ROWS`] rows; inside a panel the columns lie one after another.
/// Rows that fill up the last panel are zero.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::engine::tract) struct RowPanels {
    rows: usize,
    depth: usize,
    panels: Vec<[f32; ROWS]>,
}

impl RowPanels {
    /// From a matrix with its rows one after another.
    pub(in crate::engine::tract) fn pack(matrix: &[f32], depth: usize) -> Self {
        let rows = matrix.len().checked_div(depth).unwrap_or(0);
        let mut panels = vec![[0.0; ROWS]; rows.div_ceil(ROWS) * depth];
        for (row, values) in matrix.chunks_exact(depth.max(1)).enumerate() {
            if row % ROWS == 0 {
                courtesy::point();
            }
            let panel = &mut panels[row / ROWS * depth..][..depth];
            for (column, &value) in panel.iter_mut().zip(values) {
                column[row % ROWS] = vector::not_denormal(value);
            }
        }
        Self { rows, depth, panels }
    }

    pub(in crate::engine::tract) fn rows(&self) -> usize {
        self.rows
    }

    pub(in crate::engine::tract) fn depth(&self) -> usize {
        self.depth
    }

    /// A stretch of the depth of each of these panels, numbered from nought.
    pub(super) fn panels(
        &self,
        panels: Range<usize>,
        depth: Range<usize>,
    ) -> impl Iterator<Item = (usize, &[[f32; ROWS]])> {
        let all = &self.panels[panels.start * self.depth..panels.end * self.depth];
        let panels = all.chunks_exact(self.depth.max(1)).enumerate();
        panels.map(move |(number, panel)| (number, &panel[depth.clone()]))
    }
}
