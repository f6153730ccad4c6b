//! How the time of a run is shared where one request waits for another.
//!
//! Everything that can run at the same time does, and has the whole time. In a row the first may
//! be slow without being wrong, but not so slow that the next one, which then is not to blame,
//! runs out of time.

use std::time::Duration;

use tokio::time::Instant;

/// When something has to be done that another request waits for: a third of the time that is
/// left now is kept for that one.
pub(crate) fn before_another(deadline: Instant) -> Instant {
    keeping(3, deadline)
}

/// The same for the token exchange. It is made once, and cutting it off may waste an access
/// token: only a fifth is kept.
pub(crate) fn before_whoami(deadline: Instant) -> Instant {
    keeping(5, deadline)
}

fn keeping(part: u32, deadline: Instant) -> Instant {
    deadline - left(deadline) / part
}

/// What is left until then.
pub(crate) fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_request_has_its_part() {
        let deadline = Instant::now() + Duration::from_secs(30);
        let kept = |until: Instant| deadline.duration_since(until).as_secs_f64().round();
        assert_eq!(kept(before_another(deadline)), 10.0);
        assert_eq!(kept(before_whoami(deadline)), 6.0);
        let past = Instant::now();
        assert_eq!(before_another(past), past, "there is nothing to keep");
    }
}
