//! Convolution as a product of matrices whose right side never exists as a whole: a panel of its
//! columns at a time is gathered from the image, and meets all weights while it is in the cache.

use pulp::{Arch, Simd, WithSimd};

use super::activation::Activation;
use super::image::{Layout, Window};
use super::scratch;
use super::tile::{self, Finish, Place, Stretch, VECTORS};
use super::vector;
use super::weights::RowPanels;

/// Steps of the sum that a panel of columns holds: with two vectors each they fill most of the
/// first cache.
const DEPTH: usize = 320;

/// One convolution of one image.
pub(in crate::engine::tract) struct Convolution<'a> {
    pub(in crate::engine::tract) window: Window,
    /// A matrix for each group: a row per channel of the output.
    pub(in crate::engine::tract) groups: &'a [RowPanels],
    pub(in crate::engine::tract) preparation: Option<Preparation<'a>>,
    pub(in crate::engine::tract) finish: Finish<'a>,
}

/// What the image goes through first, channel by channel; only for windows of one point.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine::tract) struct Preparation<'a> {
    pub(in crate::engine::tract) scale: &'a [f32],
    pub(in crate::engine::tract) offset: &'a [f32],
    pub(in crate::engine::tract) activation: Activation,
}

/// The channels of an image, which may come from several tensors.
pub(in crate::engine::tract) type Image<'a> = [&'a [f32]];

/// Writes the output's channels one after another.
pub(in crate::engine::tract) fn convolve(
    convolution: &Convolution<'_>,
    image: &Image<'_>,
    output: &mut [f32],
) {
    let layout = (!convolution.window.is_point()).then(|| Layout::new(convolution.window));
    let channels = image.len() / convolution.groups.len().max(1);
    // Copies of whole vectors run over the end.
    let copied = layout.as_ref().map_or(0, |layout| channels * layout.plane + WIDEST);
    scratch::with([copied, (DEPTH + 1) * WIDEST], |[copy, panel]| {
        let layout = layout.as_ref();
        Arch::new().dispatch(Run { convolution, image, layout, output, copy, panel });
    });
}

/// Columns of a panel where vectors are longest.
const WIDEST: usize = VECTORS * 16;

/// Everything below must become one function, for only that is compiled for the vectors of
/// `simd`: so all of it is always inlined, and no closure meets a vector.
struct Run<'a> {
    convolution: &'a Convolution<'a>,
    image: &'a Image<'a>,
    layout: Option<&'a Layout>,
    output: &'a mut [f32],
    copy: &'a mut [f32],
    panel: &'a mut [f32],
}

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { convolution, image, layout, output, copy, panel } = self;
        let groups = convolution.groups;
        let pixels = convolution.window.pixels();
        let channels = image.len() / groups.len().max(1);
        let outputs = output.chunks_exact_mut((output_channels(groups) * pixels).max(1));
        for ((number, weights), output) in groups.iter().enumerate().zip(outputs) {
            let first = number * channels;
            let image = &image[first..first + channels];
            let finish = convolution.finish.of_group(number, weights.rows(), pixels);
            let group = Group { weights, finish: &finish, pixels };
            if let Some(layout) = layout {
                let planes = copy.chunks_exact_mut(layout.plane.max(1));
                for (channel, plane) in image.iter().zip(planes) {
                    layout.fill(channel, plane, 0.0);
                }
                let gather = Pieces::new(convolution.window, layout, copy);
                group.multiply(simd, output, panel, &gather);
            } else {
                let preparation = convolution.preparation.map(|all| all.of(first, channels));
                group.multiply(simd, output, panel, &Points { image, preparation });
            }
        }
    }
}

fn output_channels(groups: &[RowPanels]) -> usize {
    groups.first().map_or(0, RowPanels::rows)
}

impl<'a> Preparation<'a> {
    fn of(self, first: usize, channels: usize) -> Self {
        let of = |values: &'a [f32]| &values[first..first + channels];
        Self { scale: of(self.scale), offset: of(self.offset), ..self }
    }
}

/// The product for one group of channels.
struct Group<'a> {
    weights: &'a RowPanels,
    finish: &'a Finish<'a>,
    pixels: usize,
}

/// Steps of the sum.
type Depth = std::ops::Range<usize>;

/// Columns of the product: where they start, and how many.
#[derive(Clone, Copy)]
struct Columns {
    start: usize,
    count: usize,
}

/// Where the columns come from.
trait Gather {
    /// Writes a panel: one or two vectors for each step of the depth.
    fn columns<S: Simd>(&self, simd: S, depth: Depth, columns: Columns, panel: &mut [f32]);
}

impl Group<'_> {
    #[inline(always)]
    fn multiply<S: Simd>(
        &self,
        simd: S,
        output: &mut [f32],
        panel: &mut [f32],
        gather: &impl Gather,
    ) {
        let width = VECTORS * S::F32_LANES;
        let depth = self.weights.depth();
        let block = depth.div_ceil(depth.div_ceil(DEPTH).max(1)).max(1);
        for from in (0..depth).step_by(block) {
            let to = depth.min(from + block);
            let stretch = Stretch { first: from == 0, last: (to == depth).then_some(self.finish) };
            for start in (0..self.pixels).step_by(width) {
                let count = width.min(self.pixels - start);
                gather.columns(simd, from..to, Columns { start, count }, panel);
                let vectors = count.div_ceil(S::F32_LANES);
                let columns = &S::as_simd_f32s(panel).0[..(to - from) * vectors];
                for (row, rows) in self.weights.panels(from, to) {
                    let place = Place {
                        stride: self.pixels,
                        row,
                        column: start,
                        rows: (self.weights.rows() - row).min(super::weights::ROWS),
                        columns: count,
                    };
                    tile::multiply(simd, rows, columns, output, place, stretch);
                }
            }
        }
    }
}

/// Columns for a window of one point: the image as it is, or prepared.
struct Points<'a> {
    image: &'a Image<'a>,
    preparation: Option<Preparation<'a>>,
}

impl Gather for Points<'_> {
    #[inline(always)]
    fn columns<S: Simd>(&self, simd: S, depth: Depth, columns: Columns, panel: &mut [f32]) {
        let Columns { start, count } = columns;
        let width = count.div_ceil(S::F32_LANES) * S::F32_LANES;
        for (k, target) in depth.zip(panel.chunks_exact_mut(width)) {
            let source = &self.image[k][start..start + count];
            let targets = S::as_mut_simd_f32s(target).0;
            match &self.preparation {
                None => {
                    for (source, target) in source.chunks(S::F32_LANES).zip(targets) {
                        *target = vector::load(simd, source);
                    }
                }
                Some(Preparation { scale, offset, activation }) => {
                    let scale = simd.splat_f32s(scale[k]);
                    let offset = simd.splat_f32s(offset[k]);
                    for (source, target) in source.chunks(S::F32_LANES).zip(targets) {
                        let x = vector::load(simd, source);
                        *target = activation.of(simd, simd.mul_add_f32s(x, scale, offset));
                    }
                }
            }
        }
    }
}

/// Columns for a larger window, out of the copy of the image.
struct Pieces<'a> {
    window: Window,
    layout: &'a Layout,
    copy: &'a [f32],
    /// Where the numbers of each weight start.
    offsets: Vec<usize>,
}

/// Columns of a panel that lie one after another in the copy.
#[derive(Clone, Copy, Default)]
struct Piece {
    at: usize,
    from: usize,
}

impl<'a> Pieces<'a> {
    fn new(window: Window, layout: &'a Layout, copy: &'a [f32]) -> Self {
        let channels = copy.len() / layout.plane.max(1);
        let [height, width] = window.kernel;
        let inside = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
        let inside: Vec<usize> = inside.map(|(y, x)| layout.offset(y, x)).collect();
        let channels = (0..channels).map(|channel| channel * layout.plane);
        let offsets = channels.flat_map(|start| inside.iter().map(move |at| start + at)).collect();
        Self { window, layout, copy, offsets }
    }

    /// One piece for each row of the output that the panel touches, and the longest one's length.
    #[inline(always)]
    fn pieces<'p>(&self, columns: Columns, all: &'p mut [Piece; 64]) -> (&'p [Piece], usize) {
        let width = self.window.output[1];
        let (mut at, mut count, mut longest) = (0, 0, 0);
        while at < columns.count {
            let (row, column) = ((columns.start + at) / width, (columns.start + at) % width);
            let length = (width - column).min(columns.count - at);
            all[count] = Piece { at, from: self.layout.start(row) + column };
            longest = longest.max(length);
            count += 1;
            at += length;
        }
        (&all[..count], longest)
    }

    /// Copies `V` vectors for every piece, of a panel with `P` vectors. What is too much is
    /// overwritten by the next piece.
    #[inline(always)]
    fn copy_pieces<S: Simd, const V: usize, const P: usize>(
        &self,
        _simd: S,
        depth: Depth,
        pieces: &[Piece],
        panel: &mut [f32],
    ) {
        let (lanes, width) = (V * S::F32_LANES, P * S::F32_LANES);
        for (step, &offset) in self.offsets[depth].iter().enumerate() {
            let source = &self.copy[offset..];
            let target = &mut panel[step * width..][..width + lanes];
            for piece in pieces {
                target[piece.at..][..lanes].copy_from_slice(&source[piece.from..][..lanes]);
            }
        }
    }
}

impl Gather for Pieces<'_> {
    #[inline(always)]
    fn columns<S: Simd>(&self, simd: S, depth: Depth, columns: Columns, panel: &mut [f32]) {
        let mut pieces = [Piece::default(); 64];
        let (pieces, longest) = self.pieces(columns, &mut pieces);
        let vectors = columns.count.div_ceil(S::F32_LANES);
        if vectors == VECTORS && longest > S::F32_LANES {
            self.copy_pieces::<S, VECTORS, VECTORS>(simd, depth, pieces, panel);
        } else if vectors == VECTORS {
            self.copy_pieces::<S, 1, VECTORS>(simd, depth, pieces, panel);
        } else {
            self.copy_pieces::<S, 1, 1>(simd, depth, pieces, panel);
        }
    }
}
