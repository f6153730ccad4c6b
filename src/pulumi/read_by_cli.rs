//! What the CLI version at hand reads of the evidence.

use semver::Version;

use super::backend_url::Resolved;
use super::versions;
use crate::evidence::{
    Cli, CliParser, CredentialsField, CredentialsFile, Evidence, MistypedField, StoredAccount,
};

impl Evidence {
    /// The CLI version whose rules apply; `None`: the newest rules. Outside CI the token comes from
    /// another machine, so the `pulumi` installed here does not count.
    pub fn rules(&self) -> Option<&Version> {
        match &self.login.cli {
            Cli::Given { version } => Some(version),
            Cli::Installed { version, .. } if self.options.run_context.judges_environment() => {
                Some(version)
            }
            Cli::Installed { .. } | Cli::Unreadable { .. } | Cli::NotFound => None,
        }
    }

    /// Whether the CLI accepts the value as a token, as it was given.
    pub fn cli_accepts_token(&self) -> bool {
        match self.input.cli_parser {
            Some(CliParser::Accepts) => true,
            Some(CliParser::AcceptsWithoutSignature) => {
                !versions::DECODES_SIGNATURE.holds(self.rules())
            }
            Some(CliParser::Refuses) => false,
            None => self.input.problem.is_none() && self.input.wrapped.is_empty(),
        }
    }

    /// The stored account of a backend. The CLI looks it up without a trailing slash.
    pub(crate) fn stored_account(&self, backend: &Resolved) -> Option<&StoredAccount> {
        let CredentialsFile::Read { accounts, .. } = &self.backend.credentials else { return None };
        let url = backend.url.strip_suffix('/').unwrap_or(&backend.url);
        accounts.iter().find(|account| account.url == url && self.cli_reads_account(account))
    }

    /// Whether the CLI reads the part of the credentials file that holds the account.
    pub(crate) fn cli_reads_account(&self, account: &StoredAccount) -> bool {
        !account.in_access_tokens || !versions::IGNORES_ACCESS_TOKENS.holds(self.rules())
    }

    /// The first field of the wrong type that the CLI reads in credentials.json.
    pub(crate) fn mistyped_credentials(&self) -> Option<&MistypedField> {
        let CredentialsFile::Read { mistyped, .. } = &self.backend.credentials else { return None };
        mistyped.iter().find(|mistyped| match mistyped.field {
            CredentialsField::Version | CredentialsField::CredentialHelper => {
                versions::CREDENTIAL_HELPERS.holds(self.rules())
            }
            CredentialsField::AccessTokens => !versions::IGNORES_ACCESS_TOKENS.holds(self.rules()),
        })
    }
}
