//! The claims in a platform's tokens.

use serde_json::{Map, Value};

/// The standard claims (RFC 7519 section 4.1).
pub(crate) const STANDARD_CLAIMS: [&str; 7] = ["aud", "exp", "iat", "iss", "jti", "nbf", "sub"];

/// A platform's claims besides [`STANDARD_CLAIMS`].
pub(crate) struct Claims {
    /// Paths of documented claims. A path that ends with `_` stands for all that begin with it.
    pub(crate) documented: &'static [&'static str],
    /// The platform documents every claim. It may add some later, so an unknown claim is a warning.
    pub(crate) is_complete: bool,
    /// Claims about persons or internals of the issuer, whose names and values must not be in a
    /// support bundle.
    pub(crate) personal: &'static [&'static str],
    /// Claims that differ between runs of the same job.
    pub(crate) per_run: &'static [&'static str],
    /// Claims whose whole value is a name.
    pub(crate) names: &'static [&'static str],
    /// Claims with a fixed set of values, which are no names.
    pub(crate) values: &'static [(&'static str, &'static [&'static str])],
    /// Claim names with dots, which a path must quote. One that ends with `/` is only the beginning
    /// of a name.
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

/// Claims that identify a job if its subject cannot be a rule. They are the same in every run. They
/// also identify the platform, since GitHub, GitLab and others run under many issuer URLs.
pub(crate) struct JobClaims {
    /// Claims that only this platform's tokens have, and all of them.
    pub(crate) marks: &'static [&'static str],
    /// The ways to identify a job, the preferred one first.
    pub(crate) ways: &'static [Way],
    /// Claims that identify a part of the job, such as the repository.
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
