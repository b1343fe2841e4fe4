//! Addresses that telemetry is sent to, and what sends.

use std::time::Duration;

use reqwest::{Client, Url, redirect};

/// A place that takes telemetry over HTTP. It holds no secrets, for settings are printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Url);

/// Until a server takes a connection, and until it has answered.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(10);

impl Address {
    /// # Errors
    /// The text is no URL of HTTP, or holds what does not belong here.
    pub fn parse(text: &str) -> Result<Self, String> {
        // Not repeated: it may hold a password.
        let url = Url::parse(text).map_err(|_| format!("{EXPECTED}, this is no URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a URL must not hold a user or a password: settings are printed".to_owned());
        }
        if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none() {
            return Err(format!("'{}' is not HTTP, {EXPECTED}", url.scheme()));
        }
        if url.fragment().is_some() {
            return Err("a URL to send to has no fragment (#)".to_owned());
        }
        Ok(Self(url))
    }

    /// The same with a path behind its own.
    #[must_use]
    pub fn below(&self, path: &str) -> Self {
        let mut url = self.0.clone();
        let whole = format!("{}/{path}", url.path().trim_end_matches('/'));
        url.set_path(&whole);
        Self(url)
    }

    pub(super) fn url(&self) -> Url {
        self.0.clone()
    }
}

const EXPECTED: &str = "expected for example http://collector:4318";

/// Sends to the places that it is told, through a proxy if the environment names one
/// (`HTTPS_PROXY`), and to no others, whatever these say.
///
/// # Errors
/// The system's settings cannot work.
pub(super) fn client() -> Result<Client, String> {
    // The second of two clients finds it installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().connect_timeout(CONNECT).timeout(ANSWER);
    let client = builder.redirect(redirect::Policy::none()).build();
    client.map_err(|error| format!("telemetry cannot be sent: {error}"))
}

/// What went wrong, without the address.
pub(super) fn reason(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    if error.is_connect() {
        return "cannot connect".to_owned();
    }
    error.without_url().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_of_http_and_holds_no_secret() {
        let path = |text: &str| Address::parse(text).unwrap().below("v1/traces").0.to_string();
        assert_eq!(path("http://c:4318"), "http://c:4318/v1/traces");
        assert_eq!(path("https://c/base/"), "https://c/base/v1/traces");
        for bad in [
            "collector:4318",
            "grpc://c",
            "",
            "http://",
            "http://u:hidden@c",
            "grpc://u:hidden@c",
            "http://c/#hidden",
        ] {
            let error = Address::parse(bad).unwrap_err();
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}
