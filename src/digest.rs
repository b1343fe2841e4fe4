//! SHA-256 of what is named, whole or its beginning, in hexadecimal.

use std::fmt::Write;
use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// A digest that grows with what is read.
#[derive(Clone, Default)]
pub struct Stream(Sha256);

impl Stream {
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Takes in everything up to the end.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(&mut self, mut from: impl Read) -> io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match from.read(&mut buffer)? {
                0 => return Ok(()),
                read => self.update(&buffer[..read]),
            }
        }
    }

    /// All 64 digits.
    #[must_use]
    pub fn hex(self) -> String {
        hex(&self.0.finalize())
    }

    /// The first bytes: enough to tell apart what nobody forges.
    #[must_use]
    pub fn first<const N: usize>(self) -> [u8; N] {
        let digest = self.0.finalize();
        std::array::from_fn(|place| digest[place])
    }
}

/// All 64 digits.
#[must_use]
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(bytes))
}

/// The first eight digits, by which people and labels name a document.
#[must_use]
pub fn short(bytes: impl AsRef<[u8]>) -> String {
    hex(&first::<4>(bytes))
}

/// The first bytes.
#[must_use]
pub fn first<const N: usize>(bytes: impl AsRef<[u8]>) -> [u8; N] {
    let mut stream = Stream::default();
    stream.update(bytes.as_ref());
    stream.first()
}

#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_begin_as_the_whole_does() {
        // The example of FIPS 180-2.
        let whole = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256("abc"), whole);
        assert_eq!(short("abc"), "ba7816bf");
        assert_eq!(first("abc"), [0xba, 0x78]);
        let mut stream = Stream::default();
        for part in ["a", "", "bc"] {
            stream.update(part.as_bytes());
        }
        assert_eq!(stream.hex(), whole);
    }
}
