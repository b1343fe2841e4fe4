//! Reading past values that nobody wants, or that are read later.

use std::ops::Range;

use super::reader::{JsonError, Kind, MAX_DEPTH, Reader};

impl Reader<'_> {
    /// Skips one value without looking at its elements, and returns its span. Only the
    /// structure is checked: brackets balance, strings end. What the span holds is checked
    /// when it is read.
    ///
    /// # Errors
    /// [`JsonError`] if the text ends within the value or nests too deep.
    pub fn skip(&mut self) -> Result<Range<usize>, JsonError> {
        let kind = self.kind()?;
        let start = self.at;
        match kind {
            Kind::String => {
                self.string()?;
            }
            Kind::Object | Kind::Array => self.skip_container()?,
            Kind::Number | Kind::Bool | Kind::Null => {
                while let Some(b'+' | b'-' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z') =
                    self.text.get(self.at)
                {
                    self.at += 1;
                }
            }
        }
        Ok(start..self.at)
    }

    /// Reads past one value.
    ///
    /// # Errors
    /// As [`Self::skip`].
    pub fn ignore(&mut self) -> Result<(), JsonError> {
        self.skip().map(drop)
    }

    fn skip_container(&mut self) -> Result<(), JsonError> {
        // The kinds of the open brackets, one bit each: 1 for an object.
        let mut open: u64 = 0;
        let mut levels = 0;
        loop {
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.string()?;
                    continue;
                }
                Some(byte @ (b'[' | b'{')) => {
                    if self.depth + levels == MAX_DEPTH {
                        return Err(
                            self.error(format!("JSON nests deeper than {MAX_DEPTH} levels"))
                        );
                    }
                    levels += 1;
                    open = (open << 1) | u64::from(*byte == b'{');
                }
                Some(byte @ (b']' | b'}')) => {
                    if (*byte == b'}') != (open & 1 == 1) {
                        let expected = if open & 1 == 1 { "'}'" } else { "']'" };
                        return Err(self.unexpected(expected));
                    }
                    levels -= 1;
                    open >>= 1;
                }
                Some(_) => {}
                None => return Err(self.error("the text ends within a value")),
            }
            self.at += 1;
            if levels == 0 {
                return Ok(());
            }
        }
    }
}
