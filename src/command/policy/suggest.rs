//! `doctor policy suggest`.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::evidence;
use crate::cli::policy::{Form, Suggest};
use crate::command::exit::{complain, print};
use crate::console::streams::Streams;
use crate::evidence::Evidence;
use crate::gather::environment::Environment;
use crate::judge::policy::job_claims::explain_no_safe_rule;
use crate::judge::policy::suggest::{Suggestion, suggest};
use crate::oidc::issuer_url;
use crate::text;

/// The exit status if no safe rule can be written (product contract, section 1).
const NO_SAFE_RULE: u8 = 3;

pub(super) fn run(arguments: Suggest, environment: Environment, mut streams: Streams) -> u8 {
    let form = arguments.form;
    // The suggestion does not depend on an existing policy.
    let environment = environment.without("DOCTOR_POLICY");
    let (token, plan) = arguments.token_and_login.into_plan();
    let evidence = match evidence(token, plan, environment, &mut streams) {
        Ok(evidence) => evidence,
        Err(problem) => return complain(streams.stderr, &problem),
    };
    let Some(token) = &evidence.token else { return complain(streams.stderr, "no token") };
    // Pulumi Cloud cannot read such an issuer's documents: no policy helps, so do not advise to
    // register it.
    if let Some(Err(problem)) = token.text("iss").map(issuer_url::parse) {
        complain(streams.stderr, &format!("no policy can be written for this iss: {problem}"));
        return NO_SAFE_RULE;
    }
    let suggestion = match suggest(&token.claims, &evidence.request().ask) {
        Ok(suggestion) => suggestion,
        Err(none) => {
            let _ = complain(streams.stderr, &explain_no_safe_rule(&none, &token.claims));
            return NO_SAFE_RULE;
        }
    };
    let issuer = token.text("iss").map(|issuer| ("iss", issuer));
    let rules = suggestion.rules.iter().map(|(claim, pattern)| (claim.as_str(), pattern.as_str()));
    if let Some((claim, _)) = rules.chain(issuer).find(|(_, value)| text::lacks_url_parts(value)) {
        let problem = format!(
            "policy suggest: {claim} holds a URL with user information, a query, a fragment or \
             ;params, which are not shown: write its rule by hand"
        );
        complain(streams.stderr, &problem);
        return NO_SAFE_RULE;
    }
    let page = Page::new(&evidence, &suggestion);
    let text = match form {
        Form::All => page.all(&suggestion),
        Form::Api => page.api(),
        Form::Yaml => page.yaml(),
        Form::Console => page.console(),
    };
    // A single form goes into a file or a pipe, which must not contain the notes.
    if form != Form::All {
        let _ = streams.stderr.write_all(notes(&suggestion).as_bytes());
    }
    print(&mut streams, &text, 0)
}

/// The notes about a suggestion, one per line.
fn notes(suggestion: &Suggestion) -> String {
    let line = |note: &String| format!("note: {}\n", text::guard(&text::inert(note)));
    suggestion.notes.iter().map(line).collect()
}

/// The values that all forms of a suggestion share.
struct Page {
    organization: String,
    issuer: String,
    name: String,
    entry: serde_json::Map<String, Value>,
}

impl Page {
    fn new(evidence: &Evidence, suggestion: &Suggestion) -> Self {
        let request = evidence.request();
        let claims = evidence.token.as_ref().and_then(|token| token.text("iss"));
        let issuer = claims.unwrap_or("ISSUER").to_owned();
        let host = issuer.split("://").nth(1).and_then(|rest| rest.split('/').next());
        Self {
            organization: request.organization.unwrap_or_else(|| "ORG".to_owned()),
            name: host.unwrap_or("ci").to_owned(),
            entry: suggestion.entry(),
            issuer,
        }
    }

    fn all(&self, suggestion: &Suggestion) -> String {
        let mut text = notes(suggestion);
        let organization = text::inert(&self.organization);
        let registration = text::json(&self.registration());
        let _ = write!(
            text,
            "\n# Console: Settings, Access Management, OIDC Issuers\n\n{}\
             \n# API: the issuer, POST /api/orgs/{organization}/oidc/issuers\n\n{registration}\n\
             \n# API: its policies, PATCH /api/orgs/{organization}/auth/policies/POLICY_ID (the id \
             that GET .../auth/policies/oidcissuers/ISSUER_ID answers; replaces all entries)\n\n{}\
             \n# Pulumi YAML\n\n{}",
            self.console(),
            self.api(),
            self.yaml()
        );
        let guarded: String = text.lines().map(|line| text::guard(line) + "\n").collect();
        guarded.trim_start_matches('\n').to_owned()
    }

    fn registration(&self) -> serde_json::Map<String, Value> {
        let mut body = serde_json::Map::new();
        body.insert("name".to_owned(), json!(self.name));
        body.insert("url".to_owned(), json!(self.issuer));
        body
    }

    /// The body of `UpdateAuthPolicy`.
    fn api(&self) -> String {
        let mut body = serde_json::Map::new();
        body.insert("policies".to_owned(), json!([self.entry]));
        text::json(&body) + "\n"
    }

    fn yaml(&self) -> String {
        let mut text = format!(
            "name: pulumi-cloud-access\nruntime: yaml\nresources:\n  issuer:\n    \
             type: pulumiservice:index:OidcIssuer\n    properties:\n      organization: {}\n      \
             name: {}\n      url: {}\n      policies:\n",
            yaml_literal(&self.organization),
            yaml_literal(&self.name),
            yaml_literal(&self.issuer),
        );
        for (index, (key, value)) in self.entry.iter().enumerate() {
            let lead = if index == 0 { "        - " } else { "          " };
            match value {
                Value::Object(rules) => {
                    let _ = writeln!(text, "{lead}{key}:");
                    for (claim, pattern) in rules {
                        // Keys are never interpolated.
                        let pattern = pattern.as_str().unwrap_or_default();
                        let _ = writeln!(
                            text,
                            "            {}: {}",
                            text::yaml(claim),
                            yaml_literal(pattern)
                        );
                    }
                }
                Value::Array(items) => {
                    let items: Vec<String> =
                        items.iter().filter_map(Value::as_str).map(yaml_literal).collect();
                    let _ = writeln!(text, "{lead}{key}: [{}]", items.join(", "));
                }
                other => {
                    let _ = writeln!(
                        text,
                        "{lead}{key}: {}",
                        yaml_literal(other.as_str().unwrap_or_default())
                    );
                }
            }
        }
        text
    }

    fn console(&self) -> String {
        let mut text = format!(
            "1. Register an issuer with the URL {} (unless it is there already).\n\
             2. In its policies, add one with the decision Allow and the token type {}.\n",
            text::inert(&self.issuer),
            self.entry.get("tokenType").and_then(Value::as_str).unwrap_or_default(),
        );
        for (key, what) in [("teamName", "team"), ("userLogin", "user"), ("runnerID", "runner")] {
            if let Some(name) = self.entry.get(key).and_then(Value::as_str) {
                let _ = writeln!(text, "   For the {what} {}.", text::inert(name));
            }
        }
        let permissions = self.entry.get("authorizedPermissions").and_then(Value::as_array);
        if permissions.is_some_and(|all| all.iter().any(|permission| permission == "admin")) {
            let _ = writeln!(text, "   Give it the permission admin.");
        }
        let _ = writeln!(text, "3. Give it these rules:");
        let rules = self.entry.get("rules").and_then(Value::as_object);
        for (claim, pattern) in rules.into_iter().flatten() {
            let pattern = pattern.as_str().unwrap_or_default();
            let _ = writeln!(text, "   {} = {}", text::inert(claim), text::inert(pattern));
        }
        text.lines().map(|line| text::guard(line) + "\n").collect()
    }
}

/// Quotes a text for a Pulumi YAML program, where `${` begins an expression.
fn yaml_literal(text: &str) -> String {
    text::yaml(&text.replace("${", "$${"))
}
