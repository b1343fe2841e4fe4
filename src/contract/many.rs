//! Columns of many values: those of which nothing is wrong are passed over without a look at each.

use super::rule::{FEW, NumberRule, TextRule, ValueRule};
use crate::features::Feature;
use crate::tensor::Tensor;

/// Columns of fewer values are looked at one by one: setting out would cost more.
pub(super) const LEAST: usize = 256;

/// Numbers that are compared together.
const TOGETHER: usize = 8;

impl NumberRule {
    /// Whether all numbers of a column are fine. False where that is not told quickly, too.
    pub(super) fn passes_all(&self, feature: &Feature, tensors: &[Tensor]) -> bool {
        let few = self.set.as_deref().filter(|set| set.len() <= FEW);
        let Some(set @ [first, ..]) = few else { return false };
        let (mut block, mut filled, mut all) = ([*first; TOGETHER], 0, true);
        feature.each_number(tensors, 1, |number| {
            block[filled] = number;
            filled += 1;
            if filled == TOGETHER {
                all &= self.passes(set, &block);
                filled = 0;
            }
        });
        // What the last ones did not fill has passed before, or is of the set.
        all && self.passes(set, &block)
    }

    #[inline]
    #[expect(clippy::needless_bitwise_bool, reason = "a lazy operator is a branch")]
    fn passes(&self, set: &[f64], block: &[f64; TOGETHER]) -> bool {
        let mut known = [false; TOGETHER];
        for value in set {
            for (known, number) in known.iter_mut().zip(block) {
                *known |= value.eq(number);
            }
        }
        let within = |number: f64| (number >= self.least) & (number <= self.greatest);
        known.iter().zip(block).fold(true, |all, (known, number)| all & known & within(*number))
    }
}

impl TextRule {
    /// Whether all texts of a column are fine: each different one of a dictionary is looked at once.
    /// False where there is none.
    pub(super) fn passes_all(&self, feature: &Feature, tensors: &[Tensor]) -> bool {
        feature
            .dictionary(tensors)
            .is_some_and(|it| it.values().iter().all(|text| self.check(text).is_none()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Contract, Document, FeatureRule, Mode, Number, Scalar};
    use super::LEAST;
    use crate::engine::{Dim, Signature, TensorSpec};
    use crate::tensor::{Data, DataType, Dictionary, Shape, Tensor};

    fn contract(rule: FeatureRule, data_type: DataType) -> Contract {
        let dims = Some(vec![Dim::Unknown, Dim::Fixed(1)]);
        let spec = TensorSpec { name: "x".to_owned(), data_type, dims, columns: None };
        let signature = Signature { inputs: vec![spec], outputs: Vec::new() };
        let rule = FeatureRule { name: "x".to_owned(), ..rule };
        let document = Document { mode: Mode::Reject, features: vec![rule], ..Document::default() };
        Contract::new(&document, &signature).unwrap()
    }

    fn numbers(set: &[f64]) -> FeatureRule {
        let set = set.iter().map(|number| Scalar::Number(Number::from(*number))).collect();
        FeatureRule { set: Some(set), ..FeatureRule::default() }
    }

    fn shape(rows: usize) -> Shape {
        Shape::new(vec![rows, 1]).unwrap()
    }

    fn tensor(data: Data) -> Tensor {
        Tensor::new(shape(data.len()), data).unwrap()
    }

    /// The rows that are bad, looked at all together and one by one.
    fn bad(contract: &Contract, single: Vec<Data>, all: Data) -> (Vec<usize>, Vec<usize>) {
        let alone = single.into_iter().enumerate().filter_map(|(row, data)| {
            let (_, verdicts, _) = contract.rows(vec![tensor(data)]);
            (!verdicts.is_empty()).then_some(row)
        });
        (bad_rows(contract, tensor(all)), alone.collect())
    }

    fn bad_rows(contract: &Contract, all: Tensor) -> Vec<usize> {
        let (_, verdicts, _) = contract.rows(vec![all]);
        verdicts.rows().map(|bad| bad.row).collect()
    }

    fn rules_of_texts() -> [FeatureRule; 4] {
        let pattern = |pattern: &str| FeatureRule {
            pattern: Some(pattern.to_owned()),
            ..FeatureRule::default()
        };
        let set = ["AAA", "B"].map(|text| Scalar::Text(text.to_owned())).to_vec();
        [
            pattern("[A-Z]{3}"),
            pattern("A.*"),
            FeatureRule { set: Some(set), nullable: Some(true), ..FeatureRule::default() },
            FeatureRule { max_length: Some(3), ..FeatureRule::default() },
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn many_numbers_are_judged_as_one_by_one(
            values in prop::collection::vec(
                prop_oneof![
                    500 => (0u8..5).prop_map(f32::from),
                    1 => -9f32..9.0,
                    1 => prop::sample::select(vec![f32::NAN, -0.0, f32::INFINITY, 9.0]),
                ],
                LEAST - 2..LEAST + 20,
            ),
        ) {
            let most = Some(Number::from(3.0));
            let rules = [
                numbers(&[0.0, 1.0, 2.0, 3.0, 4.0]),
                FeatureRule { max: most, ..numbers(&[0.0, 1.0, 2.0, 3.0, 4.0]) },
                numbers(&[0.0, 9.0]),
            ];
            for rule in rules {
                let contract = contract(rule, DataType::Fp32);
                let single = values.iter().map(|value| vec![*value].into()).collect();
                let (together, alone) = bad(&contract, single, values.clone().into());
                prop_assert_eq!(together, alone);
            }
        }

        #[test]
        fn many_texts_are_judged_as_one_by_one(
            texts in prop::collection::vec("[AB]{3}|[AB\u{0}]{0,4}|[A-Z]{7,10}", LEAST - 2..LEAST + 80),
        ) {
            for rule in rules_of_texts() {
                let contract = contract(rule, DataType::Bytes);
                let single = |text: &String| Data::Bytes(vec![text.as_str().into()]);
                let all = texts.iter().map(|text| text.as_str().into()).collect();
                let single = texts.iter().map(single).collect();
                let (together, alone) = bad(&contract, single, Data::Bytes(all));
                prop_assert_eq!(together, alone);
            }
        }

        #[test]
        fn a_dictionary_is_judged_as_its_texts(
            pool in prop::collection::vec("[AB]{0,4}", 1..12),
            picks in prop::collection::vec(any::<prop::sample::Index>(), LEAST..LEAST + 80),
        ) {
            let texts: Vec<&str> = picks.iter().map(|pick| pick.get(&pool).as_str()).collect();
            let dictionary = Dictionary::new(texts.iter().copied()).unwrap();
            let dictionary = Tensor::of_dictionary(shape(texts.len()), dictionary).unwrap();
            let all = tensor(Data::Bytes(texts.iter().map(|text| (*text).into()).collect()));
            for rule in rules_of_texts() {
                let contract = contract(rule, DataType::Bytes);
                let expected = bad_rows(&contract, all.clone());
                prop_assert_eq!(bad_rows(&contract, dictionary.clone()), expected);
            }
        }
    }
}
