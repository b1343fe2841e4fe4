//! Who operates a server without keys: no page that a browser shows, of whatever site, and
//! nobody behind a proxy on this machine.
//!
//! A browser is near whatever it shows. It says so: `Origin` names the site of the page (Fetch,
//! section 3.2), `Sec-Fetch-Site` how that is related to the server (Fetch Metadata), and `Host`
//! the name that the page asked for. A site that lets its name lead to a loopback address (DNS
//! rebinding) is of the same origin, but has its own name there.

use std::net::IpAddr;

use http::header::{HOST, HeaderName, ORIGIN, VIA};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri};

use super::Refused;

/// What proxies add to a request that they forward.
const FORWARDED: [HeaderName; 5] = [
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-real-ip"),
    VIA,
];

/// Whether it may come from a connection of the machine itself.
///
/// # Errors
/// [`Refused`]: it was forwarded, asks for another name, or is of a page of another site.
pub(super) fn check_near(headers: &HeaderMap) -> Result<(), Refused> {
    if FORWARDED.iter().any(|name| headers.contains_key(name)) {
        return Err(Refused::Far);
    }
    if !headers.get_all(HOST).iter().all(is_this_machine) {
        return Err(Refused::Name);
    }
    check(headers)
}

/// Whether it is of nobody's page but the server's own.
///
/// # Errors
/// [`Refused`]: it is of a page of another site.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Refused> {
    let related = headers.get_all("sec-fetch-site").iter();
    let is_own = related.into_iter().all(|site| ["same-origin", "none"].iter().any(|s| site == s));
    let origins = headers.get_all(ORIGIN).iter();
    if is_own && origins.into_iter().all(|origin| is_asked_for(origin, headers)) {
        Ok(())
    } else {
        Err(Refused::Page)
    }
}

/// Whether the site of a page is the one that the request asks for. A proxy may have put its own
/// name into `Host`.
fn is_asked_for(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let Ok(origin) = Uri::try_from(origin.as_bytes()) else { return false };
    let Some(site) = origin.authority().filter(|_| origin.scheme().is_some()) else { return false };
    let asked = |name: &HeaderValue| name.as_bytes().eq_ignore_ascii_case(site.as_str().as_bytes());
    let original = headers.get("x-forwarded-host");
    original.is_some_and(asked) || headers.get(HOST).is_some_and(asked)
}

fn is_this_machine(host: &HeaderValue) -> bool {
    let Ok(authority) = Authority::try_from(host.as_bytes()) else { return false };
    let name = authority.host();
    let plain = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    if let Ok(address) = plain.parse::<IpAddr>() {
        return address.to_canonical().is_loopback();
    }
    // Names below it lead nowhere else (RFC 6761, section 6.3).
    let name = name.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), value.parse().unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn programs_of_this_machine_operate_by_its_names_and_addresses() {
        check_near(&HeaderMap::new()).unwrap();
        for host in [
            "localhost",
            "localhost:8080",
            "LocalHost:8080",
            "models.localhost",
            "127.0.0.1:8080",
            "127.8.8.8",
            "[::1]:8080",
            "[::ffff:127.0.0.1]",
        ] {
            check_near(&headers(&[("host", host)])).unwrap();
        }
    }

    #[test]
    fn a_name_that_leads_here_from_elsewhere_operates_nothing() {
        for host in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "notlocalhost",
            "10.0.0.1",
            "[fe80::1]:8080",
            "[::ffff:10.0.0.1]",
            "",
            "user@",
        ] {
            assert_eq!(check_near(&headers(&[("host", host)])), Err(Refused::Name), "{host}");
        }
        let mut both = headers(&[("host", "localhost")]);
        both.append(HOST, HeaderValue::from_static("evil.example"));
        assert_eq!(check_near(&both), Err(Refused::Name));
    }

    #[test]
    fn what_was_forwarded_is_not_of_this_machine() {
        for name in ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"] {
            let forwarded = headers(&[("host", "localhost"), (name, "127.0.0.1")]);
            assert_eq!(check_near(&forwarded), Err(Refused::Far), "{name}");
        }
    }

    #[test]
    fn the_servers_own_page_operates_and_no_other() {
        let host = ("host", "localhost:8080");
        let own = headers(&[host, ("origin", "http://LOCALHOST:8080")]);
        check_near(&own).unwrap();
        for site in ["same-origin", "none"] {
            check_near(&headers(&[host, ("sec-fetch-site", site)])).unwrap();
        }
        for (name, value) in [
            ("origin", "null"),
            ("origin", "http://evil.example"),
            ("origin", "http://localhost"),
            ("origin", "http://localhost:3000"),
            ("origin", "localhost:8080"),
            ("origin", ""),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let other = headers(&[host, (name, value)]);
            assert_eq!(check_near(&other), Err(Refused::Page), "{name}: {value}");
            assert_eq!(check(&other), Err(Refused::Page), "{name}: {value}");
        }
        assert_eq!(check(&headers(&[("origin", "http://a")])), Err(Refused::Page));
    }

    #[test]
    fn a_page_behind_a_proxy_is_known_by_the_name_that_was_asked_for() {
        let proxied = |forwarded| {
            let origin = ("origin", "https://models.example");
            headers(&[("host", "10.0.0.9:8080"), ("x-forwarded-host", forwarded), origin])
        };
        check(&proxied("models.example")).unwrap();
        assert_eq!(check(&proxied("other.example")), Err(Refused::Page));
    }
}
