//! `doctor step`: pipeline steps to paste that run the doctor when the login fails. The platforms'
//! files have their text.

use std::sync::LazyLock;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::platform::{ALL, StepTemplate};

/// A platform that `doctor step` has a step for.
#[derive(Clone, Copy)]
pub struct StepPlatform(&'static StepTemplate);

impl ValueEnum for StepPlatform {
    fn value_variants<'a>() -> &'a [Self] {
        static VARIANTS: LazyLock<Vec<StepPlatform>> = LazyLock::new(|| {
            ALL.iter().filter_map(|platform| platform.step.as_ref()).map(StepPlatform).collect()
        });
        &VARIANTS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.argument).help(self.0.about))
    }
}

/// What stands for an organization that is not named.
const PLACEHOLDER: &str = "ORG";

/// The step, as YAML that ends with a line break. Without an organization, or with an empty name,
/// it holds a placeholder and says so.
#[must_use]
pub fn step(platform: StepPlatform, organization: Option<&str>) -> String {
    match organization.filter(|name| !name.is_empty()) {
        Some(name) => (platform.0.yaml)("", name),
        None => {
            (platform.0.yaml)("# ORG stands for the organization in Pulumi Cloud.\n", PLACEHOLDER)
        }
    }
}
