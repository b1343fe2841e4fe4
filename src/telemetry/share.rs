//! The share of requests that something is done for: by chance, or by their ids, so that all
//! who see an id decide alike.

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// From none to all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(f64);

impl Share {
    pub const NONE: Self = Self(0.0);

    /// # Errors
    /// The text is no number from 0 to 1.
    pub fn parse(text: &str) -> Result<Self, String> {
        let number = text.parse::<f64>().ok().filter(|number| (0.0..=1.0).contains(number));
        number
            .map(Self)
            .ok_or_else(|| format!("'{text}' is no share, expected a number from 0 to 1"))
    }

    #[must_use]
    pub fn is_none(self) -> bool {
        self.0 <= 0.0
    }

    /// Whether what has this id belongs to the share. What belongs to a share belongs to each
    /// larger one.
    #[must_use]
    pub fn has(self, id: &[u8]) -> bool {
        !self.is_none() && self.reaches(hash(id))
    }

    /// Whether the next one belongs to it.
    #[must_use]
    pub fn by_chance(self) -> bool {
        !self.is_none() && self.reaches(chance())
    }

    fn reaches(self, number: u64) -> bool {
        // The upper 53 bits are a number from 0 up to 1 without a rounding.
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let place = (number >> 11) as f64 / (1u64 << 53) as f64;
        place < self.0
    }
}

/// FNV-1a, whose upper bits differ little among short ids until they are mixed.
fn hash(id: &[u8]) -> u64 {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    mix(id.iter().fold(0xcbf2_9ce4_8422_2325, fold))
}

/// The last step of `SplitMix64`.
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

thread_local! {
    static STATE: Cell<u64> = Cell::new(RandomState::new().build_hasher().finish());
}

/// Good enough to choose, not to be an id.
fn chance() -> u64 {
    let next = STATE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    STATE.set(next);
    mix(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(text: &str) -> Share {
        Share::parse(text).unwrap()
    }

    #[test]
    fn a_share_is_a_number_from_nothing_to_all() {
        for bad in ["", "-0.1", "1.1", "NaN", "1%", "half"] {
            assert!(Share::parse(bad).unwrap_err().contains("from 0 to 1"), "{bad}");
        }
        for number in 0..1000u32 {
            let id = number.to_string();
            assert!(share("1").has(id.as_bytes()) && share("1").by_chance());
            assert!(!share("0").has(id.as_bytes()) && !share("0").by_chance());
        }
    }

    #[test]
    fn about_that_share_of_ids_belongs_to_it() {
        // Four standard deviations of a fair choice.
        for (text, expected, allowed) in [("0.01", 100, 40), ("0.5", 5000, 200)] {
            let ids = (0..10_000u32).map(|number| format!("5ad3f00d-1-{number:x}"));
            let by_id = ids.filter(|id| share(text).has(id.as_bytes())).count();
            let by_chance = (0..10_000).filter(|_| share(text).by_chance()).count();
            for count in [by_id, by_chance] {
                assert!(count.abs_diff(expected) <= allowed, "{count} of 10000 for {text}");
            }
        }
    }

    #[test]
    fn who_sees_an_id_decides_as_all_others_do() {
        // Fixed numbers: another version must not decide otherwise.
        let chosen: Vec<u32> =
            (0..2000).filter(|number| share("0.002").has(number.to_string().as_bytes())).collect();
        let larger = |number: &u32| share("0.1").has(number.to_string().as_bytes());
        assert_eq!(chosen, [332, 708, 882, 1062, 1503, 1966]);
        assert!(chosen.iter().all(larger));
    }
}
