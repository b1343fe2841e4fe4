//! Typed tensor elements out of JSON, flat or nested.

use std::ops::Neg;
use std::str::FromStr;

use half::f16;

use super::many::{self, Pace};
use super::number::Short;
use super::reader::{JsonError, Kind, Reader};
use crate::tensor::{CompactString, Element};

/// An element that JSON can carry.
pub trait FromJson: Element {
    /// Reads one element.
    ///
    /// # Errors
    /// [`JsonError`] that says which type was expected and what came.
    fn read(reader: &mut Reader) -> Result<Self, JsonError>;

    /// The element that stands exactly here with a comma right behind it, and where the text
    /// goes on behind that; `None` for all but the most usual ones.
    #[inline]
    fn usual(_text: &[u8], _at: usize) -> Option<(Self, usize)> {
        None
    }

    /// Appends usual elements that stand from here on with commas behind them, and finds where the
    /// text goes on. It looks at many together, and may leave the last ones of an array.
    #[inline]
    fn many(_text: &[u8], at: usize, _out: &mut Vec<Self>) -> usize {
        at
    }
}

impl Reader<'_> {
    /// Whether an array stands here whose first element is an array.
    fn opens_nested(mut self) -> bool {
        self.take(b'[') && self.peek() == Some(b'[')
    }

    fn flat_array<T: FromJson>(&mut self, out: &mut Vec<T>) -> Result<(), JsonError> {
        if !self.take(b'[') {
            return Err(self.unexpected("an array"));
        }
        if self.take(b']') {
            return Ok(());
        }
        let mut pace = Pace::new(out.len());
        loop {
            out.push(T::read(self)?);
            if self.take(b']') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.unexpected("',' or ']'"));
            }
            self.usual_elements(pace.alone(), out);
            if pace.is_due(out.len()) {
                let before = out.len();
                self.at = T::many(self.text, self.at, out);
                pace.tried(before, out.len());
            }
        }
    }

    /// Reads elements as long as they are usual, have a comma right behind them, and all or
    /// none of them a space in front: to find out for each would hold up the next element.
    fn usual_elements<T: FromJson>(&mut self, at_most: usize, out: &mut Vec<T>) {
        let (text, mut at) = (self.text, self.at);
        let spaced = text.get(at) == Some(&b' ');
        let enough = out.len() + at_most;
        while out.len() < enough
            && spaced == (text.get(at) == Some(&b' '))
            && let Some((value, end)) = T::usual(text, at + usize::from(spaced))
        {
            out.push(value);
            at = end;
        }
        self.at = at;
    }
}

fn wrong<T: Element>(reader: &mut Reader) -> JsonError {
    match reader.kind() {
        Ok(Kind::Array) => {
            reader.error(format!("expected {}, came an array: the nesting is ragged", T::DATA_TYPE))
        }
        Ok(kind) => reader.error(format!("expected {}, came {}", T::DATA_TYPE, kind.as_str())),
        Err(error) => error,
    }
}

macro_rules! integers {
    ($($rust:ty),*) => {
        $(impl FromJson for $rust {
            #[inline]
            fn read(reader: &mut Reader) -> Result<Self, JsonError> {
                reader.skip_space();
                let start = reader.at;
                if let Some(value) = reader.short(|short| Self::try_from(short.to_i64()?).ok()) {
                    return Ok(value);
                }
                if !matches!(reader.peek(), Some(b'-' | b'0'..=b'9')) {
                    return Err(wrong::<Self>(reader));
                }
                let number = reader.decimal()?;
                number.to_i128().and_then(|value| Self::try_from(value).ok()).ok_or_else(|| {
                    let expected = Self::DATA_TYPE;
                    let message = format!("expected {expected}, came {}", number.text());
                    JsonError { message, at: start }
                })
            }

            #[inline(always)]
            fn usual(text: &[u8], at: usize) -> Option<(Self, usize)> {
                let short = Short::scan(text, at)?;
                if text.get(short.end) != Some(&b',') {
                    return None;
                }
                Some((Self::try_from(short.to_i64()?).ok()?, short.end + 1))
            }
        })*
    };
}

integers!(u8, u16, u32, u64, i8, i16, i32, i64);

macro_rules! floats {
    ($($rust:ty: $short:expr, $many:expr;)*) => {
        $(impl FromJson for $rust {
            #[inline]
            fn read(reader: &mut Reader) -> Result<Self, JsonError> {
                reader.skip_space();
                if let Some(value) = reader.short($short) {
                    return Ok(value);
                }
                reader.long_float(<$rust>::NAN, <$rust>::INFINITY, |value| value.is_finite())
            }

            #[inline(always)]
            fn usual(text: &[u8], at: usize) -> Option<(Self, usize)> {
                let short = Short::scan(text, at)?;
                if text.get(short.end) != Some(&b',') {
                    return None;
                }
                let value: Option<$rust> = ($short)(short);
                Some((value?, short.end + 1))
            }

            #[inline]
            fn many(text: &[u8], at: usize, out: &mut Vec<Self>) -> usize {
                ($many)(text, at, out)
            }
        })*
    };
}

floats! {
    f32: Short::to_f32, many::read;
    f64: Short::to_f64, many::read;
    f16: |_: Short| None, |_: &[u8], at, _: &mut Vec<f16>| at;
}

impl Reader<'_> {
    /// The numbers that the short path leaves: long, with an exponent, or no number at all.
    #[cold]
    fn long_float<T: Element + FromStr + Neg<Output = T>>(
        &mut self,
        nan: T,
        infinity: T,
        is_finite: impl Fn(&T) -> bool,
    ) -> Result<T, JsonError> {
        let start = self.position();
        match self.peek() {
            // null is a missing value, which models see as NaN.
            Some(b'N' | b'n') if self.literal("NaN") || self.literal("null") => return Ok(nan),
            Some(b'I') if self.literal("Infinity") => return Ok(infinity),
            Some(b'-') if self.literal("-Infinity") => return Ok(-infinity),
            Some(b'-' | b'0'..=b'9') => {}
            _ => return Err(wrong::<T>(self)),
        }
        let decimal = self.decimal()?;
        // What is a JSON number is one of Rust's too; out of range it becomes infinite.
        if let Some(value) = decimal.text().parse().ok().filter(is_finite) {
            return Ok(value);
        }
        let message = format!("{} is out of the range of {}", decimal.text(), T::DATA_TYPE);
        Err(JsonError { message, at: start })
    }
}

impl FromJson for bool {
    fn read(reader: &mut Reader) -> Result<Self, JsonError> {
        match reader.kind()? {
            Kind::Bool => reader.boolean(),
            _ => Err(wrong::<Self>(reader)),
        }
    }
}

impl FromJson for CompactString {
    fn read(reader: &mut Reader) -> Result<Self, JsonError> {
        match reader.kind()? {
            Kind::String => Ok(reader.string()?.into()),
            // A missing value, as exporters mean it: NaN among numbers, nothing among texts.
            Kind::Null => {
                reader.null();
                Ok(Self::default())
            }
            _ => Err(wrong::<Self>(reader)),
        }
    }
}

/// The shape that the brackets of nested arrays draw; empty for a bare value.
pub type Nesting = Vec<usize>;

/// Reads a value, or arrays of any depth, and appends the elements in row-major order.
/// Returns the shape that the brackets draw.
///
/// # Errors
/// [`JsonError`] if an element is of another type, or if arrays of one level differ in
/// length or depth.
pub fn read_nested<T: FromJson>(
    reader: &mut Reader,
    out: &mut Vec<T>,
) -> Result<Nesting, JsonError> {
    let mut levels = Levels::default();
    levels.read(reader, out, 0)?;
    Ok(levels.dims.into_iter().map(|dim| dim.unwrap_or(0)).collect())
}

/// What is known of the nesting so far. A level's length is known once its first array
/// has closed; the depth once the first element or empty array was seen.
#[derive(Default)]
struct Levels {
    dims: Vec<Option<usize>>,
    depth: Option<usize>,
}

impl Levels {
    fn read<T: FromJson>(
        &mut self,
        reader: &mut Reader,
        out: &mut Vec<T>,
        level: usize,
    ) -> Result<(), JsonError> {
        if reader.peek() != Some(b'[') {
            self.settle_depth(reader, level)?;
            out.push(T::read(reader)?);
            return Ok(());
        }
        if self.depth.is_some_and(|depth| level >= depth) {
            return Err(reader.error("expected a value, came an array: the nesting is ragged"));
        }
        if self.dims.len() == level {
            self.dims.push(None);
        }
        let opened = reader.position();
        let length = if reader.clone().opens_nested() {
            reader.array::<JsonError>(|reader| self.read(reader, out, level + 1))?
        } else {
            self.read_innermost(reader, out, level + 1)?
        };
        match self.dims[level] {
            None => self.dims[level] = Some(length),
            Some(expected) if expected == length => {}
            Some(expected) => {
                let message = format!(
                    "expected an array of {expected}, came {length}: the nesting is ragged"
                );
                return Err(JsonError { message, at: opened });
            }
        }
        Ok(())
    }

    /// The hot loop: an array that holds values and no arrays.
    fn read_innermost<T: FromJson>(
        &mut self,
        reader: &mut Reader,
        out: &mut Vec<T>,
        depth: usize,
    ) -> Result<usize, JsonError> {
        let before = out.len();
        reader.flat_array(out)?;
        let length = out.len() - before;
        // An empty array says nothing against an earlier depth: its length will not fit.
        if length > 0 || self.depth.is_none() {
            self.settle_depth(reader, depth)?;
        }
        Ok(length)
    }

    fn settle_depth(&mut self, reader: &Reader, level: usize) -> Result<(), JsonError> {
        match self.depth {
            None => self.depth = Some(level),
            Some(depth) if depth == level => {}
            Some(_) => {
                return Err(reader.error("expected an array, came a value: the nesting is ragged"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nested<T: FromJson>(text: &str) -> Result<(Nesting, Vec<T>), String> {
        let mut reader = Reader::new(text.as_bytes());
        let mut out = Vec::new();
        let dims = read_nested(&mut reader, &mut out).map_err(|error| error.message)?;
        reader.finish().map_err(|error| error.message)?;
        Ok((dims, out))
    }

    #[test]
    fn brackets_draw_the_shape() {
        assert_eq!(
            nested::<i64>("[[1, 2, 3], [4, 5, 6]]"),
            Ok((vec![2, 3], vec![1, 2, 3, 4, 5, 6]))
        );
        assert_eq!(nested::<i64>("7"), Ok((vec![], vec![7])));
        assert_eq!(nested::<i64>("[]"), Ok((vec![0], vec![])));
        assert_eq!(nested::<i64>("[[], []]"), Ok((vec![2, 0], vec![])));
    }

    #[test]
    fn elements_are_read_whole_whether_or_not_spaces_stand_before_them() {
        for text in ["[1, 2,34,-5, 6,78]", "[1,2, 34, -5,6, 78]", "[ 1,2,34,  -5 ,6,\t78 ]"] {
            assert_eq!(nested::<i64>(text).unwrap().1, [1, 2, 34, -5, 6, 78], "{text}");
            assert_eq!(nested::<f32>(text).unwrap().1, [1.0, 2.0, 34.0, -5.0, 6.0, 78.0], "{text}");
        }
    }

    #[test]
    fn ragged_arrays_are_refused() {
        for text in
            ["[[1, 2], [3]]", "[[1], 2]", "[1, [2]]", "[[[1]], [2]]", "[[], [1]]", "[[], 1]"]
        {
            let message = nested::<i64>(text).unwrap_err();
            assert!(message.contains("ragged"), "{text}: {message}");
        }
    }

    #[test]
    fn an_element_of_another_type_is_named() {
        assert_eq!(nested::<f32>(r#"[1, "a"]"#).unwrap_err(), "expected FP32, came a string");
        assert_eq!(nested::<i32>("[1.5]").unwrap_err(), "expected INT32, came 1.5");
        assert_eq!(nested::<u8>("[256]").unwrap_err(), "expected UINT8, came 256");
        assert_eq!(nested::<u8>("[-1]").unwrap_err(), "expected UINT8, came -1");
        assert_eq!(nested::<i64>("[true]").unwrap_err(), "expected INT64, came a boolean");
        assert_eq!(nested::<bool>("[1]").unwrap_err(), "expected BOOL, came a number");
        assert_eq!(nested::<CompactString>("[1]").unwrap_err(), "expected BYTES, came a number");
        assert_eq!(nested::<f32>("[1e39]").unwrap_err(), "1e39 is out of the range of FP32");
        assert_eq!(nested::<i64>("[NaN]").unwrap_err(), "expected INT64, came a number");
    }

    #[test]
    fn bare_tokens_and_null_are_read_for_floats() {
        let (_, values) = nested::<f32>("[NaN, Infinity, -Infinity, null]").unwrap();
        assert!(values[0].is_nan() && values[3].is_nan());
        assert_eq!(values[1..3], [f32::INFINITY, f32::NEG_INFINITY]);
    }

    #[test]
    fn null_is_the_empty_string_and_no_integer() {
        assert_eq!(nested::<CompactString>(r#"["a", null]"#).unwrap().1, ["a", ""]);
        assert_eq!(nested::<i64>("[null]").unwrap_err(), "expected INT64, came null");
    }

    #[test]
    fn two_to_the_53_plus_one_stays_exact_in_int64() {
        assert_eq!(nested::<i64>("[9007199254740993]").unwrap().1, [9_007_199_254_740_993]);
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read_back(rows in proptest::collection::vec(
            proptest::collection::vec(any::<f32>().prop_filter("finite", |v| v.is_finite()), 3), 0..9)) {
            let text = serde_json::to_string(&rows).unwrap();
            let (dims, values) = nested::<f32>(&text).unwrap();
            prop_assert_eq!(dims[0], rows.len());
            prop_assert_eq!(values, rows.concat());
        }

        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\],0-9eE.\\- ntuNaIfy\"]{0,40}") {
            let _ = nested::<f32>(&text);
            let _ = nested::<i8>(&text);
            let _ = nested::<CompactString>(&text);
        }
    }
}
