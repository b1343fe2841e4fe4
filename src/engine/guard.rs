//! Runs code that may panic and turns the panic into a value.
//!
//! tract and the operators are large; a panic in them must cost one request, not the
//! process, and must not spill a stack trace into the log.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// The message of a caught panic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caught(pub String);

/// Runs `work`; a panic in it becomes `Err`. Whatever `work` borrowed mutably must be
/// thrown away by the caller on `Err`.
///
/// # Errors
/// [`Caught`] if `work` panicked.
pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Caught> {
    let outer = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    result.map_err(|payload| Caught(message(payload.as_ref())))
}

fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "panic without a message".to_owned()
    }
}

/// Keeps guarded panics off stderr: they are reported once, by whoever called [`catch`].
/// All others print as before.
pub fn install_hook() {
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !GUARDED.get() {
            default(info);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(catch(|| -> u8 { panic!("index {}", 7) }), Err(Caught("index 7".to_owned())));
        assert_eq!(catch(|| 5), Ok(5));
    }
}
