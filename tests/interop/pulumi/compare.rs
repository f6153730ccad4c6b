//! Compares what the real CLI did with what the doctor predicts.

use std::fmt::Write as _;
use std::path::PathBuf;

use semver::Version;
use serde_json::Value;

use super::cases::Case;
use super::stage::Stage;

/// The behaviour of the real CLI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub status: i32,
    /// The error with which it ended, without `error: `.
    pub message: String,
    /// The first exchange request.
    pub exchange: String,
}

/// Removes what the CLI prints and the doctor hides: a refused value, access tokens, and parts of a
/// URL that may contain a credential.
pub fn without_secrets(message: &str) -> String {
    let message = match message.split_once(" Got '") {
        Some((start, _)) => format!("{start} Got '…'"),
        None => message.to_owned(),
    };
    let token = "pul-0123456789abcdef0123456789abcdef01234567";
    let message = message.replace(token, "[redacted]");
    let shown = [("?q=1", "?q=…"), ("#x", "#…"), ("u:p@", "…@"), ("u:***@", "…@")];
    shown.iter().fold(message, |text, (value, mark)| text.replace(value, mark)).trim().to_owned()
}

/// Whether the doctor cannot predict the CLI's message exactly: it contains an error of the
/// system's resolver or of Go's YAML parser, or names one of several faults in a project file.
fn is_unpredictable(fact: &Fact) -> bool {
    let unpredictable = [
        "dial tcp: lookup",
        "could not unmarshal",
        "1 error occurred:",
        "project is missing a 'runtime' attribute",
    ];
    unpredictable.iter().any(|text| fact.message.contains(text))
}

/// Whether the CLI's message is the answer to a request that the doctor did not make: it makes no
/// exchange if the login is known to fail after it.
fn is_unseen_answer(fact: &Fact, exchange: Option<&String>) -> bool {
    let is_answer =
        ["OIDC token exchange failed: ", "Unauthorized: ", "this command requires logging in"]
            .iter()
            .any(|text| fact.message.contains(text));
    let was_sent =
        !fact.exchange.is_empty() || fact.message.ends_with("connect: connection refused");
    is_answer && was_sent && exchange.is_none()
}

/// The prediction of the doctor.
#[derive(Debug)]
pub struct Doctor {
    status: Option<i32>,
    /// The message in `request.cli`, or the usage error if the doctor refuses the command line.
    message: Option<String>,
    exit_status: Option<i64>,
    exchange: Option<String>,
    root_cause: String,
    version: Version,
}

impl Doctor {
    pub fn run(case: &Case, version: &str) -> Self {
        let program = std::env::var_os("DOCTOR_PROGRAM")
            .map_or_else(|| env!("CARGO_BIN_EXE_doctor").into(), PathBuf::from);
        let option = format!("--pulumi-version={version}");
        let run =
            Stage::new(case).run(&program, &["login", &option, "--format=json", "--timeout=10s"]);
        let report: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
        let cli = &report["request"]["cli"];
        let is_usage_error = run.status == Some(2);
        let message = if is_usage_error {
            Some(run.stderr.trim().trim_start_matches("error: ").to_owned())
        } else {
            cli["message"].as_str().map(without_secrets)
        };
        Self {
            status: run.status,
            message,
            exit_status: cli["exitStatus"].as_i64(),
            exchange: run.exchange,
            root_cause: report["rootCause"].as_str().unwrap_or_default().to_owned(),
            version: version.parse().unwrap(),
        }
    }

    fn is_before(&self, version: &str) -> bool {
        self.version < version.parse().unwrap()
    }

    /// CLIs before 3.245.0 send a token with anything after its claims.
    fn ignores_signature(&self) -> bool {
        self.is_before("3.245.0")
    }

    /// Whether the CLI sends a token with a damaged signature, which only the real service refuses.
    fn has_damaged_token(&self) -> bool {
        self.ignores_signature()
            && ["token-masked", "token-malformed"].contains(&self.root_cause.as_str())
    }

    /// Whether the doctor reports as an error what the CLI lets pass.
    fn is_let_pass(&self) -> bool {
        match self.root_cause.as_str() {
            // The CLI may log in with other credentials.
            "token-empty" => true,
            // These CLIs do not read the claims that name another user or organization.
            "whoami-wrong-user" | "whoami-wrong-organization" => self.is_before("3.217.0"),
            _ => self.has_damaged_token(),
        }
    }

    /// Whether the CLI notices only after the exchange that it cannot store the account.
    fn stores_without_looking(&self) -> bool {
        self.is_before("3.274.0")
    }

    /// Describes the differences, if there are any.
    pub fn differs_from(&self, fact: &Fact) -> Option<String> {
        let mut differences = String::new();
        let mut differ = |what: &str, ours: &str, theirs: &str| {
            let _ = write!(differences, "\n  {what}\n    doctor: {ours}\n    pulumi: {theirs}");
        };
        let is_let_pass = fact.status == 0 && self.is_let_pass();
        if (self.status == Some(0)) != (fact.status == 0) && !is_let_pass {
            let ours = format!("{:?} {}", self.status, self.root_cause);
            differ("outcome", &ours, &format!("{} {}", fact.status, fact.message));
        }
        let message = self.message.as_deref().unwrap_or_default();
        if self.status == Some(2) {
            // The doctor hides values, and adds a suggestion and a hint about help.
            if fact.status == 0 {
                differ("usage", message, "");
            }
        } else {
            let is_unseen = is_unseen_answer(fact, self.exchange.as_ref());
            let is_unpredicted = match self.message {
                Some(_) => is_unseen && self.stores_without_looking(),
                None => is_unseen || is_unpredictable(fact),
            };
            if message != fact.message && !is_unpredicted {
                differ("message", message, &fact.message);
            }
            let is_damaged = is_let_pass && self.has_damaged_token();
            if self.exit_status != Some(i64::from(fact.status)) && !is_damaged {
                differ("exit status", &format!("{:?}", self.exit_status), &fact.status.to_string());
            }
        }
        // The doctor makes no exchange that it knows to fail, and sends nothing after a token.
        let mut sent = fact.exchange.clone();
        if self.ignores_signature() {
            sent = sent.replace("{token} &", "{token}&").replace("{token}%0A&", "{token}&");
        }
        if let Some(exchange) = &self.exchange
            && *exchange != sent
        {
            differ("exchange", exchange, &sent);
        }
        (!differences.is_empty()).then_some(differences)
    }
}

/// The path of the recorded behaviour of a CLI version.
pub fn path(version: &str) -> String {
    format!("{}/fixtures/cli/{version}.tsv", env!("CARGO_MANIFEST_DIR"))
}
