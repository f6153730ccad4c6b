//! Where the token came from, and what was wrong with its form.
use serde::{Deserialize, Serialize};

use super::{Answer, Failure, FileProblem};
use crate::catalogue::Code;
use crate::platform;
use crate::platform::{azure, github, gitlab};

/// Where the token came from, and what was wrong with its form.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    /// The source that was used, or that was named but gave no token.
    pub source: Source,
    /// Why there is no decoded token.
    pub problem: Option<InputProblem>,
    /// The wrappings that were removed from the token, outermost first.
    pub wrapped: Vec<Wrapping>,
    /// Whether it was an argument typed on a terminal, and so is in the shell's history.
    pub typed_on_terminal: bool,
    /// The sources that were tried and gave no token, with the reasons.
    pub tried: Vec<Tried>,
    /// Whether an environment variable was named as the source, even if that named a file.
    #[serde(default)]
    pub by_variable: bool,
    /// What the environment shows, if no source was named or the named one is empty.
    pub surroundings: Option<PlatformEnvironment>,
    /// The name of the environment variable that holds this token, whatever the source.
    #[serde(default)]
    pub held_by: Option<String>,
    /// The names of environment variables that look like tokens and were not chosen.
    pub unused: Vec<String>,
    /// The ids that the surrounding Azure pipeline expects in its tokens.
    #[serde(default)]
    pub azure: Option<AzureIds>,
    /// How the CLI's parser reads the value; absent without a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cli_parser: Option<CliParser>,
}

/// Ids that Azure Pipelines sets and that a service connection's token repeats in its subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AzureIds {
    /// `SYSTEM_COLLECTIONID`: the organization.
    pub organization: Option<String>,
    /// `AZURESUBSCRIPTION_SERVICE_CONNECTION_ID`: the task's service connection.
    pub connection: Option<String>,
}

/// Where a token came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Source {
    /// The positional argument TOKEN.
    Argument,
    /// `--oidc-token`.
    OidcTokenFlag,
    /// `-`: standard input.
    Stdin,
    /// `file://PATH`.
    File {
        /// The path as given.
        path: String,
        /// The path made absolute.
        absolute: String,
    },
    /// An environment variable: one named with `--token-env`, `PULUMI_OPTION_OIDC_TOKEN`, or one
    /// that a CI platform sets.
    Environment {
        /// The variable's name.
        name: String,
    },
    /// The CI platform was asked for it.
    Request {
        #[serde(flatten, with = "platform::by_key_and_name")]
        platform: platform::Id,
    },
    /// No source was named, and none that was tried gave a token.
    None,
}

impl Source {
    /// The source as the report names it (`argument`, `--oidc-token`, `stdin`, `file://PATH`,
    /// `env:NAME`, `azure-pipelines`, `github-actions`, `buildkite-agent`, `none`).
    pub fn label(&self) -> String {
        match self {
            Self::Argument => "argument".into(),
            Self::OidcTokenFlag => "--oidc-token".into(),
            Self::Stdin => "stdin".into(),
            Self::File { path, .. } => format!("file://{path}"),
            Self::Environment { name } => format!("env:{name}"),
            Self::Request { platform } => platform.key().into(),
            Self::None => "none".into(),
        }
    }
}

/// A source that gave no token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tried {
    /// The source's label.
    pub source: String,
    pub reason: String,
}

/// What a CI platform's environment shows that may explain a missing token. Of secrets, it holds
/// only whether they are set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum PlatformEnvironment {
    /// A platform whose environment explains nothing, or none.
    #[default]
    Other,
    AzurePipelines(azure::job::Environment),
    GitHubActions(github::job::Environment),
    /// Buildkite, whose agent can issue tokens.
    Buildkite,
    GitLab(gitlab::Environment),
}

/// How requesting a token from a CI platform failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Refusal {
    Unanswered {
        failure: Failure,
    },
    /// An answer without a token.
    Answered {
        answer: Answer,
    },
    /// The platform's program gave no token.
    Program {
        reason: String,
        /// The end of what it wrote on standard error.
        said: String,
    },
}

/// Why no token could be decoded. Its texts never hold a part of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum InputProblem {
    /// No source was named and none gave a token.
    Missing,
    /// A source was named but gave only white space.
    Empty,
    /// Several candidates that nothing distinguishes.
    Ambiguous { candidates: Vec<Candidate> },
    /// The CI platform was asked for a token and gave none.
    Refused { refusal: Box<Refusal> },
    /// `null`, `undefined`, a JSON error body, an HTML page or something else that is no token.
    NotAToken {
        /// What it is, in words (`the word null`, `an HTML page titled "Sign in"`).
        what: String,
        /// The part that may be shown: an error's message or a page's title. Never the raw value,
        /// which may be a secret of another kind.
        shown: Option<String>,
        /// A look that has its own advice.
        #[serde(default, skip_serializing_if = "LooksLike::is_other")]
        looks_like: LooksLike,
    },
    /// A variable reference that nothing expanded.
    Unexpanded {
        /// The reference: `$(idToken)`.
        text: String,
        /// Its syntax: `an Azure Pipelines macro`.
        syntax: String,
        /// The variable's name: `idToken`.
        name: String,
    },
    /// It contains `***`: it was copied from a log that masks secrets.
    Masked,
    /// A Pulumi access token (`pul-…`).
    PulumiToken,
    /// Another system's token, which is no JWT, recognized by its prefix (`ghs_` …).
    OpaqueToken {
        /// What it is: `a GitHub token`.
        what: String,
    },
    /// A JWE, which has five parts.
    Encrypted,
    /// Cut off.
    Truncated {
        /// The evidence for that: `it has two parts where a JWT has three`.
        how: String,
    },
    /// `file://PATH` that cannot be read.
    FileUnreadable { reason: FileProblem },
    /// A part is not base64url, not JSON, or not an object.
    Malformed {
        /// `header`, `payload` or `signature`.
        part: String,
        /// What is wrong, with the position.
        reason: String,
    },
    /// Larger than any token ([`crate::limits::TOKEN`]), so it was not examined.
    TooLarge {
        /// The size as far as it was read.
        bytes: u64,
    },
}

impl InputProblem {
    pub fn code(&self) -> Code {
        match self {
            Self::Missing => Code::TokenMissing,
            Self::Empty => Code::TokenEmpty,
            Self::Ambiguous { .. } => Code::TokenAmbiguous,
            Self::Refused { .. } => Code::TokenRequestFailed,
            Self::NotAToken { .. } | Self::OpaqueToken { .. } | Self::TooLarge { .. } => {
                Code::TokenNotAToken
            }
            Self::Unexpanded { .. } => Code::TokenVariableUnexpanded,
            Self::Masked => Code::TokenMasked,
            Self::PulumiToken => Code::TokenIsPulumiToken,
            Self::Encrypted => Code::TokenEncrypted,
            Self::Truncated { .. } => Code::TokenTruncated,
            Self::FileUnreadable { .. } => Code::TokenFileUnreadable,
            Self::Malformed { .. } => Code::TokenMalformed,
        }
    }

    /// Fills in `looks_like`, which bundles of the first versions have only in words.
    pub(super) fn upgrade(&mut self) {
        if let Self::NotAToken { what, looks_like: looks_like @ LooksLike::Other, .. } = self {
            if what.contains("file path") {
                *looks_like = LooksLike::FilePath;
            } else if what.contains("file address") {
                *looks_like = LooksLike::FileAddress;
            } else if what.ends_with("one after the other") {
                *looks_like = LooksLike::SeveralTokens;
            }
        }
    }
}

/// What a value that is no token looks like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LooksLike {
    /// A path without `file://`.
    FilePath,
    /// An address that begins with `file:`, but not with `file://`.
    FileAddress,
    /// Several tokens, one after the other.
    SeveralTokens,
    #[default]
    Other,
}

impl LooksLike {
    fn is_other(&self) -> bool {
        *self == Self::Other
    }
}

/// One of several tokens that may be the intended one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The environment variable that holds it.
    pub name: String,
    pub audiences: Vec<String>,
    /// When it expires, in seconds since the epoch.
    pub expires: Option<i64>,
}

/// Something wrapped around a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Wrapping {
    /// Single or double quotes, or backticks.
    Quotes,
    /// `Bearer ` in any case, or `Authorization: Bearer `.
    Bearer,
    /// A JSON object or string.
    Json,
    /// base64 of the JWT.
    Base64,
    /// Percent-encoding.
    UrlEncoding,
    /// A UTF-8 byte order mark.
    ByteOrderMark,
    /// UTF-16, as Windows PowerShell's `>` writes it.
    Utf16,
    /// White space or line breaks within the token.
    InnerWhitespace,
    /// White space around a value that is not from a file: the CLI trims only files.
    OuterWhitespace,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn old_bundle_problems_are_upgraded() {
        let cases = [
            ("a file path without file://", LooksLike::FilePath),
            ("a file address that does not begin with file://", LooksLike::FileAddress),
            ("3 tokens, one after the other", LooksLike::SeveralTokens),
            ("an HTML page", LooksLike::Other),
        ];
        for (what, expected) in cases {
            let old = json!({"kind": "notAToken", "what": what, "shown": null});
            let mut problem: InputProblem = serde_json::from_value(old).unwrap();
            problem.upgrade();
            let expected =
                InputProblem::NotAToken { what: what.into(), shown: None, looks_like: expected };
            assert_eq!(problem, expected);
        }
        let old = json!({"kind": "fileUnreadable", "reason": "is empty"});
        let problem: InputProblem = serde_json::from_value(old).unwrap();
        assert_eq!(problem, InputProblem::FileUnreadable { reason: FileProblem::Empty });
    }
}

/// How the CLI's parser reads the token's value as it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CliParser {
    /// As a token.
    Accepts,
    /// As a token, but only by versions that ignore its signature part.
    AcceptsWithoutSignature,
    Refuses,
}
