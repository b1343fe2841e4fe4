//! Addresses that people are sent to.

use std::sync::Arc;

use http::Uri;

/// An address that a browser is sent to. Everybody who sees the page sees it.
pub(super) fn link(text: &str) -> Result<Arc<str>, String> {
    const EXPECTED: &str = "expected for example https://prometheus.example/";
    // Not repeated: it may hold a password.
    let uri = text.parse::<Uri>().map_err(|_| format!("this is no URL, {EXPECTED}"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(format!("this is no URL of HTTP, {EXPECTED}"));
    }
    if uri.authority().is_none_or(|authority| authority.as_str().contains('@')) {
        return Err("a URL must not hold a user or a password: everybody sees it".to_owned());
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_web_pages_are_linked_to() {
        for right in ["https://p.example/x?y=1", "http://localhost:9090"] {
            assert_eq!(link(right).as_deref(), Ok(right));
        }
        for wrong in [
            "javascript:alert(1)",
            "file:///etc/passwd",
            "ftp://a/",
            "//p.example",
            "p.example:9090",
            "/prometheus",
            "https://u:hidden@p.example/",
            "https://p.example/ hidden",
            "http://",
        ] {
            let error = link(wrong).unwrap_err();
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}
