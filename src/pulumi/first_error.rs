//! Predicts the first error that `pulumi login` itself prints. The order is that of the CLI's
//! checks, not the order in which the problems should be fixed.
//!
//! Sources: pkg/cmd/pulumi/auth/login.go (the order), pkg/auth/oidc.go, pkg/auth/credentialhelper,
//! pkg/backend/httpstate/backend.go (`getTokenValue`, `exchangeOidcToken`),
//! sdk/go/common/workspace/creds.go and credstore.go.

use semver::Version;

use super::backend_url::{self, Resolved, UrlProblem, cli_message, cli_refusal, naming_backend};
use super::go::url::quote;
use super::request::{Conflict, Provenance, Request};
use super::versions;
use crate::catalogue::Code;
use crate::evidence::{
    BackendSource, CredentialHelper, CredentialsFile, Evidence, FileProblem, FolderOperation,
    HelperProblem, InputProblem, ProjectFile, Source, StoreProblem, UnusableFolder,
};

/// An error with which the CLI ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CliError {
    /// The code of the failure that causes it.
    pub(crate) code: Code,
    /// The CLI's message without `error: `; absent if it is not known exactly.
    pub(crate) message: Option<String>,
}

impl CliError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: Some(message.into()) }
    }

    fn without_message(code: Code) -> Self {
        Self { code, message: None }
    }
}

/// The CLI's exit status: 3 if the user has to log in or may not log in, else 1
/// (pkg/cmd/pulumi/cmd/exit_codes.go).
pub(crate) fn exit_status(asks_for_login: bool, version: Option<&Version>) -> u8 {
    match (versions::EXIT_STATUSES.holds(version), asks_for_login) {
        (false, _) => 255,
        (true, true) => 3,
        (true, false) => 1,
    }
}

/// A login from the CLI's point of view.
pub(crate) struct CliLogin<'a> {
    pub(crate) evidence: &'a Evidence,
    pub(crate) request: &'a Request,
    pub(crate) backend: &'a Resolved,
    /// The decisive problem of the backend URL.
    url_problem: Option<UrlProblem>,
    pub(crate) version: Option<&'a Version>,
    /// Whether a value is given for the token, so that the CLI exchanges it.
    pub(crate) has_token: bool,
}

type Check = for<'a, 'b> fn(&'a CliLogin<'b>) -> Option<CliError>;

/// The checks of every login, as of 3.274.0; older CLIs lack some.
const LOGIN_CHECKS: [Check; 8] = [
    |login| login.check_flags(),
    |login| login.check_helper(),
    |login| login.check_credentials_early(),
    |login| login.check_url_given_twice(),
    |login| login.check_project(),
    |login| login.check_credentials_late(),
    |login| login.check_url(),
    |login| login.check_diy(),
];

/// The checks of an exchange before its request.
const EXCHANGE_CHECKS: [Check; 7] = [
    |login| login.check_claim_conflicts(),
    |login| login.check_access_token(),
    |login| login.check_organization(),
    |login| login.check_team_and_user(),
    |login| login.check_expiration(),
    |login| login.check_token(),
    |login| login.check_request(),
];

impl<'a> CliLogin<'a> {
    pub(crate) fn new(
        evidence: &'a Evidence,
        request: &'a Request,
        backend: &'a Resolved,
        has_token: bool,
    ) -> Self {
        let url_problem = backend_url::problems(backend, false).into_iter().next();
        Self { evidence, request, backend, url_problem, version: evidence.rules(), has_token }
    }
}

impl CliLogin<'_> {
    /// The error that ends the login before any request.
    pub(crate) fn error_before_requests(&self) -> Option<CliError> {
        let exchange_checks = EXCHANGE_CHECKS.iter().filter(|_| self.has_token);
        LOGIN_CHECKS.iter().chain(exchange_checks).find_map(|check| check(self))
    }

    /// The error that ends the login after a successful exchange, when the CLI stores the account.
    pub(crate) fn error_while_storing(&self) -> Option<CliError> {
        let folder = &self.evidence.backend.folder;
        let credentials = self.credentials_error(Access::Writing);
        let error = credentials.or_else(|| match &folder.store {
            Some(StoreProblem::NoKeyStore) if versions::CREDENTIAL_STORE.holds(self.version) => {
                Some(CliError::new(
                    Code::CredentialsFileUnwritable,
                    "PULUMI_CREDENTIAL_STORE=os but no usable OS credential protection (set \
                     PULUMI_CREDENTIAL_STORE=plaintext to override): no usable OS credential \
                     protection: no D-Bus session bus",
                ))
            }
            _ => None,
        });
        let error = error.or_else(|| {
            let reads_config = versions::READS_CONFIG.holds(self.version);
            let config = folder.config.as_ref().filter(|_| reads_config)?;
            let cause = &config.cause;
            Some(CliError::new(
                Code::CredentialsFileInvalid,
                format!("get Pulumi config: failed to read Pulumi config file: {cause}"),
            ))
        })?;
        Some(self.naming_backend(error))
    }

    /// Wraps an error as the CLI does once it has chosen the backend.
    pub(crate) fn naming_backend(&self, error: CliError) -> CliError {
        let message = error.message.map(|text| naming_backend(&text, self.backend, self.version));
        CliError { message, ..error }
    }

    /// Whether the backend is not a Pulumi Cloud.
    pub(crate) fn is_diy(&self) -> bool {
        matches!(self.url_problem, Some(UrlProblem::Diy { .. }))
    }

    /// Wraps an error of a login without a token. If no URL is configured, the CLI has not chosen a
    /// backend yet.
    pub(crate) fn naming_backend_without_token(&self, error: CliError) -> CliError {
        let is_unnamed = self.backend.source == BackendSource::Default
            && versions::NAMES_BACKEND.holds(self.version);
        if !is_unnamed {
            return self.naming_backend(error);
        }
        let message =
            error.message.map(|text| format!("could not log in to the Pulumi Cloud: {text}"));
        CliError { message, ..error }
    }

    fn has_helpers(&self) -> bool {
        versions::CREDENTIAL_HELPERS.holds(self.version)
    }

    /// Whether the CLI reads the stored credentials before its other checks.
    fn reads_credentials_first(&self) -> bool {
        self.has_helpers()
            && self.has_token
            && self.evidence.login.helper != CredentialHelper::Disabled
    }

    // -------------------------------------------------------------------------- every login

    fn check_flags(&self) -> Option<CliError> {
        let login = &self.evidence.login;
        let from_option = matches!(
            &self.evidence.input.source,
            Source::Environment { name } if name.starts_with("PULUMI_OPTION_")
        );
        let is_flag = login.token_named && !from_option;
        if is_flag && !versions::OIDC.holds(self.version) {
            return Some(CliError::new(Code::CliTooOld, "unknown flag: --oidc-token"));
        }
        if !self.has_helpers() {
            let flag = login.helper_on_command_line?;
            return Some(CliError::new(Code::CliTooOld, format!("unknown flag: {}", flag.name())));
        }
        (login.helper_flag_given && login.token_named).then(|| {
            CliError::new(
                Code::CredentialHelperActive,
                "if any flags in the group [oidc-token credential-helper] are set none of the \
                 others can be; [credential-helper oidc-token] were all set",
            )
        })
    }

    fn check_helper(&self) -> Option<CliError> {
        if !self.has_helpers() {
            return None;
        }
        match &self.evidence.login.helper {
            CredentialHelper::Invalid { path, problem, .. } => {
                let is_early = *problem == HelperProblem::ArgumentsAlone;
                (is_early || self.has_token).then(|| {
                    CliError::new(Code::CredentialHelperInvalid, helper_message(path, *problem))
                })
            }
            CredentialHelper::Found { .. } => self.has_token.then(|| {
                CliError::new(
                    Code::CredentialHelperActive,
                    "--oidc-token cannot be used with a credentials helper; set \
                     PULUMI_CREDENTIAL_HELPER=none to disable it",
                )
            }),
            CredentialHelper::None | CredentialHelper::Disabled => None,
        }
    }

    fn check_credentials_early(&self) -> Option<CliError> {
        self.reads_credentials_first().then(|| self.credentials_error(Access::Reading))?
    }

    fn check_url_given_twice(&self) -> Option<CliError> {
        let backend = &self.evidence.backend;
        backend.given_twice.as_ref()?;
        let message = if backend.local {
            "a URL may not be specified when --local mode is enabled"
        } else {
            "only one of --cloud-url or argument URL may be specified, not both"
        };
        Some(CliError::new(Code::UrlGivenTwice, message))
    }

    fn check_project(&self) -> Option<CliError> {
        let invalid = |message| CliError { code: Code::ProjectFileInvalid, message };
        match &self.evidence.backend.project {
            ProjectFile::Invalid { message, .. } => Some(invalid(message.clone())),
            ProjectFile::Read { path, lacks_runtime: true }
                if !versions::RUNTIME_OPTIONAL.holds(self.version) =>
            {
                let missing = "project is missing a 'runtime' attribute";
                Some(invalid(Some(format!("could not validate '{path}': {missing}"))))
            }
            _ => None,
        }
    }

    /// The CLI reads the credentials here only if no other source names a URL.
    fn check_credentials_late(&self) -> Option<CliError> {
        let backend = &self.evidence.backend;
        let is_named = backend.local || !backend.candidates.is_empty();
        let error = self.credentials_error(Access::Reading).filter(|_| !is_named)?;
        let message =
            error.message.map(|text| format!("could not determine current cloud: {text}"));
        Some(CliError { message, ..error })
    }

    /// The error of accessing the stored credentials. The CLI creates their folder even to read
    /// them.
    fn credentials_error(&self, access: Access) -> Option<CliError> {
        let backend = &self.evidence.backend;
        let has_store = versions::CREDENTIAL_STORE.holds(self.version);
        let unwritable = |message| CliError { code: Code::CredentialsFileUnwritable, message };
        if let Some(folder) = &backend.folder.unusable
            && (folder.operation == FolderOperation::Mkdir || access == Access::Writing)
        {
            return Some(unwritable(Some(folder_message(folder))));
        }
        if let Some(StoreProblem::Unknown { value }) = &backend.folder.store
            && has_store
        {
            let value = quote(value);
            return Some(unwritable(Some(format!(
                "invalid PULUMI_CREDENTIAL_STORE value {value} (want auto, os, or plaintext)"
            ))));
        }
        match &backend.credentials {
            CredentialsFile::Invalid { message, .. } => {
                Some(CliError { code: Code::CredentialsFileInvalid, message: message.clone() })
            }
            CredentialsFile::Read { .. } => {
                let mistyped = self.evidence.mistyped_credentials()?;
                Some(CliError::new(Code::CredentialsFileInvalid, mistyped.message.clone()))
            }
            CredentialsFile::Encrypted { path, newer_version: Some(version), .. } if has_store => {
                Some(CliError::new(
                    Code::CredentialsFileInvalid,
                    format!(
                        "credentials file '{path}' was encrypted by a newer version of the Pulumi \
                         CLI (envelope version {version}). Upgrade the Pulumi CLI, or run `pulumi \
                         logout --all` to discard the stored credentials"
                    ),
                ))
            }
            CredentialsFile::Encrypted { path, other_system: Some(store), .. }
                if has_store && self.reads_credentials_first() =>
            {
                Some(CliError::new(
                    Code::CredentialsFileInvalid,
                    format!(
                        "credentials file '{path}' is encrypted but cannot be decrypted here: \
                         credential store backend \"{store}\" is not available on this platform: no \
                         usable OS credential protection: no such credential store on this \
                         platform. Run `pulumi login` in this environment, or set \
                         PULUMI_ACCESS_TOKEN"
                    ),
                ))
            }
            _ => None,
        }
    }

    fn check_url(&self) -> Option<CliError> {
        let problem = self.url_problem.as_ref().filter(|_| self.backend.checked)?;
        let is_diy = matches!(problem, UrlProblem::Diy { .. });
        let message = cli_refusal(problem, self.backend).filter(|_| !is_diy)?;
        Some(CliError::new(problem.code(), message))
    }

    /// A DIY backend accepts none of the OIDC flags; without them the CLI opens it.
    fn check_diy(&self) -> Option<CliError> {
        let problem @ UrlProblem::Diy { .. } = self.url_problem.as_ref()? else { return None };
        let message = cli_refusal(problem, self.backend)?;
        self.evidence.login.uses_oidc_flags().then(|| CliError::new(Code::BackendIsDiy, message))
    }

    // ---------------------------------------------------------------------------- exchange

    fn login_error(code: Code, message: &str) -> CliError {
        CliError::new(code, format!("problem logging in: {message}"))
    }

    /// The error of the first conflict that involves a team or user flag, or of the first that does
    /// not.
    fn conflict_error(&self, with_flags: bool) -> Option<CliError> {
        let has_flag = |conflict: &Conflict| {
            matches!(
                conflict,
                Conflict::TeamAndUser { team_from, user_from, .. }
                    if [team_from, user_from].contains(&&Provenance::Flag)
            )
        };
        let conflicts = &self.request.conflicts;
        let conflict = conflicts.iter().find(|conflict| has_flag(conflict) == with_flags)?;
        Some(Self::login_error(conflict.code(), &conflict.to_string()))
    }

    fn check_claim_conflicts(&self) -> Option<CliError> {
        self.conflict_error(false)
    }

    fn check_access_token(&self) -> Option<CliError> {
        let message =
            "cannot perform token exchange when an access token is set as environment variable";
        let is_set = self.evidence.login.access_token_in_environment;
        is_set.then(|| Self::login_error(Code::AccessTokenSet, message))
    }

    fn check_organization(&self) -> Option<CliError> {
        let message = "organization must be specified for token exchange";
        let is_missing = self.request.organization.is_none();
        is_missing.then(|| Self::login_error(Code::OrganizationMissing, message))
    }

    fn check_team_and_user(&self) -> Option<CliError> {
        self.conflict_error(true)
    }

    fn check_expiration(&self) -> Option<CliError> {
        let error = self.request.expiration_seconds.as_ref().err()?;
        let message = format!("could not parse expiration duration: {error}");
        Some(Self::login_error(Code::ExpirationInvalid, &message))
    }

    fn check_token(&self) -> Option<CliError> {
        let input = &self.evidence.input;
        let code = match &input.problem {
            Some(problem) => problem.code(),
            None if !input.wrapped.is_empty() => Code::TokenWrapped,
            None => Code::AlgorithmUnsupported,
        };
        let read_error = |text: String| {
            let message = format!("OIDC token exchange failed: Failed to read OIDC token: {text}");
            self.naming_backend(CliError::new(code, message))
        };
        match (&input.source, &input.problem) {
            (Source::File { path, .. }, Some(InputProblem::FileUnreadable { reason })) => {
                let (verb, why) = match reason {
                    FileProblem::Empty => {
                        return Some(read_error(format!("file '{path}' is empty")));
                    }
                    FileProblem::Directory => ("read", "is a directory"),
                    FileProblem::PermissionDenied => ("open", "permission denied"),
                    FileProblem::NotFound => ("open", "no such file or directory"),
                    FileProblem::NotADirectory => ("open", "not a directory"),
                    FileProblem::NotRegular | FileProblem::NoPath | FileProblem::Other(_) => {
                        return Some(CliError::without_message(code));
                    }
                };
                Some(read_error(format!("reading token from file '{path}': {verb} {path}: {why}")))
            }
            _ if self.evidence.cli_accepts_token() => None,
            (Source::File { path, .. }, _) => {
                Some(read_error(format!("unexpected token format in file '{path}'")))
            }
            // The CLI prints the value itself.
            _ => Some(read_error("must be JWT or 'file://filepath'. Got '(the value)'".to_owned())),
        }
    }

    fn check_request(&self) -> Option<CliError> {
        let problem = self.url_problem.as_ref()?;
        let message = cli_message(problem, self.backend, self.version)?;
        Some(CliError::new(problem.code(), message))
    }
}

/// Whether the CLI reads or writes the stored credentials.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Reading,
    Writing,
}

fn folder_message(folder: &UnusableFolder) -> String {
    let UnusableFolder { path, operation, obstacle, reason, .. } = folder;
    match operation {
        FolderOperation::Mkdir => format!("failed to create '{path}': mkdir {obstacle}: {reason}"),
        FolderOperation::Open => format!("open {obstacle}: {reason}"),
    }
}

/// The error of `exec.LookPath` as the CLI prints it.
fn helper_message(path: &str, problem: HelperProblem) -> String {
    let why = match problem {
        HelperProblem::ArgumentsAlone => {
            return "--credential-helper-arg requires --credential-helper".to_owned();
        }
        HelperProblem::Arguments => {
            return "PULUMI_CREDENTIAL_HELPER_ARGS must be a JSON array of strings".to_owned();
        }
        HelperProblem::NotOnPath => "executable file not found in $PATH".to_owned(),
        HelperProblem::NoSuchFile => format!("stat {path}: no such file or directory"),
        HelperProblem::Directory => "is a directory".to_owned(),
        HelperProblem::NotExecutable => "permission denied".to_owned(),
        HelperProblem::RelativeOnPath => {
            "cannot run executable found relative to current directory".to_owned()
        }
    };
    format!("finding credentials helper: exec: {}: {why}", quote(path))
}
