//! A login that asks for another kind of token than the policy's entries are for.

use super::change;
use super::policy_change::{Telling, entry_key};
use crate::evidence::Token;
use crate::judge::context::Context;
use crate::judge::policy::smallest::correction::Identity;
use crate::judge::policy::smallest::ways::{Wanted, new_entry};
use crate::limits;
use crate::limits::Work;
use crate::policy::{Decision, Entry, TokenType, evaluate, pattern};
use crate::report::{Change, Finding, RemedyOption};
use crate::text;

/// How many of the entries that the login could ask for are named.
const MOST: usize = 3;

/// The entries are for other token types.
pub(crate) fn other_type(
    finding: Finding,
    context: &Context,
    token: &Token,
    entries: &[Entry],
) -> Finding {
    let finding = ask_for(finding, context, entries);
    add(finding, context, token)
}

/// The entries are for another team, user or runner.
pub(crate) fn other_name(
    finding: Finding,
    context: &Context,
    token: &Token,
    entries: &[Entry],
) -> Finding {
    let finding = match scope_as_name(context, token, entries) {
        Some((change, name)) => finding
            .fix("Write the name alone into the entry.")
            .announce("An entry holds the name without the scope's prefix:")
            .command(format!("\"{}\": {}", name.0, text::json_string(&name.1)))
            .option(RemedyOption::only(change)),
        None => ask_for(finding, context, entries),
    };
    if finding.remediation.options.iter().any(|option| option.when.is_none()) {
        return finding;
    }
    add(finding, context, token)
}

/// `team:ops` where the name `ops` belongs, for what the login asks for.
fn scope_as_name(
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
        // Of another job's entry nothing is changed.
        let is_own = entry
            .rules
            .iter()
            .all(|rule| evaluate::matches(rule, &token.claims, &mut work).unwrap_or_default());
        let is_meant = entry.token_type == ask.token_type
            && entry.decision == Decision::Allow
            && is_own
            && written.strip_prefix(prefix) == Some(asked);
        let change = || entry_key(context, index, key, written, asked);
        is_meant.then(|| (change(), (key, asked.to_owned())))
    })
}

/// The login asks for what an allow entry is for.
fn ask_for(finding: Finding, context: &Context, entries: &[Entry]) -> Finding {
    let mut ways: Vec<(String, Option<RemedyOption>)> = Vec::new();
    for entry in entries.iter().filter(|entry| entry.decision == Decision::Allow) {
        let way = (how_to_ask(entry), asking(context, entry));
        if !ways.contains(&way) {
            ways.push(way);
        }
        if ways.len() == MOST {
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

/// How a login asks for what an entry allows.
fn how_to_ask(entry: &Entry) -> String {
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

/// The same as data. What the token itself asks for cannot be changed by a flag.
fn asking(context: &Context, entry: &Entry) -> Option<RemedyOption> {
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
        // It names a runner, or asks for admin, which these types do not have.
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

/// The policy gets an entry for what the login asks for.
fn add(finding: Finding, context: &Context, token: &Token) -> Finding {
    let ask = &context.request.ask;
    let wanted = Wanted { ask, organization: context.request.organization.as_deref() };
    let (mut ways, _) = new_entry(Identity::of(token), &wanted);
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
    let telling = Telling { context, token, closest: None, add: &lead };
    let summary = finding.remediation.summary.clone();
    let mut finding = telling.with_ways(finding, &ways);
    finding.remediation.summary = summary;
    let several = finding.remediation.options.len() > 1;
    let last = finding.remediation.options.last_mut();
    if let (true, Some(last), Some(way)) = (several, last, ways.last()) {
        last.when = Some(way.intent.clone());
    }
    finding
}
