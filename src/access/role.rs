//! What keys are for.

use std::fmt;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Predictions and what belongs to them: scores of files, truths.
    Predict,
    /// What changes what is served or runs for long, and rows that were refused.
    Operate,
    /// Figures of the server, its models and their data.
    Metrics,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Predict, Self::Operate, Self::Metrics];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Predict => "predict",
            Self::Operate => "operate",
            Self::Metrics => "metrics",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a route or a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// No key: probes.
    Public,
    /// Any key.
    Any,
    /// A key with this role.
    Of(Role),
}

impl Need {
    pub const PREDICT: Self = Self::Of(Role::Predict);
    pub const OPERATE: Self = Self::Of(Role::Operate);
    pub const METRICS: Self = Self::Of(Role::Metrics);
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Any => f.write_str("any"),
            Self::Of(role) => role.fmt(f),
        }
    }
}

/// The roles of a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    #[must_use]
    pub fn with(self, role: Role) -> Self {
        Self(self.0 | 1 << role as u8)
    }

    #[must_use]
    pub fn contains(self, role: Role) -> bool {
        self.0 & 1 << role as u8 != 0
    }

    /// Their names.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        Role::ALL.into_iter().filter(|role| self.contains(*role)).map(Role::name).collect()
    }

    /// Those of a list with commas between.
    ///
    /// # Errors
    /// One is none, or there are none.
    pub fn parse(list: &str) -> Result<Self, String> {
        let one =
            |name: &str| Role::named(name).ok_or_else(|| format!("'{name}' is no role, {ROLES}"));
        let names = list.split(',').map(str::trim);
        names.map(one).try_fold(Self::default(), |all, role| Ok(all.with(role?)))
    }
}

pub(super) const ROLES: &str = "expected predict, operate or metrics";

impl fmt::Display for Roles {
    /// As a list of TOML.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> =
            self.names().into_iter().map(|name| format!("\"{name}\"")).collect();
        write!(f, "[{}]", names.join(", "))
    }
}
