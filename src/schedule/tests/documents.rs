//! What a configuration file may say, and what is said of mistakes.

use std::time::Duration;

use super::*;

const FULL: &str = r#"
[[schedule]]
name = "nightly-delays"
cron = "15 2 * * *"
time_zone = "America/New_York"
model = "flight-delay"
version = 2
input = ["s3://flights/{date - 1d}/*.csv", "s3://more/{{x}}/{model}"]
output = "s3://predictions/{date - 1d:%Y/%m}/{schedule}.parquet"
keep = ["id", "day-{date}"]
on_failure = { retries = 3, wait = "5m" }
missed = "run"
overlap = "queue"
start_within = "1h"
"#;

#[test]
fn every_key_is_read() {
    let schedule = schedules(FULL).unwrap().remove(0);
    assert_eq!(schedule.name, "nightly-delays");
    assert_eq!(schedule.version.as_deref(), Some("2"));
    assert_eq!(schedule.on_failure, OnFailure { retries: 3, wait: Duration::from_mins(5) });
    assert_eq!((schedule.missed, schedule.overlap), (Missed::Run, Overlap::Queue));
    assert_eq!(schedule.start_within, Some(Duration::from_hours(1)));
    assert_eq!(schedule.time_zone().iana_name(), Some("America/New_York"));
}

#[test]
fn what_is_left_out_has_a_default() {
    let schedule = schedule("@daily", "UTC", "");
    assert_eq!(schedule.on_failure.retries, 0);
    assert_eq!((schedule.missed, schedule.overlap), (Missed::Skip, Overlap::Skip));
    assert_eq!((schedule.version, schedule.start_within), (None, None));
}

#[test]
fn a_request_has_the_texts_of_its_run_and_the_keys_of_the_job() {
    let schedule = schedules(FULL).unwrap().remove(0);
    let run = schedule.next_after(instant("2013-03-01T00:00[America/New_York]")).unwrap();
    let request = schedule.request(run.timestamp()).unwrap();
    assert_eq!(request.input, ["s3://flights/2013-02-28/*.csv", "s3://more/{x}/flight-delay"]);
    assert_eq!(request.output, "s3://predictions/2013/02/nightly-delays.parquet");
    let job: toml::Table = toml::from_str(r#"keep = ["id", "day-2013-03-01"]"#).unwrap();
    assert_eq!(request.job, job);
}

#[test]
fn all_mistakes_of_all_schedules_are_told_with_schedule_and_key() {
    let error = schedules(
        r#"
[[schedule]]
name = "a b"
cron = "0 25 * * *"
time_zone = "Mars/Olympus"
input = []
output = "{dat}"
keeep = 1
on_failure = { retries = -1, wait = "5 minutes", more = 1 }

[[schedule]]
name = "twice"
cron = "0 0 31 2 *"
model = "m"
input = "{date - 1h}"
output = "x"
missed = "maybe"
start_within = "0s"

[[schedule]]
name = "twice"
cron = "@reboot"
model = "m/n"
input = 1
output = "x"
notes = { to = "{" }
"#,
    )
    .unwrap_err();
    let expected = [
        "schedule 'a b': unknown key 'keeep', keys are: name, cron, time_zone, model, version, input, output, on_failure, missed, overlap, start_within, keep, notes",
        "schedule 'a b': name: 'a b' is no name, expected up to 128 letters, digits, '.', '_' and '-'",
        "schedule 'a b': cron: '0 25 * * *': value must be in range 0..=23; found 25, at character 3",
        "schedule 'a b': time_zone: 'Mars/Olympus' is no time zone, expected for example Europe/Berlin",
        "schedule 'a b': model is missing",
        "schedule 'a b': input: the list is empty, expected at least one text",
        "schedule 'a b': output: '{dat}', character 2: 'dat' is unknown, expected date, time, model or schedule",
        "schedule 'a b': on_failure: unknown key 'more', keys are: retries, wait",
        "schedule 'a b': on_failure: retries: -1 is no number of retries, expected 0 to 100",
        "schedule 'a b': on_failure: wait: '5 minutes' is no duration, expected a number above 0 with s, m, h or d",
        "schedule 'twice': cron: '0 0 31 2 *' never comes: there is no such date",
        "schedule 'twice': input: '{date - 1h}', character 9: '1h' is a span of times, expected a number with d, w, mo or y, like 1d",
        "schedule 'twice': missed: 'maybe' is none of: skip, run",
        "schedule 'twice': start_within: '0s' is no duration, expected a number above 0 with s, m, h or d",
        "schedule 'twice': cron: '@reboot' is none of: @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually",
        "schedule 'twice': model: 'm/n' is no model name: it must not hold / or :",
        "schedule 'twice': input: 1 is no text",
        "schedule 'twice': notes.to: '{', character 1: this { is not closed, expected } (or {{ for a brace)",
        "schedule 'twice': name: another schedule has it too",
    ];
    assert_eq!(error.0, expected);
}

#[test]
fn a_schedule_that_is_no_list_of_tables_is_refused() {
    assert!(schedules("schedule = 1").unwrap_err().to_string().contains("expected [[schedule]]"));
    assert!(schedules("schedule = [1]").unwrap_err().to_string().contains("1 is no table"));
}

#[test]
fn a_cron_with_a_zone_or_seconds_is_refused_by_its_number_of_fields() {
    for cron in ["* * * * * UTC", "0 0 0 * * *", "0 0 * *", ""] {
        let text = format!(
            "[[schedule]]\nname = \"n\"\nmodel = \"m\"\ninput = \"i\"\noutput = \"o\"\ncron = \"{cron}\""
        );
        assert!(schedules(&text).unwrap_err().0.len() == 1, "{cron}");
    }
}
