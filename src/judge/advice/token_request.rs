//! Advice for a login that requests a token type or name that no policy entry allows.

use super::change;
use super::policy_change::{WayWriter, change_entry_key};
use crate::evidence::Token;
use crate::judge::context::Context;
use crate::judge::policy::smallest_change::correction::TokenIdentity;
use crate::judge::policy::smallest_change::ways::{RequestedLogin, new_entry};
use crate::limits;
use crate::limits::Work;
use crate::policy::{Decision, Entry, TokenType, evaluate, pattern};
use crate::report::{Change, Finding, RemedyOption};
use crate::text;

/// At most so many entries are offered for the login to use.
const MAX_WAYS: usize = 3;

/// Adds the ways out if the entries are for other token types.
pub(crate) fn offer_other_type(
    finding: Finding,
    context: &Context,
    token: &Token,
    entries: &[Entry],
) -> Finding {
    let finding = add_request_options(finding, context, entries);
    add_entry_option(finding, context, token)
}

/// Adds the ways out if the entries are for another team, user or runner.
pub(crate) fn offer_other_name(
    finding: Finding,
    context: &Context,
    token: &Token,
    entries: &[Entry],
) -> Finding {
    let finding = match prefix_in_name(context, token, entries) {
        Some((change, (key, name))) => finding
            .fix("Write the name alone into the entry.")
            .announce("An entry holds the name without the scope's prefix:")
            .command(format!("\"{key}\": {}", text::json_string(&name)))
            .option(RemedyOption::only(change)),
        None => add_request_options(finding, context, entries),
    };
    if finding.remediation.options.iter().any(|option| option.when.is_none()) {
        return finding;
    }
    add_entry_option(finding, context, token)
}

/// Finds an entry that would match if its name had no prefix: `team:ops` instead of `ops`. Returns
/// the change, with the entry's key and the bare name.
fn prefix_in_name(
    context: &Context,
    token: &Token,
    entries: &[Entry],
) -> Option<(Change, (&'static str, String))> {
    let ask = &context.request.ask;
    let mut work = Work::new(limits::EXPLANATION);
    entries.iter().enumerate().find_map(|(index, entry)| {
        let (key, prefix, written, asked) = match entry.token_type {
            TokenType::Team => ("teamName", "team:", &entry.team_name, &ask.team),
            TokenType::Personal => ("userLogin", "user:", &entry.user_login, &ask.user),
            TokenType::Runner => ("runnerID", "runner:", &entry.runner_id, &ask.runner),
            TokenType::Organization => return None,
        };
        let (written, asked) = (written.as_deref()?, asked.as_deref()?);
        // An entry of another job is not changed.
        let is_own = entry
            .rules
            .iter()
            .all(|rule| evaluate::matches(rule, &token.claims, &mut work).unwrap_or_default());
        let is_misspelled = entry.token_type == ask.token_type
            && entry.decision == Decision::Allow
            && is_own
            && written.strip_prefix(prefix) == Some(asked);
        let change = || change_entry_key(context, index, key, written, asked);
        is_misspelled.then(|| (change(), (key, asked.to_owned())))
    })
}

/// Adds how the login can request what an allow entry is for.
fn add_request_options(finding: Finding, context: &Context, entries: &[Entry]) -> Finding {
    let mut ways: Vec<(String, Option<RemedyOption>)> = Vec::new();
    for entry in entries.iter().filter(|entry| entry.decision == Decision::Allow) {
        let way = (request_step(entry), request_option(context, entry));
        if !ways.contains(&way) {
            ways.push(way);
        }
        if ways.len() == MAX_WAYS {
            break;
        }
    }
    ways.into_iter().fold(finding, |finding, (step, option)| {
        let finding = finding.step(step);
        match option {
            Some(option) => finding.option(option),
            None => finding,
        }
    })
}

/// The step that makes the login request what an entry is for.
fn request_step(entry: &Entry) -> String {
    match entry.token_type {
        TokenType::Organization => {
            "To ask for an organization token, leave --oidc-team and --oidc-user out.".to_owned()
        }
        TokenType::Team => format!(
            "To ask for a team token, add --oidc-team {}.",
            text::shell(entry.team_name.as_deref().unwrap_or("TEAM"))
        ),
        TokenType::Personal => format!(
            "To ask for a personal token, add --oidc-user {}.",
            text::shell(entry.user_login.as_deref().unwrap_or("USER"))
        ),
        TokenType::Runner => {
            "A runner token cannot be asked for with pulumi login; the entry is for deployment \
             runners."
                .to_owned()
        }
    }
}

/// [`request_step`] as data. `None` if no flag can change the request.
fn request_option(context: &Context, entry: &Entry) -> Option<RemedyOption> {
    let login = &context.evidence.login;
    let (team, user) = (login.team.as_deref(), login.user.as_deref());
    let literal = |name: &Option<String>| name.clone().filter(|name| pattern::is_literal(name));
    let (wanted_team, wanted_user) = match entry.token_type {
        TokenType::Organization => (None, None),
        TokenType::Team => (Some(literal(&entry.team_name)?), None),
        TokenType::Personal => (None, Some(literal(&entry.user_login)?)),
        TokenType::Runner => return None,
    };
    let flags = [
        ("--oidc-team", team, wanted_team.as_deref()),
        ("--oidc-user", user, wanted_user.as_deref()),
        // A scope names a runner or asks for admin, which these types do not have.
        ("--scope", login.scope.as_deref(), None),
    ];
    let changes: Vec<Change> = flags
        .into_iter()
        .filter(|(_, before, after)| before != after)
        .map(|(flag, before, after)| change::flag(flag, before, after))
        .collect();
    let what = match (&wanted_team, &wanted_user) {
        (Some(team), _) => format!("a token for team {team} is meant"),
        (_, Some(user)) => format!("a token for user {user} is meant"),
        _ => "a token for the organization is meant".to_owned(),
    };
    let option = RemedyOption { when: Some(what), only_if_meant: false, changes };
    (!option.changes.is_empty()).then_some(option)
}

/// Adds an option that adds an entry for this request to the policy.
fn add_entry_option(finding: Finding, context: &Context, token: &Token) -> Finding {
    let ask = &context.request.ask;
    let login = RequestedLogin { ask, organization: context.request.organization.as_deref() };
    let (mut ways, _) = new_entry(TokenIdentity::of(token), &login);
    let (kind, name) = match (&ask.team, &ask.user, &ask.runner) {
        (Some(team), ..) => ("team", team.as_str()),
        (_, Some(user), _) => ("user", user.as_str()),
        (.., Some(runner)) => ("runner", runner.as_str()),
        _ => ("the organization", ""),
    };
    for way in &mut ways {
        if !way.only_if_meant {
            way.intent = format!("a token for {kind} {name}").trim_end().to_owned() + " is meant";
        }
    }
    let lead = format!("or add an allow entry with tokenType {}:", ask.token_type.name());
    let writer = WayWriter { context, token, closest: None, add: &lead };
    let summary = finding.remediation.summary.clone();
    let mut finding = writer.add_ways(finding, &ways);
    finding.remediation.summary = summary;
    let several = finding.remediation.options.len() > 1;
    let last = finding.remediation.options.last_mut();
    if let (true, Some(last), Some(way)) = (several, last, ways.last()) {
        last.when = Some(way.intent.clone());
    }
    finding
}
