//! What advice needs to know of a login and of where it runs: this run's login, or one in a log.

use crate::platform::Id;
use crate::pulumi::backend_url::{self, PULUMI_CLOUD, Resolved, UrlProblem};
use crate::pulumi::login_command::LoginCommand;
use crate::pulumi::urn;

/// The login that advice is for.
pub(crate) struct Job<'a> {
    /// The CI platform.
    pub(crate) platform: Option<Id>,
    /// The URL to print into a login command.
    pub(crate) url: String,
    /// The shell's variable that holds the token.
    pub(crate) variable: &'a str,
    /// The organization that the login asks for.
    pub(crate) organization: Option<&'a str>,
}

impl Job<'_> {
    fn command(&self) -> LoginCommand<'_> {
        let Self { url, variable, organization, .. } = self;
        LoginCommand { url: Some(url), variable, organization: *organization }
    }

    /// The login to paste.
    pub(crate) fn login(&self) -> String {
        self.command().to_string()
    }

    /// The login to another backend; `None`: to the one that `PULUMI_BACKEND_URL` names.
    pub(crate) fn login_command(&self, url: Option<&str>) -> String {
        LoginCommand { url, ..self.command() }.to_string()
    }

    /// The login with the token in another variable.
    pub(crate) fn login_with(&self, variable: &str) -> String {
        LoginCommand { variable, ..self.command() }.to_string()
    }

    /// The login to another organization.
    pub(crate) fn login_to(&self, organization: Option<&str>) -> String {
        LoginCommand { organization, ..self.command() }.to_string()
    }

    /// The audience of a token for this login.
    pub(crate) fn audience(&self) -> String {
        urn::organization(self.organization.unwrap_or("ORG"))
    }
}

/// The variable to print into a login command: the one that holds the token, if one does and a
/// shell can name it.
pub(crate) fn printable_variable(held_by: Option<&str>) -> &str {
    let is_name = |name: &&str| {
        !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    held_by.filter(is_name).unwrap_or("TOKEN")
}

/// The URL to print into a login command: the one in use if it can be used, else what it was
/// meant to be, else Pulumi Cloud's.
pub(crate) fn printable_url(resolved: &Resolved, insecure: bool, is_wrong: bool) -> String {
    if is_http(&resolved.url) && !is_wrong {
        return resolved.url.clone();
    }
    let problems = backend_url::problems(resolved, insecure);
    let meant = problems.first().and_then(|problem| replacement(problem, &resolved.url));
    meant.unwrap_or_else(|| PULUMI_CLOUD.to_owned())
}

/// Whether requests can be made to the URL.
pub(crate) fn is_http(url: &str) -> bool {
    let starts = |scheme: &str| {
        url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    starts("https://") || starts("http://")
}

/// The value to use instead, where one can be named.
pub(crate) fn replacement(problem: &UrlProblem, url: &str) -> Option<String> {
    match problem {
        UrlProblem::SchemeMissing { suggestion } => Some(suggestion.clone()),
        UrlProblem::SchemeUnknown { nearest, .. } => {
            let (_, rest) = url.split_once(':')?;
            Some(format!("{nearest}:{rest}"))
        }
        UrlProblem::Console { suggestion, .. } => suggestion.map(str::to_owned),
        UrlProblem::Diy { .. } => Some(PULUMI_CLOUD.to_owned()),
        UrlProblem::Malformed { cleaned, .. } => cleaned.clone(),
        UrlProblem::Path { origin, .. } => Some(origin.clone()),
        UrlProblem::InsecureHttp { authority } => {
            Some(format!("https://{}", authority.strip_suffix(":80").unwrap_or(authority)))
        }
        UrlProblem::Unexpanded { .. } | UrlProblem::Empty | UrlProblem::InsecureFlag => None,
    }
}
