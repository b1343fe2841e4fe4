//! What somebody may do here, for a page that offers no more than that.

use std::sync::Arc;

use http::HeaderMap;
use http::uri::Authority;

use super::{Door, Guard, Need, Refused, Role, Roles, page};

/// Who asks, and what that one may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The name of the key, if one was asked for and came.
    pub key: Option<Arc<str>>,
    pub roles: Roles,
}

impl Door {
    /// Whether keys are asked for.
    #[must_use]
    pub fn asks_for_keys(&self) -> bool {
        matches!(self, Self::Keyed(_))
    }

    /// What a request with these headers may ask for. Nobody is refused for what they are not:
    /// they have no roles. A key that is not known is counted as if it were refused, so that it
    /// is seen when somebody tries keys.
    ///
    /// # Errors
    /// The key has used up its requests, which is counted.
    pub fn standing(
        &self,
        headers: &HeaderMap,
        asked: Option<&Authority>,
    ) -> Result<Standing, Refused> {
        let may_operate = match self {
            Self::Keyed(guard) => return guard.standing(headers),
            Self::Open(_) => page::check(headers, asked).is_ok(),
            Self::Near(_) => page::check_near(headers, asked).is_ok(),
            Self::NotOperate(_) => false,
        };
        let roles = Role::ALL.into_iter().filter(|role| *role != Role::Operate || may_operate);
        Ok(Standing { key: None, roles: roles.fold(Roles::default(), Roles::with) })
    }
}

impl Guard {
    fn standing(&self, headers: &HeaderMap) -> Result<Standing, Refused> {
        let keys = self.keys.load();
        let entry = match keys.of(headers) {
            Ok(entry) => entry,
            Err(refused) => {
                if refused != Refused::NoKey {
                    self.metrics.count(&refused);
                }
                return Ok(Standing::default());
            }
        };
        let key = entry.admit(Need::Any).inspect_err(|refused| self.metrics.count(refused))?;
        Ok(Standing { key: Some(key), roles: entry.roles })
    }
}
