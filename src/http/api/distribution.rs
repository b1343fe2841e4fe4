//! GET `/api/models/{model}/drift/distribution`: one feature, as the reference has it and as it is
//! now, in the same bins, and how its score came to be what it is.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize, Serializer};

use super::{drift as shared, refused, serving};
use crate::contract::Contract;
use crate::drift::{self, Bins, Held, Monitor, Report, Scores, Source, Tally, Watched};
use crate::features::{Reading, Role};
use crate::history::{self, DriftSeries};
use crate::http::path::Path;
use crate::http::query::Query;
use crate::http::{Api, reply};
use crate::registry::{ControlError, LiveModel};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Asked {
    feature: String,
    version: Option<String>,
    window: Option<String>,
    source: Option<String>,
    span: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    model: &'a str,
    version: u64,
    feature: &'a str,
    role: Role,
    reading: Reading,
    reference: &'a str,
    reference_rows: u64,
    /// As of the last look, as the score is.
    window: Option<&'a drift::Window>,
    bins: Vec<Bin>,
    out_of_range: u64,
    score: Option<&'a Scores>,
    history: History,
}

#[derive(Serialize)]
struct Bin {
    name: String,
    kind: &'static str,
    /// Of an interval, which is open to the left.
    from: Option<f64>,
    to: Option<f64>,
    /// Of a category, where the contract says that values may be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Category>,
    reference: f64,
    current: Option<f64>,
    count: u64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Category {
    Number(f64),
    Text(String),
}

#[derive(Serialize)]
struct History {
    step_seconds: u64,
    at: Vec<f64>,
    #[serde(serialize_with = "rounded")]
    psi: Vec<Option<f32>>,
    #[serde(serialize_with = "rounded")]
    expected: Vec<Option<f32>>,
    #[serde(serialize_with = "rounded")]
    critical: Vec<Option<f32>>,
}

/// They were kept with three digits.
fn rounded<S: Serializer>(figures: &[Option<f32>], serializer: S) -> Result<S::Ok, S::Error> {
    let rounded = |figure: f32| (f64::from(figure) * 1e5).round() / 1e5;
    serializer.collect_seq(figures.iter().map(|figure| figure.map(rounded)))
}

/// What is asked for, in types.
struct Wanted {
    window: drift::Span,
    source: Source,
    span: history::Span,
}

pub(in crate::http) async fn get(
    State(api): State<Api>,
    Path(model): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let wanted = match Wanted::of(&asked) {
        Ok(wanted) => wanted,
        Err(message) => return reply::problem(StatusCode::BAD_REQUEST, &message),
    };
    let snapshot = api.predictor.registry().snapshot();
    let Some(found) = snapshot.models.get(&model) else {
        return refused(&ControlError::UnknownModel(model));
    };
    let live = match serving(found, &model, asked.version.as_deref()) {
        Ok(live) => live,
        Err(response) => return *response,
    };
    let Some(monitor) = live.monitor.as_deref() else {
        let message = format!("version {} of '{model}' has no reference", live.version);
        return reply::problem(StatusCode::NOT_FOUND, &message);
    };
    let watched = monitor.reference().watched.iter().enumerate();
    let Some((place, watched)) =
        watched.into_iter().find(|(_, watched)| watched.feature.name == asked.feature)
    else {
        let message = format!("the reference has no feature '{}'", asked.feature);
        return reply::problem(StatusCode::NOT_FOUND, &message);
    };
    document(&api, live, monitor, (place, watched), &wanted)
}

impl Wanted {
    fn of(asked: &Asked) -> Result<Self, String> {
        let span = match asked.span.as_deref() {
            None => history::Span::Hour,
            Some(text) => history::Span::parse(text)
                .ok_or_else(|| format!("span is '{text}', expected hour or week"))?,
        };
        let (window, source) = (asked.window.as_deref(), asked.source.as_deref());
        Ok(Self { window: shared::window(window)?, source: shared::source(source)?, span })
    }
}

fn document(
    api: &Api,
    live: &LiveModel,
    monitor: &Monitor,
    (place, watched): (usize, &Watched),
    wanted: &Wanted,
) -> Response {
    let Wanted { window, source, span } = *wanted;
    let name = watched.feature.name.as_str();
    let report = monitor.report(source);
    let of_feature = |report: &'_ Report| report.features.iter().position(|it| it.name == name);
    let feature = report.as_deref().and_then(|it| Some(&it.features[of_feature(it)?]));
    let tally = monitor.window(source, window, drift::now());
    let outside = tally.as_ref().and_then(|tally| tally.outside.get(place));
    let shows_values = live.contract.as_deref().is_some_and(Contract::shows_values);
    let reference = monitor.reference();
    reply::json(&Document {
        model: &live.name,
        version: live.version,
        feature: name,
        role: watched.feature.role,
        reading: watched.feature.reading,
        reference: &reference.id,
        reference_rows: reference.rows,
        window: report.as_deref().and_then(|report| report.windows.get(&window)),
        bins: bins(watched, tally.as_ref(), shows_values),
        out_of_range: outside.copied().unwrap_or(0),
        score: feature.and_then(|feature| feature.scores.get(window)),
        history: history(api, live, name, (source, span)),
    })
}

fn bins(watched: &Watched, tally: Option<&Tally>, shows_values: bool) -> Vec<Bin> {
    let binning = &watched.binning;
    let of_all = watched.first..watched.first + binning.bins();
    let counts = tally.and_then(|tally| tally.counts.get(of_all));
    let before = &watched.profile.counts;
    let (sum_before, sum) = (before.iter().sum(), counts.map_or(0, |counts| counts.iter().sum()));
    let bin = |at: usize| {
        let count = counts.and_then(|counts| counts.get(at)).copied().unwrap_or(0);
        let (kind, from, to) = match binning.held(at) {
            Held::Interval { from, to } => ("interval", from, to),
            Held::Value => ("value", None, None),
            Held::Other => ("other", None, None),
            Held::Missing => ("missing", None, None),
            Held::Infinity => ("infinity", None, None),
        };
        Bin {
            name: binning.name(at),
            kind,
            from,
            to,
            value: if shows_values { category(&watched.profile.bins, at) } else { None },
            reference: share(before.get(at).copied().unwrap_or(0), sum_before),
            current: (sum > 0).then(|| share(count, sum)),
            count,
        }
    };
    (0..binning.bins()).map(bin).collect()
}

/// Of the bins of values, which come first.
fn category(bins: &Bins, at: usize) -> Option<Category> {
    match bins {
        Bins::Edges(_) => None,
        Bins::Numbers(numbers) => numbers.get(at).copied().map(Category::Number),
        Bins::Texts(texts) => texts.get(at).cloned().map(Category::Text),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
fn share(part: u64, of: u64) -> f64 {
    part as f64 / of.max(1) as f64
}

/// Scores of requests are kept; files come too seldom for a line.
fn history(
    api: &Api,
    live: &LiveModel,
    feature: &str,
    (source, span): (Source, history::Span),
) -> History {
    let step = span.step();
    let series = match source {
        Source::Request => api.history.drift(&live.name, live.version, feature, span),
        Source::Batch => DriftSeries {
            step,
            at: Vec::new(),
            psi: Vec::new(),
            expected: Vec::new(),
            critical: Vec::new(),
        },
    };
    let DriftSeries { step, at, psi, expected, critical } = series;
    History { step_seconds: step.as_secs(), at, psi, expected, critical }
}
