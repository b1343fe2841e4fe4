//! Constant matrices cut into panels, as the tile reads them.

use std::borrow::Cow;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::tile::VECTORS;
use super::vector;
use crate::courtesy;

/// Rows of a panel. With two vectors per row their sums fill the registers of AVX-512.
pub(in crate::engine::tract) const ROWS: usize = 12;

/// A matrix in panels of [`ROWS`] rows; inside a panel the columns lie one after another.
/// Rows that fill up the last panel are zero.
#[derive(Debug, Clone)]
pub(in crate::engine::tract) struct RowPanels {
    rows: usize,
    depth: usize,
    panels: Vec<[f32; ROWS]>,
}

/// Whether all bits are the same.
fn alike(left: &[f32], right: &[f32]) -> bool {
    const PIECE: usize = 1 << 15;
    let mut pieces = left.chunks(PIECE).zip(right.chunks(PIECE));
    left.len() == right.len()
        && pieces.all(|(left, right)| {
            courtesy::point();
            bytemuck::cast_slice::<f32, u32>(left) == bytemuck::cast_slice::<f32, u32>(right)
        })
}

impl RowPanels {
    pub(in crate::engine::tract) fn is(&self, other: &Self) -> bool {
        let shape = |panels: &Self| (panels.rows, panels.depth);
        shape(self) == shape(other)
            && alike(self.panels.as_flattened(), other.panels.as_flattened())
    }

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

    pub(in crate::engine::tract) fn bytes(&self) -> u64 {
        size_of_val(&*self.panels) as u64
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

/// Numbers of a matrix and where they lie: row after row, or column after column.
#[derive(Debug, Clone)]
pub(in crate::engine::tract) struct Lines<'a> {
    pub(in crate::engine::tract) values: Cow<'a, [f32]>,
    /// From one row to the next.
    pub(in crate::engine::tract) row: usize,
    /// From one number of a row to the next.
    pub(in crate::engine::tract) step: usize,
}

/// A matrix in panels of columns as wide as the tile of this processor; the last may be half.
#[derive(Debug, Clone)]
pub(in crate::engine::tract) struct ColumnPanels {
    columns: usize,
    depth: usize,
    /// Numbers in a vector.
    lanes: usize,
    panels: Vec<f32>,
}

/// Numbers of a row that are turned at once: they lie in one line of a cache.
const TURNED: usize = 16;

impl ColumnPanels {
    pub(in crate::engine::tract) fn is(&self, other: &Self) -> bool {
        let shape = |panels: &Self| (panels.columns, panels.depth, panels.lanes);
        shape(self) == shape(other) && alike(&self.panels, &other.panels)
    }

    /// From a matrix with a row for each column of the panels, of so many numbers, all
    /// multiplied by the scale of their row.
    pub(in crate::engine::tract) fn pack(lines: &Lines<'_>, depth: usize, scale: &[f32]) -> Self {
        let lanes = Arch::new().dispatch(Lanes);
        let columns = scale.len();
        let mut panels = Vec::with_capacity(depth * columns.next_multiple_of(lanes));
        for (start, scale) in (0..).step_by(VECTORS * lanes).zip(scale.chunks(VECTORS * lanes)) {
            courtesy::point();
            let (from, width) = (panels.len(), scale.len().next_multiple_of(lanes));
            panels.resize(from + depth * width, 0.0);
            lines.fill(&mut panels[from..], width, start, scale);
        }
        Self { columns, depth, lanes, panels }
    }

    pub(in crate::engine::tract) fn bytes(&self) -> u64 {
        size_of_val(&*self.panels) as u64
    }

    pub(in crate::engine::tract) fn columns(&self) -> usize {
        self.columns
    }

    pub(in crate::engine::tract) fn depth(&self) -> usize {
        self.depth
    }

    /// A stretch of the panel that begins at this column.
    #[inline(always)]
    pub(super) fn panel<S: Simd>(&self, _: S, column: usize, stretch: Range<usize>) -> &[S::f32s] {
        assert_eq!(self.lanes, S::F32_LANES, "the matrix was packed for another processor");
        S::as_simd_f32s(&self.panels[column * self.depth..][stretch]).0
    }
}

impl Lines<'_> {
    /// Writes a panel of this width, whose columns are the rows from `start` on.
    fn fill(&self, panel: &mut [f32], width: usize, start: usize, scale: &[f32]) {
        let scaled = |value: f32, scale: f32| vector::not_denormal(value * scale);
        if self.row == 1 {
            for (k, columns) in panel.chunks_exact_mut(width).enumerate() {
                let values = &self.values[k * self.step + start..][..scale.len()];
                for ((column, value), scale) in columns.iter_mut().zip(values).zip(scale) {
                    *column = scaled(*value, *scale);
                }
            }
            return;
        }
        for (block, turned) in panel.chunks_mut(TURNED * width).enumerate() {
            let first = start * self.row + block * TURNED * self.step;
            for (column, scale) in scale.iter().enumerate() {
                let values = self.values[first + column * self.row..].iter().step_by(self.step);
                for (line, value) in turned.chunks_exact_mut(width).zip(values) {
                    line[column] = scaled(*value, *scale);
                }
            }
        }
    }
}

struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}
