//! The kernel against the plainest evaluation there is, on random ensembles.

use super::forest::Forest;
use super::number::Number;
use super::source::{Aggregate, Branch, Child, Question, Source, Weight};
use super::walk::Rows;

const ENSEMBLES: u64 = 1_000;
/// Not a multiple of the rows that walk together.
const ROWS: usize = 1_003;

/// What a tree says about a row.
fn evaluate<'a, T: Number>(source: &'a Source, at: Child, row: &[T]) -> &'a [Weight] {
    let branch = match at {
        Child::Leaf(leaf) => return &source.leaves[leaf],
        Child::Branch(branch) => &source.branches[branch],
    };
    let x = row[branch.feature];
    let holds = match &branch.question {
        Question::LessOrEqual(t) => x <= T::of(*t),
        Question::Less(t) => x < T::of(*t),
        Question::GreaterOrEqual(t) => x >= T::of(*t),
        Question::Greater(t) => x > T::of(*t),
        Question::Equal(t) => x == T::of(*t),
        Question::NotEqual(t) => x != T::of(*t),
        Question::Member(values) => values.iter().any(|value| x == T::of(*value)),
    };
    let holds = holds || (branch.missing_is_true && x.is_nan());
    evaluate(source, if holds { branch.when_true } else { branch.when_false }, row)
}

fn scores<T: Number>(source: &Source, aggregate: Aggregate, row: &[T]) -> Vec<T> {
    let mut scores: Vec<Option<T>> = vec![None; source.targets];
    for &root in &source.roots {
        for weight in evaluate(source, root, row) {
            let value = T::of(weight.value);
            let score = &mut scores[weight.target];
            *score = Some(match (*score, aggregate) {
                (None, Aggregate::Sum | Aggregate::Average) => T::default() + value,
                (None, _) => value,
                (Some(score), Aggregate::Sum | Aggregate::Average) => score + value,
                (Some(score), Aggregate::Min) => {
                    if value < score {
                        value
                    } else {
                        score
                    }
                }
                (Some(score), Aggregate::Max) => {
                    if value > score {
                        value
                    } else {
                        score
                    }
                }
            });
        }
    }
    let trees = T::count(if aggregate == Aggregate::Average { source.roots.len() } else { 1 });
    scores.into_iter().map(|score| score.unwrap_or_default() / trees).collect()
}

/// Numbers that meet each other often, and all the special ones.
const NUMBERS: [f64; 15] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    3.0,
    1e-45,
    -1e-45,
    3.4e38,
    -3.4e38,
    0.1,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

/// Xorshift: the same ensembles every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn number(&mut self) -> f64 {
        NUMBERS[self.below(NUMBERS.len())]
    }

    fn source(&mut self, features: usize) -> Source {
        let targets = 1 + self.below(3);
        let mut source = Source { targets, ..Source::default() };
        for _ in 0..=self.below(20) {
            let depth = self.below(7);
            let root = self.subtree(&mut source, features, depth);
            source.roots.push(root);
        }
        source
    }

    fn subtree(&mut self, source: &mut Source, features: usize, depth: usize) -> Child {
        if depth == 0 || self.below(6) == 0 {
            // A single target's leaf has one weight; with several, any may be missing.
            let all = source.targets == 1 || self.below(2) == 0;
            let chosen = (0..source.targets).filter(|_| all || self.below(2) == 0);
            let targets: Vec<usize> = chosen.collect();
            let weights = targets.into_iter().map(|target| {
                #[expect(clippy::cast_precision_loss, reason = "three digits")]
                let value = (self.below(2_000) as f64 - 1_000.0) / 997.0;
                Weight { target, value }
            });
            let weights = weights.collect();
            source.leaves.push(weights);
            return Child::Leaf(source.leaves.len() - 1);
        }
        let when_true = self.subtree(source, features, depth - 1);
        let when_false = self.subtree(source, features, depth - 1);
        let t = self.number();
        let question = match self.below(10) {
            0 => Question::Less(t),
            1 => Question::GreaterOrEqual(t),
            2 => Question::Greater(t),
            3 => Question::Equal(t),
            4 => Question::NotEqual(t),
            5 => Question::Member((0..self.below(6)).map(|_| self.number()).collect()),
            _ => Question::LessOrEqual(t),
        };
        source.branches.push(Branch {
            feature: self.below(features),
            question,
            when_true,
            when_false,
            missing_is_true: self.below(2) == 0,
        });
        Child::Branch(source.branches.len() - 1)
    }
}

fn differences<T: Number>(seed: u64) -> usize {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let features = 1 + random.below(9);
    // A column that no tree asks for.
    let columns = features + 1;
    let source = random.source(features);
    let values: Vec<T> = (0..ROWS * columns).map(|_| T::of(random.number())).collect();
    let forest = Forest::<T>::new(&source).unwrap();
    [Aggregate::Sum, Aggregate::Average, Aggregate::Min, Aggregate::Max]
        .into_iter()
        .map(|aggregate| {
            let rows = Rows { values: &values, columns, count: ROWS };
            let found = forest.score(rows, aggregate).unwrap().scores;
            let expected = values.chunks(columns).flat_map(|row| scores(&source, aggregate, row));
            found
                .into_iter()
                .zip(expected)
                .filter(|(a, b)| a != b && !(a.is_nan() && b.is_nan()))
                .count()
        })
        .sum()
}

#[test]
fn a_million_rows_score_as_the_plainest_evaluation_scores_them() {
    for seed in 1..=ENSEMBLES {
        assert_eq!(differences::<f32>(seed), 0, "floats, ensemble {seed}");
    }
}

#[test]
fn doubles_score_as_the_plainest_evaluation_scores_them() {
    for seed in 1..=ENSEMBLES / 10 {
        assert_eq!(differences::<f64>(seed), 0, "doubles, ensemble {seed}");
    }
}

#[test]
fn nodes_that_form_a_circle_are_refused() {
    let ask = |when_true, when_false| Branch {
        feature: 0,
        question: Question::LessOrEqual(0.0),
        when_true,
        when_false,
        missing_is_true: false,
    };
    let source = Source {
        branches: vec![
            ask(Child::Branch(1), Child::Leaf(0)),
            ask(Child::Leaf(0), Child::Branch(0)),
        ],
        leaves: vec![Vec::new()],
        roots: vec![Child::Branch(0)],
        targets: 1,
    };
    let refusal = Forest::<f32>::new(&source).err().map(|error| error.to_string());
    assert_eq!(refusal.as_deref(), Some("the nodes of a tree form a circle"));
}

#[test]
fn a_tree_that_is_a_long_chain_neither_overflows_the_stack_nor_takes_long() {
    const LENGTH: usize = 100_000;
    let mut source = Source {
        leaves: vec![vec![Weight { target: 0, value: 1.0 }]],
        targets: 1,
        ..Source::default()
    };
    for node in 0..LENGTH {
        let when_false = if node + 1 < LENGTH { Child::Branch(node + 1) } else { Child::Leaf(0) };
        source.branches.push(Branch {
            feature: 0,
            question: Question::LessOrEqual(-1.0),
            when_true: Child::Leaf(0),
            when_false,
            missing_is_true: false,
        });
    }
    source.roots.push(Child::Branch(0));
    let forest = Forest::<f32>::new(&source).unwrap();
    let rows = Rows { values: &[0.0; 9], columns: 1, count: 9 };
    assert_eq!(forest.score(rows, Aggregate::Sum).unwrap().scores, [1.0; 9]);
}

#[test]
fn rows_shared_among_threads_score_as_one_after_another() {
    let mut random = Random(7);
    let source = random.source(5);
    let values: Vec<f32> = (0..5 * 1_001).map(|_| f32::of(random.number())).collect();
    let forest = Forest::<f32>::new(&source).unwrap();
    let rows = Rows { values: &values, columns: 5, count: 1_001 };
    let alone = forest.score(rows, Aggregate::Sum).unwrap().scores;
    let shared = forest.score_on(rows, Aggregate::Sum, 3);
    assert!(alone.iter().zip(&shared).all(|(a, b)| a.to_bits() == b.to_bits()));
}
