//! Selects the messages of a log that count.

use super::{codes, login};
use crate::catalogue::Code;
use crate::evidence::log::{
    Decided, Log, LogMatch, LoginLine, MAX_EXCERPT_LINES, Party, Place, Success,
};
use crate::known_messages::{Means, Role, Scope, ServerFailure};
use crate::pulumi::versions;

/// Longer texts on standard input are not treated as pasted, in lines. In a pasted text, messages
/// count in any position.
const MAX_PASTED_LINES: u64 = 50;

/// The messages that count. In a log: those where a message begins. In a short text: also those
/// without a known program. In a pasted text without either: all.
pub(super) fn counted_matches(log: &Log) -> impl Iterator<Item = &LogMatch> {
    let is_short = is_short(log);
    let counts = move |log_match: &LogMatch| log_match.begins || is_short && log_match.bare;
    let take_all = is_pasted(log) && !log.matches.iter().any(counts);
    let all = log.matches.iter().filter(|log_match| agrees_with_logins(log, log_match));
    all.filter(move |log_match| counts(log_match) || take_all && !is_unnamed(log_match))
}

/// Whether the text does not show which request failed.
pub(super) fn is_unnamed(log_match: &LogMatch) -> bool {
    log_match.decided == Some(Decided::Party(Party::Unnamed))
}

pub(super) fn is_pasted(log: &Log) -> bool {
    lines(log) <= MAX_PASTED_LINES && log.files.iter().all(|file| file.is_stdin)
}

pub(super) fn is_short(log: &Log) -> bool {
    lines(log) <= MAX_EXCERPT_LINES
}

fn lines(log: &Log) -> u64 {
    log.files.iter().map(|file| file.lines).sum()
}

/// The role of a message. A warning without a later failure is only a hint.
pub(super) fn role(log: &Log, log_match: &LogMatch) -> Role {
    let last = log_match.places.last();
    let failed_later =
        |failure: &Place| last.is_some_and(|last| failure.is_in_same_job(last) && failure > last);
    match log_match.warned && !log.context.failures.iter().any(failed_later) {
        true => Role::Hint,
        false => log_match.message.role,
    }
}

/// Whether the message is consistent with the logins in the log.
fn agrees_with_logins(log: &Log, log_match: &LogMatch) -> bool {
    if is_of_another_command(log, log_match) {
        return false;
    }
    match log_match.message.scope {
        // After a success in between, the message belongs to another login.
        Scope::OidcLogin => login::login_of(log, log_match).is_some_and(|login| {
            let last = log_match.places.last();
            let between = |success: &Success| {
                last.is_some_and(|last| {
                    success.place.is_in_same_job(last)
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
                    login::variable_in_word(token) == Some(variable)
                        || token == format!("$({variable})")
                })
            };
            log.context.logins.iter().any(named)
        }
        Scope::Anywhere | Scope::PulumiLogin | Scope::TokenRequest => {
            !was_resolved_later(log, log_match)
        }
    }
}

/// Whether the message has another cause: a stack file instead of the project file, or an OIDC flag
/// on another command although this pulumi supports it.
fn is_of_another_command(log: &Log, log_match: &LogMatch) -> bool {
    let extension = login::match_value(log_match, "extension");
    let is_stack = extension.is_some_and(|e| !["yaml", "yml", "json"].contains(&e));
    let is_new = log
        .context
        .version
        .as_ref()
        .is_some_and(|version| versions::OIDC.holds(Some(&version.value)));
    let is_oidc_flag = log_match.message.text.starts_with("unknown flag: --oidc-");
    is_stack || is_new && is_oidc_flag
}

/// Whether a temporary failure was followed by a successful login.
fn was_resolved_later(log: &Log, log_match: &LogMatch) -> bool {
    let is_temporary = match log_match.message.means {
        Means::Network(ServerFailure::Unreachable) => true,
        Means::ExchangeAnswer | Means::Status => {
            codes::codes_of(log, log_match).first().is_some_and(|code| {
                matches!(code, Code::ExchangeServerError | Code::ExchangeRateLimited)
            })
        }
        _ => log_match.message.role == Role::Symptom,
    };
    let last = log_match.places.last();
    let later = |success: &Success| {
        last.is_some_and(|last| last.is_in_same_job(&success.place) && *last < success.place)
    };
    is_temporary && log.context.successes.iter().any(later)
}
