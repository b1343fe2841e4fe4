//! Long arrays of short decimals: commas are found sixty-four characters at a time, and what stands
//! between them becomes numbers many at a time.

use super::decimals::{Decimals, TOGETHER};
use crate::vectors::{self, Find, Search, Wide};

/// What short decimals become.
pub(super) trait OfDouble: Copy + Default {
    /// Rounded to this type. The nearest to the decimal, too, if the double is one of [`Decimals`].
    fn of_double(double: f64) -> Self;
}

impl OfDouble for f32 {
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
    #[expect(clippy::inline_always, reason = "only so it is compiled for vectors")]
    fn of_double(double: f64) -> Self {
        double as Self
    }
}

impl OfDouble for f64 {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as above")]
    fn of_double(double: f64) -> Self {
        double
    }
}

/// When it is tried again to read many elements at once.
#[derive(Debug)]
pub(super) struct Pace {
    alone: usize,
    tried: usize,
}

/// Elements that are read one by one before a try.
const ALONE: usize = 16;

/// And once that has not paid again and again.
const LONG_ALONE: usize = 4096;

impl Pace {
    /// For an array before which there are so many elements.
    pub(super) fn new(elements: usize) -> Self {
        Self { alone: ALONE, tried: elements }
    }

    /// So many are read one by one.
    pub(super) fn alone(&self) -> usize {
        self.alone
    }

    pub(super) fn is_due(&self, elements: usize) -> bool {
        elements - self.tried >= self.alone
    }

    /// There were so many elements before a try, and so many after it.
    pub(super) fn tried(&mut self, before: usize, after: usize) {
        let paid = after - before >= TOGETHER;
        self.alone = if paid { ALONE } else { LONG_ALONE.min(2 * self.alone) };
        self.tried = after;
    }
}

/// [`Decimals`] are not read from the first characters of a text.
const BEFORE: usize = 8;

/// Characters that are looked at together.
const LENGTH: usize = 1024;

/// Places that are written together.
const WRITTEN: usize = 8;

/// Where numbers end, counted from so many characters before the first one. The first is where
/// that begins, less what stands between two.
type Ends = [u16; 1 + LENGTH + WRITTEN];

/// Reads numbers as long as they are short decimals that have a comma right behind them and all or
/// none of them a space in front. Where the text goes on.
///
/// There may be less to read than was looked at, so this is not for arrays of few elements.
pub(super) fn read<T: OfDouble>(text: &[u8], mut at: usize, out: &mut Vec<T>) -> usize {
    let mut ends: Ends = [0; _];
    while let Some(text) = at.checked_sub(BEFORE).and_then(|from| text.get(from..)) {
        let spaced = text.get(BEFORE) == Some(&b' ');
        let found = vectors::search(Commas { text, spaced, ends: &mut ends });
        let ends = &ends[..=found];
        let read = vectors::wide(Numbers { text, spaced, ends, out });
        at += usize::from(ends[read]) - usize::from(ends[0]);
        if read == 0 || read < found {
            break;
        }
    }
    at
}

/// Places of commas; how many were found.
struct Commas<'a> {
    text: &'a [u8],
    spaced: bool,
    ends: &'a mut Ends,
}

impl Search for Commas<'_> {
    type Found = usize;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "that is how it is compiled for its vectors")]
    #[expect(clippy::cast_possible_truncation, reason = "places are below 2000")]
    fn search(self, find: impl Find) -> usize {
        let Self { text, spaced, ends } = self;
        ends[0] = BEFORE as u16 - 1;
        let mut found = 1;
        // A space is due where the first number begins, and behind each comma.
        let mut due = 1;
        let text = &text[BEFORE..text.len().min(BEFORE + LENGTH)];
        for (at, block) in text.as_chunks::<64>().0.iter().enumerate() {
            let end = find.find(block, b']');
            let within = (end & end.wrapping_neg()).wrapping_sub(1);
            let mut commas = find.find(block, b',') & within;
            if spaced && find.find(block, b' ') & within != (commas << 1 | due) & within {
                break;
            }
            due = commas >> 63;
            let next = found + commas.count_ones() as usize;
            while found < next {
                let Some(places) = ends.get_mut(found..found + WRITTEN) else { break };
                for place in places {
                    *place = (BEFORE + 64 * at) as u16 + commas.trailing_zeros() as u16;
                    commas &= commas.wrapping_sub(1);
                }
                found += WRITTEN;
            }
            found = next;
            if end != 0 {
                break;
            }
        }
        found - 1
    }
}

/// Numbers that end there; how many of them were read.
struct Numbers<'a, T> {
    text: &'a [u8],
    spaced: bool,
    ends: &'a [u16],
    out: &'a mut Vec<T>,
}

impl<T: OfDouble> Wide for Numbers<'_, T> {
    type Output = usize;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as above")]
    fn work(self) -> usize {
        let Self { text, spaced, ends, out } = self;
        let between = 1 + u32::from(spaced);
        let mut read = 0;
        out.reserve(ends.len());
        for places in ends[..ends.len() - 1].chunks(TOGETHER) {
            // What is not there is read as stretches of nothing.
            let (mut begins, mut ended) = ([0; TOGETHER], [0; TOGETHER]);
            for (begin, place) in begins.iter_mut().zip(places) {
                *begin = u32::from(*place) + between;
            }
            for (end, place) in ended.iter_mut().zip(&ends[read + 1..]) {
                *end = u32::from(*place);
            }
            let decimals = Decimals::read(text, &begins, &ended);
            let numbers = decimals.first(places.len());
            let mut values = [T::default(); TOGETHER];
            for (value, number) in values.iter_mut().zip(numbers) {
                *value = T::of_double(*number);
            }
            out.extend_from_slice(&values[..numbers.len()]);
            read += numbers.len();
            if numbers.len() < places.len() {
                break;
            }
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::tensor::json::{FromJson, Reader, read_nested};

    /// The array that begins there.
    fn array<T: FromJson>(text: &str, begin: usize) -> Option<Vec<T>> {
        let mut reader = Reader::new(text.as_bytes()).within(&(begin..text.len()));
        let mut values = Vec::new();
        read_nested(&mut reader, &mut values).ok()?;
        reader.finish().ok()?;
        Some(values)
    }

    fn check(elements: &[String], before: &str, between: impl Fn(usize) -> &'static str) {
        let mut text = format!("{before}[");
        for (at, element) in elements.iter().enumerate() {
            text += if at == 0 { "" } else { "," };
            text += between(at);
            text += element;
        }
        text.push(']');
        let is_array = serde_json::from_str::<Vec<f64>>(&text[before.len()..]).is_ok();
        let elements = elements.iter().map(|element| element.trim());
        let doubles: Option<Vec<f64>> =
            is_array.then(|| elements.clone().map(|element| element.parse().unwrap()).collect());
        let read: Option<Vec<f64>> = array(&text, before.len());
        let bits = |doubles: Vec<f64>| doubles.into_iter().map(f64::to_bits).collect::<Vec<u64>>();
        assert_eq!(read.map(bits), doubles.map(bits), "{text}");
        let singles: Option<Vec<f32>> =
            is_array.then(|| elements.map(|element| element.parse().unwrap()).collect());
        let singles = singles.filter(|singles| singles.iter().all(|single| single.is_finite()));
        let read: Option<Vec<f32>> = array(&text, before.len());
        let bits = |singles: Vec<f32>| singles.into_iter().map(f32::to_bits).collect::<Vec<u32>>();
        assert_eq!(read.map(bits), singles.map(bits), "{text}");
    }

    const SHORT: &str = "-?(0|[1-9][0-9]{0,4})(\\.[0-9]{1,6})?";

    #[test]
    fn long_arrays_are_read_whole_however_long_they_are() {
        for count in 0..700 {
            let elements: Vec<String> = (0..count).map(|at| (at * at % 1013).to_string()).collect();
            check(&elements, "", |_| "");
            check(&elements, "  {\"data\":", |_| " ");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn long_arrays_of_short_decimals_are_those_that_the_standard_library_reads(
            elements in prop::collection::vec(SHORT, 1..400),
            before in " {0,12}",
            spaced: bool,
        ) {
            check(&elements, &before, |_| if spaced { " " } else { "" });
        }

        #[test]
        fn other_numbers_and_spaces_among_them_spoil_nothing(
            elements in prop::collection::vec(
                prop_oneof![
                    60 => SHORT,
                    1 => "-?[0-9]\\.[0-9]{6,20}",
                    1 => "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,24})?([eE][+-]?[0-9]{1,2})?",
                ],
                1..400,
            ),
            odd in 0usize..400,
            spaced: bool,
        ) {
            check(&elements, "", |at| match (at == odd, spaced) {
                (false, true) => " ",
                (false, false) => "",
                (true, _) => ["", " ", "  ", "\n", "\t "][odd % 5],
            });
        }

        #[test]
        fn what_is_no_number_is_refused_wherever_it_stands(
            mut elements in prop::collection::vec(SHORT, 20..300),
            wrong in "[-+0-9.eE \\]\\[:/]{0,10}",
            at in 0usize..300,
            spaced: bool,
        ) {
            let at = at % elements.len();
            elements[at] = wrong;
            check(&elements, "", |_| if spaced { " " } else { "" });
        }
    }
}
