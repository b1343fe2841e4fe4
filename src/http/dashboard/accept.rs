//! Whether somebody wants a page or a document, by `Accept` (RFC 9110, 12.5.1).

use axum::http::{HeaderMap, header};

/// Only of those who name HTML: probes and clients accept anything, or say nothing at all.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    let ranges = ranges(headers);
    let page = weight(&ranges, &["text/html", "text/*"]);
    if page <= 0.0 {
        return false;
    }
    let document = weight(&ranges, &["application/json", "application/*", "*/*"]);
    let is_named = ranges.iter().any(|(name, _)| name == "application/json");
    // Who names both and prefers neither gets what was here first.
    page > document || page >= document && !is_named
}

/// Media ranges in lower case, with their weights from 0 to 1.
fn ranges(headers: &HeaderMap) -> Vec<(String, f32)> {
    let texts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(range).collect()
}

/// What is no weight counts as not said.
fn range(text: &str) -> (String, f32) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    (name, weight.and_then(|text| text.trim().parse().ok()).unwrap_or(1.0))
}

/// Of the first of these names that was given: the nearest range counts, not the heaviest.
fn weight(ranges: &[(String, f32)], names: &[&str]) -> f32 {
    let given = |name: &&str| ranges.iter().find(|(range, _)| range == name);
    names.iter().find_map(given).map_or(0.0, |(_, weight)| *weight)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn wants(accept: &str) -> bool {
        let value = HeaderValue::from_str(accept).unwrap();
        wants_page(&[(header::ACCEPT, value)].into_iter().collect())
    }

    #[test]
    fn browsers_get_the_page() {
        for accept in [
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/png,image/svg+xml,*/*;q=0.8",
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
            "text/html, application/xhtml+xml, */*",
            "TEXT/HTML",
            "text/*",
            "text/html;q=0.4, application/json;q=0.3",
            "text/html;level=1;q=0.9, application/json;q=0.3",
        ] {
            assert!(wants(accept), "{accept}");
        }
    }

    #[test]
    fn all_others_get_the_document() {
        assert!(!wants_page(&HeaderMap::new()));
        for accept in [
            "",
            "*/*",
            "application/json",
            "application/json, text/plain, */*",
            "text/html, application/json",
            "text/html;q=0.5, application/json",
            "text/html;q=0, */*",
            "text/html;q=0.1, */*",
            "application/xhtml+xml",
            "nothing",
        ] {
            assert!(!wants(accept), "{accept}");
        }
    }

    #[test]
    fn several_headers_are_one_list() {
        let both = ["application/json;q=0.2", "text/html"];
        let headers: HeaderMap = both
            .into_iter()
            .map(|value| (header::ACCEPT, HeaderValue::from_static(value)))
            .collect();
        // Collecting keeps the last of each name; so they are appended.
        assert_eq!(headers.get_all(header::ACCEPT).iter().count(), 2);
        assert!(wants_page(&headers));
    }
}
