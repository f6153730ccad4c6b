//! Check `token`: its times, judged by this machine's clock and by the servers' clocks.

use crate::catalogue::{Code, Severity};
use crate::evidence::{BackendSource, Evidence, Exchange, PolicySource, Probe, Source, Token};
use crate::judge::advice::change;
use crate::judge::advice::change::MachinePart;
use crate::judge::advice::clock::set_clock;
use crate::judge::context::Context;
use crate::judge::finding::{ASSUMES_GO, format_instant, human_duration};
use crate::platform::Id;
use crate::report::{Finding, RemedyOption};
use crate::text::command::CommandLine;

/// Leeway for `nbf` and `iat`, and the smallest offset of a wrong clock, in seconds. `exp` has no
/// leeway.
const LEEWAY: i64 = 60;

/// The last second that Go's `time.Unix` can represent: its epoch is the year 1. A later `exp`
/// wraps around into the past in go-oidc and golang-jwt, and go-jose refuses it.
const MAX_GO_SECONDS: i64 = i64::MAX - 62_135_596_800;

/// Units that issuers confuse with seconds, and how many of them make a second.
const UNITS: [(&str, i64); 3] =
    [("milliseconds", 1_000), ("microseconds", 1_000_000), ("nanoseconds", 1_000_000_000)];

/// A time in another unit is plausible up to this distance from now: 20 years, in seconds.
const MAX_DISTANCE: u64 = 20 * 365 * 86_400;

pub(crate) fn expired(token: &Token, now: i64) -> bool {
    token.seconds("exp").is_some_and(|exp| now >= exp)
}

/// Problems of the token's times and of this machine's clock.
pub(crate) fn check(context: &Context, token: &Token) -> Vec<Finding> {
    let problem = |now: i64, clock: &str| {
        expiry(context, token, now, clock).or_else(|| not_yet_valid(token, now, clock))
    };
    let by_this_machine = problem(context.now(), clock_name(context));
    let Some(offset) = clock_offset(context) else {
        return by_this_machine.into_iter().collect();
    };
    // The servers' clocks decide. A failure by this machine's clock alone only proves that its
    // clock is wrong.
    let by_servers = problem(context.now().saturating_add(offset), "the servers' clocks");
    let is_error = |finding: &Finding| finding.severity == Severity::Error;
    let only_here =
        by_this_machine.filter(|f| is_error(f) && !by_servers.as_ref().is_some_and(is_error));
    std::iter::once(clock_skew(offset, only_here.as_ref())).chain(by_servers).collect()
}

fn expiry(context: &Context, token: &Token, now: i64, clock: &str) -> Option<Finding> {
    let exp = token.seconds("exp")?;
    if exp > MAX_GO_SECONDS {
        return Some(
            Finding::new(
                Code::TokenExpired,
                format!(
                    "The token's exp is too large a number: Go's libraries refuse it, or read it as a \
                     time in the past. {ASSUMES_GO}"
                ),
            )
            .proof("exp", raw(token, "exp"), "token claim exp")
            .fix("Correct the issuer: exp is a number of seconds since 1970."),
        );
    }
    let left = exp.saturating_sub(now);
    if left >= LEEWAY {
        return None;
    }
    let lifetime = token.seconds("iat").map(|iat| exp.saturating_sub(iat)).filter(|l| *l > 0);
    let (code, what, lives) = if left > 0 {
        (Code::TokenExpiresSoon, format!("The token expires in {}.", human_duration(left)), "lives")
    } else {
        (Code::TokenExpired, format!("The token expired {} ago.", human_duration(left)), "lived")
    };
    let life = lifetime.map_or_else(String::new, |l| format!(" It {lives} {}.", human_duration(l)));
    let mut finding = Finding::new(code, format!("{what}{life}"))
        .proof("exp", format_instant(exp), "token claim exp")
        .proof("judged at", format_instant(now), clock);
    if let Some(iat) = token.seconds("iat") {
        finding = finding.proof("iat", format_instant(iat), "token claim iat");
    }
    if context.evidence.token_is_ambient() {
        if let Some(lifetime) = lifetime
            && left <= 0
        {
            let (ran, lifetime) =
                (human_duration(lifetime.saturating_sub(left)), human_duration(lifetime));
            finding = if context.evidence.options.run_context.platform() == Some(Id::GitLab) {
                finding
                    .fix("Log in sooner after the job has started, or give the job more time.")
                    .step(format!(
                        "GitLab issues the token when the job starts, here {ran} before this \
                         check, for as long as the job's timeout, here {lifetime}: put what takes \
                         long into a job of its own, or raise timeout: in this one."
                    ))
            } else {
                finding.step(format!(
                    "The job requested the token {ran} before this check, and it lives \
                     {lifetime}: request it in the step that logs in, after builds and approvals."
                ))
            };
        }
    } else if left <= 0 {
        finding = finding.fix(
            "A token that is looked at afterwards usually has expired; this matters only if it \
             had already when the login used it.",
        );
        if let Some(iat) = token.seconds("iat") {
            finding = finding
                .announce("To judge the rest as of the time when the token was valid:")
                .command(rerun_command(&format_instant(iat), context.evidence));
        }
    }
    Some(finding)
}

/// The command that repeats this run with `--now`. It has only options that the evidence records.
fn rerun_command(instant: &str, evidence: &Evidence) -> CommandLine {
    let Evidence { options, login, .. } = evidence;
    let policy = match &evidence.policy {
        PolicySource::File { path, .. } => Some(path),
        _ => None,
    };
    let mut candidates = evidence.backend.candidates.iter();
    let cloud_url = candidates.find(|candidate| matches!(candidate.source, BackendSource::Flag));
    let switches =
        [("--offline", options.offline), ("--allow-private-issuer", options.allow_private_issuer)];
    let values = [
        ("--oidc-org", &login.organization),
        ("--oidc-team", &login.team),
        ("--oidc-user", &login.user),
        ("--scope", &login.scope),
        ("--cloud-url", &cloud_url.map(|candidate| candidate.url.clone())),
        ("--policy", &policy.cloned()),
    ];
    let mut line = CommandLine::new("doctor").raw("--now").word(instant);
    for (name, _) in switches.iter().filter(|(_, given)| *given) {
        line = line.raw(name);
    }
    for (name, value) in values {
        if let Some(value) = value {
            line = line.raw(name).word(value);
        }
    }
    match &evidence.input.source {
        Source::File { path, .. } => line.word(&format!("file://{path}")),
        _ => line.raw("-"),
    }
}

fn not_yet_valid(token: &Token, now: i64, clock: &str) -> Option<Finding> {
    let (claim, from) = ["nbf", "iat"]
        .into_iter()
        .filter_map(|claim| Some((claim, token.seconds(claim)?)))
        .find(|(_, from)| *from > now.saturating_add(LEEWAY))?;
    let finding = Finding::new(
        Code::TokenNotYetValid,
        format!("{claim} lies {} in the future.", human_duration(from.saturating_sub(now))),
    )
    .proof(claim, format_instant(from), format!("token claim {claim}"))
    .proof("judged at", format_instant(now), clock);
    let Some((unit, meant)) = in_other_unit(from, now) else { return Some(finding) };
    let detail = format!(
        "{claim} is in {unit}, and a token's times are in seconds (RFC 7519): read as seconds, \
         {} lies far in the future.",
        raw(token, claim)
    );
    Some(
        Finding { detail, ..finding }
            .proof(
                format!("{claim} in {unit}"),
                format_instant(meant),
                format!("token claim {claim}"),
            )
            .fix(format!("Correct the issuer: write {claim} in seconds since 1970.")),
    )
}

/// The probable unit of a number far in the future, and the number in seconds.
fn in_other_unit(number: i64, now: i64) -> Option<(&'static str, i64)> {
    UNITS
        .into_iter()
        .map(|(unit, per_second)| (unit, number / per_second))
        .find(|(_, seconds)| seconds.abs_diff(now) < MAX_DISTANCE)
        .filter(|_| number.abs_diff(now) > MAX_DISTANCE)
}

/// A claim as JSON.
fn raw(token: &Token, claim: &str) -> String {
    token.claims.get(claim).map(ToString::to_string).unwrap_or_default()
}

/// How far this machine's clock is behind the servers', in seconds, if it is off by a minute or
/// more. The smallest offset of all servers counts, since caches send old dates.
fn clock_offset(context: &Context) -> Option<i64> {
    if context.evidence.options.now_given {
        return None;
    }
    let evidence = context.evidence;
    let answers = [
        evidence.issuer.discovery.answer(),
        evidence.issuer.jwks.answer(),
        evidence.cloud.capabilities.answer(),
        evidence.cloud.whoami.answer(),
    ];
    let exchange = match &evidence.cloud.exchange {
        Probe::Answered { answer, .. } => match answer {
            Exchange::Minted { clock_offset_seconds, .. } => *clock_offset_seconds,
            Exchange::Malformed { answer, .. } | Exchange::Refused { answer, .. } => {
                answer.clock_offset_seconds
            }
        },
        _ => None,
    };
    answers
        .into_iter()
        .flatten()
        .filter_map(|answer| answer.clock_offset_seconds)
        .chain(exchange)
        .min_by_key(|offset| offset.unsigned_abs())
        .filter(|offset| offset.unsigned_abs() >= LEEWAY.unsigned_abs())
}

/// `only_here`: the failure that only this machine's clock shows.
fn clock_skew(offset: i64, only_here: Option<&Finding>) -> Finding {
    let direction = if offset > 0 { "behind" } else { "ahead" };
    let mut detail = format!(
        "This machine's clock is {} {direction} of the servers that were asked.",
        human_duration(offset)
    );
    if only_here.is_some() {
        detail.push_str(" By their time the token is valid.");
    }
    let mut finding = Finding::new(Code::ClockSkew, detail)
        .severity(if only_here.is_some() { Severity::Error } else { Severity::Warning })
        .proof("offset", format!("{offset} s"), "Date header of the answers")
        .command(set_clock())
        .option(RemedyOption::only(change::fix_machine(MachinePart::Clock)));
    if let Some(problem) = only_here {
        finding = finding.proof("by this machine's clock", &problem.detail, "token");
    }
    finding
}

fn clock_name(context: &Context) -> &'static str {
    if context.evidence.options.now_given { "--now" } else { "this machine's clock" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_another_unit_are_recognised() {
        let now = 1_790_000_000;
        for (number, expected) in [
            (1_790_000_060_000, Some(("milliseconds", 1_790_000_060))),
            (1_700_000_000_000_000, Some(("microseconds", 1_700_000_000))),
            (1_790_000_060_000_000_000, Some(("nanoseconds", 1_790_000_060))),
            (1_790_000_600, None),
            (253_402_300_800, None),
            (i64::MAX, None),
            (0, None),
        ] {
            assert_eq!(in_other_unit(number, now), expected, "{number}");
        }
    }
}
