//! The releases in which the Pulumi CLI changed its rules. Code asks this table whether a rule
//! holds; it never compares versions itself.
//!
//! Sources: the CLI's source at these releases (pkg/cmd/pulumi/auth/login.go,
//! pkg/backend/httpstate) and its changelog.

use semver::Version;

/// A rule that CLIs follow since a release.
pub(crate) struct Rule {
    since: Version,
}

const fn since(major: u64, minor: u64, patch: u64) -> Rule {
    Rule { since: Version::new(major, minor, patch) }
}

impl Rule {
    /// Whether a version follows the rule (`None`: the newest).
    pub(crate) fn holds(&self, version: Option<&Version>) -> bool {
        version.is_none_or(|version| *version >= self.since)
    }
}

/// The newest release whose rules are known.
pub(crate) const NEWEST: Version = Version::new(3, 276, 0);

/// The `--oidc-*` flags exist (login.go).
pub(crate) const OIDC: Rule = since(3, 209, 0);
/// A login with an OIDC token and no configured URL goes to Pulumi Cloud; before, the URL is empty
/// (pull request 21322).
pub(crate) const DEFAULT_BACKEND: Rule = since(3, 216, 0);
/// The CLI reads organization, team and user from the token's claims (pull requests 21462, 21517).
pub(crate) const READS_CLAIMS: Rule = since(3, 217, 0);
/// The exchange says `creating HTTP request:` about a URL that Go cannot parse. Run: 3.229.0 does,
/// 3.214.0 does not; the exchange was rewritten with its retries in 3.217.0.
pub(crate) const NAMES_REQUEST: Rule = since(3, 217, 0);
/// Failures have exit statuses; before, every failure ends with 255 (pull request 22176,
/// pkg/cmd/pulumi/cmd/exit_codes.go).
pub(crate) const EXIT_STATUSES: Rule = since(3, 226, 0);
/// Whoami's 401 is recognised by its status; before, by the code in its body. 3.225.1 does not do
/// it, 3.229.0 does (`pulumiAPICall` in pkg/backend/httpstate/client/api.go).
pub(crate) const WHOAMI_BY_STATUS: Rule = since(3, 226, 0);
/// The `Accept` header names API version 9; before, 8 (`currentAPIVersion` in
/// pkg/backend/httpstate/client/api.go).
pub(crate) const API_VERSION_9: Rule = since(3, 233, 0);
/// A coding agent without a token gets an agent account (pull request 23225).
pub(crate) const AGENT_ACCOUNTS: Rule = since(3, 243, 0);
/// A project file needs no `runtime` (sdk/go/common/workspace/project.json, `required`).
pub(crate) const RUNTIME_OPTIONAL: Rule = since(3, 243, 0);
/// The signature part of a token must be base64url: golang-jwt 5.3.1 instead of 5.2.2 (pkg/go.mod;
/// 3.244.0 was not released).
pub(crate) const DECODES_SIGNATURE: Rule = since(3, 245, 0);
/// Stored credentials may be encrypted, and PULUMI_CREDENTIAL_STORE is read (pull request 24212).
pub(crate) const CREDENTIAL_STORE: Rule = since(3, 258, 0);
/// The error of a failed login names the backend and the source of its URL (pull request 24322,
/// `loginError` in login.go).
pub(crate) const NAMES_BACKEND: Rule = since(3, 259, 0);
/// `config.json` is read after the account is stored, and ends the login if it is invalid. Run:
/// 3.260.0 does, 3.229.0 does not. The releases between were not run.
pub(crate) const READS_CONFIG: Rule = since(3, 260, 0);
/// The CLI writes `accessTokens` to the credentials file, but no longer reads it (pull request
/// 24922).
pub(crate) const IGNORES_ACCESS_TOKENS: Rule = since(3, 266, 0);
/// Credential helpers, `--credential-helper` and `--credential-helper-arg` exist. An OIDC login
/// looks for a helper before its other checks, and reads the stored credentials for that
/// (pkg/auth/credentialhelper/helper.go).
pub(crate) const CREDENTIAL_HELPERS: Rule = since(3, 274, 0);
/// The CLI checks the form of `PULUMI_BACKEND_URL` and of the project's URL; before, only that of
/// URLs on the command line (login.go).
pub(crate) const CHECKS_EVERY_URL: Rule = since(3, 274, 0);
/// The CLI removes one trailing slash of the URL for the exchange (`NewClient` in
/// pkg/backend/httpstate/client/client.go). 3.260 does not; the releases between are not available
/// as modules.
pub(crate) const TRIMS_SLASH: Rule = since(3, 274, 0);
/// `login` no longer uses agent accounts (login.go, `ContextWithoutAgentSignup`).
pub(crate) const NO_AGENT_ACCOUNTS: Rule = since(3, 274, 0);

/// A version with the OIDC flags and without a default backend.
pub(crate) const WITHOUT_DEFAULT_BACKEND: Version = Version::new(3, 215, 0);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rule_holds_since_its_release() {
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
