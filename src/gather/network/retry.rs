//! When to repeat a request.
//!
//! Only a GET that mints no token is repeated, and only if the outcome is likely to change: the
//! connection was refused or cut before any answer, or the service says when to come back. There
//! are at most two attempts. A failure that repeats within seconds should be reported, and many
//! jobs that keep asking overload a service.

use std::error::Error;
use std::io::ErrorKind;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::RETRY_AFTER;
use tokio::time::Instant;

use super::failure::error_chain;

/// The most attempts for one request.
pub(crate) const ATTEMPTS: u32 = 2;
/// How long to wait if the server says nothing, or 0.
const PAUSE: Duration = Duration::from_millis(200);
/// Longer `Retry-After`: give up at once.
const LONGEST: Duration = Duration::from_secs(3);

/// How long to wait before the retry. `None`: no retry.
///
/// At least half of the remaining time is kept for the second attempt.
pub(crate) fn pause(
    outcome: Result<&Response, &reqwest::Error>,
    deadline: Instant,
) -> Option<Duration> {
    let wanted = match outcome {
        Ok(response) => retry_after(
            response.status().as_u16(),
            response.headers().get(RETRY_AFTER)?.as_bytes(),
        )?,
        Err(error) if is_cut(error) => PAUSE,
        Err(_) => return None,
    };
    let pause = wanted.max(PAUSE);
    let left = deadline.saturating_duration_since(Instant::now());
    (pause <= LONGEST && pause <= left / 2).then_some(pause)
}

/// Reads `Retry-After` of a service that limits requests (RFC 6585 section 4) or is unavailable
/// (RFC 9110 section 15.6.4). Ignores dates, which depend on the server's clock.
fn retry_after(status: u16, after: &[u8]) -> Option<Duration> {
    let seconds = std::str::from_utf8(after).ok()?.trim().parse().ok()?;
    matches!(status, 429 | 503).then_some(Duration::from_secs(seconds))
}

/// Whether the connection was refused or cut before any answer.
fn is_cut(error: &reqwest::Error) -> bool {
    error_chain(error).filter_map(<dyn Error>::downcast_ref::<std::io::Error>).any(|error| {
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
    fn retry_after_is_read_from_429_and_503() {
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
            assert_eq!(retry_after(status, after.as_bytes()), expected, "{status} {after}");
        }
    }
}
