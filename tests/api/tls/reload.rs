//! New certificates while the server runs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{get, start};
use crate::support::{
    Authority, Connection, Repository, Stop, TlsFiles, tls_client, trusting, until,
};

const KEPT: &str = "changed files are not taken over; what was there before stays";

#[test]
fn new_files_are_used_by_new_connections_and_no_request_fails() {
    let (old, new) = (Authority::new(), Authority::new());
    let both = tls_client(&[&old, &new], None, "http/1.1", rustls::ALL_VERSIONS);
    let files = TlsFiles::new(&old.identity(), "");
    let repository = Repository::with(&["scale_1"]);
    let server = start(&repository, &files, false, &both, &[]);
    let mut held = Connection::open_tls(server.address(), &trusting(&old)).expect("they agree");
    let (stop, asked) = (Stop::default(), AtomicUsize::new(0));
    thread::scope(|scope| {
        let _end = stop.at_end();
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.is_asked() {
                    assert_eq!(get(&server, &both, "/v1/models").status, 200);
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let next = new.identity();
        files.exchange(&next.cert, &next.key, "");
        until("the new certificate is shown", || {
            (Connection::shown(server.address(), &both) == next.der).then_some(())
        });
        let before = asked.load(Ordering::Relaxed);
        until("requests go on", || (asked.load(Ordering::Relaxed) > before + 20).then_some(()));
    });
    // What was open before goes on; who trusts the old one only comes in no more.
    assert_eq!(held.request("GET", "/v1/models", &[], b"").status, 200);
    assert!(Connection::open_tls(server.address(), &trusting(&old)).is_err());
    server.stop();
}

#[test]
fn a_certificate_without_its_key_changes_nothing_and_is_told_once() {
    let authority = Authority::new();
    let (first, second) = (authority.identity(), authority.identity());
    let files = TlsFiles::new(&first, "");
    let repository = Repository::with(&["scale_1"]);
    let client = trusting(&authority);
    let server = start(&repository, &files, false, &client, &[]);
    for (number, (cert, key)) in
        [(&second.cert, &first.key), (&String::new(), &String::new())].into_iter().enumerate()
    {
        files.exchange(cert, key, "");
        server.must_be_logged(KEPT, number + 1);
        assert_eq!(Connection::shown(server.address(), &client), first.der);
    }
    files.exchange(&second.cert, &second.key, "");
    until("the new certificate is shown", || {
        (Connection::shown(server.address(), &client) == second.der).then_some(())
    });
    assert!(!server.log().contains("PRIVATE"), "{}", server.log());
    server.stop_after(&[KEPT]);
}

#[test]
fn clients_of_an_authority_that_was_taken_away_come_in_no_more() {
    let (servers, old, new) = (Authority::new(), Authority::new(), Authority::new());
    let identity = servers.identity();
    let files = TlsFiles::new(&identity, &old.pem());
    let repository = Repository::with(&["scale_1"]);
    let with = |authority: &Authority| {
        tls_client(&[&servers], Some(&authority.identity()), "http/1.1", rustls::ALL_VERSIONS)
    };
    let (before, after) = (with(&old), with(&new));
    let server = start(&repository, &files, true, &before, &[]);
    files.exchange(&identity.cert, &identity.key, &new.pem());
    let comes_in = |client| {
        Connection::open_tls(server.address(), client).is_ok_and(|mut connection| {
            let answer = connection.try_request("GET", "/readyz", &[]);
            answer.is_ok_and(|answer| answer.status == 200)
        })
    };
    until("the new authority counts", || comes_in(&after).then_some(()));
    // Also not by a session from before.
    assert!(!comes_in(&before));
    server.stop();
}
