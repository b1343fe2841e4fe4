//! How a run may be carried out, asked between its operators.

/// Answers that may change while a run goes on. By default it runs on one core, to the end.
#[derive(Clone, Copy, Default)]
pub struct RunControl<'a> {
    unwanted: Option<&'a dyn Fn() -> bool>,
    may_spread: Option<&'a dyn Fn() -> bool>,
}

impl<'a> RunControl<'a> {
    /// The run ends early once this is true.
    #[must_use]
    pub fn stop_if(self, unwanted: &'a dyn Fn() -> bool) -> Self {
        Self { unwanted: Some(unwanted), ..self }
    }

    /// An operator may use further cores while this is true.
    #[must_use]
    pub fn spread_if(self, may_spread: &'a dyn Fn() -> bool) -> Self {
        Self { may_spread: Some(may_spread), ..self }
    }

    /// Nobody wants the outputs any more.
    #[must_use]
    pub fn is_unwanted(&self) -> bool {
        self.unwanted.is_some_and(|unwanted| unwanted())
    }

    /// Cores stand idle that the next operator may use.
    #[must_use]
    pub fn may_spread(&self) -> bool {
        self.may_spread.is_some_and(|may_spread| may_spread())
    }
}
