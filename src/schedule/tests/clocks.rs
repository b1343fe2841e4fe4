//! When runs are, most of all where clocks change.

use jiff::ToSpan;
use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::*;

const ZONES: [&str; 9] = [
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "UTC",
    "America/Nuuk",
    "Africa/Casablanca",
    "Africa/Cairo",
    "America/Santiago",
];

/// The runs after a local time until another, as local times with their offsets.
fn runs(cron: &str, zone: &str, after: &str, until: &str) -> Vec<String> {
    let schedule = schedule(cron, zone, "");
    let local = |text: &str| instant(&format!("{text}[{zone}]"));
    let (mut at, until) = (local(after), local(until));
    let mut found = Vec::new();
    while let Some(next) = schedule.next_after(at).filter(|next| next.timestamp() <= until) {
        at = next.timestamp();
        found.push(next.strftime("%d %H:%M%z").to_string());
    }
    found
}

#[test]
fn a_time_that_the_clock_skips_runs_once_right_after_the_gap() {
    let new_york = runs("15 2 * * *", "America/New_York", "2024-03-09T00:00", "2024-03-12T00:00");
    assert_eq!(new_york, ["09 02:15-0500", "10 03:00-0400", "11 02:15-0400"]);
    let berlin = runs("30 2 * * *", "Europe/Berlin", "2024-03-30T00:00", "2024-04-01T12:00");
    assert_eq!(berlin, ["30 02:30+0100", "31 03:00+0200", "01 02:30+0200"]);
    let lord_howe =
        runs("15 2 * * *", "Australia/Lord_Howe", "2024-10-05T00:00", "2024-10-07T12:00");
    assert_eq!(lord_howe, ["05 02:15+1030", "06 02:30+1100", "07 02:15+1100"]);
}

#[test]
fn several_skipped_times_run_once_together_and_with_the_time_of_the_end_of_the_gap() {
    let several =
        runs("*/10 2,3 * * *", "America/New_York", "2024-03-10T00:00", "2024-03-10T03:25");
    assert_eq!(several, ["10 03:00-0400", "10 03:10-0400", "10 03:20-0400"]);
}

#[test]
fn a_time_that_comes_twice_runs_the_first_time() {
    let new_york = runs("30 1 * * *", "America/New_York", "2024-11-02T00:00", "2024-11-04T12:00");
    assert_eq!(new_york, ["02 01:30-0400", "03 01:30-0400", "04 01:30-0500"]);
    let berlin = runs("30 2 * * *", "Europe/Berlin", "2024-10-26T00:00", "2024-10-28T12:00");
    assert_eq!(berlin, ["26 02:30+0200", "27 02:30+0200", "28 02:30+0100"]);
    let lord_howe =
        runs("45 1 * * *", "Australia/Lord_Howe", "2024-04-06T00:00", "2024-04-08T12:00");
    assert_eq!(lord_howe, ["06 01:45+1100", "07 01:45+1100", "08 01:45+1030"]);
}

#[test]
fn a_start_within_the_repeated_hour_does_not_run_again() {
    let schedule = schedule("30 1 * * *", "America/New_York", "");
    let second_pass = instant("2024-11-03T06:10:00Z");
    assert_eq!(
        schedule.next_after(second_pass).unwrap().to_string(),
        "2024-11-04T01:30:00-05:00[America/New_York]"
    );
}

#[test]
fn hourly_runs_follow_every_real_hour() {
    for zone in ["America/New_York", "Europe/Berlin", "Asia/Kathmandu", "UTC"] {
        let schedule = schedule("20 * * * *", zone, "");
        let mut at = schedule.next_after(instant("2024-01-01T00:00:00Z")).unwrap();
        for _ in 0..24 * 366 {
            let next = schedule.next_after(at.timestamp()).unwrap();
            assert_eq!(next.duration_since(&at).as_secs(), 3600, "{next}");
            at = next;
        }
    }
}

#[test]
fn every_minute_is_every_real_minute_also_where_half_an_hour_is_moved() {
    for zone in ZONES {
        let schedule = schedule("* * * * *", zone, "");
        for day in
            ["2024-03-10", "2024-03-31", "2024-04-06", "2024-10-05", "2024-10-26", "2024-11-03"]
        {
            let mut at = instant(&format!("{day}T00:00:00Z"));
            for _ in 0..48 * 60 {
                let next = schedule.next_after(at).unwrap().timestamp();
                assert_eq!(next.duration_since(at).as_secs(), 60, "{zone} {next}");
                at = next;
            }
        }
    }
}

#[test]
fn an_hourly_time_in_a_skipped_half_hour_runs_after_it() {
    let hourly = runs("15 * * * *", "Australia/Lord_Howe", "2024-10-06T01:00", "2024-10-06T03:30");
    assert_eq!(hourly, ["06 01:15+1030", "06 02:30+1100", "06 03:15+1100"]);
}

#[test]
fn a_run_after_a_gap_that_ends_the_next_day_is_for_the_date_that_was_skipped_over() {
    // In Nuuk the clock went from 23:00 on the 30th to 00:00 on the 31st.
    let schedule = schedule("30 23 * * *", "America/Nuuk", "");
    let run = schedule.next_after(instant("2024-03-30T12:00:00Z")).unwrap();
    assert_eq!(run.date(), date(2024, 3, 31));
    assert_eq!(schedule.date_of(run.timestamp()), date(2024, 3, 30));
    let next = schedule.next_after(run.timestamp()).unwrap();
    assert_eq!(schedule.date_of(next.timestamp()), date(2024, 3, 31));
}

#[test]
fn days_that_not_every_month_has_come_when_they_are_there() {
    let months = runs("0 0 31 * *", "UTC", "2024-01-31T00:00", "2024-12-31T00:00");
    assert_eq!(months.len(), 6);
    let schedule = schedule("0 0 29 2 *", "UTC", "");
    let mut at = instant("2090-01-01T00:00:00Z");
    let mut years = Vec::new();
    for _ in 0..3 {
        let next = schedule.next_after(at).unwrap();
        years.push(next.year());
        at = next.timestamp();
    }
    assert_eq!(years, [2092, 2096, 2104]);
}

#[test]
fn the_last_day_is_the_last_day_in_december_too() {
    let last = runs("0 6 L * *", "UTC", "2023-10-31T12:00", "2024-03-31T12:00");
    assert_eq!(
        last,
        ["30 06:00+0000", "31 06:00+0000", "31 06:00+0000", "29 06:00+0000", "31 06:00+0000"]
    );
    let fridays = runs("0 6 * * 5L", "UTC", "2023-11-01T00:00", "2024-01-31T00:00");
    assert_eq!(fridays, ["24 06:00+0000", "29 06:00+0000", "26 06:00+0000"]);
}

#[test]
fn the_words_for_usual_schedules_are_known() {
    assert_eq!(runs("@daily", "UTC", "2024-01-01T00:00", "2024-01-02T00:00"), ["02 00:00+0000"]);
    assert_eq!(runs("@hourly", "UTC", "2024-01-01T00:00", "2024-01-01T01:00"), ["01 01:00+0000"]);
    assert_eq!(runs("@weekly", "UTC", "2024-01-01T00:00", "2024-01-08T00:00"), ["07 00:00+0000"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_daily_schedule_runs_exactly_once_for_every_local_date_of_ten_years(
        minute in 0u8..60, hour in 0u8..24, zone in 0..ZONES.len(), year in 2008i16..2040,
    ) {
        let schedule = schedule(&format!("{minute} {hour} * * *"), ZONES[zone], "");
        let start = Date::new(year, 1, 1).unwrap().at(0, 0, 0, 0);
        let mut at = start.to_zoned(schedule.time_zone().clone()).unwrap().timestamp();
        at -= 1.second();
        let mut day = start.date();
        for _ in 0..3652 {
            let next = schedule.next_after(at).unwrap().timestamp();
            prop_assert!(next > at);
            prop_assert_eq!(schedule.date_of(next), day);
            at = next;
            day = day.tomorrow().unwrap();
        }
    }

    #[test]
    fn runs_are_strictly_later_and_do_not_depend_on_where_the_search_begins(
        minute in prop::sample::select(vec!["*", "0", "*/20", "45", "5-50/15"]),
        hour in prop::sample::select(vec!["*", "2", "*/2", "0-3", "1,23"]),
        day in prop::sample::select(vec!["*", "L", "31", "1-7"]),
        zone in 0..ZONES.len(), second in 1_600_000_000i64..2_000_000_000, back in 0i64..200_000,
    ) {
        let schedule = schedule(&format!("{minute} {hour} {day} * *"), ZONES[zone], "");
        let start = Timestamp::from_second(second).unwrap();
        let next = schedule.next_after(start).unwrap().timestamp();
        prop_assert!(next > start);
        let mut at = Timestamp::from_second(second - back).unwrap();
        while at <= start {
            let later = schedule.next_after(at).unwrap().timestamp();
            prop_assert!(later > at);
            at = later;
        }
        prop_assert_eq!(at, next);
    }
}
