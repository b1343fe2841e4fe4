//! W3C Trace Context (Level 1): which trace a request belongs to, as `traceparent` and
//! `tracestate` say it. What is not exactly as the specification has it is as good as absent.

use std::fmt;

use http::{HeaderMap, HeaderName};
use ring::rand::{SecureRandom as _, SystemRandom};

pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The id of a trace; never all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId(pub(super) [u8; 16]);

/// The id of a span; never all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanId(pub(super) [u8; 8]);

/// A new id; none if the system gives no random bytes.
pub(super) fn random_id<const N: usize>() -> Option<[u8; N]> {
    let mut id = [0; N];
    SystemRandom::new().fill(&mut id).ok()?;
    // All zeros mean that there is none.
    id[N - 1] |= u8::from(id == [0; N]);
    Some(id)
}

/// A span in its trace, as one party tells it to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    pub trace: TraceId,
    pub span: SpanId,
    /// Its spans are recorded.
    pub sampled: bool,
}

/// `00-<32 digits>-<16 digits>-<2 digits>`.
const LENGTH: usize = 55;

/// Characters of `tracestate` that are handed on; more is dropped, which the specification
/// allows from 512 on.
const MAX_STATE: usize = 1024;

/// Members of a `tracestate`.
const MAX_MEMBERS: usize = 32;

impl Context {
    /// Where a request comes from, if its headers say so.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let value = values.next()?;
        // Of two, nobody can say which one counts.
        if values.next().is_some() { None } else { Self::parse(value.as_bytes()) }
    }

    /// Reads a `traceparent`. Later versions are read as far as this one goes, as the
    /// specification asks for.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (known, rest) = text.split_at_checked(LENGTH)?;
        let [version] = hexadecimal::<1>(&known[..2])?;
        let ends = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => matches!(rest, [] | [b'-', ..]),
        };
        let dashes = [2, 35, 52].iter().all(|at| known[*at] == b'-');
        if !ends || !dashes {
            return None;
        }
        let trace = hexadecimal(&known[3..35]).filter(|id| *id != [0; 16])?;
        let span = hexadecimal(&known[36..52]).filter(|id| *id != [0; 8])?;
        let [flags] = hexadecimal::<1>(&known[53..])?;
        Some(Self { trace: TraceId(trace), span: SpanId(span), sampled: flags & 1 == 1 })
    }
}

/// As a `traceparent`.
impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// Digits in lower case, as the specification wants them.
fn hexadecimal<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// What other parties say of the trace, to be handed on as it is. Empty if there is nothing, or
/// if it is not as it should be: the trace goes on without it.
#[must_use]
pub fn state(headers: &HeaderMap) -> String {
    let mut whole = String::new();
    for value in headers.get_all(TRACESTATE) {
        let Ok(text) = value.to_str() else { return String::new() };
        if !whole.is_empty() {
            whole.push(',');
        }
        whole.push_str(text);
        if whole.len() > MAX_STATE {
            return String::new();
        }
    }
    let members = whole.split(',').map(|member| member.trim_matches([' ', '\t']));
    // Empty members are allowed, and mean nothing.
    let mut keys: Vec<&str> = Vec::new();
    for member in members.filter(|member| !member.is_empty()) {
        match member.split_once('=') {
            Some((key, value))
                if keys.len() < MAX_MEMBERS
                    && is_key(key)
                    && is_value(value)
                    && !keys.contains(&key) =>
            {
                keys.push(key);
            }
            _ => return String::new(),
        }
    }
    whole
}

/// `vendor`, or `tenant@vendor`.
fn is_key(key: &str) -> bool {
    let rest = |text: &str| {
        text.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/'))
    };
    let letter = |text: &str| text.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
    match key.split_once('@') {
        None => letter(key) && key.len() <= 256 && rest(key),
        Some((tenant, vendor)) => {
            let begins = tenant.bytes().next();
            let begins = begins.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
            begins
                && tenant.len() <= 241
                && rest(tenant)
                && letter(vendor)
                && vendor.len() <= 14
                && rest(vendor)
        }
    }
}

fn is_value(value: &str) -> bool {
    (1..=256).contains(&value.len())
        && value.bytes().all(|c| matches!(c, 0x20..=0x7e) && c != b'=')
        && !value.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parsed(text: &str) -> Option<Context> {
        Context::parse(text.as_bytes())
    }

    fn of(headers: &[(HeaderName, &str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_example_of_the_specification_is_read() {
        let context = parsed(GOOD).unwrap();
        assert_eq!(context.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span.to_string(), "00f067aa0ba902b7");
        assert!(context.sampled);
        assert_eq!(context.to_string(), GOOD);
        let not = GOOD.replace("-01", "-00");
        assert!(!parsed(&not).unwrap().sampled);
        // Flags that are not known yet mean nothing.
        assert!(!parsed(&GOOD.replace("-01", "-fe")).unwrap().sampled);
    }

    #[test]
    fn what_the_specification_forbids_is_as_good_as_absent() {
        let zeros = |n: usize| "0".repeat(n);
        let bad = [
            String::new(),
            GOOD[..54].to_owned(),
            format!("{GOOD}-"),
            format!("{GOOD}0"),
            format!(" {GOOD}"),
            GOOD.to_uppercase(),
            GOOD.replacen("00", "ff", 1),
            GOOD.replacen("00-", "0g-", 1),
            GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &zeros(32)),
            GOOD.replace("00f067aa0ba902b7", &zeros(16)),
            GOOD.replace('-', "_"),
            format!("{},{GOOD}", &GOOD[..52]),
        ];
        for text in bad {
            assert_eq!(parsed(&text), None, "{text}");
        }
        let twice = of(&[(TRACEPARENT, GOOD), (TRACEPARENT, GOOD)]);
        assert_eq!(Context::of(&twice), None);
    }

    #[test]
    fn later_versions_are_read_as_far_as_they_are_known() {
        for later in [GOOD.replacen("00", "01", 1), GOOD.replacen("00", "cc", 1) + "-what.ever"] {
            assert_eq!(parsed(&later), parsed(GOOD), "{later}");
        }
        assert_eq!(parsed(&(GOOD.replacen("00", "01", 1) + ".x")), None);
    }

    #[test]
    fn the_state_of_others_is_handed_on_if_it_is_well_formed() {
        let state = |values: &[&str]| {
            let headers: Vec<_> = values.iter().map(|value| (TRACESTATE, *value)).collect();
            state(&of(&headers))
        };
        assert_eq!(
            state(&["rojo=00f067aa0ba902b7, congo=t61rcWkgMzE"]),
            "rojo=00f067aa0ba902b7, congo=t61rcWkgMzE"
        );
        assert_eq!(state(&["a=1", "1t@v=x y"]), "a=1,1t@v=x y");
        assert_eq!(state(&["a=1,,b=2"]), "a=1,,b=2");
        for bad in ["a", "A=1", "a=", "a=1=2", "a=1,a=2", "1a=1", "t@1v=1", "a=\u{e9}"] {
            assert_eq!(state(&[bad]), "", "{bad}");
        }
        let many: Vec<String> = (0..33).map(|number| format!("k{number}=1")).collect();
        assert_eq!(state(&[&many[..32].join(",")]), many[..32].join(","));
        assert_eq!(state(&[&many.join(",")]), "");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            trace in any::<[u8; 16]>(), span in any::<[u8; 8]>(), sampled in any::<bool>()
        ) {
            let context = Context { trace: TraceId(trace), span: SpanId(span), sampled };
            let expected = (trace != [0; 16] && span != [0; 8]).then_some(context);
            prop_assert_eq!(parsed(&context.to_string()), expected);
        }

        #[test]
        fn a_character_that_is_not_a_digit_spoils_it(at in 0usize..55, with in "[\x00-\x7f&&[^0-9a-f-]]") {
            let mut text = GOOD.to_owned();
            text.replace_range(at..=at, &with);
            prop_assert_eq!(parsed(&text), None);
        }

        #[test]
        fn anything_at_all_is_read_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
            text in "[0-9a-f-]{50,60}",
        ) {
            for bytes in [&bytes[..], text.as_bytes()] {
                if let Some(context) = Context::parse(bytes) {
                    let written = context.to_string();
                    prop_assert_eq!(&written.as_bytes()[3..52], &bytes[3..52]);
                }
            }
        }
    }
}
