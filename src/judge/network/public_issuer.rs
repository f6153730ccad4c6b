//! What a failure means that this machine sees at a public issuer.

use crate::catalogue::Severity;
use crate::platform::public_issuer;
use crate::report::Finding;

/// What this machine saw.
#[derive(Clone, Copy)]
pub(crate) enum Seen {
    /// The request failed: no answer that could be trusted.
    Failure,
    /// An answer that is not what an issuer gives.
    Answer,
}

/// Pulumi Cloud reaches the public issuer of a known platform whatever this machine sees: there, an
/// error becomes a warning about this machine's network, and its advice is not about the
/// registration (product contract, section 3).
pub(crate) fn only_here(finding: Finding, issuer: &str, seen: Seen) -> Finding {
    let Some(platform) = public_issuer(issuer).filter(|_| finding.severity == Severity::Error)
    else {
        return finding;
    };
    let name = platform.issuer_name();
    let (why, fix) = match seen {
        Seen::Failure => (
            format!(
                "This issuer is public ({name}). Pulumi Cloud reaches it over another network, so \
                 this does not stop the login."
            ),
            "Let this machine reach the issuer, so that the doctor can verify the signature too.",
        ),
        Seen::Answer => (
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
