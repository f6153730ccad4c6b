//! The platforms' issuers, and the platform that an issuer URL belongs to.

use std::collections::HashMap;
use std::sync::LazyLock;

use url::{Host, Url};

use super::{ALL, Platform};

/// The issuer of a platform's tokens.
pub(crate) struct Issuer {
    pub(crate) name: &'static str,
    /// Its URLs, or their beginnings up to a slash. Empty if every customer has a URL.
    pub(crate) urls: &'static [&'static str],
    /// Its hosts on the internet. `*` stands for one or more characters.
    pub(crate) public_hosts: &'static [&'static str],
    /// Set if all customers get tokens from the same URL.
    pub(crate) shared: Option<Shared>,
}

impl Issuer {
    pub(super) const fn new(
        name: &'static str,
        urls: &'static [&'static str],
        public_hosts: &'static [&'static str],
    ) -> Self {
        Self { name, urls, public_hosts, shared: None }
    }

    fn has(&self, issuer: &str) -> bool {
        self.urls.iter().any(|url| {
            let rest = issuer.strip_prefix(url);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || url.ends_with('/'))
        })
    }
}

/// An issuer that everybody can get tokens from, so that a rule must name an owner.
pub(crate) struct Shared {
    /// The jobs that match if no owner is named.
    pub(crate) everybody: &'static str,
    /// What an owner is called.
    pub(crate) owner: &'static str,
    /// Claims that name an owner. One that ends with `_` stands for all that begin with it.
    pub(crate) claims: &'static [&'static str],
    /// The keys before the owner in a subject with `:` as separator.
    pub(crate) keys: &'static [&'static str],
    /// Whether a `:` in a value is escaped, so that a value cannot contain a key.
    pub(crate) escaped: bool,
}

/// The platform whose issuer has this URL.
pub(crate) fn by_issuer(issuer: &str) -> Option<&'static Platform> {
    ALL.iter().find(|platform| platform.issues(issuer)).copied()
}

impl Platform {
    /// Whether its issuer has this URL.
    pub(crate) fn issues(&self, issuer: &str) -> bool {
        self.issuer.as_ref().is_some_and(|own| own.has(issuer))
    }
}

/// The platform whose public issuer has this URL. A network or TLS failure at such an issuer only
/// tells about this machine's network (product contract, section 3).
pub(crate) fn public_issuer(url: &str) -> Option<&'static Platform> {
    let url = Url::parse(url).ok().filter(|url| url.scheme() == "https" && url.port().is_none())?;
    match url.host()? {
        Host::Domain(host) => at_host(host),
        Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

/// The platform whose public issuer has this host, in lower case.
pub(crate) fn at_host(host: &str) -> Option<&'static Platform> {
    let (exact, wildcards) = &*HOSTS;
    let matches = |(start, end, _): &&(&str, &str, _)| {
        host.len() > start.len() + end.len() && host.starts_with(start) && host.ends_with(end)
    };
    exact.get(host).copied().or_else(|| wildcards.iter().find(matches).map(|(.., found)| *found))
}

type ExactHosts = HashMap<&'static str, &'static Platform>;
/// Hosts with a `*`: the text before it and after it.
type WildcardHosts = Vec<(&'static str, &'static str, &'static Platform)>;

/// The public hosts, indexed because a policy document may name very many issuers.
static HOSTS: LazyLock<(ExactHosts, WildcardHosts)> = LazyLock::new(|| {
    let (mut exact, mut wildcards) = (ExactHosts::new(), WildcardHosts::new());
    for platform in ALL {
        for host in platform.issuer.iter().flat_map(|issuer| issuer.public_hosts) {
            match host.split_once('*') {
                None => drop(exact.insert(host, platform)),
                Some((start, end)) => wildcards.push((start, end, platform)),
            }
        }
    }
    (exact, wildcards)
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Id;

    #[test]
    fn public_issuers_match_host_or_suffix() {
        for (url, id) in [
            ("https://token.actions.githubusercontent.com", Id::GitHubActions),
            ("https://token.actions.githubusercontent.com/acme", Id::GitHubActions),
            ("https://token.actions.acme.ghe.com", Id::GitHubActions),
            ("https://gitlab.com", Id::GitLab),
            ("https://vstoken.dev.azure.com/5a1c", Id::AzurePipelines),
            ("https://login.microsoftonline.com/t/v2.0", Id::Entra),
            ("https://login.microsoftonline.us/t/v2.0", Id::Entra),
            ("https://login.partner.microsoftonline.cn/t/v2.0", Id::Entra),
            ("https://sts.windows.net/t/", Id::Entra),
            ("https://oidc.eks.eu-west-1.amazonaws.com/id/E", Id::Kubernetes),
            ("https://oidc.eks.cn-north-1.amazonaws.com.cn/id/E", Id::Kubernetes),
            ("https://container.googleapis.com/v1/projects/p", Id::Kubernetes),
            ("https://westeurope.oic.prod-aks.azure.com/t/c/", Id::Kubernetes),
            ("https://oidc.circleci.com/org/o", Id::CircleCi),
            ("https://api.bitbucket.org/2.0/workspaces/w", Id::Bitbucket),
            ("https://agent.buildkite.com", Id::Buildkite),
            ("https://app.terraform.io", Id::HcpTerraform),
            ("https://app.eu.terraform.io", Id::HcpTerraform),
            ("https://acme.app.spacelift.io", Id::Spacelift),
            ("https://api.pulumi.com/oidc", Id::PulumiDeployments),
            ("https://accounts.google.com", Id::Google),
            ("https://acme.eu.auth0.com/", Id::Auth0),
            ("https://acme.okta.com", Id::Okta),
            ("https://GitLab.com:443/", Id::GitLab),
        ] {
            assert_eq!(public_issuer(url).map(|found| found.id), Some(id), "{url}");
        }
    }

    #[test]
    fn other_hosts_are_not_public() {
        for url in [
            "http://gitlab.com",
            "https://gitlab.com:8443",
            "https://gitlab.com.evil.test",
            "https://gitlab.acme.test",
            "https://.okta.com",
            "https://okta.com",
            "https://acme.okta.com.evil.test",
            "https://oidc.eks.amazonaws.com/id/E",
            "https://github.acme.test/_services/token",
            "https://kubernetes.default.svc",
            "https://10.0.0.7",
            "gitlab.com",
            "",
        ] {
            assert!(public_issuer(url).is_none(), "{url}");
        }
    }

    #[test]
    fn public_issuer_needs_whole_host() {
        let id = |issuer: &str| by_issuer(issuer).map(|platform| platform.id);
        let github = "https://token.actions.githubusercontent.com";
        assert_eq!(id(github), Some(Id::GitHubActions));
        assert_eq!(id(&format!("{github}/slug")), Some(Id::GitHubActions));
        assert_eq!(id("https://vstoken.dev.azure.com/5a1c"), Some(Id::AzurePipelines));
        for other in ["https://gitlab.com.example", "https://gitlab.community", "https://x", ""] {
            assert_eq!(id(other), None, "{other}");
        }
    }
}
