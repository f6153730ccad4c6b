//! Which requests are retried.

use std::thread;

use super::acts::FAULTS;
use super::matrix::Place;
use super::server::{Act, write_whole};
use super::stage::Stage;
use crate::support::{Response, Run};

/// Requests that change nothing, and the check that reports each.
const SAFE_REQUESTS: [(Place, &str); 6] = [
    (Place::Discovery, "issuer"),
    (Place::Keys, "keys"),
    (Place::Capabilities, "cloud"),
    (Place::Whoami, "whoami"),
    (Place::Issuers, "registration"),
    (Place::Policies, "policy"),
];

fn act_of_fault(name: &str) -> Act {
    FAULTS.iter().find(|fault| fault.name == name).unwrap().act
}

fn run_with_one_fault(place: Place, act: Act) -> (Run, usize) {
    let stage = Stage::failing_once(place, act);
    (stage.doctor().json(), stage.fault_count())
}

#[test]
fn transient_faults_are_retried() {
    // In parallel, since the runs mostly wait for the second that the server demands.
    thread::scope(|scope| {
        for (place, check) in SAFE_REQUESTS {
            for name in ["reset when asked", "503, try in 0 s", "429, try in 1 s"] {
                scope.spawn(move || assert_retried(place, check, name));
            }
        }
    });
    let (run, _) = run_with_one_fault(Place::Discovery, act_of_fault("reset on connect"));
    run.assert_healthy();
}

fn assert_retried(place: Place, check: &str, name: &str) {
    let (run, requests) = run_with_one_fault(place, act_of_fault(name));
    assert_eq!((run.root_cause(), run.codes(), requests), (None, vec![], 2), "{place:?} {name}");
    run.assert_check(check, "pass", None);
    let mentions_retry = !matches!(place, Place::Issuers | Place::Policies);
    let summary = run.check(check)["summary"].as_str().unwrap();
    assert_eq!(summary.ends_with(", when asked again"), mentions_retry, "{summary}");
}

#[test]
fn repeated_failure_says_twice() {
    for (place, code) in [
        (Place::DiscoveryAlone, "discovery-not-found"),
        (Place::KeysAlone, "jwks-unreachable"),
        (Place::Whoami, "whoami-failed"),
        (Place::Issuers, "policy-unknown"),
    ] {
        let fault = FAULTS.iter().find(|fault| fault.name == "503, try in 0 s").unwrap();
        let stage = Stage::set(place, fault);
        let run = stage.doctor().json();
        assert_eq!(stage.fault_count(), 2, "{place:?}");
        run.assert_finding_contains(code, &["503", "twice"]);
    }
}

/// A lost answer may have minted a token, so a retry would mint a second one.
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
            let (run, requests) = run_with_one_fault(place, act_of_fault(fault));
            assert_eq!((run.root_cause(), run.status), (Some(code), 1), "{place:?} {fault}");
            assert_eq!(requests, 1, "{place:?} {fault}");
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
    for act in
        [act_of_fault("503"), act_of_fault("429"), act_of_fault("503, try in 1 h"), later, soon]
    {
        let (run, requests) = run_with_one_fault(Place::Whoami, act);
        assert_eq!((run.root_cause(), requests), (Some("whoami-failed"), 1));
    }
}

#[test]
fn no_retry_without_enough_time() {
    let stage = Stage::failing_once(Place::Whoami, act_of_fault("429, try in 1 s"));
    let run = stage.doctor().args(["--timeout", "1500ms"]).json();
    assert_eq!((run.root_cause(), stage.fault_count()), (Some("whoami-failed"), 1));
}
