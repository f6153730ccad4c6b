//! What is asked again, and what is not.

use std::thread;

use super::acts::FAULTS;
use super::matrix::Place;
use super::server::{Act, write_whole};
use super::stage::Stage;
use crate::support::{Response, Run};

/// What changes nothing, and the check that tells of it.
const QUESTIONS: [(Place, &str); 6] = [
    (Place::Discovery, "issuer"),
    (Place::Keys, "keys"),
    (Place::Capabilities, "cloud"),
    (Place::Whoami, "whoami"),
    (Place::Issuers, "registration"),
    (Place::Policies, "policy"),
];

fn act(name: &str) -> Act {
    FAULTS.iter().find(|fault| fault.name == name).unwrap().act
}

fn once(place: Place, act: Act) -> (Run, usize) {
    let stage = Stage::failing_once(place, act);
    (stage.doctor().json(), stage.asked())
}

#[test]
fn what_may_pass_is_asked_again() {
    // At once: most of the time is waiting for the second that a server asked for.
    thread::scope(|scope| {
        for (place, check) in QUESTIONS {
            for name in ["reset when asked", "503, try in 0 s", "429, try in 1 s"] {
                scope.spawn(move || is_asked_again(place, check, name));
            }
        }
    });
    let (run, _) = once(Place::Discovery, act("reset on connect"));
    run.assert_healthy();
}

fn is_asked_again(place: Place, check: &str, name: &str) {
    let (run, asked) = once(place, act(name));
    assert_eq!((run.root_cause(), run.codes(), asked), (None, vec![], 2), "{place:?} {name}");
    run.assert_check(check, "pass", None);
    let told = !matches!(place, Place::Issuers | Place::Policies);
    let summary = run.check(check)["summary"].as_str().unwrap();
    assert_eq!(summary.ends_with(", when asked again"), told, "{summary}");
}

#[test]
fn what_fails_twice_says_so() {
    for (place, code) in [
        (Place::DiscoveryAlone, "discovery-not-found"),
        (Place::KeysAlone, "jwks-unreachable"),
        (Place::Whoami, "whoami-failed"),
        (Place::Issuers, "policy-unknown"),
    ] {
        let fault = FAULTS.iter().find(|fault| fault.name == "503, try in 0 s").unwrap();
        let stage = Stage::set(place, fault);
        let run = stage.doctor().json();
        assert_eq!(stage.asked(), 2, "{place:?}");
        run.assert_finding_contains(code, &["503", "twice"]);
    }
}

/// A token that is lost on the way may have been minted, and a second one would be too much.
#[test]
fn token_is_minted_once() {
    for (place, names) in [
        (
            Place::Exchange,
            ["exchange-server-error", "exchange-rate-limited", "backend-unreachable"],
        ),
        (Place::TokenRequest, ["token-request-failed"; 3]),
    ] {
        for (fault, code) in
            ["503, try in 0 s", "429, try in 1 s", "reset when asked"].iter().zip(names)
        {
            let (run, asked) = once(place, act(fault));
            assert_eq!((run.root_cause(), run.status), (Some(code), 1), "{place:?} {fault}");
            assert_eq!(asked, 1, "{place:?} {fault}");
            assert!(!run.finding_text(code).contains("twice"));
        }
    }
}

#[test]
fn no_retry_without_retry_after() {
    let later = Act::Asked(|tls, _| {
        let date = "Fri, 02 Jan 2099 03:04:05 GMT";
        write_whole(tls, &Response::new(503, "text/plain", "").header("retry-after", date))
    });
    let soon = Act::Asked(|tls, _| {
        write_whole(tls, &Response::new(500, "text/plain", "").header("retry-after", "0"))
    });
    for act in [act("503"), act("429"), act("503, try in 1 h"), later, soon] {
        let (run, asked) = once(Place::Whoami, act);
        assert_eq!((run.root_cause(), asked), (Some("whoami-failed"), 1));
    }
}

#[test]
fn there_has_to_be_time_for_it() {
    let stage = Stage::failing_once(Place::Whoami, act("429, try in 1 s"));
    let run = stage.doctor().args(["--timeout", "1500ms"]).json();
    assert_eq!((run.root_cause(), stage.asked()), (Some("whoami-failed"), 1));
}
