//! How the threads of the client stand to those of the server on the same cores.

/// Who goes first where client and server want the same core.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Precedence {
    /// The client. Callers have machines of their own: where runs of the server hold all
    /// cores, a question would else be sent, or its answer seen, when a run ends. For loads
    /// that cost the client next to nothing.
    Client,
    /// Nobody. Where the client needs much of the cores, its precedence would stop the server.
    Nobody,
}

impl Precedence {
    /// Prepares a thread of the client. Linux lets a sleeping thread oversleep by 50 µs to save
    /// power; these shall not. Where the system refuses this or the precedence, the lateness
    /// that is printed says so.
    pub(super) fn prepare_thread(self) {
        if self == Self::Client {
            let _ = rustix::process::setpriority_process(None, -10);
        }
        let thread = rustix::thread::gettid().as_raw_nonzero();
        let _ = std::fs::write(format!("/proc/{thread}/timerslack_ns"), "1");
    }
}
