//! Which release of the Pulumi CLI changed which rule. Every rule that depends on the version is
//! in this table; code asks whether a rule holds, and compares no versions.
//!
//! Sources are the CLI's own source at these releases (pkg/cmd/pulumi/auth/login.go,
//! pkg/backend/httpstate) and its changelog.

use semver::Version;

/// A rule that newer CLIs follow.
pub(crate) struct Rule {
    since: Version,
}

const fn since(major: u64, minor: u64, patch: u64) -> Rule {
    Rule { since: Version::new(major, minor, patch) }
}

impl Rule {
    /// Whether a version follows it (`None`: the newest).
    pub(crate) fn holds(&self, version: Option<&Version>) -> bool {
        version.is_none_or(|version| *version >= self.since)
    }
}

/// The newest release whose rules are known.
pub(crate) const NEWEST: Version = Version::new(3, 259, 0);

/// The `--oidc-*` flags exist (login.go).
pub(crate) const OIDC: Rule = since(3, 209, 0);
/// A login with an OIDC token and no configured URL goes to Pulumi Cloud; before, its URL is empty
/// (pull request 21322).
pub(crate) const DEFAULT_BACKEND: Rule = since(3, 216, 0);
/// Organization, team and user are read from the token's own claims (pull requests 21462, 21517).
pub(crate) const READS_CLAIMS: Rule = since(3, 217, 0);
/// The `Accept` header names API version 9; before, 8 (`currentAPIVersion` in
/// pkg/backend/httpstate/client/api.go).
pub(crate) const API_VERSION_9: Rule = since(3, 233, 0);
/// A failed login is told with the backend and where its URL comes from (pull request 24322,
/// `loginError` in login.go).
pub(crate) const NAMES_BACKEND: Rule = since(3, 259, 0);

/// A version that knows the flags and has no default backend.
pub(crate) const WITHOUT_DEFAULT_BACKEND: Version = Version::new(3, 215, 0);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rule_holds_from_its_release_on() {
        for (version, expected) in
            [("3.208.9", false), ("3.209.0-alpha.1", false), ("3.209.0", true), ("4.0.0", true)]
        {
            assert_eq!(OIDC.holds(Some(&version.parse().unwrap())), expected, "{version}");
        }
        assert!(OIDC.holds(None));
    }

    #[test]
    fn version_without_default_backend_has_the_flags() {
        let version = Some(&WITHOUT_DEFAULT_BACKEND);
        assert!(OIDC.holds(version) && !DEFAULT_BACKEND.holds(version));
    }
}
