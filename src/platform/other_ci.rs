//! CI systems without a known token source, each with the variable that identifies it.

use super::{Id, Platform};

const fn ci(id: Id, name: &'static str, marker: &'static str) -> Platform {
    Platform { marker: Some(marker), ..Platform::new(id, name) }
}

pub(super) const JENKINS: Platform = ci(Id::Jenkins, "Jenkins", "JENKINS_URL");
pub(super) const TEAMCITY: Platform = ci(Id::TeamCity, "TeamCity", "TEAMCITY_VERSION");
pub(super) const HARNESS: Platform = ci(Id::Harness, "Harness", "HARNESS_BUILD_ID");
pub(super) const CODEFRESH: Platform = ci(Id::Codefresh, "Codefresh", "CF_BUILD_ID");
pub(super) const OTHER_CI: Platform = ci(Id::OtherCi, "a CI platform", "CI");
