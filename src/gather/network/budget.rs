//! Divides the time of a run between requests that depend on each other.
//!
//! Independent requests run at the same time, each with the whole budget. In a sequence, the first
//! request must leave enough time for the second, so that a timeout is blamed on the right one.

use std::time::Duration;

use tokio::time::Instant;

/// The deadline of a request that another one waits for: a third of the remaining time is reserved.
pub(crate) fn before_another(deadline: Instant) -> Instant {
    reserving(3, deadline)
}

/// The deadline of the token exchange: only a fifth of the time is reserved for whoami, since
/// aborting the exchange may waste an access token.
pub(crate) fn before_whoami(deadline: Instant) -> Instant {
    reserving(5, deadline)
}

fn reserving(part: u32, deadline: Instant) -> Instant {
    deadline - left(deadline) / part
}

/// The time until the deadline.
pub(crate) fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_request_gets_its_share() {
        let deadline = Instant::now() + Duration::from_secs(30);
        let kept = |until: Instant| deadline.duration_since(until).as_secs_f64().round();
        assert_eq!(kept(before_another(deadline)), 10.0);
        assert_eq!(kept(before_whoami(deadline)), 6.0);
        let past = Instant::now();
        assert_eq!(before_another(past), past, "there is nothing to keep");
    }
}
