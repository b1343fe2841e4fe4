//! Rows of numbers times a constant matrix: the matrix lies in panels of columns since the graph
//! was compiled, and the rows are turned into panels run by run.

use pulp::{Arch, Simd, WithSimd};

use super::scratch;
use super::tile::{self, Finish, Place, Stretch, VECTORS};
use super::vector;
use super::weights::{ColumnPanels, ROWS};
use crate::courtesy;

/// Steps of the sum between two visits of the output, as long as a panel stays in the first cache.
const DEPTH: usize = 384;

/// Columns between two points where the run may stand still; there may be few rows to each.
const GIVING_WAY: usize = 256;

/// Rows that are packed together: they stay in the second cache.
const TOGETHER: usize = 20 * ROWS;

/// Rows of numbers in memory, which may share some: each is made of pieces of one length, the
/// same distance apart.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine::tract) struct Rows<'a> {
    pub(in crate::engine::tract) values: &'a [f32],
    /// Where each row starts.
    pub(in crate::engine::tract) starts: &'a [usize],
    /// Numbers in a piece.
    pub(in crate::engine::tract) piece: usize,
    /// From the start of a piece to that of the next.
    pub(in crate::engine::tract) step: usize,
}

/// Writes a row of the output for each row of numbers.
pub(in crate::engine::tract) fn dense(
    rows: Rows<'_>,
    matrix: &ColumnPanels,
    finish: &Finish<'_>,
    output: &mut [f32],
) {
    let size = TOGETHER * matrix.columns();
    let most = rows.starts.len().min(TOGETHER).next_multiple_of(ROWS);
    scratch::with([most * matrix.depth().min(DEPTH), 0], |[packed, _]| {
        let blocks = rows.starts.chunks(TOGETHER).zip(output.chunks_mut(size.max(1)));
        for (number, (starts, output)) in blocks.enumerate() {
            let residual = finish.residual.map(|all| &all[number * size..][..output.len()]);
            let finish = &Finish { residual, ..*finish };
            let rows = Rows { starts, ..rows };
            Arch::new().dispatch(Run { rows, matrix, finish, output, packed });
        }
    });
}

/// All below is inlined into one function, as in `convolve`.
struct Run<'a> {
    rows: Rows<'a>,
    matrix: &'a ColumnPanels,
    finish: &'a Finish<'a>,
    output: &'a mut [f32],
    packed: &'a mut [f32],
}

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, matrix, finish, output, packed } = self;
        let count = rows.starts.len();
        let (columns, depth) = (matrix.columns(), matrix.depth());
        let lanes = S::F32_LANES;
        let packed = packed.as_chunks_mut::<ROWS>().0;
        for from in (0..depth).step_by(DEPTH) {
            let to = depth.min(from + DEPTH);
            rows.pack(from..to, packed);
            let stretch = Stretch { first: from == 0, last: (to == depth).then_some(finish) };
            for column in (0..columns).step_by(VECTORS * lanes) {
                if column % GIVING_WAY == 0 {
                    courtesy::point();
                }
                let width = (columns - column).next_multiple_of(lanes).min(VECTORS * lanes);
                let panel = matrix.panel(simd, column, from * width..to * width);
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

/// Numbers of a row that are turned at once.
const TURNED: usize = 16;

impl Rows<'_> {
    /// Turns a stretch of all rows into panels. What fills up the last panel may be anything: its
    /// sums are not written.
    #[inline(always)]
    fn pack(&self, stretch: std::ops::Range<usize>, packed: &mut [[f32; ROWS]]) {
        let panels = packed.chunks_exact_mut(stretch.len());
        for (panel, starts) in panels.zip(self.starts.chunks(ROWS)) {
            let mut k = stretch.start;
            while k < stretch.end {
                let (piece, inside) = (k / self.piece, k % self.piece);
                let length = (self.piece - inside).min(stretch.end - k);
                let target = &mut panel[k - stretch.start..][..length];
                self.turn(piece * self.step + inside, starts, target);
                k += length;
            }
        }
    }

    /// Turns the same part of up to [`ROWS`] rows.
    #[inline(always)]
    fn turn(&self, from: usize, starts: &[usize], target: &mut [[f32; ROWS]]) {
        let (blocks, rest) = target.as_chunks_mut::<TURNED>();
        let end = blocks.len() * TURNED;
        if let Ok(starts) = <&[usize; ROWS]>::try_from(starts) {
            for (number, block) in blocks.iter_mut().enumerate() {
                let mut rows = [[0.0; TURNED]; ROWS];
                for (row, start) in rows.iter_mut().zip(starts) {
                    let source = &self.values[start + from + number * TURNED..][..TURNED];
                    for (value, &x) in row.iter_mut().zip(source) {
                        *value = vector::not_denormal(x);
                    }
                }
                for (k, column) in block.iter_mut().enumerate() {
                    for (value, row) in column.iter_mut().zip(&rows) {
                        *value = row[k];
                    }
                }
            }
        } else {
            self.turn_singly(from, starts, blocks.as_flattened_mut());
        }
        self.turn_singly(from + end, starts, rest);
    }

    #[inline(always)]
    fn turn_singly(&self, from: usize, starts: &[usize], target: &mut [[f32; ROWS]]) {
        for (r, start) in starts.iter().enumerate() {
            let source = &self.values[start + from..][..target.len()];
            for (column, &value) in target.iter_mut().zip(source) {
                column[r] = vector::not_denormal(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tile::Bias;
    use super::super::{Activation, Lines};
    use super::*;

    #[test]
    fn a_long_product_gives_way_inside() {
        let (depth, columns) = (2000, 2000);
        let lines = Lines { values: vec![0.5; depth * columns].into(), row: 1, step: columns };
        let matrix = ColumnPanels::pack(&lines, depth, &vec![1.0; columns]);
        let bias = vec![0.0; columns];
        let (bias, activation) = (Bias::Columns(&bias), Activation::None);
        let finish = Finish { bias, residual: None, activation };
        let rows = Rows { values: &vec![1.0; depth], starts: &[0], piece: depth, step: 0 };
        let mut output = vec![0.0; columns];
        let points = courtesy::points_of(|| dense(rows, &matrix, &finish, &mut output));
        assert!(points >= 40, "{points}");
        assert!(output.iter().all(|sum| (sum - 1000.0).abs() < 1e-3));
    }
}
