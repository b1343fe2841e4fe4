//! Of batch jobs and schedules.

use crate::http::openapi::schema::{
    Named, Schema, always, any, closed, count, either, flag, form, list, map, maybe, number, of,
    one_of, or_null, share, text,
};

pub(in crate::http::openapi) const STATES: [&str; 5] =
    ["waiting", "running", "succeeded", "failed", "cancelled"];
pub(in crate::http::openapi) const ON_BAD_ROW: [&str; 3] = ["fail", "null", "drop"];

pub(super) fn all() -> Vec<Named> {
    [request(), job(), schedules()].concat()
}

fn request() -> Vec<Named> {
    let files = "Paths below the job root, patterns, or URLs of files.";
    let request = closed(
        "A job, as it is asked for.",
        [
            always("model", text("")),
            maybe(
                "version",
                either([count(""), or_null(text(""))], "A version, or the label of one."),
            ),
            always("input", either([text(""), list(text(""), "")], files)),
            always(
                "output",
                text("A file, or a directory (ends with '/') that gets a file for each input."),
            ),
            maybe(
                "input_format",
                or_null(text("As csv or ndjson.gz; by the names of the files if it is not said.")),
            ),
            maybe("output_format", or_null(text(""))),
            maybe("keep", list(text(""), "Columns of the input that the output has too.")),
            maybe("on_bad_row", one_of(&ON_BAD_ROW, "")),
            maybe("rejects", or_null(text("A file for what is wrong with bad rows."))),
            maybe(
                "max_bad_rows",
                either([count(""), or_null(form(LIMIT, ""))], "Rows as 100, or a share as 1%."),
            ),
            maybe("fail_on_drift", flag("")),
            maybe(
                "shard",
                or_null(form(
                    "^[0-9]{1,9}/[1-9][0-9]{0,8}$",
                    "As 0/8: the first of eight. The first number is the smaller one.",
                )),
            ),
        ],
    );
    vec![("JobRequest", request)]
}

const LIMIT: &str = r"^([0-9]{1,19}|(100|[0-9]{1,2})(\.[0-9]+)?%)$";

fn moment(what: &str) -> Schema {
    form(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)(\[.+\])?$", what)
}

fn job() -> Vec<Named> {
    let progress = || {
        [
            always("rows", count("")),
            always("bad", count("")),
            always(
                "fraction",
                or_null(share("The part of the files that was read, where their size is known.")),
            ),
            always("rows_per_second", or_null(number(""))),
            always("remaining_seconds", or_null(number(""))),
        ]
    };
    let scheduled = closed("", [always("name", text("")), always("scheduled_for", moment(""))]);
    let job = closed(
        "",
        [
            always("id", text("")),
            always("state", one_of(&STATES, "")),
            always("request", of("JobRequest")),
            maybe("schedule", scheduled),
            always("attempts", count("")),
            always("version", or_null(count("The version that it was begun with."))),
            always("sha256", or_null(form("^[0-9a-f]{64}$", "Of the model file of that version."))),
            always("created", moment("")),
            always("started", or_null(moment(""))),
            always("ended", or_null(moment(""))),
            always("progress", of("Progress")),
            maybe("error", text("Why it failed.")),
            maybe("summary", of("JobSummary")),
        ],
    );
    let output = closed("", [always("name", text("")), always("bytes", count(""))]);
    let summary = closed(
        "What was done, if there are outputs.",
        [
            always("outputs", list(output, "")),
            maybe("rejects", text("")),
            maybe("manifest", text("")),
            always("rows", count("")),
            always("written", count("")),
            always("bad", count("")),
            always("codes", map(count(""), "Bad rows by what is wrong.")),
            always("warned", count("")),
            always("repaired", count("")),
            maybe("drift", of("FileVerdict")),
            always("seconds", number("Of the last attempt.")),
        ],
    );
    let verdict = closed(
        "How far all rows of a job are from the reference.",
        [
            always("reference", text("")),
            always("rows", count("")),
            always("compared", count("Features.")),
            always("drifted", count("Of them.")),
            always("drifted_inputs", number("")),
            always(
                "features",
                list(any("As `onnxd health` prints them."), "What drifted most comes first."),
            ),
        ],
    );
    vec![
        ("Job", job),
        ("Jobs", closed("", [always("jobs", list(of("Job"), "The newest first."))])),
        ("Progress", closed("", progress())),
        ("JobSummary", summary),
        ("FileVerdict", verdict),
    ]
}

fn schedules() -> Vec<Named> {
    let run = closed(
        "",
        [
            always("scheduled_for", moment("The time that it is for.")),
            always("at", moment("When it began, is to begin or ended.")),
            always("attempt", count("")),
            always("job", or_null(text("As long as it is known."))),
            maybe("outcome", text("")),
            maybe("error", text("")),
        ],
    );
    let run_or_null = || or_null(of("ScheduleRun"));
    let schedule = closed(
        "",
        [
            always("name", text("")),
            always("cron", text("")),
            always("time_zone", text("")),
            always("model", text("")),
            maybe("version", text("")),
            always("next_run", or_null(moment(""))),
            always("running", run_or_null()),
            always("retry", run_or_null()),
            always("last_run", run_or_null()),
            always("last_success", run_or_null()),
        ],
    );
    vec![
        ("Schedules", closed("", [always("schedules", list(of("Schedule"), ""))])),
        ("Schedule", schedule),
        ("ScheduleRun", run),
    ]
}
