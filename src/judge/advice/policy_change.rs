//! Changes to a policy, as data for programs and as text for people, from the same values.

use serde_json::{Map, Value};

use super::change;
use crate::evidence::{PolicySource, Token};
use crate::judge::compare::rule::rule_snippet;
use crate::judge::context::Context;
use crate::judge::finding::capitalize;
use crate::judge::policy::smallest_change::correction::TokenIdentity;
use crate::judge::policy::smallest_change::token_change::TokenChange;
use crate::judge::policy::smallest_change::ways::{Edit, Way};
use crate::judge::policy::suggest::Suggestion;
use crate::policy::Entry;
use crate::policy::claim_path::ClaimPath;
use crate::policy::rule_pattern::inexact;
use crate::report::remedy::pointer_token;
use crate::report::{Change, Finding, RemedyOption, Target};
use crate::text;

/// A change to the policy of the token's issuer, at a line of its document.
fn change_policy(context: &Context, path: &str, line: u64) -> Change {
    let registered = context.evidence.registration().and_then(|r| r.identifier());
    let token = || context.evidence.token.as_ref().and_then(|token| token.text("iss"));
    let change = Change::new(Target::Policy, path).for_issuer(registered.or_else(token));
    match &context.evidence.policy {
        PolicySource::File { path, .. } => change.in_file(path, line),
        PolicySource::None | PolicySource::Live { .. } | PolicySource::Unavailable { .. } => change,
    }
}

/// The entries of the policy of the token's issuer.
fn entries<'a>(context: &Context<'a>) -> &'a [Entry] {
    let registration = context.evidence.registration();
    registration.and_then(|r| r.policies.as_deref()).unwrap_or_default()
}

/// Changes a key of an entry.
pub(crate) fn change_entry_key(
    context: &Context,
    index: usize,
    key: &str,
    before: impl Into<Value>,
    after: impl Into<Value>,
) -> Change {
    let line = entries(context).get(index).map_or(0, |entry| entry.place.line);
    let path = format!("/policies/{index}/{key}");
    change_policy(context, &path, line).before(before).after(after)
}

/// Changes, adds or removes a rule of an entry.
pub(crate) fn change_rule(
    context: &Context,
    index: usize,
    claim: &str,
    before: Option<&str>,
    after: Option<&str>,
) -> Change {
    let entry = entries(context).get(index);
    let line = entry.map_or(0, |entry| {
        let rule = entry.rules.iter().find(|rule| rule.claim == claim);
        rule.map_or(entry.place.line, |rule| rule.place.line)
    });
    let path = format!("/policies/{index}/rules/{}", pointer_token(claim));
    change_policy(context, &path, line)
        .before(before.map(str::to_owned))
        .after(after.map(str::to_owned))
}

/// Appends an entry to the policy.
pub(crate) fn add_entry(context: &Context, entry: Map<String, Value>) -> Change {
    let registered = || context.evidence.registration().map_or(0, |r| r.place.line);
    let line = entries(context).last().map_or_else(registered, |last| last.place.line);
    change_policy(context, "/policies/-", line).after(entry)
}

/// The suggested entry, with the role and permissions of the closest one: without any, an
/// organization token may do nothing.
pub(crate) fn entry_like(suggestion: &Suggestion, closest: Option<&Entry>) -> Map<String, Value> {
    let mut entry = suggestion.entry();
    let Some(closest) = closest else { return entry };
    if let Some(role) = &closest.role_id {
        entry.insert("roleID".to_owned(), role.clone().into());
    }
    // The suggestion has admin if the login asks for it.
    let others = closest.authorized_permissions.iter().filter(|own| *own != "admin").cloned();
    if let Some(Value::Array(permissions)) = entry.get_mut("authorizedPermissions") {
        permissions.splice(0..0, others.map(Value::String));
    }
    entry
}

/// Removes an entry from the policy.
pub(crate) fn remove_entry(context: &Context, index: usize) -> Change {
    let line = entries(context).get(index).map_or(0, |entry| entry.place.line);
    let change = change_policy(context, &format!("/policies/{index}"), line);
    match entries(context).get(index) {
        Some(entry) => change.before(entry_as_json(entry)),
        None => change,
    }
}

/// An entry in the API's JSON form.
fn entry_as_json(entry: &Entry) -> Map<String, Value> {
    let named = [
        ("teamName", &entry.team_name),
        ("userLogin", &entry.user_login),
        ("runnerID", &entry.runner_id),
        ("roleID", &entry.role_id),
    ];
    let rules: Map<String, Value> =
        entry.rules.iter().map(|rule| (rule.claim.clone(), rule.pattern.clone().into())).collect();
    let mut document = Map::new();
    document.insert("decision".to_owned(), entry.decision.name().into());
    document.insert("tokenType".to_owned(), entry.token_type.name().into());
    for (key, value) in named {
        if let Some(value) = value {
            document.insert(key.to_owned(), value.clone().into());
        }
    }
    let permissions = entry.authorized_permissions.clone();
    document.insert("authorizedPermissions".to_owned(), permissions.into());
    document.insert("rules".to_owned(), rules.into());
    document
}

/// Adds the ways to let a token in to a finding.
pub(crate) struct WayWriter<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) token: &'a Token,
    /// The closest entry, if its rules fail.
    pub(crate) closest: Option<&'a Entry>,
    /// The text before a new entry.
    pub(crate) add: &'a str,
}

/// The text before an entry to append to the policy.
pub(crate) fn add_entry_lead(context: &Context) -> String {
    format!("in {}, add this policy:", context.new_entry_place())
}

impl WayWriter<'_> {
    /// Adds the ways, as options and as steps.
    pub(crate) fn add_ways(&self, mut finding: Finding, ways: &[Way]) -> Finding {
        for way in ways {
            finding = finding.option(self.option(way, ways.len() == 1));
        }
        match ways {
            [] => finding,
            [only] => self.write_only_way(finding, only),
            ways => {
                let intents: Vec<&str> = ways.iter().map(|way| way.intent.as_str()).collect();
                let choice = format!("It depends on what is meant: {}.", intents.join("; or "));
                let finding = ways.iter().fold(finding.fix(choice), add_pattern_notes);
                ways.iter().fold(finding, |finding, way| {
                    let lead = match way.only_if_meant {
                        true => format!("Only if that is meant: if {}, ", way.intent),
                        false => format!("If {}, ", way.intent),
                    };
                    self.write_way(finding, way, &lead)
                })
            }
        }
    }

    /// Adds the ways for an unregistered issuer: a registration with an entry for this token.
    /// `intent`: the condition of registering the issuer, if there is one.
    pub(crate) fn add_registration_ways(
        &self,
        finding: Finding,
        registration: &Change,
        ways: &[Way],
        intent: Option<&str>,
    ) -> Finding {
        if ways.is_empty() {
            let when = intent.map(str::to_owned);
            let only = RemedyOption { when, ..RemedyOption::only(registration.clone()) };
            return finding.option(only);
        }
        let is_only = ways.len() == 1;
        ways.iter().fold(finding, |finding, way| {
            let mut option = self.option(way, is_only);
            // The lines are those of another registration's entries.
            for change in &mut option.changes {
                change.line = None;
            }
            option.changes.insert(0, registration.clone());
            option.when = match (intent, option.when) {
                (Some(intent), Some(when)) => Some(format!("{intent}, and {when}")),
                (Some(intent), None) => Some(intent.to_owned()),
                (None, when) => when,
            };
            let lead = match (way.only_if_meant, is_only) {
                (true, _) => format!("Only if that is meant: if {}, then ", way.intent),
                (false, true) => "A new issuer lets nobody in. Then ".to_owned(),
                (false, false) => format!("A new issuer lets nobody in. If {}, then ", way.intent),
            };
            self.write_way(finding.option(option), way, &lead)
        })
    }

    /// A way as data. The only way has no condition, unless it is often unwanted.
    fn option(&self, way: &Way, is_only: bool) -> RemedyOption {
        RemedyOption {
            when: (!is_only || way.only_if_meant).then(|| way.intent.clone()),
            only_if_meant: way.only_if_meant,
            changes: way.edits.iter().flat_map(|edit| self.changes(edit)).collect(),
        }
    }

    fn changes(&self, edit: &Edit) -> Vec<Change> {
        let rule = |index, claim: &str, before, after| {
            change_rule(self.context, index, claim, before, after)
        };
        match edit {
            Edit::Rule { entry, claim, before, correction } => {
                let after = Some(correction.pattern.as_str());
                if *claim == correction.claim {
                    return vec![rule(*entry, claim, Some(before), after)];
                }
                vec![
                    rule(*entry, claim, Some(before), None),
                    rule(*entry, &correction.claim, None, after),
                ]
            }
            Edit::Add(suggestion) => {
                vec![add_entry(self.context, entry_like(suggestion, self.closest))]
            }
            Edit::Token(TokenChange { claim, value, .. }) => {
                let path = ClaimPath::parse(claim).ok();
                let before = path.as_ref().and_then(|path| path.lookup(&self.token.claims));
                vec![change::claim(claim, before, value.clone())]
            }
        }
    }

    /// For the change of a rule: the instruction, the old rule and the new rule.
    fn rule_diff(&self, edit: &Edit) -> Option<[String; 3]> {
        let Edit::Rule { entry, claim, before, correction } = edit else { return None };
        let rules = self.closest.map(|entry| &entry.rules[..]).unwrap_or_default();
        let line = rules.iter().find(|rule| rule.claim == *claim);
        let line = line.map_or(0, |rule| rule.place.line);
        let what = match *claim == correction.claim {
            true => format!("change the rule {claim}:"),
            false => "correct the name of the claim:".to_owned(),
        };
        let lead = format!("in {}, {what}", self.context.entry_place_at(line, *entry));
        let removed = format!("{}: {}", text::json_string(claim), text::json_string(before));
        Some([lead, removed, rule_snippet(&correction.claim, &correction.pattern)])
    }

    /// For any other edit: the instruction, and the text to paste. The instruction ends with a
    /// colon if there is text to paste.
    fn instruction(&self, edit: &Edit) -> (String, String) {
        match edit {
            Edit::Rule { .. } => Default::default(),
            Edit::Add(suggestion) => {
                (self.add.to_owned(), text::json(&entry_like(suggestion, self.closest)))
            }
            Edit::Token(change) if change.claim == "aud" => {
                let audience = &change.value;
                let platform = TokenIdentity::of(self.token).platform();
                let request = platform.and_then(|id| id.platform().audience.request(audience));
                let lead = format!("request the token for the audience {audience}");
                match request {
                    Some(request) => (format!("{lead}:"), request),
                    None => (format!("{lead}."), String::new()),
                }
            }
            Edit::Token(change) => {
                let TokenChange { claim, value, pasted, .. } = change;
                let shown = format!("its token then has {claim} {value}");
                match pasted {
                    Some(pasted) => (format!("add this to the job ({shown}):"), pasted.clone()),
                    None => (format!("run it there: {shown}."), String::new()),
                }
            }
        }
    }

    /// Writes the only way. A single snippet becomes the command of the remedy.
    fn write_only_way(&self, finding: Finding, way: &Way) -> Finding {
        let action = summarize_edits(&way.edits);
        let (fix, meant) = match way.only_if_meant {
            true => (
                format!("Only if that is meant ({}): {action}.", way.intent),
                "Only if that is meant: ",
            ),
            false => (format!("{}.", capitalize(&action)), ""),
        };
        let finding = add_pattern_notes(finding.fix(fix), way);
        way.edits.iter().fold(finding, |finding, edit| {
            if let Some([lead, removed, added]) = self.rule_diff(edit) {
                return finding.diff(format!("{meant}{}", capitalize(&lead)), &removed, &added);
            }
            let (lead, pasted) = self.instruction(edit);
            let lead = match meant.is_empty() {
                true => capitalize(&lead),
                false => format!("{meant}{lead}"),
            };
            match pasted.is_empty() {
                true => finding.step(lead),
                false if way.edits.len() == 1 => finding.announce(lead).command(pasted),
                false => finding.snippet(lead, &pasted),
            }
        })
    }

    /// Writes one of several ways.
    fn write_way(&self, finding: Finding, way: &Way, lead: &str) -> Finding {
        way.edits.iter().enumerate().fold(finding, |finding, (index, edit)| {
            let lead = if index == 0 { lead } else { "And " };
            if let Some([instruction, removed, added]) = self.rule_diff(edit) {
                return finding.diff(format!("{lead}{instruction}"), &removed, &added);
            }
            let (instruction, pasted) = self.instruction(edit);
            let step = format!("{lead}{instruction}");
            match pasted.is_empty() {
                true => finding.step(step),
                false => finding.snippet(step, &pasted),
            }
        })
    }
}

/// Summarizes the edits of a way.
fn summarize_edits(edits: &[Edit]) -> String {
    let each = edits.iter().map(|edit| match edit {
        Edit::Rule { claim, correction, .. } if *claim != correction.claim => {
            format!("correct the name of the claim {claim} in the rule")
        }
        Edit::Rule { claim, .. } => format!("correct the rule on {claim}"),
        Edit::Add(_) => "add an entry for this job".to_owned(),
        Edit::Token(change) if change.claim == "aud" => {
            format!("request the token for the audience {}", change.value)
        }
        Edit::Token(change) => {
            let how = change.job.strip_prefix("the job should ").unwrap_or(&change.job);
            format!("let the job {how}")
        }
    });
    let mut all: Vec<String> = each.collect();
    all.dedup();
    all.join(", and ")
}

/// Adds notes about the patterns of a way, unless the finding has them already.
fn add_pattern_notes(finding: Finding, way: &Way) -> Finding {
    let notes = way.edits.iter().flat_map(|edit| match edit {
        Edit::Add(suggestion) => suggestion.notes.clone(),
        Edit::Rule { claim, correction, .. } => {
            let pattern = correction.pattern.as_str();
            let exact = !pattern.contains('*');
            let inexact = inexact(claim, pattern).filter(|_| exact);
            correction.why.sentence().map(str::to_owned).into_iter().chain(inexact).collect()
        }
        Edit::Token(_) => Vec::new(),
    });
    notes.fold(finding, |finding, note| {
        let is_known = finding.remediation.steps.iter().any(|step| step.text == text::inert(&note))
            || finding.detail.contains(note.split(" (").next().unwrap_or_default());
        if is_known { finding } else { finding.note(note) }
    })
}
