//! `/api/schedules`: jobs that come back, as the configuration has them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::jobs::done;
use crate::http::path::Path;
use crate::http::{Api, reply};
use crate::jobs::ScheduleStatus;

#[derive(Serialize)]
struct Document {
    schedules: Vec<ScheduleStatus>,
}

pub(in crate::http) async fn list(State(api): State<Api>) -> Response {
    let list = |schedules| reply::json(&Document { schedules });
    done(&api, |jobs| Ok(jobs.schedules()), list).await
}

pub(in crate::http) async fn run(State(api): State<Api>, Path(name): Path<String>) -> Response {
    done(
        &api,
        move |jobs| jobs.run_schedule(&name),
        |status| reply::with_status(StatusCode::ACCEPTED, &status),
    )
    .await
}
