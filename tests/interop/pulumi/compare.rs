//! What the real CLI did, what the doctor says that it does, and the difference.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::Value;

use super::cases::Case;
use super::stage::Stage;

/// What the real CLI did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub status: i32,
    /// The error that it ended with, without `error: `.
    pub message: String,
    /// Its first exchange.
    pub exchange: String,
}

/// A refused value is quoted by the CLI, and left out by the doctor; so are access tokens, and parts
/// of a URL that may hold a credential.
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

/// What no program but the CLI can know to the letter: the words of the system's resolver and of
/// Go's YAML parser, and the answer to a request that the doctor does not make.
fn is_unknowable(fact: &Fact, exchange: Option<&String>) -> bool {
    let is_answer = fact.message.contains("OIDC token exchange failed: ")
        && !fact.exchange.is_empty()
        && exchange.is_none();
    let untold = ["dial tcp: lookup", "could not unmarshal", "1 error occurred:"];
    is_answer || untold.iter().any(|text| fact.message.contains(text))
}

/// What the doctor says.
#[derive(Debug)]
pub struct Doctor {
    status: Option<i32>,
    /// `request.cli`; the usage error where the command line is refused.
    message: Option<String>,
    exit_status: Option<i64>,
    exchange: Option<String>,
    root_cause: String,
}

impl Doctor {
    pub fn of(case: &Case, version: &str) -> Self {
        let program = std::env::var_os("DOCTOR_PROGRAM")
            .map_or_else(|| env!("CARGO_BIN_EXE_doctor").into(), PathBuf::from);
        let version = format!("--pulumi-version={version}");
        let run =
            Stage::new(case).run(&program, &["login", &version, "--format=json", "--timeout=10s"]);
        let report: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
        let cli = &report["request"]["cli"];
        let refused = run.status == Some(2);
        let message = if refused {
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
        }
    }

    /// What is different, if anything is.
    pub fn differs_from(&self, fact: &Fact) -> Option<String> {
        let mut found = String::new();
        let mut differ = |what: &str, ours: &str, theirs: &str| {
            let _ = write!(found, "\n  {what}\n    doctor: {ours}\n    pulumi: {theirs}");
        };
        // With an empty token the CLI may log in as somebody else, which is an error to the doctor.
        let is_other_login = fact.status == 0 && self.root_cause == "token-empty";
        if (self.status == Some(0)) != (fact.status == 0) && !is_other_login {
            let ours = format!("{:?} {}", self.status, self.root_cause);
            differ("outcome", &ours, &format!("{} {}", fact.status, fact.message));
        }
        let message = self.message.as_deref().unwrap_or_default();
        if self.status == Some(2) {
            // The doctor leaves out values, and adds what may be meant and where help is.
            if fact.status == 0 {
                differ("usage", message, "");
            }
        } else {
            let is_untold = self.message.is_none() && is_unknowable(fact, self.exchange.as_ref());
            if message != fact.message && !is_untold {
                differ("message", message, &fact.message);
            }
            if self.exit_status != Some(i64::from(fact.status)) {
                differ("exit status", &format!("{:?}", self.exit_status), &fact.status.to_string());
            }
        }
        // The doctor makes no exchange that it knows to be in vain.
        if let Some(exchange) = &self.exchange
            && *exchange != fact.exchange
        {
            differ("exchange", exchange, &fact.exchange);
        }
        (!found.is_empty()).then_some(found)
    }
}

/// Where what the real CLI of a version did is written down.
pub fn path(version: &str) -> String {
    format!("{}/fixtures/cli/{version}.tsv", env!("CARGO_MANIFEST_DIR"))
}
