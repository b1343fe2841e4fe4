//! Settings of what is told of requests: lines in the log, traces, bodies.

use std::path::PathBuf;

use http::{HeaderName, HeaderValue};

use super::parse::{Read, bytes, positive};
use super::settings;
use crate::telemetry::payload::{self, Attributes, Mode, Sink};
use crate::telemetry::{Address, Following, Share, otlp};

/// Variables of OpenTelemetry that have no setting: the one is a list of its own form, the other
/// may hold secrets, and settings are printed.
const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";

/// Where collectors take traces, below their address.
const TRACES: &str = "v1/traces";

impl Read<'_> {
    pub(super) fn following(&mut self) -> Following {
        Following {
            requests: self.value(&settings::LOG_REQUESTS, Share::parse),
            traces: self.traces(),
            payloads: self.payloads(),
        }
    }

    fn traces(&mut self) -> Option<otlp::Config> {
        let share = self.value(&settings::TRACE_SAMPLE, Share::parse);
        let service = self.value(&settings::SERVICE_NAME, |text| Ok(text.to_owned()));
        let address = self.optional(&settings::OTLP_ENDPOINT, Address::parse)?;
        let resource = self.variable(RESOURCE, pairs).unwrap_or_default();
        let headers = self.variable(HEADERS, headers).unwrap_or_default();
        Some(otlp::Config { address: address.below(TRACES), share, service, resource, headers })
    }

    fn payloads(&mut self) -> Option<payload::Config> {
        let max_bytes = self.value(&settings::PAYLOAD_FILE_BYTES, bytes) as u64;
        let files = self.value(&settings::PAYLOAD_FILES, positive);
        let sink = |text: &str| match text.strip_prefix("file:") {
            Some(path) => file(path).map(|path| Sink::File { path, max_bytes, files }),
            None => Address::parse(text).map(Sink::Web),
        };
        let sink = self.optional(&settings::PAYLOAD_LOG, sink);
        let share = self.value(&settings::PAYLOAD_SAMPLE, Share::parse);
        let mode = self.value(&settings::PAYLOAD_MODE, mode);
        let max_bytes = self.value(&settings::PAYLOAD_MAX_BYTES, bytes);
        let queue = self.value(&settings::PAYLOAD_QUEUE, bytes);
        let attributes = self.value(&settings::PAYLOAD_ATTRIBUTES, Attributes::parse);
        Some(payload::Config { sink: sink?, share, mode, max_bytes, queue, attributes })
    }
}

/// `file:/path` and `file:///path` are the same.
fn file(path: &str) -> Result<PathBuf, String> {
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.starts_with('/') && !path.ends_with('/') {
        Ok(PathBuf::from(path))
    } else {
        Err(format!("'file:{path}' names no file, expected an absolute path as in file:/var/log/x"))
    }
}

fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "all" => Ok(Mode::All),
        "request" => Ok(Mode::Request),
        "response" => Ok(Mode::Response),
        _ => Err(format!("'{text}' is no mode, expected all, request or response")),
    }
}

/// `key=value` with commas between, percent-encoded, as OpenTelemetry writes lists. Texts are not
/// repeated in errors: they may be secrets.
fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let decoded = |text: &str| {
        let bytes = percent_decoded(text.trim())?;
        String::from_utf8(bytes).ok()
    };
    let pair = |(number, pair): (usize, &str)| {
        let parts = pair.split_once('=');
        let parts = parts.and_then(|(key, value)| Some((decoded(key)?, decoded(value)?)));
        let parts = parts.filter(|(key, _)| !key.is_empty());
        parts.ok_or_else(|| format!("pair {} is not key=value", number + 1))
    };
    let given = text.split(',').enumerate().filter(|(_, pair)| !pair.trim().is_empty());
    given.map(pair).collect()
}

fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        if *first == b'%' {
            let digits = std::str::from_utf8(behind.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &behind[2..];
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    Some(bytes)
}

fn headers(text: &str) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let header = |(number, (key, value)): (usize, (String, String))| {
        let error = || format!("pair {} is no header", number + 1);
        let name = key.parse::<HeaderName>().map_err(|_| error())?;
        let mut value = value.parse::<HeaderValue>().map_err(|_| error())?;
        value.set_sensitive(true);
        Ok((name, value))
    };
    pairs(text)?.into_iter().enumerate().map(header).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::{Config, Errors, Sources};

    fn read(flags: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Following, Vec<String>> {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let config = Config::read(&Sources::new(map(flags), map(variables)));
        config.map(|config| config.following).map_err(|Errors(errors)| errors)
    }

    #[test]
    fn nothing_is_told_unless_it_is_asked_for() {
        let following = read(&[("payload-sample", "1"), ("trace-sample", "1")], &[]).unwrap();
        assert!(following.requests.is_none());
        assert!(following.traces.is_none() && following.payloads.is_none());
    }

    #[test]
    fn opentelemetrys_variables_count_less_than_settings() {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://shared:4318/"),
            ("OTEL_SERVICE_NAME", "iris"),
            ("OTEL_RESOURCE_ATTRIBUTES", "k8s.pod.name=p%20q, a=1"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic%20aGlkZGVu"),
        ];
        let traces = read(&[], &variables).unwrap().traces.unwrap();
        assert_eq!(traces.address, Address::parse("http://shared:4318/v1/traces").unwrap());
        assert_eq!(traces.service, "iris");
        let resource = [("k8s.pod.name", "p q"), ("a", "1")];
        assert_eq!(traces.resource, resource.map(|(k, v)| (k.to_owned(), v.to_owned())));
        assert_eq!(traces.headers[0].1, "Basic aGlkZGVu");
        assert!(!format!("{traces:?}").contains("aGlk"));
        let own = read(&[("otlp-endpoint", "http://own:1")], &variables).unwrap().traces.unwrap();
        assert_eq!(own.address, Address::parse("http://own:1/v1/traces").unwrap());
    }

    #[test]
    fn what_cannot_be_meant_is_a_mistake_and_no_secret_is_repeated() {
        let errors = |flags: &[(&str, &str)], variables: &[(&str, &str)]| {
            let errors = read(flags, variables).unwrap_err();
            assert!(!errors.concat().contains("hidden"), "{errors:?}");
            errors
        };
        let url = errors(&[("otlp-endpoint", "http://a:hidden@b")], &[]);
        assert!(url[0].starts_with("--otlp-endpoint: a URL must not hold"), "{url:?}");
        let given = [("otlp-endpoint", "http://a:1")];
        let header = errors(&given, &[("OTEL_EXPORTER_OTLP_HEADERS", "a=1,hidden")]);
        assert_eq!(header, ["OTEL_EXPORTER_OTLP_HEADERS: pair 2 is not key=value"]);
        for (setting, text) in [
            ("payload-log", "file:relative"),
            ("payload-log", "file:/"),
            ("payload-log", "s3://bucket"),
            ("payload-mode", "some"),
            ("payload-attributes", "x"),
            ("log-requests", "2"),
            ("trace-sample", "all"),
        ] {
            let errors = errors(&[(setting, text)], &[]);
            assert!(errors[0].starts_with(&format!("--{setting}: ")), "{errors:?}");
        }
    }

    #[test]
    fn a_sink_is_a_file_or_a_web_server() {
        let sink = |text: &str| read(&[("payload-log", text)], &[]).unwrap().payloads.unwrap().sink;
        let file = Sink::File { path: "/var/log/x".into(), max_bytes: 100 << 20, files: 5 };
        assert_eq!([sink("file:/var/log/x"), sink("file:///var/log/x")], [file.clone(), file]);
        let web = Address::parse("https://broker/ns/default").unwrap();
        assert_eq!(sink("https://broker/ns/default"), Sink::Web(web));
    }
}
