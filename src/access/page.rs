//! Who operates a server without keys: no page that a browser shows, of whatever site, and
//! nobody behind a proxy on this machine.
//!
//! A browser is near whatever it shows. It says so: `Origin` names the site of the page (Fetch,
//! section 3.2), `Sec-Fetch-Site` how that is related to the server (Fetch Metadata), and `Host`
//! the name that the page asked for. A site that lets its name lead to a loopback address (DNS
//! rebinding) is of the same origin, but has its own name there.

use std::net::IpAddr;

use http::header::{HOST, HeaderName, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri};

use super::Refused;

/// What proxies add to a request that they forward: headers of these names, or that begin so.
const FORWARDED: [&str; 3] = ["forwarded", "x-real-ip", "via"];
const FORWARDED_BY: [&str; 2] = ["x-forwarded-", "x-envoy-"];

/// Whether it may come from a connection of the machine itself.
///
/// # Errors
/// [`Refused`]: it was forwarded, asks for another name, or is of a page of another site.
pub(super) fn check_near(headers: &HeaderMap, asked: Option<&Authority>) -> Result<(), Refused> {
    if headers.keys().any(is_of_a_proxy) {
        return Err(Refused::Far);
    }
    let hosts = headers.get_all(HOST).iter();
    let mut hosts = hosts.map(|host| Authority::try_from(host.as_bytes()));
    if !hosts.all(|host| host.is_ok_and(|host| is_this_machine(&host)))
        || !asked.is_none_or(is_this_machine)
    {
        return Err(Refused::Name);
    }
    check(headers, asked)
}

fn is_of_a_proxy(name: &HeaderName) -> bool {
    let name = name.as_str();
    FORWARDED.contains(&name) || FORWARDED_BY.iter().any(|beginning| name.starts_with(beginning))
}

/// Whether it is of nobody's page but the server's own.
///
/// # Errors
/// [`Refused`]: it is of a page of another site.
pub(super) fn check(headers: &HeaderMap, asked: Option<&Authority>) -> Result<(), Refused> {
    let related = headers.get_all("sec-fetch-site").iter();
    let is_own = related.into_iter().all(|site| ["same-origin", "none"].iter().any(|s| site == s));
    let origins = headers.get_all(ORIGIN).iter();
    if is_own && origins.into_iter().all(|origin| is_asked_for(origin, headers, asked)) {
        Ok(())
    } else {
        Err(Refused::Page)
    }
}

/// Whether the site of a page is the one that the request asks for. A proxy may have put its own
/// name into `Host`.
fn is_asked_for(origin: &HeaderValue, headers: &HeaderMap, asked: Option<&Authority>) -> bool {
    let Ok(origin) = Uri::try_from(origin.as_bytes()) else { return false };
    let Some(site) = origin.authority().filter(|_| origin.scheme().is_some()) else { return false };
    let is_site =
        |name: &HeaderValue| name.as_bytes().eq_ignore_ascii_case(site.as_str().as_bytes());
    let mut names = [headers.get("x-forwarded-host"), headers.get(HOST)].into_iter().flatten();
    // Authorities are the same whatever their case.
    names.any(is_site) || asked == Some(site)
}

fn is_this_machine(asked: &Authority) -> bool {
    let name = asked.host();
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
        check_near(&HeaderMap::new(), None).unwrap();
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
            check_near(&headers(&[("host", host)]), None).unwrap();
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
            assert_eq!(check_near(&headers(&[("host", host)]), None), Err(Refused::Name), "{host}");
        }
        let mut both = headers(&[("host", "localhost")]);
        both.append(HOST, HeaderValue::from_static("evil.example"));
        assert_eq!(check_near(&both, None), Err(Refused::Name));
    }

    #[test]
    fn what_http_2_asks_for_counts_as_host_does() {
        let asked = |name: &'static str| Authority::from_static(name);
        let none = HeaderMap::new();
        check_near(&none, Some(&asked("127.0.0.1:8081"))).unwrap();
        assert_eq!(check_near(&none, Some(&asked("models.example"))), Err(Refused::Name));
        let host = headers(&[("host", "localhost")]);
        assert_eq!(check_near(&host, Some(&asked("evil.example"))), Err(Refused::Name));
        let page = headers(&[("origin", "http://localhost:8081")]);
        check_near(&page, Some(&asked("LOCALHOST:8081"))).unwrap();
        assert_eq!(check_near(&page, Some(&asked("localhost:1"))), Err(Refused::Page));
    }

    #[test]
    fn what_was_forwarded_is_not_of_this_machine() {
        for name in [
            "forwarded",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-envoy-external-address",
            "x-real-ip",
            "via",
        ] {
            let forwarded = headers(&[("host", "localhost"), (name, "127.0.0.1")]);
            assert_eq!(check_near(&forwarded, None), Err(Refused::Far), "{name}");
        }
    }

    #[test]
    fn the_servers_own_page_operates_and_no_other() {
        let host = ("host", "localhost:8080");
        let own = headers(&[host, ("origin", "http://LOCALHOST:8080")]);
        check_near(&own, None).unwrap();
        for site in ["same-origin", "none"] {
            check_near(&headers(&[host, ("sec-fetch-site", site)]), None).unwrap();
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
            assert_eq!(check_near(&other, None), Err(Refused::Page), "{name}: {value}");
            assert_eq!(check(&other, None), Err(Refused::Page), "{name}: {value}");
        }
        assert_eq!(check(&headers(&[("origin", "http://a")]), None), Err(Refused::Page));
    }

    #[test]
    fn a_page_behind_a_proxy_is_known_by_the_name_that_was_asked_for() {
        let proxied = |forwarded| {
            let origin = ("origin", "https://models.example");
            headers(&[("host", "10.0.0.9:8080"), ("x-forwarded-host", forwarded), origin])
        };
        check(&proxied("models.example"), None).unwrap();
        assert_eq!(check(&proxied("other.example"), None), Err(Refused::Page));
    }
}
