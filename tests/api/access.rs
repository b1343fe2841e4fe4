//! Who may do what, over real sockets: keys with roles, and what is open without them.

mod far;
mod file;
mod grpc;
mod matrix;
mod rate;
mod refusals;

use crate::support::{Keys, Repository, Server};

/// A server that asks for keys, one for each role.
fn start(repository: &Repository, arguments: &[&str]) -> (Server, Keys) {
    let keys = Keys::of_roles(&["predict", "operate", "metrics"]);
    let file = keys.file();
    let server = Server::start(repository.path(), &[&["--auth-keys", &file], arguments].concat());
    (server, keys)
}

/// Who asks: with which key, and which roles that has.
fn callers(keys: &Keys) -> Vec<(&'static str, Option<String>)> {
    let mut callers = vec![("nobody", None), ("a stranger", Some("onnxd_stranger".to_owned()))];
    for role in ["predict", "operate", "metrics"] {
        callers.push((role, Some(keys.get(role).to_owned())));
    }
    callers
}

/// What a caller is told who asks for something that needs this, if it is refused: the status
/// over HTTP.
fn refusal(caller: &str, need: &str) -> Option<u16> {
    match (need, caller) {
        ("public", _) => None,
        (_, "nobody" | "a stranger") => Some(401),
        ("any", _) => None,
        (need, role) => (need != role).then_some(403),
    }
}
