//! When a question is asked once more.
//!
//! Only what changes nothing is asked again (a GET that mints no token), and only where a second
//! answer is likely to be another one: a connection that was refused or cut before any answer,
//! as while a server is being replaced, and a service that says itself when to come back. It is
//! asked twice and no more: what fails twice within seconds is what has to be reported, and many
//! jobs that keep asking are what overloads a service.

use std::error::Error;
use std::io::ErrorKind;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::RETRY_AFTER;
use tokio::time::Instant;

use super::failure::causes;

/// How often at most.
pub(crate) const ATTEMPTS: u32 = 2;
/// How long to wait where the server says nothing, or says 0.
const PAUSE: Duration = Duration::from_millis(200);
/// A server that asks for more than this is taken at its word: it gives no answer now.
const LONGEST: Duration = Duration::from_secs(3);

/// How long to wait before the same question is asked again; `None`: it is not.
///
/// At least half of the time that is left belongs to the second attempt.
pub(crate) fn pause(
    outcome: Result<&Response, &reqwest::Error>,
    deadline: Instant,
) -> Option<Duration> {
    let asked_for = match outcome {
        Ok(response) => {
            wait(response.status().as_u16(), response.headers().get(RETRY_AFTER)?.as_bytes())?
        }
        Err(error) if is_cut(error) => PAUSE,
        Err(_) => return None,
    };
    let pause = asked_for.max(PAUSE);
    let left = deadline.saturating_duration_since(Instant::now());
    (pause <= LONGEST && pause <= left / 2).then_some(pause)
}

/// What a service asks for that limits requests (RFC 6585 section 4) or is not available (RFC
/// 9110 section 15.6.4). A date is not heeded: it is by the server's clock.
fn wait(status: u16, after: &[u8]) -> Option<Duration> {
    let seconds = std::str::from_utf8(after).ok()?.trim().parse().ok()?;
    matches!(status, 429 | 503).then_some(Duration::from_secs(seconds))
}

/// Whether the connection was refused or cut. Asked of a request that got no answer at all.
fn is_cut(error: &reqwest::Error) -> bool {
    causes(error).filter_map(<dyn Error>::downcast_ref::<std::io::Error>).any(|error| {
        matches!(
            error.kind(),
            ErrorKind::ConnectionRefused
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_a_service_asks_to_wait() {
        let seconds = |n| Some(Duration::from_secs(n));
        for (status, after, expected) in [
            (503, "2", seconds(2)),
            (429, " 0 ", seconds(0)),
            (429, "86400", seconds(86_400)),
            (200, "2", None),
            (500, "2", None),
            (503, "", None),
            (503, "-1", None),
            (503, "99999999999999999999", None),
            (503, "Fri, 02 Jan 2099 03:04:05 GMT", None),
        ] {
            assert_eq!(wait(status, after.as_bytes()), expected, "{status} {after}");
        }
    }
}
