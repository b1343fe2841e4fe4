//! Writes the little of `PromQL` that rules need.

use std::fmt;
use std::time::Duration;

use super::yaml::quoted;

/// What stands in braces behind the name of a metric.
#[derive(Clone, Default)]
pub(super) struct Selector(String);

impl Selector {
    /// Only series with this label.
    pub(super) fn with(&self, label: &str, value: &str) -> Self {
        self.and(label, "=", value)
    }

    /// Only series whose label fits the expression.
    pub(super) fn matching(&self, label: &str, expression: &str) -> Self {
        self.and(label, "=~", expression)
    }

    fn and(&self, label: &str, operator: &str, value: &str) -> Self {
        let comma = if self.0.is_empty() { "" } else { "," };
        Self(format!("{}{comma}{label}{operator}{}", self.0, quoted(value)))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.0)
    }
}

/// Numbers that differ in one label, as one vector.
pub(super) fn constants(label: &str, numbers: impl Iterator<Item = (String, f64)>) -> String {
    let number = |(name, number): (String, f64)| {
        format!("label_replace(vector({number}), {}, {}, \"\", \"\")", quoted(label), quoted(&name))
    };
    numbers.map(number).collect::<Vec<_>>().join("\nor ")
}

/// `1h`, `90s`, `1s500ms`: of the largest units that leave no rest.
pub(super) fn duration(duration: Duration) -> String {
    let millis = duration.as_millis().max(1);
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        if millis.is_multiple_of(size) {
            return format!("{}{unit}", millis / size);
        }
    }
    match (millis / 1_000, millis % 1_000) {
        (0, rest) => format!("{rest}ms"),
        (seconds, rest) => format!("{seconds}s{rest}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_inside_its_quotes() {
        let selector =
            Selector::default().with("model", "a\"} or {b\\\n\u{2028}").matching("c", "d|e");
        assert_eq!(selector.to_string(), r#"{model="a\"} or {b\\\U0000000A\U00002028",c=~"d|e"}"#);
    }

    #[test]
    fn durations_are_such_as_prometheus_reads() {
        let written = |millis| duration(Duration::from_millis(millis));
        assert_eq!([0, 16, 1_500, 90_000].map(written), ["1ms", "16ms", "1s500ms", "90s"]);
        assert_eq!([60_000, 3_600_000, 172_800_000].map(written), ["1m", "1h", "2d"]);
    }
}
