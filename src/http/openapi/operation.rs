//! One operation as it is described: what only people can know of a route. What it needs comes
//! from the table of routes, and statuses that follow from its form are added to it.

use axum::http::Method;
use serde_json::Value;

use super::schema::{Schema, form, of, text};

/// What a group of operations is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    V2,
    V1,
    Repository,
    Models,
    Operate,
    Data,
    Jobs,
    Health,
    Metrics,
    Documents,
    Page,
}

impl Tag {
    pub(super) const ALL: [Self; 11] = [
        Self::V2,
        Self::V1,
        Self::Repository,
        Self::Models,
        Self::Operate,
        Self::Data,
        Self::Jobs,
        Self::Health,
        Self::Metrics,
        Self::Documents,
        Self::Page,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::V2 => "inference v2",
            Self::V1 => "tensorflow v1",
            Self::Repository => "repository",
            Self::Models => "models",
            Self::Operate => "operate",
            Self::Data => "data",
            Self::Jobs => "jobs",
            Self::Health => "health",
            Self::Metrics => "metrics",
            Self::Documents => "documents",
            Self::Page => "dashboard",
        }
    }

    pub(super) fn about(self) -> &'static str {
        match self {
            Self::V2 => "The Open Inference Protocol, version 2, with Triton's extensions.",
            Self::V1 => "The REST API of TensorFlow Serving, as KServe's protocol v1 uses it too.",
            Self::Repository => "What there is to load, and loading it by request.",
            Self::Models => "What is known of the models, and files of rows through them.",
            Self::Operate => "Which version answers.",
            Self::Data => "Contracts, drift, and how good predictions are.",
            Self::Jobs => "Predictions of whole files, and schedules of them.",
            Self::Health => "Probes.",
            Self::Metrics => "Pages for Prometheus.",
            Self::Documents => "This document.",
            Self::Page => "The page for people, and what it needs to know before anything else.",
        }
    }
}

/// A method of a path.
pub(super) struct Operation {
    pub(super) method: Method,
    /// As the table of routes has it.
    pub(super) route: &'static str,
    /// What must stand behind it: a pattern of the router cannot split `name:verb`.
    pub(super) verb: &'static str,
    /// Unique, for generators of clients.
    pub(super) id: &'static str,
    pub(super) tag: Tag,
    pub(super) summary: &'static str,
    pub(super) details: &'static str,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Answer>,
    /// Statuses of errors that do not follow from the rest.
    pub(super) errors: Vec<u16>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    Header,
}

#[derive(Clone)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) place: Place,
    pub(super) about: &'static str,
    pub(super) schema: Schema,
    pub(super) example: Option<&'static str>,
    pub(super) is_required: bool,
}

pub(super) struct Body {
    pub(super) is_required: bool,
    pub(super) about: &'static str,
    pub(super) kinds: Vec<Kind>,
}

/// A media type and what comes as it.
pub(super) struct Kind {
    pub(super) media: &'static str,
    pub(super) schema: Schema,
    pub(super) example: Option<Value>,
}

/// An answer where all went well, or that is no error in the usual form.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) about: &'static str,
    pub(super) kinds: Vec<Kind>,
    pub(super) headers: Vec<(&'static str, Schema)>,
}

pub(super) const JSON: &str = "application/json";

impl Operation {
    /// The path that is asked for. What stands for the rest of a path is written as any other
    /// parameter: the specification has no sign for it.
    pub(super) fn path(&self) -> String {
        format!("{}{}", self.route.replace("{*", "{"), self.verb)
    }

    pub(super) fn details(mut self, details: &'static str) -> Self {
        self.details = details;
        self
    }

    pub(super) fn verb(mut self, verb: &'static str) -> Self {
        self.verb = verb;
        self
    }

    /// 200 with a JSON document of this name.
    pub(super) fn json(self, name: &'static str) -> Self {
        self.answer(200, "", json(name))
    }

    /// An answer with one kind of content.
    pub(super) fn answer(self, status: u16, about: &'static str, kind: Kind) -> Self {
        self.answers(status, about, vec![kind])
    }

    pub(super) fn answers(mut self, status: u16, about: &'static str, kinds: Vec<Kind>) -> Self {
        self.answers.push(Answer { status, about, kinds, headers: Vec::new() });
        self
    }

    /// Headers of the last answer.
    pub(super) fn headers<const N: usize>(mut self, all: [(&'static str, Schema); N]) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.headers.extend(all);
        }
        self
    }

    pub(super) fn errors<const N: usize>(mut self, statuses: [u16; N]) -> Self {
        self.errors.extend(statuses);
        self
    }

    pub(super) fn with<const N: usize>(mut self, parameters: [Parameter; N]) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// A JSON body.
    pub(super) fn takes(self, name: &'static str, example: Value) -> Self {
        let kind = Kind { media: JSON, schema: of(name), example: Some(example) };
        self.body(Body { is_required: true, about: "", kinds: vec![kind] })
    }

    pub(super) fn body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }
}

pub(super) fn json(name: &'static str) -> Kind {
    Kind { media: JSON, schema: of(name), example: None }
}

/// Text, bytes or lines of this media type.
pub(super) fn raw(media: &'static str, what: &str) -> Kind {
    Kind { media, schema: text(what), example: None }
}

macro_rules! methods {
    ($($name:ident $method:ident),*) => {
        $(
            pub(super) fn $name(
                route: &'static str,
                tag: Tag,
                id: &'static str,
                summary: &'static str,
            ) -> Operation {
                Operation {
                    method: Method::$method,
                    route,
                    verb: "",
                    id,
                    tag,
                    summary,
                    details: "",
                    parameters: in_path(route),
                    body: None,
                    answers: Vec::new(),
                    errors: Vec::new(),
                }
            }
        )*
    };
}

methods!(get GET, post POST, put PUT, delete DELETE);

/// The parameters that stand between braces. A name that nobody knows has no meaning and so no
/// parameter, which a test finds.
fn in_path(route: &str) -> Vec<Parameter> {
    const NAMES: [(&str, &str, &str); 6] = [
        ("model", "The name of a model.", "digits"),
        ("version", "A version: its number, or a label of the routing.", "1"),
        ("label", "A label of the routing.", "stable"),
        ("id", "The id of a job.", "0000019ac6b4f55"),
        ("name", "The name of a schedule.", "nightly"),
        ("file", "The name of a file of the dashboard, with its folders.", "app.js"),
    ];
    let route = route.replace("{*", "{");
    let there = NAMES.into_iter().filter(|(name, ..)| route.contains(&format!("{{{name}}}")));
    there
        .map(|(name, about, example)| Parameter {
            name,
            place: Place::Path,
            about,
            schema: segment(),
            example: Some(example),
            is_required: true,
        })
        .collect()
}

/// What stands between two slashes is never empty.
fn segment() -> Schema {
    let mut schema = text("");
    schema["minLength"] = 1.into();
    schema
}

pub(super) fn query(name: &'static str, schema: Schema, about: &'static str) -> Parameter {
    Parameter { name, place: Place::Query, about, schema, example: None, is_required: false }
}

/// One that must be there.
pub(super) fn needed(
    name: &'static str,
    schema: Schema,
    about: &'static str,
    example: &'static str,
) -> Parameter {
    Parameter { example: Some(example), is_required: true, ..query(name, schema, about) }
}

/// Headers are ASCII.
pub(super) fn header(name: &'static str, about: &'static str) -> Parameter {
    let schema = form("^[ -~]*$", "");
    Parameter { name, place: Place::Header, about, schema, example: None, is_required: false }
}
