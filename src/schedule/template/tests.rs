//! What templates give, and what is said of mistakes in them.

use jiff::civil::date;

use super::*;

fn render_at(text: &str, time: &str) -> String {
    let time: Zoned = time.parse().unwrap();
    let values = Values { model: "delay", schedule: "nightly", date: time.date(), time };
    Template::parse(text).unwrap().render(&values).unwrap()
}

fn render(text: &str) -> String {
    render_at(text, "2013-03-01T02:15[America/New_York]")
}

fn mistake(text: &str) -> (usize, String) {
    let error = Template::parse(text).unwrap_err();
    (error.position, error.reason)
}

#[test]
fn dates_are_local_and_shift_by_the_calendar() {
    assert_eq!(render("a/{date}.csv"), "a/2013-03-01.csv");
    assert_eq!(render("{date - 1d}|{date-1d}|{ date  +  2w }"), "2013-02-28|2013-02-28|2013-03-15");
    assert_eq!(render_at("{date - 1mo}", "2024-03-31T00:00[UTC]"), "2024-02-29");
    assert_eq!(render_at("{date + 1y}", "2024-02-29T00:00[UTC]"), "2025-02-28");
    assert_eq!(render_at("{date}", "2013-03-01T23:30[America/New_York]"), "2013-03-01");
}

#[test]
fn formats_are_those_of_strftime() {
    assert_eq!(render("{date - 1d:%Y/%m/%d}"), "2013/02/28");
    assert_eq!(render("{date:y=%Y}-{date:%G-W%V}-{date:%j}-{date:%-d}"), "y=2013-2013-W09-060-1");
}

#[test]
fn times_are_the_instant_of_the_run() {
    assert_eq!(render("{time:%H}"), "02");
    assert_eq!(render("{time - 3h:%Y%m%dT%H}"), "20130228T23");
    assert_eq!(render("{time:%H:%M}"), "02:15");
    assert_eq!(render("{time}"), "20130301T071500Z");
    // An hour before 03:00 on the day that has no 02:00.
    assert_eq!(render_at("{time - 1h:%H}", "2024-03-10T03:00[America/New_York]"), "01");
    // The two runs of a repeated hour have names of their own.
    let pass = |offset| render_at("{time}", &format!("2024-11-03T01:30{offset}[America/New_York]"));
    assert_ne!(pass("-04:00"), pass("-05:00"));
}

#[test]
fn names_and_braces_are_written_as_they_are() {
    assert_eq!(render("{model}/{schedule}/*.{{csv,txt}}"), "delay/nightly/*.{csv,txt}");
    assert_eq!(render("{{{date}}}"), "{2013-03-01}");
    assert_eq!(render("größe/{date}"), "größe/2013-03-01");
    assert_eq!(render(""), "");
}

#[test]
fn a_value_brings_no_separator_that_its_format_lacks() {
    let time: Zoned = "2013-03-01T02:15[America/New_York]".parse().unwrap();
    let values = Values { model: "../etc\\x", schedule: "a/b", date: time.date(), time };
    let template = Template::parse("{model}{schedule}").unwrap();
    assert_eq!(template.render(&values).unwrap(), ".._etc_xa_b");
    for c in (' '..='~').filter(|c| *c != '/' && *c != '}') {
        for text in [format!("{{date:%{c}}}"), format!("{{time:%{c}}}"), format!("{{time:%:{c}}}")]
        {
            let Ok(template) = Template::parse(&text) else { continue };
            let text = template.render(&values).unwrap();
            assert!(!text.contains(['/', '\\', '\n', '\t']), "{c} gives {text}");
        }
    }
}

#[test]
fn a_mistake_has_its_place_and_what_was_expected() {
    let cases = [
        ("a{", 2, "not closed"),
        ("a}b", 2, "expected }}"),
        ("ü{dat}", 3, "expected date, time, model or schedule"),
        ("{}", 2, "expected date"),
        ("{date - }", 8, "expected a number with d, w, mo or y"),
        ("{date - 1x}", 9, "like 1d"),
        ("{date - 1h}", 9, "span of times"),
        ("{date * 1d}", 7, "expected +, -, : or }"),
        ("{date - 99999d}", 9, "too far away"),
        ("{date + 9999y}", 2, "has no value"),
        ("{date:}", 7, "the format is empty"),
        ("{date:%Y%}", 9, "ends after %"),
        ("{date:%H}", 7, "expected {time:..}"),
        ("{date:%D}", 7, "%D cannot stand here"),
        ("{time:%Q}", 7, "%Q cannot stand here"),
        ("{model - 1d}", 7, "expected } after model"),
        ("{schedule:%Y}", 10, "expected } after schedule"),
    ];
    for (text, position, part) in cases {
        let (at, reason) = mistake(text);
        assert!(reason.contains(part), "{text}: {reason}");
        assert_eq!(at, position, "{text}: {reason}");
    }
}

#[test]
fn a_date_out_of_the_calendar_is_an_error_and_no_panic() {
    let template = Template::parse("{date + 40000d}").unwrap();
    let time: Zoned = "9999-01-01T00:00[UTC]".parse().unwrap();
    let values = Values { model: "", schedule: "", date: date(9999, 1, 1), time };
    assert!(template.render(&values).unwrap_err().to_string().contains("9999"));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[{}a-z:%+\\-0-9 /ü]{0,24}") {
        if let Err(error) = Template::parse(&text) {
            proptest::prop_assert!(error.position >= 1);
            proptest::prop_assert!(error.position <= text.chars().count() + 1);
        }
    }
}
