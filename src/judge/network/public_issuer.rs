//! Failures at a public issuer, which Pulumi Cloud reaches over another network.

use crate::catalogue::Severity;
use crate::platform::public_issuer;
use crate::report::Finding;

/// What this machine observed at the issuer.
#[derive(Clone, Copy)]
pub(crate) enum Observation {
    /// The request got no trustworthy answer.
    Failure,
    /// The answer was not the expected one.
    Answer,
}

/// For a known platform's public issuer, turns an error into a warning about this machine's
/// network. Its advice is then not about the registration (product contract, section 3).
pub(crate) fn downgrade_if_public(
    finding: Finding,
    issuer: &str,
    observation: Observation,
) -> Finding {
    let Some(platform) = public_issuer(issuer).filter(|_| finding.severity == Severity::Error)
    else {
        return finding;
    };
    let name = platform.issuer_name();
    let (why, fix) = match observation {
        Observation::Failure => (
            format!(
                "This issuer is public ({name}). Pulumi Cloud reaches it over another network, so \
                 this does not stop the login."
            ),
            "Let this machine reach the issuer, so that the doctor can verify the signature too.",
        ),
        Observation::Answer => (
            format!(
                "This issuer is public ({name}). Pulumi Cloud asks it over another network and may \
                 get another answer."
            ),
            "Check whether a proxy or a filter gave this answer, and what the platform's status \
             page says.",
        ),
    };
    let detail = format!("{} {why}", finding.detail);
    Finding { detail, ..finding.severity(Severity::Warning).fix(fix) }
}
