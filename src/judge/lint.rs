//! What is loose, or can never match, in a policy document, whatever the token: the findings of
//! `doctor policy lint`. What the diagnosis says of the same is in [`super::loose`]; both rest on
//! the same predicates.

use super::finding::list;
use super::loose::{REGULAR_EXPRESSION, named_by, names_an_identity, never_applies};
use super::policy::{AZURE_AUDIENCE, AZURE_AUDIENCE_ID, name, snippet};
use crate::catalogue::{Code, Severity};
use crate::policy::{Decision, Document, Entry, Registration, Rule, TokenType, pattern};
use crate::report::Finding;

/// The claims of an issuer whose tokens are documented claim by claim. The platforms add claims
/// over time, so a claim that is not in here is a warning.
struct Known {
    /// What the issuer's URL begins with.
    issuer: &'static str,
    platform: &'static str,
    /// The first word of a subject of this issuer.
    subjects: &'static [&'static str],
    claims: &'static [&'static str],
}

const KNOWN: &[Known] = &[
    Known {
        issuer: "https://token.actions.githubusercontent.com",
        platform: "GitHub Actions",
        subjects: &[
            "repo:",
            "job_workflow_ref:",
            "repository_owner:",
            "repository:",
            "environment:",
        ],
        claims: &[
            "actor",
            "actor_id",
            "aud",
            "base_ref",
            "check_run_id",
            "enterprise",
            "enterprise_id",
            "environment",
            "environment_node_id",
            "event_name",
            "exp",
            "head_ref",
            "iat",
            "iss",
            "issuer_scope",
            "job_workflow_ref",
            "job_workflow_sha",
            "jti",
            "nbf",
            "ref",
            "ref_protected",
            "ref_type",
            "repository",
            "repository_id",
            "repository_owner",
            "repository_owner_id",
            "repository_visibility",
            "run_attempt",
            "run_id",
            "run_number",
            "runner_environment",
            "sha",
            "sub",
            "workflow",
            "workflow_ref",
            "workflow_sha",
        ],
    },
    Known {
        issuer: "https://vstoken.dev.azure.com/",
        platform: "Azure DevOps",
        subjects: &["sc://", "p://"],
        claims: &[
            "aud", "def_id", "exp", "iat", "iss", "jti", "nbf", "org_id", "prj_id", "rpo_id",
            "rpo_ref", "rpo_uri", "rpo_ver", "run_id", "sub",
        ],
    },
    Known {
        issuer: "https://login.microsoftonline.com/",
        platform: "Entra",
        subjects: &["/eid1/"],
        claims: &[
            "aio",
            "appid",
            "aud",
            "azp",
            "azpacr",
            "exp",
            "iat",
            "idtyp",
            "iss",
            "jti",
            "nbf",
            "oid",
            "rh",
            "roles",
            "sub",
            "tid",
            "uti",
            "ver",
            "xms_ficinfo",
            "xms_ftd",
        ],
    },
    Known {
        issuer: "https://gitlab.com",
        platform: "GitLab",
        subjects: &["project_path:"],
        claims: &[
            "aud",
            "ci_config_ref_uri",
            "ci_config_sha",
            "deployment_tier",
            "environment",
            "environment_action",
            "environment_protected",
            "exp",
            "groups_direct",
            "iat",
            "iss",
            "job_id",
            "job_namespace_id",
            "job_namespace_path",
            "job_project_id",
            "job_project_path",
            "jti",
            "namespace_id",
            "namespace_path",
            "nbf",
            "pipeline_id",
            "pipeline_source",
            "project_id",
            "project_path",
            "project_visibility",
            "ref",
            "ref_path",
            "ref_protected",
            "ref_type",
            "runner_environment",
            "runner_id",
            "sha",
            "sub",
            "user_access_level",
            "user_email",
            "user_id",
            "user_identities",
            "user_login",
        ],
    },
];

/// Claims whose name has dots in it, so that a path needs quotes around it.
const DOTTED: [&str; 3] = ["kubernetes.io", "oidc.circleci.com/", "eks.amazonaws.com"];

/// Looks at a whole document. `path` is how the report names it.
#[must_use]
pub fn lint(document: &Document, path: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for registration in &document.issuers {
        let entries = registration.policies.as_deref().unwrap_or_default();
        let linter = Linter { registration, path };
        for (index, entry) in entries.iter().enumerate() {
            linter.entry(index, entry, &mut findings);
            findings.extend(linter.never_decides(index, entry, entries));
        }
    }
    for finding in &mut findings {
        finding.check = "policy";
    }
    findings
}

struct Linter<'a> {
    registration: &'a Registration,
    path: &'a str,
}

impl Linter<'_> {
    fn at(&self, place: crate::policy::Place, what: &str) -> String {
        format!("{}:{}:{}, {what}", self.path, place.line, place.column)
    }

    fn known(&self) -> Option<&'static Known> {
        let issuer = self.registration.identifier()?;
        KNOWN.iter().find(|known| issuer.starts_with(known.issuer))
    }

    fn entry(&self, index: usize, entry: &Entry, findings: &mut Vec<Finding>) {
        let at = self.at(entry.place, &name(index));
        let admin = entry.authorized_permissions.iter().any(|permission| permission == "admin");
        let broad = entry.decision == Decision::Allow && !names_an_identity(entry);
        if broad {
            findings.push(
                Finding::new(
                    Code::PolicyTooBroad,
                    format!("{} lets every identity of the issuer in.", name(index)),
                )
                .proof("rules", rules(entry), &at)
                .step("Add a rule on sub. For a token, `doctor policy suggest TOKEN` prints it."),
            );
        }
        if entry.decision == Decision::Allow && !entry.rules.iter().any(|rule| rule.claim == "aud")
        {
            findings.push(
                Finding::new(
                    Code::PolicyTooBroad,
                    format!(
                        "{} has no rule on aud: a token that the job requested for another service \
                         is let in as well.",
                        name(index)
                    ),
                )
                .proof("rules", rules(entry), &at)
                .fix("Add a rule on aud.")
                .command(snippet("aud", "urn:pulumi:org:ORG")),
            );
        }
        if admin {
            let granted = entry.authorized_permissions.join(", ");
            let finding = |who: &str| {
                Finding::new(
                    Code::PolicyAdminGranted,
                    format!("{} grants admin{who}.", name(index)),
                )
                .proof("authorizedPermissions", &granted, &at)
            };
            findings.push(match broad {
                true => finding(" to every identity of the issuer"),
                false => finding(" to what its rules let in")
                    .severity(Severity::Info)
                    .fix("Take admin out where the login does not ask for it."),
            });
        }
        if never_applies(entry) {
            findings.push(
                surprise(format!(
                    "{} is for nobody: an entry of type {} has to name its {}.",
                    name(index),
                    entry.token_type.name(),
                    named_by(entry)
                ))
                .proof(named_by(entry), "(absent)", &at)
                .fix(format!("Name the {}.", named_by(entry))),
            );
        }
        for rule in entry.rules.iter().filter(|rule| !rule.undetermined) {
            let at = self.at(rule.place, &format!("{}.rules.{}", name(index), rule.claim));
            findings.extend(self.claim(rule, &at));
            findings.extend(self.pattern(rule, entry, &at));
        }
    }

    /// A rule on a claim that this issuer's tokens never have.
    fn claim(&self, rule: &Rule, at: &str) -> Option<Finding> {
        let unquoted = DOTTED.iter().find(|dotted| rule.claim.starts_with(**dotted));
        if let Some(dotted) = unquoted {
            let name = match dotted.ends_with('/') {
                true => rule.claim.as_str(),
                false => dotted,
            };
            let rest = rule.claim.get(name.len()..).unwrap_or_default();
            return Some(
                Finding::new(
                    Code::ClaimAbsent,
                    format!("The dots in {name} are taken for the path into a claim."),
                )
                .severity(Severity::Warning)
                .proof("rule on", &rule.claim, at)
                .fix("Put the claim's name in double quotes inside the path.")
                .command(snippet(&format!("\"{name}\"{rest}"), &rule.pattern)),
            );
        }
        let known = self.known()?;
        if known.claims.contains(&rule.claim.as_str()) {
            return None;
        }
        let near = known
            .claims
            .iter()
            .map(|claim| (strsim::damerau_levenshtein(&clipped(&rule.claim), claim), *claim))
            .min()
            .filter(|(distance, _)| *distance <= 2);
        let mut finding = Finding::new(
            Code::ClaimAbsent,
            format!(
                "{} is none of the claims that {} documents: such a rule never matches.",
                rule.claim, known.platform
            ),
        )
        .severity(Severity::Warning)
        .proof("rule on", &rule.claim, at);
        if let Some((_, near)) = near {
            finding = finding.step("If this one is meant:").command(snippet(near, &rule.pattern));
        }
        Some(finding)
    }

    fn pattern(&self, rule: &Rule, entry: &Entry, at: &str) -> Vec<Finding> {
        let written = &rule.pattern;
        let issuer = self.registration.identifier();
        let mut findings = Vec::new();
        let known = self.known();
        if rule.claim == "aud"
            && written.eq_ignore_ascii_case(AZURE_AUDIENCE)
            && known.is_some_and(|known| known.platform == "Entra")
        {
            findings.push(
                Finding::new(
                    Code::AudienceMismatch,
                    format!(
                        "Entra puts the id {AZURE_AUDIENCE_ID} into the token where people write \
                         {AZURE_AUDIENCE}: this rule never matches."
                    ),
                )
                .severity(Severity::Warning)
                .proof("pattern", written, at)
                .command(snippet("aud", AZURE_AUDIENCE_ID)),
            );
        }
        if rule.claim == "iss"
            && let Some(issuer) = issuer
            && !pattern::matches(written, issuer)
        {
            findings.push(
                surprise("The rule on iss does not match the issuer that it is registered with: the entry never matches.".to_owned())
                    .proof("pattern", written, at)
                    .proof("registered", issuer, "the registration")
                    .command(snippet("iss", issuer)),
            );
        }
        if rule.claim == "sub"
            && let Some(known) = known
            && !written.starts_with(['*', '?', '.'])
            && !known.subjects.iter().any(|start| overlaps(written, start))
        {
            let subjects: Vec<String> = known.subjects.iter().map(|s| (*s).to_owned()).collect();
            findings.push(
                surprise(format!(
                    "Subjects of {} begin with {}: this rule never matches.",
                    known.platform,
                    list(&subjects)
                ))
                .proof("pattern", written, at),
            );
        }
        if REGULAR_EXPRESSION.iter().any(|sign| written.contains(sign)) {
            findings.push(
                surprise(
                    "The pattern looks like a regular expression; patterns know only * (any \
                     characters), ? (at most one) and . (exactly one)."
                        .to_owned(),
                )
                .proof("pattern", written, at),
            );
        } else if written.contains(['.', '?']) && rule.claim != "iss" && !pinned(entry) {
            // The registration fixes the issuer, whatever the rule on iss would match besides.
            let other = written.replacen('.', "X", 1).replacen('?', "", 1);
            findings.push(
                surprise(format!(
                    "In a pattern . stands for any one character and ? for at most one: {other} \
                     matches as well."
                ))
                .proof("pattern", written, at)
                .fix(
                    "A literal . or ? cannot be written. Add a rule on an id that the issuer puts \
                     into its tokens (GitHub: repository_id), if look-alike names matter.",
                ),
            );
        }
        findings
    }

    /// An entry that another one makes pointless.
    fn never_decides(&self, index: usize, entry: &Entry, entries: &[Entry]) -> Option<Finding> {
        let (other, denied) = entries.iter().enumerate().find_map(|(other, by)| {
            let denied = by.decision == Decision::Deny && entry.decision == Decision::Allow;
            let same = by.decision == entry.decision
                && grants(by, entry)
                // Of two that are the same, the later one is pointless.
                && (other < index || !(same_rules(by, entry) && grants(entry, by)));
            (other != index && covers(by, entry) && (denied || same)).then_some((other, denied))
        })?;
        let why = if denied { "denies all that it allows" } else { "decides the same already" };
        Some(
            surprise(format!("{} never decides: {} {why}.", name(index), name(other)))
                .proof("entry", rules(entry), self.at(entry.place, &name(index)))
                .fix("Remove one of the two."),
        )
    }
}

fn surprise(detail: String) -> Finding {
    Finding::new(Code::PolicyWildcardSurprise, detail).severity(Severity::Warning)
}

fn rules(entry: &Entry) -> String {
    let rules: Vec<String> =
        entry.rules.iter().map(|rule| format!("{}: {}", rule.claim, rule.pattern)).collect();
    if rules.is_empty() { "(none)".to_owned() } else { rules.join(", ") }
}

/// Whether everything that matches `entry` matches `by`, as far as the rules tell word by word.
fn covers(by: &Entry, entry: &Entry) -> bool {
    let same = by.token_type == entry.token_type
        && by.team_name == entry.team_name
        && by.user_login == entry.user_login
        && by.runner_id == entry.runner_id;
    let wider = |rule: &Rule| {
        !rule.undetermined
            && entry.rules.iter().any(|other| {
                other.claim == rule.claim
                    && !other.undetermined
                    // A pattern without wildcards is a text, and the wider pattern matches it.
                    && (other.pattern == rule.pattern
                        || pattern::is_literal(&other.pattern)
                            && pattern::matches(&rule.pattern, &other.pattern))
            })
    };
    let team = by.token_type == TokenType::Team
        && entry.token_type == TokenType::Team
        && by.team_name.as_deref().is_some_and(pattern::is_universal);
    (same || team) && by.rules.iter().all(wider)
}

fn same_rules(a: &Entry, b: &Entry) -> bool {
    covers(a, b) && covers(b, a)
}

/// Whether `by` gives at least what `entry` gives.
fn grants(by: &Entry, entry: &Entry) -> bool {
    let given = &by.authorized_permissions;
    by.role_id == entry.role_id
        && entry.authorized_permissions.iter().all(|permission| given.contains(permission))
}

/// Whether a rule on an id keeps look-alike names out.
fn pinned(entry: &Entry) -> bool {
    entry.rules.iter().any(|rule| {
        let last = rule.claim.rsplit('.').next().unwrap_or_default().trim_matches('"');
        (last.ends_with("_id") || last.ends_with("-id") || last.ends_with("Uuid") || last == "uid")
            && pattern::is_literal(&rule.pattern)
    })
}

/// Whether a pattern can match a text with this beginning.
fn overlaps(written: &str, start: &str) -> bool {
    let plain: String = written.chars().take_while(|c| !"*?.".contains(*c)).collect();
    plain.starts_with(start) || plain.len() < written.len() && start.starts_with(&plain)
}

/// A hostile name must not make the comparison slow.
fn clipped(text: &str) -> String {
    text.chars().take(64).collect()
}
