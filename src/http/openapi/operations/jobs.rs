//! Batch jobs and schedules.

use serde_json::json;

use crate::http::openapi::operation::{
    Kind, Operation, Tag, delete, get, json as of_json, post, query,
};
use crate::http::openapi::schema::{any, count, one_of, text};
use crate::http::openapi::schemas::JOB_STATES;

const JOBS: Tag = Tag::Jobs;
const OFF: &str = "403 while jobs are off: the server needs `job-root` or `job-prefixes`.";

pub(super) fn all() -> Vec<Operation> {
    let mut all = of_jobs();
    all.extend(schedules());
    all
}

fn of_jobs() -> Vec<Operation> {
    let example = json!({"model": "digits", "input": "in.csv", "output": "out.csv"});
    vec![
        get("/api/jobs", JOBS, "listJobs", "Jobs, the newest first.")
            .details(OFF)
            .with([
                query("state", one_of(&JOB_STATES, ""), "Only those in this state."),
                query("limit", count(""), "At most so many; 100 if it is not said."),
            ])
            .json("Jobs")
            .errors([400, 403, 500]),
        post("/api/jobs", JOBS, "submitJob", "Has a job run.")
            .details("403 while jobs are off, and where a file lies outside of what jobs may read and write.")
            .takes("JobRequest", example)
            .answer(202, "It waits.", of_json("Job"))
            .headers([("Location", text("Where it is."))])
            .errors([403, 404, 503]),
        get("/api/jobs/{id}", JOBS, "job", "A job and how far it is.")
            .details(OFF)
            .json("Job")
            .errors([403, 404, 500]),
        delete("/api/jobs/{id}", JOBS, "deleteJob", "Cancels a job, or forgets one that has ended.")
            .details(OFF)
            .answers(204, "Nothing is left of it.", vec![])
            .answer(202, "It ends soon, and is still known.", of_json("Job"))
            .errors([403, 404, 500, 503]),
        post("/api/jobs/{id}/retry", JOBS, "retryJob", "Has a job that failed or was cancelled go on where it ended.")
            .details(OFF)
            .answer(202, "It waits.", of_json("Job"))
            .errors([403, 404, 409, 500, 503]),
        get("/api/jobs/{id}/events", JOBS, "jobEvents", "How far a job is, as server-sent events.")
            .details("Events `progress`, and `end` with the whole job at its end; then the stream ends.")
            .answer(200, "", Kind { media: "text/event-stream", schema: any(""), example: None })
            .errors([403, 404, 500]),
    ]
}

fn schedules() -> [Operation; 2] {
    [
        get(
            "/api/schedules",
            JOBS,
            "listSchedules",
            "Jobs that come back, as the configuration has them.",
        )
        .details(OFF)
        .json("Schedules")
        .errors([403, 500]),
        post("/api/schedules/{name}/run", JOBS, "runSchedule", "Runs a schedule now.")
            .details("409 while its last run has not ended.")
            .answer(202, "Its job waits.", of_json("Job"))
            .errors([400, 403, 404, 409, 500, 503]),
    ]
}
