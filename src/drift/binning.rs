//! Which bin a value falls into.

use super::categories::Categories;
use super::profile::Bins;
use crate::stats::{EdgeError, Edges};

/// The bins of one feature, in this order: those of its values; `other`, where values are
/// categories; `missing`; and of numbers `-inf` and `+inf`.
#[derive(Debug, Clone)]
pub enum Binning {
    /// Numbers by intervals.
    Edges(Edges),
    /// Numbers by their values.
    Numbers(Vec<f64>),
    Texts(Categories),
}

/// What falls into a bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Held {
    /// Numbers above `from` up to `to`; none where it is open.
    Interval {
        from: Option<f64>,
        to: Option<f64>,
    },
    /// One category of the reference.
    Value,
    /// Categories that the reference does not have.
    Other,
    Missing,
    /// One of the two.
    Infinity,
}

/// Bins that make no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BinsError {
    #[error(transparent)]
    Edges(#[from] EdgeError),
    #[error("category {0} is no finite number")]
    NotFinite(f64),
    #[error("category '{0}' is there twice")]
    Twice(String),
    #[error("{0} categories are more than the {max} that are kept", max = Binning::MAX_CATEGORIES)]
    TooMany(usize),
}

impl Binning {
    /// Categories besides `other`.
    pub const MAX_CATEGORIES: usize = 32;

    /// # Errors
    /// [`BinsError`] for edges that do not increase, and for categories that are none.
    pub fn new(bins: &Bins) -> Result<Self, BinsError> {
        match bins {
            Bins::Edges(edges) => Ok(Self::Edges(Edges::try_from(edges.clone())?)),
            Bins::Numbers(numbers) => {
                at_most(numbers.len())?;
                for (at, number) in numbers.iter().enumerate() {
                    if !number.is_finite() {
                        return Err(BinsError::NotFinite(*number));
                    }
                    if numbers[..at].contains(number) {
                        return Err(BinsError::Twice(number.to_string()));
                    }
                }
                Ok(Self::Numbers(numbers.clone()))
            }
            Bins::Texts(texts) => {
                at_most(texts.len())?;
                Ok(Self::Texts(Categories::new(texts).map_err(BinsError::Twice)?))
            }
        }
    }

    /// Bins of values: intervals, or categories without `other`.
    fn values(&self) -> usize {
        match self {
            Self::Edges(edges) => edges.bins(),
            Self::Numbers(numbers) => numbers.len(),
            Self::Texts(texts) => texts.len(),
        }
    }

    fn has_other(&self) -> bool {
        !matches!(self, Self::Edges(_))
    }

    /// Where what is missing falls.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.values() + usize::from(self.has_other())
    }

    /// How many bins there are.
    #[must_use]
    pub fn bins(&self) -> usize {
        let infinite = if self.is_of_numbers() { 2 } else { 0 };
        self.missing() + 1 + infinite
    }

    #[must_use]
    pub fn is_of_numbers(&self) -> bool {
        !matches!(self, Self::Texts(_))
    }

    /// Whether neighbouring bins hold neighbouring values.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        matches!(self, Self::Edges(_))
    }

    /// Bins whose values have a mean: not those of what is missing or infinite.
    #[must_use]
    pub fn finite(&self) -> usize {
        self.missing()
    }

    /// The bin of a number; missing ones are NaN.
    #[must_use]
    pub fn of_number(&self, number: f64) -> usize {
        if number.is_finite() {
            return match self {
                Self::Edges(edges) => edges.bin_of(number),
                Self::Numbers(numbers) => {
                    let bits = bits(number);
                    let found = numbers.iter().position(|known| bits == self::bits(*known));
                    found.unwrap_or(numbers.len())
                }
                Self::Texts(texts) => texts.len(),
            };
        }
        let missing = self.missing();
        match number {
            f64::NEG_INFINITY => missing + 1,
            f64::INFINITY => missing + 2,
            _ => missing,
        }
    }

    /// The bin of a text; missing ones are empty.
    #[must_use]
    #[inline]
    pub fn of_text(&self, text: &str) -> usize {
        match self {
            Self::Texts(texts) => {
                let other = if text.is_empty() { self.missing() } else { texts.len() };
                texts.place_or(text, other)
            }
            Self::Edges(_) | Self::Numbers(_) => self.missing(),
        }
    }

    /// What a bin is called: its ordinal, since categories may be personal data, or what it is.
    #[must_use]
    pub fn name(&self, bin: usize) -> String {
        match bin.checked_sub(self.missing()) {
            None if self.has_other() && bin + 1 == self.missing() => "other".to_owned(),
            None => bin.to_string(),
            Some(0) => "missing".to_owned(),
            Some(1) => "-inf".to_owned(),
            Some(_) => "+inf".to_owned(),
        }
    }

    /// What falls into a bin. Which category is not said, for the reason of [`Self::name`].
    #[must_use]
    pub fn held(&self, bin: usize) -> Held {
        let values = self.values();
        match (bin.checked_sub(self.missing()), self) {
            (None, Self::Edges(edges)) => {
                let edge = |at: usize| edges.as_slice().get(at).copied();
                Held::Interval { from: bin.checked_sub(1).and_then(edge), to: edge(bin) }
            }
            (None, _) if bin < values => Held::Value,
            (None, _) => Held::Other,
            (Some(0), _) => Held::Missing,
            (Some(_), _) => Held::Infinity,
        }
    }
}

/// Equal for equal numbers: the two zeros are one.
fn bits(number: f64) -> u64 {
    (number + 0.0).to_bits()
}

fn at_most(categories: usize) -> Result<(), BinsError> {
    if categories > Binning::MAX_CATEGORIES {
        return Err(BinsError::TooMany(categories));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(binning: &Binning) -> Vec<String> {
        (0..binning.bins()).map(|bin| binning.name(bin)).collect()
    }

    #[test]
    fn intervals_are_closed_on_the_right() {
        let bins = Binning::new(&Bins::Edges(vec![1.0, 2.0])).unwrap();
        assert_eq!(names(&bins), ["0", "1", "2", "missing", "-inf", "+inf"]);
        let of = [-9.0, 1.0, 1.5, 2.0, 9.0].map(|number| bins.of_number(number));
        assert_eq!(of, [0, 0, 1, 1, 2]);
        let special = [f64::NAN, f64::NEG_INFINITY, f64::INFINITY];
        assert_eq!(special.map(|number| bins.of_number(number)), [3, 4, 5]);
        let held: Vec<Held> = (0..bins.bins()).map(|bin| bins.held(bin)).collect();
        let expected = [
            Held::Interval { from: None, to: Some(1.0) },
            Held::Interval { from: Some(1.0), to: Some(2.0) },
            Held::Interval { from: Some(2.0), to: None },
            Held::Missing,
            Held::Infinity,
            Held::Infinity,
        ];
        assert_eq!(held, expected);
    }

    #[test]
    fn values_that_the_reference_did_not_have_are_others() {
        let numbers = Binning::new(&Bins::Numbers(vec![1.0, 7.0])).unwrap();
        assert_eq!(names(&numbers), ["0", "1", "other", "missing", "-inf", "+inf"]);
        assert_eq!([7.0, 1.0, 3.0].map(|number| numbers.of_number(number)), [1, 0, 2]);
        assert_eq!(numbers.of_number(f64::NAN), 3);
        let texts = Binning::new(&Bins::Texts(vec!["UA".into(), "B6".into()])).unwrap();
        assert_eq!(names(&texts), ["0", "1", "other", "missing"]);
        assert_eq!(["B6", "XX", ""].map(|text| texts.of_text(text)), [1, 2, 3]);
        let held: Vec<Held> = (0..texts.bins()).map(|bin| texts.held(bin)).collect();
        assert_eq!(held, [Held::Value, Held::Value, Held::Other, Held::Missing]);
    }

    #[test]
    fn the_empty_text_can_be_a_category() {
        let texts = Binning::new(&Bins::Texts(vec![String::new()])).unwrap();
        assert_eq!(texts.of_text(""), 0);
    }

    #[test]
    fn bins_that_make_no_sense_are_named() {
        let error = |bins| Binning::new(&bins).unwrap_err().to_string();
        assert_eq!(error(Bins::Numbers(vec![1.0, 1.0])), "category '1' is there twice");
        assert_eq!(error(Bins::Numbers(vec![f64::NAN])), "category NaN is no finite number");
        assert_eq!(error(Bins::Texts(vec!["a".into(), "a".into()])), "category 'a' is there twice");
        let many = (0..40).map(|number| number.to_string()).collect();
        assert_eq!(error(Bins::Texts(many)), "40 categories are more than the 32 that are kept");
    }
}
