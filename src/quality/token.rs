//! A prediction on its way to its truth: what was predicted, signed, so that any replica with
//! the same key can count feedback and nobody can make it up. Nothing is stored.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use super::target::Target;
use crate::digest;

/// Rows that one token speaks of at most: tokens travel in a header.
pub const MAX_ROWS: usize = 256;

const FORM: u8 = 2;
const HEAD: usize = 1 + 8 + 8 + 8 + 8;
const ROW: usize = 5;
/// Of the signature; half of SHA-256 is as much as a forger can ever hope to guess.
const TAG: usize = 16;

/// Signs tokens.
#[derive(Clone)]
pub struct Key(hmac::Key);

/// What a request was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    pub model: ModelId,
    pub origin: Origin,
    /// Milliseconds since the epoch of Unix.
    pub time_ms: u64,
    /// Tells requests apart.
    pub number: u64,
    pub rows: Vec<Predicted>,
}

/// What one row was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Predicted {
    /// A probability or a number in single precision, or what stands for a class.
    bits: u32,
    /// Whether the score meant the positive class.
    pub positive: bool,
}

impl Predicted {
    #[must_use]
    pub fn score(score: f32, positive: bool) -> Self {
        Self { bits: score.to_bits(), positive }
    }

    #[must_use]
    pub fn class(class: ClassId) -> Self {
        Self { bits: class.0, positive: false }
    }

    #[must_use]
    pub fn as_score(self) -> f64 {
        f32::from_bits(self.bits).into()
    }

    #[must_use]
    pub fn as_class(self) -> ClassId {
        ClassId(self.bits)
    }
}

/// Stands for the name of a class, on every replica for the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassId(u32);

impl ClassId {
    /// Of a name in the one spelling of a class.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self(u32::from_be_bytes(digest::first(name)))
    }
}

/// The first eight bytes of the digest of a model's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelId(u64);

impl ModelId {
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self(u64::from_be_bytes(digest::first(name)))
    }
}

/// What made a prediction: the version, its file, and which of the file's outputs counts as the
/// prediction. A truth says nothing about what another one of these would have predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin(u64);

impl Origin {
    /// `sha256` is that of the model file.
    #[must_use]
    pub fn of(version: u64, sha256: &str, target: &Target) -> Self {
        let text = format!("{version}\n{sha256}\n{}", target.identity());
        Self(u64::from_be_bytes(digest::first(text)))
    }
}

impl Key {
    /// From a secret that all replicas share.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// One that only this process has: its tokens are worth nothing after its end. `None` if
    /// the system gives no random bytes.
    #[must_use]
    pub fn random() -> Option<Self> {
        let mut secret = [0; 32];
        SystemRandom::new().fill(&mut secret).ok()?;
        Some(Self::new(&secret))
    }

    /// The token of a prediction of at most [`MAX_ROWS`] rows; `None` for more.
    #[must_use]
    pub fn sign(&self, prediction: &Prediction) -> Option<String> {
        if prediction.rows.len() > MAX_ROWS {
            return None;
        }
        let mut bytes = Vec::with_capacity(HEAD + prediction.rows.len() * ROW + TAG);
        bytes.push(FORM);
        let head = [prediction.model.0, prediction.origin.0, prediction.time_ms, prediction.number];
        for number in head {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for row in &prediction.rows {
            bytes.extend_from_slice(&row.bits.to_le_bytes());
            bytes.push(u8::from(row.positive));
        }
        let tag = hmac::sign(&self.0, &bytes);
        bytes.extend_from_slice(tag.as_ref().get(..TAG)?);
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What a token says; `None` if this key has not signed it.
    #[must_use]
    pub fn verify(&self, token: &str) -> Option<Prediction> {
        if token.len() > (HEAD + MAX_ROWS * ROW + TAG) * 2 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (signed, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG)?)?;
        let expected = hmac::sign(&self.0, signed);
        // Compared in a time that says nothing of where they differ.
        let same = expected.as_ref().iter().zip(tag).fold(0, |apart, (a, b)| apart | (a ^ b)) == 0;
        if !same || signed.first() != Some(&FORM) {
            return None;
        }
        Prediction::read(signed.get(1..)?)
    }
}

impl Prediction {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (head, rows) = bytes.split_at_checked(HEAD - 1)?;
        let mut head = head
            .chunks_exact(8)
            .map(|chunk| chunk.first_chunk().map_or(0, |number| u64::from_le_bytes(*number)));
        let mut next = || head.next();
        let (model, origin) = (ModelId(next()?), Origin(next()?));
        let (time_ms, number) = (next()?, next()?);
        if rows.len() % ROW != 0 {
            return None;
        }
        let row = |row: &[u8]| {
            let (bits, positive) = row.split_first_chunk()?;
            Some(Predicted { bits: u32::from_le_bytes(*bits), positive: *positive.first()? == 1 })
        };
        let rows = rows.chunks_exact(ROW).map(row).collect::<Option<_>>()?;
        Some(Self { model, origin, time_ms, number, rows })
    }

    /// How long ago it was made.
    #[must_use]
    pub fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(Duration::from_millis(self.time_ms))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prediction() -> impl Strategy<Value = Prediction> {
        let row = (any::<u32>(), any::<bool>());
        let rows = proptest::collection::vec(row, 0..20);
        (any::<[u64; 3]>(), rows).prop_map(|([origin, time_ms, number], rows)| Prediction {
            model: ModelId::of("m"),
            origin: Origin(origin),
            time_ms,
            number,
            rows: rows.into_iter().map(|(bits, positive)| Predicted { bits, positive }).collect(),
        })
    }

    proptest! {
        #[test]
        fn a_token_says_what_was_signed(prediction in prediction()) {
            let key = Key::new(b"secret");
            let token = key.sign(&prediction).unwrap();
            prop_assert!(axum_accepts(&token));
            prop_assert_eq!(key.verify(&token), Some(prediction));
        }

        #[test]
        fn no_bit_of_a_token_can_be_changed(
            prediction in prediction(),
            place in any::<prop::sample::Index>(),
            bit in 0u8..8,
        ) {
            let key = Key::new(b"secret");
            let mut bytes = URL_SAFE_NO_PAD.decode(key.sign(&prediction).unwrap()).unwrap();
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
            prop_assert_eq!(key.verify(&URL_SAFE_NO_PAD.encode(bytes)), None);
        }

        #[test]
        fn no_text_makes_verifying_panic(text in "\\PC*") {
            prop_assert_eq!(Key::new(b"secret").verify(&text), None);
        }
    }

    /// Whether it can travel in a header.
    fn axum_accepts(token: &str) -> bool {
        token.bytes().all(|byte| byte.is_ascii_graphic())
    }

    #[test]
    fn another_key_and_too_many_rows_give_nothing() {
        let rows = vec![Predicted::score(0.5, true); MAX_ROWS];
        let model = ModelId::of("m");
        let mut prediction = Prediction { model, origin: Origin(1), time_ms: 2, number: 3, rows };
        let token = Key::new(b"secret").sign(&prediction).unwrap();
        assert!(token.len() < 1800, "{}", token.len());
        assert_eq!(Key::new(b"other").verify(&token), None);
        prediction.rows.push(Predicted::score(0.5, true));
        assert_eq!(Key::new(b"secret").sign(&prediction), None);
    }
}
