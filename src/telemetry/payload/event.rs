//! A `CloudEvent` (1.0) as KServe's agent makes it: type, source, an id that request and answer
//! share, and KServe's attributes. For files in the structured form of JSON, for web servers in
//! the binary form of HTTP.

use std::fmt::Write as _;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::de::IgnoredAny;

use super::Payload;
use crate::telemetry::record::{Begun, Facts, Form};

/// What events of this server say beside what they are about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes {
    /// A URI reference; by default the path of the model.
    source: Option<String>,
    /// KServe's, among others: `inferenceservicename`, `namespace`, `component`, `endpoint`.
    more: Vec<(String, String)>,
}

/// Attributes that events have anyway.
const OWN: [&str; 13] = [
    "specversion",
    "id",
    "type",
    "time",
    "datacontenttype",
    "dataschema",
    "data",
    "subject",
    "recordedtime",
    "modelname",
    "modelversion",
    "traceparent",
    "tracestate",
];

impl Attributes {
    /// Reads `name=value` pairs with commas between.
    ///
    /// # Errors
    /// A name that `CloudEvents` does not allow, or a value that cannot be a header.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut attributes = Self::default();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("'{pair}' is no attribute, expected name=value"))?;
            let (name, value) = (name.trim(), value.trim());
            let is_name = !name.is_empty()
                && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
            if !is_name {
                return Err(format!("'{name}' is no name of an attribute, expected a-z and 0-9"));
            }
            if OWN.contains(&name) || name == HEADER_LENGTH {
                return Err(format!("the attribute '{name}' is the server's to set"));
            }
            if value.is_empty() || value.chars().any(char::is_control) {
                return Err(format!(
                    "the attribute '{name}' needs a value without control characters"
                ));
            }
            if name == "source" {
                attributes.source = Some(value.to_owned());
            } else {
                attributes.more.retain(|(known, _)| known != name);
                attributes.more.push((name.to_owned(), value.to_owned()));
            }
        }
        Ok(attributes)
    }
}

/// Where the JSON of a body ends that has binary tensors behind it.
const HEADER_LENGTH: &str = "headerlength";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Response,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Request => "org.kubeflow.serving.inference.request",
            Self::Response => "org.kubeflow.serving.inference.response",
        }
    }
}

pub(super) struct Event {
    kind: Kind,
    id: String,
    time: SystemTime,
    model: Option<(String, u64)>,
    traceparent: Option<String>,
    tracestate: String,
    payload: Payload,
}

impl Event {
    pub(super) fn new(
        kind: Kind,
        begun: &Begun,
        facts: &Facts,
        time: SystemTime,
        payload: Payload,
    ) -> Self {
        let trace = begun.trace.as_ref();
        Self {
            kind,
            id: begun.event.as_ref().unwrap_or(&begun.id).clone(),
            time,
            model: facts.model.clone(),
            traceparent: trace.map(|trace| trace.context.to_string()),
            tracestate: trace.map(|trace| trace.state.clone()).unwrap_or_default(),
            payload,
        }
    }

    /// The trace that it belongs to, as headers.
    pub(super) fn trace(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let parent = self.traceparent.as_deref().map(|value| ("traceparent", value));
        let state = Some(self.tracestate.as_str()).filter(|state| !state.is_empty());
        parent.into_iter().chain(state.map(|value| ("tracestate", value)))
    }

    /// All attributes but the type of the data.
    pub(super) fn attributes(&self, given: &Attributes) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = vec![
            ("specversion".into(), "1.0".into()),
            ("id".into(), self.id.clone()),
            ("type".into(), self.kind.name().into()),
            ("source".into(), given.source.clone().unwrap_or_else(|| self.path())),
            ("time".into(), time(self.time)),
            ("recordedtime".into(), time(SystemTime::now())),
        ];
        if let Some((model, version)) = &self.model {
            let is_named = given.more.iter().any(|(name, _)| name == SERVICE);
            if !is_named {
                all.push((SERVICE.into(), model.clone()));
            }
            all.push(("modelname".into(), model.clone()));
            all.push(("modelversion".into(), version.to_string()));
        }
        all.extend(given.more.iter().cloned());
        if let Form::JsonAndBinary(length) = self.payload.form {
            all.push((HEADER_LENGTH.into(), length.to_string()));
        }
        all.extend(self.trace().map(|(name, value)| (name.to_owned(), value.to_owned())));
        all
    }

    /// Of the model, or of all of them.
    fn path(&self) -> String {
        let models = "/v2/models".to_owned();
        let Some((model, version)) = &self.model else { return models };
        format!("{models}/{}/versions/{version}", part(model))
    }

    pub(super) fn content_type(&self) -> &'static str {
        match self.payload.form {
            Form::Json => "application/json",
            Form::JsonAndBinary(_) => "application/octet-stream",
            Form::Protobuf => "application/protobuf",
        }
    }

    /// Takes the body out.
    pub(super) fn into_body(self) -> (Vec<u8>, tokio::sync::OwnedSemaphorePermit) {
        (self.payload.bytes, self.payload.room)
    }

    /// As one line of JSON.
    pub(super) fn line(&self, given: &Attributes) -> Vec<u8> {
        let body = &self.payload.bytes;
        let mut line = Vec::with_capacity(super::OVERHEAD + body.len() * 4 / 3);
        let mut separator = b'{';
        let mut attribute = |line: &mut Vec<u8>, name: &str, value: &str| {
            line.push(separator);
            separator = b',';
            // Texts can always be written.
            let _ = serde_json::to_writer(&mut *line, name);
            line.push(b':');
            let _ = serde_json::to_writer(&mut *line, value);
        };
        for (name, value) in self.attributes(given) {
            attribute(&mut line, &name, &value);
        }
        // What a caller sent as JSON may not be any. What is skipped need not be UTF-8 for serde.
        let text = Some(body).filter(|_| self.payload.form == Form::Json);
        let text = text.and_then(|body| std::str::from_utf8(body).ok());
        let is_json = text.is_some_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
        let kind = match self.payload.form {
            Form::Json if !is_json => "application/octet-stream",
            _ => self.content_type(),
        };
        attribute(&mut line, "datacontenttype", kind);
        if is_json {
            line.extend_from_slice(b",\"data\":");
            // Line breaks stand only between its parts: within texts they are escaped.
            let one_line = body.iter().map(|c| if matches!(c, b'\n' | b'\r') { b' ' } else { *c });
            line.extend(one_line);
        } else {
            line.extend_from_slice(b",\"data_base64\":\"");
            line.extend_from_slice(STANDARD.encode(body).as_bytes());
            line.push(b'"');
        }
        line.extend_from_slice(b"}\n");
        line
    }
}

/// KServe's name of what is served; the model's where none is given.
const SERVICE: &str = "inferenceservicename";

fn time(time: SystemTime) -> String {
    Timestamp::try_from(time).unwrap_or_default().to_string()
}

/// As the binding of `CloudEvents` to HTTP wants values of headers.
pub(super) fn header(value: &str) -> String {
    percent(value, |byte| matches!(byte, 0x21..=0x7e) && !matches!(byte, b'"' | b'%'))
}

/// A part of a path in a URI.
fn part(value: &str) -> String {
    percent(value, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn percent(value: &str, stays: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if stays(byte) {
            encoded.push(char::from(byte));
        } else {
            // A text takes whatever is written to it.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use serde_json::{Value, json};
    use tokio::sync::Semaphore;

    use super::*;

    fn event(form: Form, body: &[u8]) -> Event {
        let room = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        Event {
            kind: Kind::Request,
            id: "7 \"x\"".to_owned(),
            time: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
            model: Some(("a b".to_owned(), 2)),
            traceparent: None,
            tracestate: String::new(),
            payload: Payload { form, bytes: body.to_vec(), room },
        }
    }

    fn line(form: Form, body: &[u8], given: &str) -> Value {
        let line = event(form, body).line(&Attributes::parse(given).unwrap());
        assert_eq!(line.split_inclusive(|c| *c == b'\n').count(), 1);
        serde_json::from_slice(&line).unwrap()
    }

    #[test]
    fn json_stays_json_on_one_line() {
        let mut line = line(Form::Json, b"{\n  \"x\": [1.50,\r\n 2]\n}", "");
        let recorded = line["recordedtime"].take();
        assert!(recorded.as_str().unwrap().ends_with('Z'));
        let expected = json!({
            "specversion": "1.0",
            "id": "7 \"x\"",
            "type": "org.kubeflow.serving.inference.request",
            "source": "/v2/models/a%20b/versions/2",
            "time": "2023-11-14T22:13:20.123Z",
            "recordedtime": null,
            "inferenceservicename": "a b",
            "modelname": "a b",
            "modelversion": "2",
            "datacontenttype": "application/json",
            "data": {"x": [1.5, 2]},
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn what_is_no_json_is_kept_byte_by_byte() {
        for (form, body, kind) in [
            (Form::Json, &b"{\"x\": NaN}"[..], "application/octet-stream"),
            (Form::Json, b"{} {}", "application/octet-stream"),
            (Form::Json, b"{\"a\": \"\xff\"}", "application/octet-stream"),
            (Form::JsonAndBinary(2), b"{}\x00\xff", "application/octet-stream"),
            (Form::Protobuf, b"\n\x01x", "application/protobuf"),
        ] {
            let line = line(form.clone(), body, "");
            assert_eq!(line["datacontenttype"], kind);
            assert_eq!(STANDARD.decode(line["data_base64"].as_str().unwrap()).unwrap(), body);
            let length = if form == Form::JsonAndBinary(2) { json!("2") } else { Value::Null };
            assert_eq!(line["headerlength"], length);
        }
    }

    #[test]
    fn kserves_attributes_are_those_that_are_given() {
        let given = "source=http://iris.ns, inferenceservicename=iris,namespace=ns,endpoint=default,component=predictor";
        let line = line(Form::Json, b"1", given);
        let of = |name: &str| line[name].as_str().unwrap().to_owned();
        assert_eq!(of("source"), "http://iris.ns");
        assert_eq!(of("inferenceservicename"), "iris");
        assert_eq!(
            [of("namespace"), of("endpoint"), of("component")],
            ["ns", "default", "predictor"]
        );
        for (bad, why) in [
            ("x", "expected name=value"),
            ("Name=x", "a-z and 0-9"),
            ("=x", "a-z and 0-9"),
            ("id=x", "the server's to set"),
            ("namespace=", "needs a value"),
            ("namespace=a\u{7}", "control characters"),
        ] {
            let error = Attributes::parse(bad).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn values_of_headers_are_encoded_as_cloudevents_asks_for() {
        assert_eq!(header("Euro € 100% \"x\""), "Euro%20%E2%82%AC%20100%25%20%22x%22");
        assert_eq!(header("2023-11-14T22:13:20Z"), "2023-11-14T22:13:20Z");
    }
}
