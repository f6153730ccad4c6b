//! How the token came here, and what was wrong with its form.

use serde::{Deserialize, Serialize};

use super::{Answer, Failure, FileProblem};
use crate::catalogue::Code;
use crate::platform;
use crate::platform::{azure, github, gitlab};

/// How the token came here and what was wrong with its form.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    /// The source that was used, or that was named and gave nothing.
    pub source: Source,
    /// Why there is no decoded token.
    pub problem: Option<InputProblem>,
    /// What was wrapped around the token and has been taken off, outermost first.
    pub wrapped: Vec<Wrapping>,
    /// Given as an argument on a terminal: it is now in the shell's history.
    pub typed_on_terminal: bool,
    /// The sources that were looked at and gave nothing, with the reason.
    pub tried: Vec<Tried>,
    /// An environment variable was named as the source (it may have named a file in turn).
    #[serde(default)]
    pub by_variable: bool,
    /// No source was named, or the named one is empty: what the surroundings show.
    pub surroundings: Option<PlatformEnvironment>,
    /// The environment variable that holds this very token, by name, however it came here.
    #[serde(default)]
    pub held_by: Option<String>,
    /// Environment variables that look like tokens and were not chosen, by name.
    pub unused: Vec<String>,
    /// What the Azure pipeline around says that its tokens are about.
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
    /// `AZURESUBSCRIPTION_SERVICE_CONNECTION_ID`: the connection of the task.
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
        /// The path as it was given.
        path: String,
        /// The same path made absolute against the working directory.
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
        /// The platform.
        #[serde(flatten, with = "platform::by_key_and_name")]
        platform: platform::Id,
    },
    /// Nothing named a source, and none that was looked at gave a token.
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

/// A source that gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tried {
    /// The source's label.
    pub source: String,
    /// Why it gave nothing.
    pub reason: String,
}

/// What a CI platform's environment shows that may explain why there is no token. Of secrets it
/// says only whether they are there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum PlatformEnvironment {
    /// A platform of which nothing more has to be known, or none.
    #[default]
    Other,
    AzurePipelines(azure::job::Environment),
    GitHubActions(github::job::Environment),
    /// Buildkite: its agent can be asked.
    Buildkite,
    GitLab(gitlab::Environment),
}

/// How asking a CI platform for a token failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Refusal {
    /// No answer.
    Unanswered {
        /// Why.
        failure: Failure,
    },
    /// An answer without a token in it.
    Answered { answer: Answer },
    /// The platform's program did not give one.
    Program {
        /// Why, in words.
        reason: String,
        /// The end of what it wrote on standard error.
        said: String,
    },
}

/// Why no token could be decoded. Texts in here never hold a part of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum InputProblem {
    /// No source was named and none gave a token.
    Missing,
    /// A source was named and gave nothing but white space.
    Empty,
    /// Several candidates, and nothing to choose by.
    Ambiguous {
        /// What holds them.
        candidates: Vec<Candidate>,
    },
    /// The CI platform was asked for a token and gave none.
    Refused {
        /// How that went.
        refusal: Box<Refusal>,
    },
    /// `null`, `undefined`, a JSON error body, an HTML page, something else that is not a token.
    NotAToken {
        /// What it is, in words (`the word null`, `an HTML page titled "Sign in"`).
        what: String,
        /// The part of it that may be shown: an error's message, a page's title. Never the raw
        /// value, which may be a secret of another kind.
        shown: Option<String>,
        /// What the advice depends on.
        #[serde(default, skip_serializing_if = "LooksLike::is_other")]
        looks_like: LooksLike,
    },
    /// A variable reference that nothing expanded.
    Unexpanded {
        /// The text as it is: `$(idToken)`.
        text: String,
        /// The syntax it belongs to: `an Azure Pipelines macro`.
        syntax: String,
        /// The variable's bare name: `idToken`.
        name: String,
    },
    /// `***` or holding it: copied from a log that masks secrets.
    Masked,
    /// A Pulumi access token (`pul-…`).
    PulumiToken,
    /// Another system's token, known by its prefix (`ghs_` …); not a JWT at all.
    OpaqueToken {
        /// What it is: `a GitHub token`.
        what: String,
    },
    /// A JWE: five parts.
    Encrypted,
    /// Cut off.
    Truncated {
        /// How that shows: `it has two parts where a JWT has three`.
        how: String,
    },
    /// `file://PATH` that cannot be read.
    FileUnreadable {
        /// Why.
        reason: FileProblem,
    },
    /// A part is not base64url, not JSON, or not an object.
    Malformed {
        /// `header`, `payload` or `signature`.
        part: String,
        /// What is wrong, with the position.
        reason: String,
    },
    /// Larger than any token ([`crate::limits::TOKEN`]); nothing of it was looked at.
    TooLarge {
        /// Size in bytes, as far as it was read.
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

    /// Fills in what bundles of the first doctors tell in words only.
    pub(super) fn complete(&mut self) {
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

/// What a value looks like that is not a token.
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

/// One of several tokens that may be meant.
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
    /// `Bearer `, in any case; also `Authorization: Bearer `.
    Bearer,
    /// A JSON object or string around it.
    Json,
    /// base64 of the JWT.
    Base64,
    /// Percent-encoding.
    UrlEncoding,
    /// A UTF-8 byte order mark.
    ByteOrderMark,
    /// UTF-16, as Windows PowerShell's `>` writes it.
    Utf16,
    /// White space or line breaks inside.
    InnerWhitespace,
    /// White space around a value that did not come from a file (the CLI trims files only).
    OuterWhitespace,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn problems_of_older_bundles_are_completed() {
        let cases = [
            ("a file path without file://", LooksLike::FilePath),
            ("a file address that does not begin with file://", LooksLike::FileAddress),
            ("3 tokens, one after the other", LooksLike::SeveralTokens),
            ("an HTML page", LooksLike::Other),
        ];
        for (what, expected) in cases {
            let old = json!({"kind": "notAToken", "what": what, "shown": null});
            let mut problem: InputProblem = serde_json::from_value(old).unwrap();
            problem.complete();
            let expected =
                InputProblem::NotAToken { what: what.into(), shown: None, looks_like: expected };
            assert_eq!(problem, expected);
        }
        let old = json!({"kind": "fileUnreadable", "reason": "is empty"});
        let problem: InputProblem = serde_json::from_value(old).unwrap();
        assert_eq!(problem, InputProblem::FileUnreadable { reason: FileProblem::Empty });
    }
}

/// How the CLI's parser takes the token's value, as it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CliParser {
    /// A token.
    Accepts,
    /// A token to the CLIs that do not look at its signature part.
    AcceptsWithoutSignature,
    /// No token.
    Refuses,
}
