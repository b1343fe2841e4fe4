//! The inner loop of all products of matrices: a panel of rows times a panel of columns, its
//! sums in registers until they are complete.

use pulp::Simd;

use super::activation::Activation;
use super::vector;
use super::weights::ROWS;

/// Vectors across a full panel of columns.
pub(super) const VECTORS: usize = 2;

/// What follows the product, in this order.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine::tract) struct Finish<'a> {
    pub(in crate::engine::tract) bias: Bias<'a>,
    /// Added to the product; it lies in memory as the output does.
    pub(in crate::engine::tract) residual: Option<&'a [f32]>,
    pub(in crate::engine::tract) activation: Activation,
}

#[derive(Debug, Clone, Copy)]
pub(in crate::engine::tract) enum Bias<'a> {
    /// One for each row of the output.
    Rows(&'a [f32]),
    /// One for each column.
    Columns(&'a [f32]),
}

/// Where a tile lies in the output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Columns of the whole output.
    pub(super) stride: usize,
    pub(super) row: usize,
    pub(super) column: usize,
    /// Of the tile; the rest of its panels is filling.
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// A stretch of the sums: whether others came before, and what follows the last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch<'a> {
    pub(super) first: bool,
    pub(super) last: Option<&'a Finish<'a>>,
}

/// Adds a panel of rows times a panel of columns to the output. `columns` holds one or two
/// vectors for each step of the depth.
#[inline(always)]
pub(super) fn multiply<S: Simd>(
    simd: S,
    rows: &[[f32; ROWS]],
    columns: &[S::f32s],
    output: &mut [f32],
    place: Place,
    stretch: Stretch<'_>,
) {
    if place.columns > S::F32_LANES {
        with_vectors::<S, VECTORS>(simd, rows, columns, output, place, stretch);
    } else {
        with_vectors::<S, 1>(simd, rows, columns, output, place, stretch);
    }
}

/// Chooses the smallest number of rows that is enough. Sixteen registers hold half a panel.
#[inline(always)]
fn with_vectors<S: Simd, const V: usize>(
    simd: S,
    rows: &[[f32; ROWS]],
    columns: &[S::f32s],
    output: &mut [f32],
    place: Place,
    stretch: Stretch<'_>,
) {
    if S::REGISTER_COUNT >= 32 {
        match place.rows {
            0..=4 => tile::<S, 0, 4, V>(simd, rows, columns, output, place, stretch),
            5..=8 => tile::<S, 0, 8, V>(simd, rows, columns, output, place, stretch),
            _ => tile::<S, 0, ROWS, V>(simd, rows, columns, output, place, stretch),
        }
    } else {
        let upper = Place { rows: place.rows.min(6), ..place };
        tile::<S, 0, 6, V>(simd, rows, columns, output, upper, stretch);
        if place.rows > 6 {
            let lower = Place { row: place.row + 6, rows: place.rows - 6, ..place };
            tile::<S, 6, 6, V>(simd, rows, columns, output, lower, stretch);
        }
    }
}

/// `R` rows of a panel from row `FROM`, times `V` vectors of columns.
#[inline(always)]
fn tile<S: Simd, const FROM: usize, const R: usize, const V: usize>(
    simd: S,
    rows: &[[f32; ROWS]],
    columns: &[S::f32s],
    output: &mut [f32],
    place: Place,
    stretch: Stretch<'_>,
) {
    let mut sums = [[simd.splat_f32s(0.0); V]; R];
    for (row, column) in rows.iter().zip(columns.as_chunks::<V>().0) {
        for r in 0..R {
            let factor = simd.splat_f32s(row[FROM + r]);
            for v in 0..V {
                sums[r][v] = simd.mul_add_f32s(factor, column[v], sums[r][v]);
            }
        }
    }
    // Bounds that the compiler knows: an index of the run would keep the sums in memory.
    for (r, sums) in sums.iter().enumerate() {
        if r < place.rows {
            finish(simd, sums, output, place, r, stretch);
        }
    }
}

/// Writes one row of a tile.
#[inline(always)]
fn finish<S: Simd, const V: usize>(
    simd: S,
    sums: &[S::f32s; V],
    output: &mut [f32],
    place: Place,
    r: usize,
    stretch: Stretch<'_>,
) {
    let start = (place.row + r) * place.stride + place.column;
    let target = &mut output[start..start + place.columns];
    for (v, sum) in sums.iter().enumerate() {
        let at = v * S::F32_LANES;
        let end = target.len().min(at + S::F32_LANES);
        if at >= end {
            return;
        }
        let target = &mut target[at..end];
        let mut sum = *sum;
        if !stretch.first {
            sum = simd.add_f32s(sum, vector::load(simd, target));
        }
        if let Some(finish) = stretch.last {
            match finish.bias {
                Bias::Rows(bias) => {
                    sum = simd.add_f32s(sum, simd.splat_f32s(bias[place.row + r]));
                }
                Bias::Columns(bias) => {
                    let bias = &bias[place.column + at..][..target.len()];
                    sum = simd.add_f32s(sum, vector::load(simd, bias));
                }
            }
            if let Some(residual) = finish.residual {
                let residual = &residual[start + at..][..target.len()];
                sum = simd.add_f32s(sum, vector::load(simd, residual));
            }
            sum = finish.activation.of(simd, sum);
        }
        vector::store(simd, target, sum);
    }
}
