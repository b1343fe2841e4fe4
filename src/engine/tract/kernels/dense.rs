//! Rows of numbers times a constant matrix: the matrix lies in panels of columns since the graph
//! was compiled, and the rows are turned into panels run by run.

use pulp::{Arch, Simd, WithSimd};

use super::scratch;
use super::tile::{self, Finish, Place, Stretch, VECTORS};
use super::weights::ROWS;

/// Steps of the sum between two visits of the output, as long as a panel stays in the first cache.
const DEPTH: usize = 384;

/// A matrix in panels of columns as wide as the tile of this processor; the last may be half.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::engine::tract) struct ColumnPanels {
    columns: usize,
    depth: usize,
    /// Numbers in a vector.
    lanes: usize,
    panels: Vec<f32>,
}

impl ColumnPanels {
    /// From a matrix with a row for each step of the depth; `at` gives its numbers.
    pub(in crate::engine::tract) fn pack(
        depth: usize,
        columns: usize,
        at: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let lanes = Arch::new().dispatch(Lanes);
        let mut panels = Vec::with_capacity(depth * columns.next_multiple_of(lanes));
        for start in (0..columns).step_by(VECTORS * lanes) {
            let width = (columns - start).next_multiple_of(lanes).min(VECTORS * lanes);
            for k in 0..depth {
                let inside = |column: usize| if column < columns { at(k, column) } else { 0.0 };
                panels.extend((start..start + width).map(inside));
            }
        }
        Self { columns, depth, lanes, panels }
    }

    pub(in crate::engine::tract) fn columns(&self) -> usize {
        self.columns
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

/// Writes a row of the output for each row of numbers.
pub(in crate::engine::tract) fn dense(
    rows: &[f32],
    matrix: &ColumnPanels,
    finish: &Finish<'_>,
    output: &mut [f32],
) {
    let count = rows.len() / matrix.depth.max(1);
    let packed = count.next_multiple_of(ROWS) * matrix.depth.min(DEPTH);
    scratch::with([packed, 0], |[packed, _]| {
        Arch::new().dispatch(Run { rows, count, matrix, finish, output, packed });
    });
}

/// All below is inlined into one function, as in `convolve`.
struct Run<'a> {
    rows: &'a [f32],
    count: usize,
    matrix: &'a ColumnPanels,
    finish: &'a Finish<'a>,
    output: &'a mut [f32],
    packed: &'a mut [f32],
}

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, count, matrix, finish, output, packed } = self;
        let &ColumnPanels { columns, depth, lanes, .. } = matrix;
        assert_eq!(lanes, S::F32_LANES, "the matrix was packed for another processor");
        let packed = packed.as_chunks_mut::<ROWS>().0;
        for from in (0..depth).step_by(DEPTH) {
            let to = depth.min(from + DEPTH);
            pack(rows, depth, from..to, packed);
            let stretch = Stretch { first: from == 0, last: (to == depth).then_some(finish) };
            for column in (0..columns).step_by(VECTORS * lanes) {
                let width = (columns - column).next_multiple_of(lanes).min(VECTORS * lanes);
                let panel = &matrix.panels[column * depth..];
                let panel = S::as_simd_f32s(&panel[from * width..to * width]).0;
                for (number, rows) in packed.chunks_exact(to - from).enumerate() {
                    let row = number * ROWS;
                    if row >= count {
                        break;
                    }
                    let place = Place {
                        stride: columns,
                        row,
                        column,
                        rows: ROWS.min(count - row),
                        columns: (columns - column).min(VECTORS * lanes),
                    };
                    tile::multiply(simd, rows, panel, output, place, stretch);
                }
            }
        }
    }
}

/// Turns a stretch of all rows into panels. Rows that fill up the last panel repeat anything:
/// their sums are not written.
#[inline(always)]
fn pack(rows: &[f32], depth: usize, stretch: std::ops::Range<usize>, packed: &mut [[f32; ROWS]]) {
    let length = stretch.len();
    let panels = packed.chunks_exact_mut(length);
    for (panel, rows) in panels.zip(rows.chunks(ROWS * depth)) {
        for (r, row) in rows.chunks_exact(depth).enumerate() {
            for (column, &value) in panel.iter_mut().zip(&row[stretch.clone()]) {
                column[r] = value;
            }
        }
    }
}
