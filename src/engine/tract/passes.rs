//! Changes to tract's graphs that make them faster: between its own analysis, which they profit
//! from, and its choice of kernels, which they replace where that was measured to pay.
//!
//! Every pass keeps results within rounding, and none makes a model fail: where one does, the
//! graph is compiled without them (see `compile`).

mod chain;
#[cfg(test)]
mod compared;
mod contraction;
mod convolutions;
mod convolved;
mod dense;
mod follow;
mod lrn;
mod packing;
mod pools;
mod prepared;
mod products;
mod slid;
mod softmax;
mod spread;
mod windows;

use std::fmt;

use tract_onnx::prelude::*;

use super::kernels;
pub(super) use packing::{Packing, Shelf};

/// One pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    Convolutions,
    Products,
    Pools,
    Lrn,
    Softmax,
}

/// All of them, in the order in which they run.
const ORDER: [Pass; 5] =
    [Pass::Convolutions, Pass::Products, Pass::Pools, Pass::Lrn, Pass::Softmax];

impl Pass {
    const fn name(self) -> &'static str {
        match self {
            Self::Convolutions => "convolutions",
            Self::Products => "products",
            Self::Pools => "pools",
            Self::Lrn => "lrn",
            Self::Softmax => "softmax",
        }
    }

    fn run(self, model: &mut TypedModel, packing: &Packing<'_>) -> TractResult<()> {
        match self {
            Self::Convolutions => convolutions::run(model, packing),
            Self::Products => products::run(model, packing),
            Self::Pools => pools::run(model),
            Self::Lrn => lrn::run(model),
            Self::Softmax => softmax::run(model),
        }
    }
}

/// Which passes run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Passes(u8);

impl Passes {
    pub const ALL: Self = Self(u8::MAX);
    pub const NONE: Self = Self(0);

    /// Reads `all`, `none`, or names with commas between.
    ///
    /// # Errors
    /// What the names are, where one is not known.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "all" => Ok(Self::ALL),
            "none" => Ok(Self::NONE),
            names => names.split(',').try_fold(Self::NONE, |passes, name| {
                let named = ORDER.into_iter().find(|pass| pass.name() == name.trim());
                let pass = named.ok_or_else(|| {
                    let known = ORDER.map(Pass::name).join(", ");
                    format!("'{}' is no pass; there are {known}", name.trim())
                })?;
                Ok(Self(passes.0 | pass.bit()))
            }),
        }
    }

    fn has(self, pass: Pass) -> bool {
        self.0 & pass.bit() != 0
    }

    /// Whether a graph would come out as it went in.
    pub(super) fn are_off(self) -> bool {
        !kernels::are_worth_it() || !ORDER.into_iter().any(|pass| self.has(pass))
    }

    /// Changes a graph that tract has decluttered.
    pub(super) fn run(self, model: &mut TypedModel, packing: &Packing<'_>) -> TractResult<()> {
        for pass in ORDER.into_iter().filter(|&pass| self.has(pass)) {
            pass.run(model, packing)?;
        }
        Ok(())
    }
}

impl Pass {
    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Default for Passes {
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Debug for Passes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ORDER.into_iter().filter(|&pass| self.has(pass)).map(Pass::name);
        formatter.debug_list().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{ORDER, Pass, Passes};

    #[test]
    fn passes_are_chosen_by_name() {
        assert_eq!(Passes::parse("all"), Ok(Passes::ALL));
        assert_eq!(Passes::parse(" none"), Ok(Passes::NONE));
        let two = Passes::parse("lrn, pools").unwrap();
        assert!(two.has(Pass::Lrn) && two.has(Pass::Pools) && !two.has(Pass::Convolutions));
        let names = ORDER.map(Pass::name).join(",");
        let all = Passes::parse(&names).unwrap();
        assert!(ORDER.into_iter().all(|pass| all.has(pass)));
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = Passes::parse("pools,magic").unwrap_err();
        assert!(error.contains("'magic'") && error.contains("convolutions, products"), "{error}");
    }
}
