//! Whether credentials may be sent to a backend (product contract, section 7, "Credentials go only
//! where the user sent them").

use url::{Origin, Url};

use super::parts::is_loopback_url;
use super::{PULUMI_CLOUD, Resolved};
use crate::evidence::{
    Backend, BackendSource, CredentialsFile, Evidence, PolicySource, Probe, RunContext,
};

/// Scheme, host and port of an http or https URL, with the default port filled in and the host in
/// lower case. `None` for another scheme, an invalid URL, or user information before the host.
fn origin(url: &str) -> Option<Origin> {
    let url = Url::parse(url).ok()?;
    let plain = url.username().is_empty() && url.password().is_none();
    (plain && matches!(url.scheme(), "http" | "https")).then(|| url.origin())
}

/// Whether a URL is plain http to another machine. An access token is never sent there. `localhost`
/// counts as this machine: the HTTP client connects to it directly, and only at a loopback address.
pub(crate) fn is_plain_http(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.scheme() == "http" && !is_loopback_url(&url))
}

/// Whether only a project file names the backend, so that the user may not know it. The user knows
/// Pulumi's own service and every origin in the stored credentials.
pub(crate) fn is_named_only_by_project(backend: &Backend, resolved: &Resolved) -> bool {
    if !matches!(resolved.source, BackendSource::Project { .. }) {
        return false;
    }
    let Some(origin) = origin(&resolved.url) else { return true };
    let accounts = match &backend.credentials {
        CredentialsFile::Read { accounts, .. } => accounts.as_slice(),
        _ => &[],
    };
    let current = backend
        .candidates
        .iter()
        .filter(|candidate| matches!(candidate.source, BackendSource::Credentials { .. }));
    accounts
        .iter()
        .map(|account| account.url.as_str())
        .chain(current.map(|candidate| candidate.url.as_str()))
        .chain([PULUMI_CLOUD])
        .all(|url| self::origin(url).as_ref() != Some(&origin))
}

impl Evidence {
    /// [`is_named_only_by_project`] for the backend of this login.
    pub fn only_project_names_backend(&self) -> bool {
        is_named_only_by_project(&self.backend, &self.resolved_backend())
    }

    /// Whether this is a plain run outside CI with a backend that only a project file names. Such a
    /// run sends no credential. Runs of earlier versions did, so their bundles may hold answers.
    pub fn sends_no_credentials(&self) -> bool {
        let has_answers = !matches!(self.cloud.exchange, Probe::NotRun)
            || !matches!(self.cloud.whoami, Probe::NotRun)
            || matches!(self.policy, PolicySource::Live { .. } | PolicySource::Unavailable { .. });
        self.options.run_context == RunContext::Workstation
            && !has_answers
            && self.only_project_names_backend()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn origins_are_compared_exactly() {
        let own = origin(PULUMI_CLOUD);
        assert!(own.is_some());
        for same in [
            "https://api.pulumi.com/",
            "HTTPS://API.Pulumi.COM",
            "https://api.pulumi.com:443",
            "https://api.pulumi.com/api?x=1",
        ] {
            assert_eq!(origin(same), own, "{same}");
        }
        for other in [
            "http://api.pulumi.com",
            "https://api.pulumi.com.evil.test",
            "https://api.pulumi.com.",
            "https://api.pulumi.com:8443",
            "https://api.pulumi.com@evil.test",
            "https://api.pulumi.com:443@evil.test",
            "https://user@api.pulumi.com",
            "https://:pw@api.pulumi.com",
            "https://evil.test/https://api.pulumi.com",
            "https://evil.test#@api.pulumi.com",
            "https://evil.test\\@api.pulumi.com",
            "https://xapi.pulumi.com",
            "https://\u{430}pi.pulumi.com",
            "api.pulumi.com",
            "//api.pulumi.com",
            "s3://api.pulumi.com",
            "https:",
            "",
        ] {
            assert_ne!(origin(other), own, "{other}");
        }
    }

    #[test]
    fn plain_http_is_safe_only_on_loopback() {
        for safe in [
            "https://evil.test",
            "http://127.0.0.1:8080",
            "http://127.9.8.7",
            "http://localhost:1/",
            "http://LOCALHOST",
            "http://[::1]:1",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(!is_plain_http(safe), "{safe}");
        }
        for unsafe_url in [
            "http://cloud.test",
            "HTTP://cloud.test",
            "http://localhost.evil.test",
            "http://127.0.0.1.evil.test",
            "http://evil-localhost",
            "http://localhost@evil.test",
            // A proxy resolves these two, and not necessarily as this machine.
            "http://localhost.",
            "http://x.localhost",
            "http://0.0.0.0",
            "http://10.0.0.1",
            // A gateway on the network translates this address.
            "http://[64:ff9b::127.0.0.1]",
        ] {
            assert!(is_plain_http(unsafe_url), "{unsafe_url}");
        }
    }
}
