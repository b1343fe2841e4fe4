//! Says once that something does not work, and once that it does again.

/// For one place that things are sent to.
#[derive(Debug)]
pub(super) struct Outage {
    what: &'static str,
    is_out: bool,
}

impl Outage {
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, is_out: false }
    }

    pub(super) fn failed(&mut self, reason: &str) {
        if !self.is_out {
            self.is_out = true;
            tracing::warn!(what = self.what, reason, "telemetry cannot be delivered");
        }
    }

    pub(super) fn worked(&mut self) {
        if self.is_out {
            self.is_out = false;
            tracing::info!(what = self.what, "telemetry is delivered again");
        }
    }
}
