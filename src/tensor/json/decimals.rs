//! Many decimals at once: numbers are read from the ends of their stretches of a text, without a branch on
//! how long they are or on what they are, so that vectors can hold them.

use super::number::{ONES, eight_digits};

/// One in the highest byte.
const LAST: u64 = 1 << 56;

/// Numbers that are read at once: so many that the loop over them stays one, which becomes vectors.
pub const TOGETHER: usize = 32;

/// A NaN that no arithmetic makes.
const WRONG: u64 = 0x7ff8_0000_0bad_0bad;

/// What stretches of a text are.
#[derive(Debug, Clone, Copy)]
pub struct Decimals([f64; TOGETHER]);

impl Default for Decimals {
    fn default() -> Self {
        Self([f64::from_bits(WRONG); _])
    }
}

impl Decimals {
    /// NaN for a stretch of nothing, `None` for what is no short decimal.
    #[inline]
    #[must_use]
    pub fn get(&self, at: usize) -> Option<f64> {
        Some(self.0[at]).filter(|number| number.to_bits() != WRONG)
    }

    /// All of them, if each is a short decimal or nothing.
    #[inline]
    #[must_use]
    pub fn all(&self) -> Option<&[f64; TOGETHER]> {
        let wrong = self.0.iter().fold(false, |wrong, number| wrong | (number.to_bits() == WRONG));
        (!wrong).then_some(&self.0)
    }

    /// The first ones, as far as they are numbers.
    pub(super) fn first(&self, at_most: usize) -> &[f64] {
        let numbers = &self.0[..at_most];
        let end = numbers.iter().position(|number| number.is_nan());
        &numbers[..end.unwrap_or(at_most)]
    }

    /// The numbers that stand in exactly these stretches of a text. None are those that are no decimals
    /// of at most eight characters, and what stands among the first eight of the text.
    ///
    /// As only a quotient of two exact numbers is rounded, the double is the nearest one. The nearest
    /// single to it is the nearest to the decimal, too: a decimal `m / 10^d`, `m` below 10^8 and `d` at
    /// most 6, that is not in the middle of two singles is further from it than one part in 2^45.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "only so it is compiled for its caller's vectors")]
    #[must_use]
    pub fn read(text: &[u8], begins: &[u32; TOGETHER], ends: &[u32; TOGETHER]) -> Self {
        let (mut words, mut counts) = ([0; TOGETHER], [0; TOGETHER]);
        for at in 0..TOGETHER {
            let end = ends[at] as usize;
            // What is not there is no number.
            if let Some(word) = text.get(end.wrapping_sub(8)..end)
                && let Some(word) = word.first_chunk()
            {
                words[at] = u64::from_le_bytes(*word);
            }
            counts[at] = u64::from(ends[at].wrapping_sub(begins[at]));
        }
        let mut numbers = [0.0; TOGETHER];
        for at in 0..TOGETHER {
            let (number, is_right) = number(words[at], counts[at]);
            numbers[at] = if is_right { number } else { f64::from_bits(WRONG) };
        }
        Self(numbers)
    }
}

/// The number that the last `count` characters are, and whether they are one.
#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
#[expect(clippy::needless_bitwise_bool, reason = "a lazy operator is a branch")]
fn number(characters: u64, count: u64) -> (f64, bool) {
    // Bits before the first character of the number, and before the first digit.
    let shift = 64u64.wrapping_sub(8 * count) & 63;
    let negative = (characters >> shift) & 0xff == u64::from(b'-');
    let shift = shift + 8 * u64::from(negative);
    // One in the byte of the first digit.
    let first = 1u64 << (shift & 63);
    // Digits become 0 to 9, all others more, and what is before the number becomes 0.
    let values = (characters ^ (ONES * 0x30)) & first.wrapping_neg();
    // One in the byte of what is no digit. Only above such a byte, one may stand falsely.
    let others = ((values.wrapping_add(ONES * 0x76) | values) & (ONES * 0x80)) >> 7;
    let has_point = others != 0;
    let is_single = others & others.wrapping_sub(1) == 0;
    let is_point = is_single & (values & (others * 0xff) == others * 0x1e);
    let is_between = !has_point | ((others > first) & (others < LAST));
    // A nought before other digits.
    let is_padded = (values & (first * 0xff) == 0) & (first << 8 != others);
    let is_short = (count.wrapping_sub(1) < 8) & (shift < 64);
    let is_right = is_short & is_point & is_between & !is_padded;
    // The digits before the point move into its place.
    let before = others.wrapping_sub(1);
    let behind = values & !before & !(others * 0xff);
    let digits = if has_point { (values & before) << 8 | behind } else { values };
    let mut scale = 1.0;
    for (place, power) in [1e6, 1e5, 1e4, 1e3, 1e2, 1e1].into_iter().enumerate() {
        scale = if others == 1 << (8 * (place + 1)) { power } else { scale };
    }
    #[expect(clippy::cast_precision_loss, reason = "eight digits are exact")]
    let number = eight_digits(digits) as f64 / scale;
    let number = f64::from_bits(number.to_bits() | u64::from(negative) << 63);
    let is_empty = count == 0;
    (if is_empty { f64::NAN } else { number }, is_right | is_empty)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::stretch::{short_f32, short_f64};
    use super::*;
    use crate::vectors::{self, Wide};

    type Places = [u32; TOGETHER];

    struct Cells<'a>(&'a str, Places, Places);

    impl Wide for Cells<'_> {
        type Output = Decimals;

        #[inline(always)]
        #[expect(clippy::inline_always, reason = "as above")]
        fn work(self) -> Decimals {
            Decimals::read(self.0.as_bytes(), &self.1, &self.2)
        }
    }

    /// Cells between others, and where they stand.
    fn joined(cells: &[String]) -> (String, Places, Places) {
        let (mut text, mut begins, mut ends) =
            ("99999999,".to_owned(), [0; TOGETHER], [0; TOGETHER]);
        for (at, cell) in cells.iter().enumerate() {
            begins[at] = u32::try_from(text.len()).unwrap();
            text += cell;
            ends[at] = u32::try_from(text.len()).unwrap();
            text.push(',');
        }
        (text, begins, ends)
    }

    fn check(cells: &[String]) {
        let (text, begins, ends) = joined(cells);
        let wide = vectors::wide(Cells(&text, begins, ends));
        let plain = Decimals::read(text.as_bytes(), &begins, &ends);
        for (at, cell) in cells.iter().enumerate() {
            let number = wide.get(at);
            assert_eq!(number.map(f64::to_bits), plain.get(at).map(f64::to_bits), "{cell:?}");
            let stretch = begins[at] as usize..ends[at] as usize;
            let alone = short_f64(text.as_bytes(), stretch.clone()).filter(|_| cell.len() <= 8);
            match number {
                None => assert!(alone.is_none() && !cell.is_empty(), "{cell:?} is a number"),
                Some(number) if cell.is_empty() => assert!(number.is_nan()),
                Some(number) => {
                    assert_eq!(Some(number.to_bits()), alone.map(f64::to_bits), "{cell:?}");
                    assert_eq!(number.to_bits(), cell.parse::<f64>().unwrap().to_bits(), "{cell}");
                    #[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
                    let single = (number as f32).to_bits();
                    assert_eq!(single, cell.parse::<f32>().unwrap().to_bits(), "{cell}");
                    let alone = short_f32(text.as_bytes(), stretch);
                    assert!(alone.is_none_or(|alone| alone.to_bits() == single));
                }
            }
        }
    }

    #[test]
    fn cells_at_the_edge_of_what_is_a_short_decimal_are_told_apart() {
        let cells = [
            "",
            "-",
            ".",
            "5.",
            ".5",
            "-.5",
            "01",
            "00.5",
            "0.5",
            "-0.5",
            "0",
            "-0",
            "1.2.3",
            "1e5",
            "1 2",
            "+1",
            "12345678",
            "-12345678",
            "123456789",
            "1.234567",
            "123456.7",
            "1234567.8",
            "12345.67",
            "-1.23456",
            "9.999999",
            "99999.99",
            "--1",
            "1-",
            "0.000001",
            "é",
            "1,",
            "00",
            "0.0",
            "10",
            "100000.1",
            "/",
            ":",
            "1:",
            "/1",
            "1/5",
        ];
        for cell in cells {
            for place in 0..TOGETHER {
                let mut cells = vec!["2.5".to_owned(); TOGETHER];
                cells[place] = cell.to_owned();
                check(&cells);
            }
        }
    }

    #[test]
    fn cells_that_begin_a_text_are_left_to_others() {
        let text = b"1,2,3,4,5,6,7,8,";
        let begins = std::array::from_fn(|at| u32::try_from(2 * at.min(7)).unwrap());
        let decimals = Decimals::read(text, &begins, &begins.map(|begin| begin + 1));
        let found: Vec<Option<f64>> = (0..8).map(|at| decimals.get(at)).collect();
        assert_eq!(found, [None, None, None, None, Some(5.0), Some(6.0), Some(7.0), Some(8.0)]);
        assert!(Decimals::read(text, &[20; TOGETHER], &[24; TOGETHER]).get(0).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn decimals_are_those_that_the_standard_library_reads(
            cells in prop::collection::vec("(-?(0|[1-9][0-9]{0,7})(\\.[0-9]{1,6})?)?", TOGETHER),
        ) {
            let is_short = |cell: &&String| cell.len() <= 8;
            let mut cells: Vec<String> = cells.iter().filter(is_short).cloned().collect();
            cells.resize(TOGETHER, "7".to_owned());
            check(&cells);
        }

        #[test]
        fn other_texts_are_left_to_others(
            cells in prop::collection::vec("[-.0-9:/+e ]{0,10}", TOGETHER),
        ) {
            check(&cells);
        }
    }
}
