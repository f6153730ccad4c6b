//! What advice needs to know of a login and of where it runs: this run's login, or one in a log.

use crate::platform::Id;
use crate::pulumi::backend_url::{self, PULUMI_CLOUD, Resolved, UrlProblem};
use crate::pulumi::login_command::LoginCommand;
use crate::pulumi::urn;
use crate::text::command::{Command, CommandLine};

/// The login that advice is for.
pub(crate) struct Job<'a> {
    /// The CI platform.
    pub(crate) platform: Option<Id>,
    /// The URL to print into commands: this run's own backend, or its corrected origin on the same
    /// host (product contract, section 5.5). Without one there is no command.
    pub(crate) url: Option<String>,
    /// The shell's variable that holds the token.
    pub(crate) variable: &'a str,
    /// The organization that the login asks for.
    pub(crate) organization: Option<&'a str>,
}

impl Job<'_> {
    fn command(&self) -> LoginCommand<'_> {
        let Self { url, variable, organization, .. } = self;
        LoginCommand { url: url.as_deref(), variable, organization: *organization }
    }

    /// This login, run by `program`.
    pub(crate) fn line(&self, program: &str) -> Option<CommandLine> {
        self.url.as_ref().map(|_| self.command().line_for(program))
    }

    /// The login to paste.
    pub(crate) fn login(&self) -> Option<Command> {
        self.line("pulumi").map(Command::from)
    }

    /// The login to another backend; `None`: to the one that `PULUMI_BACKEND_URL` names.
    pub(crate) fn login_command(&self, url: Option<&str>) -> Command {
        LoginCommand { url, ..self.command() }.into()
    }

    /// The login with the token in another variable.
    pub(crate) fn login_with(&self, variable: &str) -> Option<Command> {
        self.url.as_ref().map(|_| LoginCommand { variable, ..self.command() }.into())
    }

    /// The same for a step of the pipeline, whose settings name the backend if it is not known here.
    pub(crate) fn login_in_step(&self, variable: &str) -> Command {
        LoginCommand { variable, ..self.command() }.into()
    }

    /// The login to another organization.
    pub(crate) fn login_to(&self, organization: Option<&str>) -> Option<Command> {
        self.url.as_ref().map(|_| LoginCommand { organization, ..self.command() }.into())
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
/// meant to be. Pulumi Cloud's, if no backend is named.
pub(crate) fn printable_url(resolved: &Resolved, insecure: bool, is_wrong: bool) -> Option<String> {
    if is_http(&resolved.url) && !is_wrong {
        return Some(resolved.url.clone());
    }
    if resolved.url.is_empty() {
        return Some(PULUMI_CLOUD.to_owned());
    }
    let problems = backend_url::problems(resolved, insecure);
    problems.first().and_then(|problem| replacement(problem, &resolved.url))
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
        UrlProblem::Malformed { cleaned, .. } => cleaned.clone(),
        UrlProblem::Path { origin, .. } => Some(origin.clone()),
        UrlProblem::InsecureHttp { authority } => {
            Some(format!("https://{}", authority.strip_suffix(":80").unwrap_or(authority)))
        }
        // It is not a Pulumi Cloud, so there is no corrected origin.
        UrlProblem::Diy { .. }
        | UrlProblem::Unexpanded { .. }
        | UrlProblem::Empty
        | UrlProblem::InsecureFlag => None,
    }
}
