//! Which messages of a log count.

use super::{codes, login};
use crate::catalogue::Code;
use crate::evidence::log::{Decided, Log, LogMatch, LoginLine, Party, Place, SHORT, Success};
use crate::known_messages::{Means, Role, Scope, Trouble};
use crate::pulumi::versions;

/// A text that somebody pasted is no longer, in lines: in it a message may stand in a quotation.
const PASTED: u64 = 50;

/// The messages that count: in a log those that stand where messages stand, in a short text also
/// those of which nothing tells whose they are, and in a text that somebody pasted all of them.
pub(super) fn counting(log: &Log) -> impl Iterator<Item = &LogMatch> {
    let is_short = is_short(log);
    let counts = move |log_match: &LogMatch| log_match.begins || is_short && log_match.bare;
    let take_all = is_pasted(log) && !log.matches.iter().any(counts);
    let all = log.matches.iter().filter(|log_match| fits(log, log_match));
    all.filter(move |log_match| counts(log_match) || take_all && !is_unnamed(log_match))
}

/// Whether the text does not show whose request failed.
pub(super) fn is_unnamed(log_match: &LogMatch) -> bool {
    log_match.decided == Some(Decided::Party(Party::Unnamed))
}

pub(super) fn is_pasted(log: &Log) -> bool {
    lines(log) <= PASTED && log.files.iter().all(|file| file.is_stdin)
}

pub(super) fn is_short(log: &Log) -> bool {
    lines(log) <= SHORT
}

fn lines(log: &Log) -> u64 {
    log.files.iter().map(|file| file.lines).sum()
}

/// What part a message plays: a warning after which the job went on is no more than a hint.
pub(super) fn role(log: &Log, log_match: &LogMatch) -> Role {
    let last = log_match.places.last();
    let failed_later =
        |failure: &Place| last.is_some_and(|last| failure.is_beside(last) && failure > last);
    match log_match.warned && !log.context.failures.iter().any(failed_later) {
        true => Role::Hint,
        false => log_match.message.role,
    }
}

/// Whether the logins in the log allow the message to count.
fn fits(log: &Log, log_match: &LogMatch) -> bool {
    if is_of_another_command(log, log_match) {
        return false;
    }
    match log_match.message.scope {
        // A login that worked in between is the one that went before.
        Scope::OidcLogin => login::login_of(log, log_match).is_some_and(|login| {
            let last = log_match.places.last();
            let between = |success: &Success| {
                last.is_some_and(|last| {
                    success.place.is_beside(last)
                        && login.place < success.place
                        && success.place < *last
                })
            };
            login.token.is_some() && !log.context.successes.iter().any(between)
        }),
        Scope::LoginVariable => {
            let Some((_, variable)) = log_match.values.first() else { return false };
            let named = |login: &LoginLine| {
                login.token.as_deref().is_some_and(|token| {
                    login::variable(token) == Some(variable) || token == format!("$({variable})")
                })
            };
            log.context.logins.iter().any(named)
        }
        Scope::Anywhere | Scope::PulumiLogin | Scope::TokenRequest => !is_overcome(log, log_match),
    }
}

/// The words of a message about something else: a stack's file instead of the project's, a flag
/// that this pulumi knows, on another command.
fn is_of_another_command(log: &Log, log_match: &LogMatch) -> bool {
    let extension = login::value(log_match, "extension");
    let is_stack = extension.is_some_and(|e| !["yaml", "yml", "json"].contains(&e));
    let is_new =
        log.context.version.as_ref().is_some_and(|told| versions::OIDC.holds(Some(&told.value)));
    let is_oidc_flag = log_match.message.text.starts_with("unknown flag: --oidc-");
    is_stack || is_new && is_oidc_flag
}

/// Trouble on the way, or on the service's side, that a login after it no longer had.
fn is_overcome(log: &Log, log_match: &LogMatch) -> bool {
    let passes = match log_match.message.means {
        Means::Network(Trouble::Unreachable) => true,
        Means::ExchangeAnswer | Means::Status => {
            codes::of(log, log_match).first().is_some_and(|code| {
                matches!(code, Code::ExchangeServerError | Code::ExchangeRateLimited)
            })
        }
        _ => log_match.message.role == Role::Symptom,
    };
    let last = log_match.places.last();
    let later = |success: &Success| {
        last.is_some_and(|last| last.is_beside(&success.place) && *last < success.place)
    };
    passes && log.context.successes.iter().any(later)
}
