//! What is known of the claims in a platform's tokens.

use serde_json::{Map, Value};

/// Claims of every token (RFC 7519 section 4.1).
pub(crate) const STANDARD_CLAIMS: [&str; 7] = ["aud", "exp", "iat", "iss", "jti", "nbf", "sub"];

/// What is known of the claims beside [`STANDARD_CLAIMS`].
pub(crate) struct Claims {
    /// Paths of documented claims; one that ends with `_` stands for all that begin so.
    pub(crate) documented: &'static [&'static str],
    /// The platform documents every claim. It may add some, so that another one is a warning.
    pub(crate) is_complete: bool,
    /// Documented ones that say more about a person than who the job is, or are an internal matter
    /// of the issuer: their names and values are not for a support bundle.
    pub(crate) personal: &'static [&'static str],
    /// Those that are another value in another run of the same job.
    pub(crate) per_run: &'static [&'static str],
    /// Those that are a name as a whole.
    pub(crate) names: &'static [&'static str],
    /// Those with values of the platform's own, which are no names.
    pub(crate) values: &'static [(&'static str, &'static [&'static str])],
    /// How claims begin whose name has dots in it, so that a path needs quotes around it. One that
    /// ends with `/` goes on with the rest of the name.
    pub(crate) dotted: &'static [&'static str],
    /// Which claims identify a job.
    pub(crate) job: Option<JobClaims>,
}

impl Claims {
    pub(super) const NONE: Self = Self {
        documented: &[],
        is_complete: false,
        personal: &[],
        per_run: &[],
        names: &[],
        values: &[],
        dotted: &[],
        job: None,
    };
}

/// Which claims identify a job when its subject cannot be a rule: claims that stay the same from
/// run to run. A platform is recognised by its claims, since GitHub, GitLab and others run under
/// many issuer URLs.
pub(crate) struct JobClaims {
    /// Claims that every token of this platform has, and no other platform's.
    pub(crate) marks: &'static [&'static str],
    /// The ways to identify a job, the preferred one first.
    pub(crate) ways: &'static [Way],
    /// Claims that identify a part of it, such as the repository.
    pub(crate) parts: &'static [&'static str],
}

/// Claims that together identify a job as narrowly as its subject.
pub(crate) struct Way {
    /// Whether these claims replace the subject of such a token.
    pub(crate) applies: fn(&Map<String, Value>) -> bool,
    pub(crate) claims: &'static [&'static str],
}

impl Way {
    pub(super) const fn new(claims: &'static [&'static str]) -> Self {
        Self { applies: |_| true, claims }
    }
}

pub(super) const BOOLEANS: &[&str] = &["true", "false"];
pub(super) const VISIBILITIES: &[&str] = &["public", "private", "internal"];
