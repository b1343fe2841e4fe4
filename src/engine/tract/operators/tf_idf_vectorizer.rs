//! `TfIdfVectorizer` (ai.onnx 9): counts n-grams of tokens that are in a pool.
//!
//! The pool is a trie over numbered tokens: a row is read once for each start and distance,
//! and no n-gram is ever put together.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{bail, ensure, format_err};

use super::Built;
use super::bridge::{self, Given, Operator, Promise};
use super::values::{MAX_COLUMNS, expect_type, matrix, numbers, strings, tensor};

pub(super) fn build(_: &ParsingContext, node: &NodeProto) -> Built {
    let weights: Vec<f32> = node.get_attr_opt_vec("weights")?.unwrap_or_default();
    let score = match node.get_attr::<&str>("mode")? {
        "TF" => Score::Count,
        "IDF" => Score::Presence,
        "TFIDF" => Score::Weighted,
        other => bail!("attribute 'mode' is '{other}', expected TF, IDF or TFIDF"),
    };
    let length = |name: &str| {
        let length: i64 = node.get_attr(name)?;
        let bounded = usize::try_from(length).ok();
        bounded.ok_or_else(|| format_err!("attribute '{name}' is {length}, expected at least 0"))
    };
    let (shortest, longest) = (length("min_gram_length")?, length("max_gram_length")?);
    ensure!(
        (1..=longest).contains(&shortest),
        "attribute 'min_gram_length' is {shortest}, expected 1 to {longest} ('max_gram_length')"
    );
    let skips = length("max_skip_count")?;
    let outputs = outputs(node)?;
    ensure!(
        weights.is_empty() || weights.len() == outputs.len(),
        "attribute 'weights' has {} values, 'ngram_indexes' has {}",
        weights.len(),
        outputs.len()
    );
    let starts: Vec<i64> = node.get_attr_vec("ngram_counts")?;
    let texts: Vec<String> = node.get_attr_opt_vec("pool_strings")?.unwrap_or_default();
    let numbers: Vec<i64> = node.get_attr_opt_vec("pool_int64s")?.unwrap_or_default();
    let mut trie = Trie::default();
    let vocabulary = match (texts.is_empty(), numbers.is_empty()) {
        (false, false) => {
            bail!("attributes 'pool_strings' and 'pool_int64s' are both there, expected one")
        }
        (true, false) => {
            Vocabulary::Numbers(pool(numbers, &starts, shortest..longest + 1, &mut trie)?)
        }
        (_, true) => Vocabulary::Texts(pool(texts, &starts, shortest..longest + 1, &mut trie)?),
    };
    ensure!(
        trie.grams == outputs.len(),
        "the pool has {} n-grams, attribute 'ngram_indexes' has {} values",
        trie.grams,
        outputs.len()
    );
    let columns = outputs.iter().max().map_or(0, |last| last + 1);
    let grams = Grams { trie, shortest, longest, skips };
    bridge::node(node, TfIdfVectorizer { score, vocabulary, grams, outputs, weights, columns })
}

/// The column of each n-gram of the pool.
fn outputs(node: &NodeProto) -> TractResult<Vec<usize>> {
    let outputs: Vec<i64> = node.get_attr_vec("ngram_indexes")?;
    let index = |&output: &i64| {
        usize::try_from(output).ok().filter(|output| *output < MAX_COLUMNS).ok_or_else(|| {
            format_err!("attribute 'ngram_indexes' holds {output}, expected 0 to {MAX_COLUMNS}")
        })
    };
    outputs.iter().map(index).collect()
}

/// Numbers the tokens of the pool and puts its n-grams into the trie. `starts` says where
/// the n-grams of each length begin.
fn pool<T: Hash + Eq + Clone>(
    tokens: Vec<T>,
    starts: &[i64],
    lengths: Range<usize>,
    trie: &mut Trie,
) -> TractResult<HashMap<T, u32>> {
    let mut vocabulary = HashMap::new();
    let mut ids = Vec::with_capacity(tokens.len());
    for token in tokens {
        let next = u32::try_from(vocabulary.len())?;
        ids.push(*vocabulary.entry(token).or_insert(next));
    }
    for (length, &start) in (1..).zip(starts) {
        let end = starts.get(length).copied().map_or(Ok(ids.len()), usize::try_from)?;
        let grams = ids.get(usize::try_from(start)?..end).ok_or_else(|| {
            format_err!("attribute 'ngram_counts' has {start}, the pool has {} tokens", ids.len())
        })?;
        ensure!(
            grams.len().is_multiple_of(length),
            "the pool has {} tokens for n-grams of {length}",
            grams.len()
        );
        for gram in grams.chunks(length) {
            trie.insert(gram, lengths.contains(&length));
        }
    }
    Ok(vocabulary)
}

#[derive(Debug)]
struct TfIdfVectorizer {
    score: Score,
    vocabulary: Vocabulary,
    grams: Grams,
    /// The column of each n-gram.
    outputs: Vec<usize>,
    /// The weight of each n-gram; all one if empty.
    weights: Vec<f32>,
    columns: usize,
}

#[derive(Debug, Clone, Copy)]
enum Score {
    /// TF: how often.
    Count,
    /// IDF: the weight, if at all.
    Presence,
    /// TFIDF: how often, times the weight.
    Weighted,
}

/// The numbers of the pool's tokens.
#[derive(Debug)]
enum Vocabulary {
    Texts(HashMap<String, u32>),
    Numbers(HashMap<i64, u32>),
}

/// The n-grams to look for.
#[derive(Debug)]
struct Grams {
    trie: Trie,
    shortest: usize,
    longest: usize,
    /// Tokens left out between two of an n-gram, at most.
    skips: usize,
}

impl Grams {
    /// Calls `found` with the number of each n-gram of the row, as often as it is there.
    fn find(&self, row: &[Option<u32>], mut found: impl FnMut(usize)) {
        // Farther apart no two tokens are.
        let farthest = self.skips.saturating_add(1).min(row.len().max(1));
        for distance in 1..=farthest {
            // Of single tokens there is only one way to leave none out.
            let shortest = if distance == 1 { self.shortest } else { self.shortest.max(2) };
            for start in 0..row.len() {
                let mut state = 0;
                let tokens = row[start..].iter().step_by(distance).take(self.longest);
                for (length, token) in (1..).zip(tokens) {
                    let Some(next) = token.and_then(|token| self.trie.step(state, token)) else {
                        break;
                    };
                    state = next;
                    if let Some(gram) = self.trie.ends[state].filter(|_| length >= shortest) {
                        found(gram);
                    }
                }
            }
        }
    }
}

/// States of n-grams by their tokens; 0 is the start.
#[derive(Debug)]
struct Trie {
    next: HashMap<(usize, u32), usize>,
    /// The number of the n-gram that ends in a state.
    ends: Vec<Option<usize>>,
    grams: usize,
}

impl Default for Trie {
    fn default() -> Self {
        Self { next: HashMap::new(), ends: vec![None], grams: 0 }
    }
}

impl Trie {
    /// Adds an n-gram; one that is not wanted only counts.
    fn insert(&mut self, gram: &[u32], wanted: bool) {
        let number = self.grams;
        self.grams += 1;
        if !wanted {
            return;
        }
        let mut state = 0;
        for &token in gram {
            let fresh = self.ends.len();
            state = *self.next.entry((state, token)).or_insert(fresh);
            if state == fresh {
                self.ends.push(None);
            }
        }
        self.ends[state] = Some(number);
    }

    fn step(&self, state: usize, token: u32) -> Option<usize> {
        self.next.get(&(state, token)).copied()
    }
}

impl TfIdfVectorizer {
    fn add_row(&self, row: &[Option<u32>], scores: &mut [f32]) {
        let weight = |gram: usize| self.weights.get(gram).copied().unwrap_or(1.0);
        self.grams.find(row, |gram| {
            let score = &mut scores[self.outputs[gram]];
            match self.score {
                Score::Count => *score += 1.0,
                Score::Presence => *score = weight(gram),
                Score::Weighted => *score += weight(gram),
            }
        });
    }
}

impl Operator for TfIdfVectorizer {
    fn name(&self) -> &'static str {
        "TfIdfVectorizer"
    }

    fn promise(&self, inputs: &[Given]) -> TractResult<Vec<Promise>> {
        let [x] = inputs else { return bridge::arity(inputs.len(), 1) };
        match self.vocabulary {
            Vocabulary::Texts(_) => expect_type(x.datum_type, &[DatumType::String])?,
            Vocabulary::Numbers(_) => {
                expect_type(x.datum_type, &[DatumType::I64, DatumType::I32])?;
            }
        }
        let rank = x.dims.len();
        ensure!((1..=2).contains(&rank), "expected one or two dimensions, came {rank}");
        let rows = x.dims.iter().take(rank - 1).cloned();
        Ok(vec![Promise::new(DatumType::F32, rows.chain([self.columns.into()]))])
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
        let x = &inputs[0];
        let tokens: Vec<Option<u32>> = match &self.vocabulary {
            Vocabulary::Texts(known) => {
                strings(x)?.iter().map(|token| known.get(token).copied()).collect()
            }
            Vocabulary::Numbers(known) => {
                numbers::<i64>(x)?.iter().map(|token| known.get(token).copied()).collect()
            }
        };
        let (rows, columns) = matrix(x.shape())?;
        let mut scores = vec![0.0; rows * self.columns];
        if columns > 0 && self.columns > 0 {
            for (row, scores) in tokens.chunks(columns).zip(scores.chunks_mut(self.columns)) {
                self.add_row(row, scores);
            }
        }
        let shape: &[usize] = if x.rank() == 1 { &[self.columns] } else { &[rows, self.columns] };
        Ok(tvec!(tensor(shape, scores)?))
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::{answers, refusals};

    #[test]
    fn grams_are_counted_weighed_and_skipped_as_with_onnxruntime() {
        for mode in ["tf", "idf", "tfidf"] {
            for skips in ["0", "2"] {
                answers::match_onnxruntime(&format!("ngrams-{mode}-skip-{skips}"));
            }
        }
        for how in ["int32", "no-weights", "texts"] {
            answers::match_onnxruntime(&format!("ngrams-{how}"));
        }
    }

    #[test]
    fn a_pool_that_does_not_add_up_is_refused() {
        let refuses = |attribute, reason| refusals::refuses("ngrams-tf-skip-0", attribute, reason);
        refuses(refusals::string("mode", "tf"), "'mode' is 'tf', expected TF, IDF or TFIDF");
        refuses(refusals::int("max_skip_count", -2), "'max_skip_count' is -2, expected at least 0");
        refuses(refusals::int("min_gram_length", 3), "'min_gram_length' is 3, expected 1 to 2");
        refuses(
            refusals::floats("weights", &[1.0]),
            "'weights' has 1 values, 'ngram_indexes' has 7",
        );
        refuses(
            refusals::ints("ngram_indexes", &[0, 1]),
            "attribute 'weights' has 7 values, 'ngram_indexes' has 2",
        );
    }
}
