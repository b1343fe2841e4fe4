//! Texts to typed values, with every mistake collected.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use tracing_subscriber::filter::Targets;

use super::settings::{self, Setting};
use super::sources::{Origin, Sources};
use super::{Config, Errors};
use crate::predict::Wake;
use crate::registry::Control;
use crate::repository::{CacheConfig, Source, Verification, parse_duration};
use crate::schedule::Schedule;
use crate::telemetry::Format;
use crate::{jobs, schedule};

/// Reads settings and remembers what was wrong with them.
pub(super) struct Read<'a> {
    sources: &'a Sources,
    errors: Vec<String>,
}

impl<'a> Read<'a> {
    pub(super) fn new(sources: &'a Sources) -> Self {
        Self { sources, errors: Vec::new() }
    }

    pub(super) fn get<T>(
        &mut self,
        setting: &Setting,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        match parse(&self.sources.effective(setting).text) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.mistake(setting, &reason);
                None
            }
        }
    }

    /// Remembers what is wrong with a setting, where it was given.
    pub(super) fn mistake(&mut self, setting: &Setting, reason: &str) {
        let given = match self.sources.effective(setting).origin {
            Origin::Environment => self.variable_of(setting).to_owned(),
            Origin::File(name) => format!("{name}: {}", setting.name),
            Origin::Flag | Origin::Default => format!("--{}", setting.name),
        };
        let mistake = format!("{given}: {reason}");
        // Several values may be made of one setting.
        if !self.errors.contains(&mistake) {
            self.errors.push(mistake);
        }
    }

    /// The variable that gave the setting.
    fn variable_of(&self, setting: &Setting) -> &'static str {
        let own = self.sources.environment.contains_key(setting.environment);
        let standard = settings::standard_variable(setting).filter(|_| !own);
        standard.unwrap_or(setting.environment)
    }

    /// Whether a setting has a text.
    pub(super) fn is_given(&self, setting: &Setting) -> bool {
        !self.sources.effective(setting).text.is_empty()
    }

    /// Whether somebody gives a setting, and says nothing by it.
    pub(super) fn is_empty(&self, setting: &Setting) -> bool {
        let given = self.sources.effective(setting);
        given.text.is_empty() && !matches!(given.origin, Origin::Default)
    }

    /// A setting that has a default. After a mistake the default stands in, so that the
    /// other settings are read too.
    pub(super) fn value<T>(
        &mut self,
        setting: &Setting,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        self.get(setting, &parse).unwrap_or_else(|| {
            #[expect(clippy::expect_used, reason = "a test parses every default")]
            parse(setting.default).expect("defaults are valid")
        })
    }

    /// A setting that may stay unset.
    pub(super) fn optional<T>(
        &mut self,
        setting: &Setting,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        if self.is_given(setting) { self.get(setting, parse) } else { None }
    }

    /// A variable that has no setting.
    pub(super) fn variable<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.sources.environment.get(name).filter(|text| !text.is_empty())?;
        parse(text).map_err(|reason| self.errors.push(format!("{name}: {reason}"))).ok()
    }

    /// How a source behind a network is copied, and where to.
    pub(super) fn cache(&mut self, source: &Source, poll: Option<Duration>) -> CacheConfig {
        let fetch_threads = self.value(&settings::FETCH_THREADS, threads);
        let chosen = self.optional(&settings::CACHE_DIR, |text| Ok(PathBuf::from(text)));
        let variable = |name: &str| {
            self.sources.environment.get(name).filter(|text| !text.is_empty()).map(PathBuf::from)
        };
        let caches =
            || variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
        let directory = chosen.or_else(|| Some(CacheConfig::directory_below(&caches()?, source)));
        if directory.is_none() && matches!(source, Source::Remote(_)) {
            let reason = "--cache-dir: a source behind a network needs it, since HOME is not set";
            self.errors.push(reason.to_owned());
        }
        CacheConfig { directory: directory.unwrap_or_default(), poll, fetch_threads }
    }

    /// What jobs may do, and how much at a time.
    pub(super) fn jobs(&mut self) -> jobs::Config {
        let path = |text: &str| Ok(PathBuf::from(text));
        let config = jobs::Config {
            root: self.optional(&settings::JOB_ROOT, path),
            prefixes: self.optional(&settings::JOB_PREFIXES, prefixes).unwrap_or_default(),
            at_once: self.value(&settings::MAX_JOBS, positive),
            queue: self.value(&settings::JOB_QUEUE, positive),
            threads: self.value(&settings::JOB_THREADS, threads),
            share: self.value(&settings::JOB_SHARE, percent),
            history: self.value(&settings::JOB_HISTORY, positive),
            directory: self
                .optional(&settings::STATE_DIR, |text| Ok(PathBuf::from(text).join("jobs"))),
            schedules: self.schedules(),
        };
        if !config.schedules.is_empty() && !config.is_on() {
            let reason = "schedule: needs job-root or job-prefixes, the places that jobs may have";
            self.errors.push(reason.to_owned());
        }
        config
    }

    fn schedules(&mut self) -> Vec<Schedule> {
        let Some((list, file)) = self.sources.schedules() else { return Vec::new() };
        schedule::read(list, &jobs::KEYS).unwrap_or_else(|mistakes| {
            self.errors.extend(mistakes.0.iter().map(|mistake| format!("{file}: {mistake}")));
            Vec::new()
        })
    }

    pub(super) fn verification(&mut self) -> Verification {
        let public_key = self.optional(&settings::PUBLIC_KEY, Verification::key);
        let require_signatures = self.value(&settings::REQUIRE_SIGNATURES, yes_or_no);
        if require_signatures && !self.is_given(&settings::PUBLIC_KEY) {
            self.errors.push("--require-signatures: needs a --public-key to check them".to_owned());
        }
        Verification { public_key, require_signatures }
    }

    /// `http-addr`, or all addresses with `http-port`.
    pub(super) fn http_address(&mut self) -> SocketAddr {
        let address = self.value(&settings::HTTP_ADDR, address);
        let port = self.optional(&settings::HTTP_PORT, |text| {
            text.parse::<u16>().map_err(|_| format!("'{text}' is no port, expected 0 to 65535"))
        });
        port.map_or(address, |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port))
    }

    pub(super) fn finish(self, config: Config) -> Result<Config, Errors> {
        if self.errors.is_empty() { Ok(config) } else { Err(Errors(self.errors)) }
    }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("'{text}' is no address, expected for example 127.0.0.1:8080"))
}

/// A name that fits one segment of a URL.
pub(super) fn name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(['/', ':']) || text.chars().any(char::is_control) {
        return Err(format!("'{text}' is no model name: it must not be empty or hold / or :"));
    }
    Ok(text.to_owned())
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text)
}

pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err(format!("'{text}' is no time, expected more than zero")),
        duration => Ok(duration),
    }
}

pub(super) fn duration_or_off(text: &str) -> Result<Option<Duration>, String> {
    if text == "off" { Ok(None) } else { positive_duration(text).map(Some) }
}

pub(super) fn positive(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| format!("'{text}' is no number, expected a whole number from 1"))
}

pub(super) fn threads(text: &str) -> Result<usize, String> {
    const MAX_THREADS: usize = 1024;
    if text == "cores" {
        return Ok(available_parallelism().map_or(1, usize::from));
    }
    match positive(text)? {
        number if number <= MAX_THREADS => Ok(number),
        number => Err(format!("{number} threads are more than the {MAX_THREADS} allowed")),
    }
}

/// A share in percent, `10` or `10%`, as a fraction.
pub(super) fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse::<u32>().ok();
    let number = number.filter(|number| (1..=100).contains(number));
    number
        .map(|number| f64::from(number) / 100.0)
        .ok_or_else(|| format!("'{text}' is no share, expected a whole number from 1 to 100"))
}

/// A size as people write it: `1048576`, `64MiB`, `10MB`.
pub(super) fn bytes(text: &str) -> Result<usize, String> {
    let error = || format!("'{text}' is no size, expected for example 64MiB");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: usize = text[..digits].parse().map_err(|_| error())?;
    let unit = match text[digits..].trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        _ => return Err(error()),
    };
    number.checked_mul(unit).filter(|bytes| *bytes > 0).ok_or_else(error)
}

pub(super) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("'{text}' is neither true nor false")),
    }
}

fn prefixes(text: &str) -> Result<Vec<String>, String> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(jobs::prefix).collect()
}

pub(super) fn log_format(text: &str) -> Result<Format, String> {
    match text {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        _ => Err(format!("'{text}' is no form of log, expected text or json")),
    }
}

pub(super) fn log_filter(text: &str) -> Result<Targets, String> {
    text.parse().map_err(|error| format!("'{text}' is no log filter: {error}"))
}

pub(super) fn control(text: &str) -> Result<Control, String> {
    match text {
        "poll" => Ok(Control::Poll),
        "explicit" => Ok(Control::Explicit),
        _ => Err(format!("'{text}' decides nothing, expected poll or explicit")),
    }
}

pub(super) fn wake(text: &str) -> Result<Wake, String> {
    match text {
        "wait" => Ok(Wake::Wait),
        "refuse" => Ok(Wake::Refuse),
        _ => Err(format!("'{text}' is no way to wake a model, expected wait or refuse")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(flags: &[(&str, &str)]) -> Sources {
        let flags = flags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Sources::new(flags, std::collections::BTreeMap::new())
    }

    #[test]
    fn every_default_is_valid() {
        Config::read(&Sources::default()).unwrap();
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let mut sources = sources(&[("http-addr", "localhost"), ("max-body", "lots")]);
        sources.environment.insert("ONNXD_THREADS".to_owned(), "0".to_owned());
        let Errors(errors) = Config::read(&sources).unwrap_err();
        assert_eq!(
            errors,
            [
                "--http-addr: 'localhost' is no address, expected for example 127.0.0.1:8080",
                "--max-body: 'lots' is no size, expected for example 64MiB",
                "ONNXD_THREADS: '0' is no number, expected a whole number from 1",
            ]
        );
    }

    #[test]
    fn a_flag_wins_over_the_environment() {
        let mut sources = sources(&[("queue", "7")]);
        sources.environment.insert("ONNXD_QUEUE".to_owned(), "9".to_owned());
        sources.environment.insert("ONNXD_DEADLINE".to_owned(), "2s".to_owned());
        let config = Config::read(&sources).unwrap();
        assert_eq!((config.registry.queue, config.registry.deadline.as_secs()), (7, 2));
    }

    #[test]
    fn signatures_cannot_be_required_without_a_key() {
        let Errors(errors) = Config::read(&sources(&[("require-signatures", "true")])).unwrap_err();
        assert_eq!(errors, ["--require-signatures: needs a --public-key to check them"]);
        let Errors(errors) = Config::read(&sources(&[("public-key", "/no/such")])).unwrap_err();
        assert!(errors[0].starts_with("--public-key: '/no/such' is no minisign key"), "{errors:?}");
    }

    #[test]
    fn the_cache_lies_in_the_home_directory_unless_told_otherwise() {
        let Errors(errors) = Config::read(&sources(&[("models", "s3://b/m")])).unwrap_err();
        assert!(errors[0].starts_with("--cache-dir"), "{errors:?}");
        let mut given = sources(&[("models", "s3://b/m")]);
        given.environment.insert("HOME".to_owned(), "/home/me".to_owned());
        let config = Config::read(&given).unwrap();
        assert!(config.repository.cache.directory.starts_with("/home/me/.cache/onnxd"));
        given.flags.insert("cache-dir".to_owned(), "/c".to_owned());
        let config = Config::read(&given).unwrap();
        assert_eq!(config.repository.cache.directory, PathBuf::from("/c"));
    }

    #[test]
    fn kserves_port_listens_on_all_addresses() {
        let config =
            Config::read(&sources(&[("http-port", "8081"), ("insecure", "true")])).unwrap();
        assert_eq!(config.http_address.to_string(), "0.0.0.0:8081");
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(bytes("64MiB"), Ok(64 << 20));
        assert_eq!(bytes("10 kB"), Ok(10_000));
        assert!(bytes("-1").is_err() && bytes("1.5GiB").is_err() && bytes("0").is_err());
        assert!(bytes("99999999999999GiB").is_err());
    }
}
