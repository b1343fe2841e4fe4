//! From rows to leaves.
//!
//! One walk down one tree is a chain of loads that wait for each other. Eight walks side by
//! side keep the processor busy: eight rows down the same tree, whose nodes then stay in the
//! cache, or eight trees for the same row.
//!
//! Rows are prepared before they walk. Of every column that some node asks for there are
//! two values, as it came and with negative infinity for NaN; a node that sends missing
//! values to the left asks for the second. So NaN costs nothing on the way. Eight rows lie
//! interleaved in a [`Tile`], the same column side by side.

use super::forest::{Forest, Tree};
use super::number::Number;

/// Walks side by side. More would not fit into the registers.
const LANES: usize = 8;

/// A prepared value of eight rows.
type Tile<T> = [T; LANES];

/// Gets the leaf of every row and tree; the trees of a row come in their order.
pub(super) trait Leaf {
    /// `position` is where the leaf lies among the nodes.
    fn reached(&mut self, tree: usize, row: usize, position: u32);
}

/// Rows of a matrix.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a, T> {
    /// Row by row.
    pub(super) values: &'a [T],
    /// More than the highest that the forest asks for.
    pub(super) columns: usize,
    pub(super) count: usize,
}

impl<T> Rows<'_, T> {
    /// The first rows, at most so many, and the others.
    pub(super) fn split_at(self, count: usize) -> (Self, Self) {
        let count = count.min(self.count);
        let (first, rest) = self.values.split_at(count * self.columns);
        (
            Self { values: first, count, ..self },
            Self { values: rest, count: self.count - count, ..self },
        )
    }
}

impl<T: Number> Forest<T> {
    /// Walks all rows down all trees.
    pub(super) fn walk(&self, rows: Rows<T>, leaf: &mut impl Leaf) {
        let (together, alone) = rows.split_at(rows.count / LANES * LANES);
        let tiles = self.tiles(together);
        let tile = 2 * self.columns.len();
        for (number, tree) in self.trees.iter().enumerate() {
            for group in 0..together.count / LANES {
                let values = &tiles[group * tile..(group + 1) * tile];
                let mut at = [tree.root; LANES];
                self.descend(&mut at, tree.depth, |value, lane| values[value][lane]);
                for (lane, &position) in at.iter().enumerate() {
                    leaf.reached(number, group * LANES + lane, position);
                }
            }
        }
        for row in 0..alone.count {
            let values = &alone.values[row * rows.columns..];
            self.walk_alone(values, together.count + row, leaf);
        }
    }

    fn walk_alone(&self, values: &[T], row: usize, leaf: &mut impl Leaf) {
        let values: Vec<T> =
            self.columns.iter().flat_map(|&column| prepared(values[column])).collect();
        for (group, trees) in self.trees.chunks(LANES).enumerate() {
            // Lanes without a tree walk the first one once more, unheard.
            let mut at = [trees[0].root; LANES];
            at.iter_mut().zip(trees).for_each(|(at, tree)| *at = tree.root);
            let depth = trees.iter().map(|tree: &Tree| tree.depth).max().unwrap_or(0);
            self.descend(&mut at, depth, |value, _| values[value]);
            for (lane, &position) in at.iter().enumerate().take(trees.len()) {
                leaf.reached(group * LANES + lane, row, position);
            }
        }
    }

    fn descend(&self, at: &mut [u32; LANES], depth: u32, value: impl Fn(usize, usize) -> T) {
        let nodes = self.nodes.as_slice();
        for _ in 0..depth {
            for (lane, at) in at.iter_mut().enumerate() {
                let node = &nodes[*at as usize];
                // Not the same as >: a NaN goes right.
                #[expect(clippy::neg_cmp_op_on_partial_ord, reason = "NaN goes right")]
                let right = !(value(node.value as usize, lane) <= node.threshold);
                *at = node.child + u32::from(right);
            }
        }
    }

    /// Tiles for rows that fill them.
    fn tiles(&self, rows: Rows<T>) -> Vec<Tile<T>> {
        let mut tiles = Vec::with_capacity(rows.count / LANES * 2 * self.columns.len());
        for group in rows.values.chunks(LANES * rows.columns.max(1)) {
            for &column in &self.columns {
                let pairs: [[T; 2]; LANES] =
                    std::array::from_fn(|lane| prepared(group[lane * rows.columns + column]));
                tiles.push(pairs.map(|[value, _]| value));
                tiles.push(pairs.map(|[_, value]| value));
            }
        }
        tiles
    }
}

/// The value as it came, and so that NaN goes left.
fn prepared<T: Number>(value: T) -> [T; 2] {
    [value, if value.is_nan() { T::NEG_INFINITY } else { value }]
}
