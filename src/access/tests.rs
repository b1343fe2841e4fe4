//! What doors let in.

use http::{HeaderMap, HeaderValue};

use super::*;
use crate::metrics::Registry;

const KEY: &str = "onnxd_a";

fn guard(rest: &str) -> Door {
    let digest = digest::sha256(KEY);
    let text =
        format!("[[key]]\nname = \"a\"\nsha256 = \"{digest}\"\nroles = [\"predict\"]\n{rest}");
    let keys = Arc::new(ArcSwap::from_pointee(file::read("f", text.as_bytes()).unwrap()));
    Door::Keyed(Guard { keys, metrics: Metrics::new(&Registry::new()) })
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

#[test]
fn a_key_comes_in_either_header_and_the_one_that_is_for_nothing_else_counts() {
    let door = guard("");
    let bearer = format!("Bearer {KEY}");
    for accepted in [
        headers(&[("authorization", &bearer)]),
        headers(&[("authorization", &bearer.replace("Bearer", "bEARER"))]),
        headers(&[("x-api-key", KEY)]),
        headers(&[("x-api-key", KEY), ("authorization", "Bearer of somebody else")]),
    ] {
        let name = door.admit(Need::PREDICT, &accepted, None).unwrap().unwrap();
        assert_eq!(&*name, "a", "{accepted:?}");
    }
    for (refused, reason) in [
        (headers(&[]), Refused::NoKey),
        (headers(&[("authorization", KEY)]), Refused::NoKey),
        (headers(&[("authorization", "Basic Zm9v")]), Refused::NoKey),
        (headers(&[("authorization", "Bearer ")]), Refused::UnknownKey),
        (headers(&[("x-api-key", "")]), Refused::UnknownKey),
        (headers(&[("x-api-key", "b"), ("authorization", &bearer)]), Refused::UnknownKey),
        (headers(&[("x-api-key", &KEY.repeat(100))]), Refused::UnknownKey),
    ] {
        assert_eq!(door.admit(Need::PREDICT, &refused, None), Err(reason), "{refused:?}");
    }
    let mut strange = HeaderMap::new();
    strange.insert("x-api-key", HeaderValue::from_bytes(b"\xff\xfe").unwrap());
    assert_eq!(door.admit(Need::Any, &strange, None), Err(Refused::UnknownKey));
}

#[test]
fn a_role_lets_in_what_needs_it_or_any_and_nothing_else() {
    let door = guard("");
    let key = headers(&[("x-api-key", KEY)]);
    for (need, expected) in [
        (Need::Public, Ok(())),
        (Need::Any, Ok(())),
        (Need::PREDICT, Ok(())),
        (Need::OPERATE, Err(Refused::Role(Role::Operate))),
        (Need::METRICS, Err(Refused::Role(Role::Metrics))),
    ] {
        assert_eq!(door.admit(need, &key, None).map(|_| ()), expected);
    }
    assert_eq!(door.admit(Need::Public, &headers(&[]), None), Ok(None));
}

#[test]
fn a_request_that_is_refused_for_its_role_costs_the_key_nothing() {
    let door = guard("requests_per_second = 0.01\nburst = 1");
    let key = headers(&[("x-api-key", KEY)]);
    assert_eq!(door.admit(Need::OPERATE, &key, None), Err(Refused::Role(Role::Operate)));
    assert!(door.admit(Need::PREDICT, &key, None).is_ok());
    let Err(Refused::Rate(wait)) = door.admit(Need::PREDICT, &key, None) else {
        panic!("it is over")
    };
    assert_eq!(Refused::Rate(wait).retry_after(), Some(100));
}

#[test]
fn a_file_that_is_read_again_gives_nobody_new_tokens() {
    let text = |rate: u32| {
        let digest = digest::sha256(KEY);
        let text = format!(
            "[[key]]\nname = \"a\"\nsha256 = \"{digest}\"\nroles = [\"predict\"]\n\
             requests_per_second = {rate}\nburst = 1"
        );
        file::read("f", text.as_bytes()).unwrap()
    };
    let (before, mut same, mut other) = (text(1), text(1), text(2));
    let bucket = before.0[0].bucket.as_ref().unwrap();
    same.keep_buckets_of(&before);
    other.keep_buckets_of(&before);
    assert!(Arc::ptr_eq(bucket, same.0[0].bucket.as_ref().unwrap()));
    assert!(!Arc::ptr_eq(bucket, other.0[0].bucket.as_ref().unwrap()));
}

#[test]
fn every_key_of_a_list_is_found() {
    let entry = |number: u32| {
        let digest = digest::sha256(number.to_string());
        format!("[[key]]\nname = \"{number}\"\nsha256 = \"{digest}\"\nroles = [\"metrics\"]\n")
    };
    let text: String = (0..50).map(entry).collect();
    let list = file::read("f", text.as_bytes()).unwrap();
    for number in 0..50 {
        let digest = digest::first(number.to_string());
        assert_eq!(
            list.find(&digest).map(|entry| entry.name.to_string()),
            Some(number.to_string())
        );
    }
    assert!(list.find(&digest::first("50")).is_none());
}

#[test]
fn without_keys_only_operating_may_be_closed_and_only_to_others() {
    let config = |far_may_operate| Config { keys: None, far_may_operate };
    let metrics = Metrics::new(&Registry::new());
    let closed = Access::new(&config(false), metrics.clone()).unwrap();
    let open = Access::new(&config(true), metrics).unwrap();
    let operates = |access: &Access, is_near: bool, headers: &[(&'static str, &str)]| {
        let headers = self::headers(headers);
        let door = access.door(is_near);
        assert_eq!(door.admit(Need::PREDICT, &headers, None), Ok(None));
        door.admit(Need::OPERATE, &headers, None).map(|_| ())
    };
    let (page, name) = (("origin", "http://evil.example"), ("host", "evil.example"));
    assert_eq!(operates(&closed, true, &[]), Ok(()));
    assert_eq!(operates(&closed, false, &[]), Err(Refused::Far));
    assert_eq!(operates(&closed, true, &[page]), Err(Refused::Page));
    assert_eq!(operates(&closed, true, &[name]), Err(Refused::Name));
    for is_near in [true, false] {
        assert_eq!(operates(&open, is_near, &[]), Ok(()));
        assert_eq!(operates(&open, is_near, &[name]), Ok(()));
        assert_eq!(operates(&open, is_near, &[page]), Err(Refused::Page));
    }
}

#[test]
fn who_is_told_what_a_key_may_do_is_told_by_what_it_can() {
    let door = guard("");
    assert!(door.asks_for_keys());
    let standing = |pairs: &[(&'static str, &str)]| door.standing(&headers(pairs), None).unwrap();
    let known = standing(&[("x-api-key", KEY)]);
    assert_eq!((known.key.as_deref(), known.roles.names()), (Some("a"), vec!["predict"]));
    for unknown in [&[][..], &[("x-api-key", "onnxd_b")], &[("authorization", "Basic Zm9v")]] {
        assert_eq!(standing(unknown), Standing::default(), "{unknown:?}");
    }
}

#[test]
fn asking_what_a_key_may_do_takes_of_its_rate() {
    let door = guard("requests_per_second = 0.01\nburst = 2");
    let key = headers(&[("x-api-key", KEY)]);
    assert!(door.standing(&key, None).is_ok());
    assert!(door.admit(Need::PREDICT, &key, None).is_ok());
    assert!(matches!(door.standing(&key, None), Err(Refused::Rate(_))));
    // Strangers have none to use up.
    for _ in 0..3 {
        assert_eq!(door.standing(&HeaderMap::new(), None), Ok(Standing::default()));
    }
}

#[test]
fn without_keys_what_one_may_do_is_what_the_door_lets_in() {
    let metrics = Metrics::new(&Registry::new());
    let access = |far_may_operate| {
        Access::new(&Config { keys: None, far_may_operate }, metrics.clone()).unwrap()
    };
    for far_may_operate in [true, false] {
        for is_near in [true, false] {
            let access = access(far_may_operate);
            let door = access.door(is_near);
            assert!(!door.asks_for_keys());
            for from in [
                &[][..],
                &[("host", "localhost:8080"), ("origin", "http://localhost:8080")],
                &[("host", "localhost:8080"), ("origin", "http://evil.example")],
                &[("host", "evil.example"), ("origin", "http://evil.example")],
                &[("sec-fetch-site", "cross-site")],
                &[("x-forwarded-for", "10.0.0.1")],
            ] {
                let headers = headers(from);
                let standing = door.standing(&headers, None).unwrap();
                assert_eq!(standing.key, None);
                for role in Role::ALL {
                    let lets_in = door.admit(Need::Of(role), &headers, None).is_ok();
                    assert_eq!(standing.roles.contains(role), lets_in, "{role}: {from:?}");
                }
            }
        }
    }
}
