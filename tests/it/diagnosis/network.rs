//! A run reuses connections, and no request waits for one that it does not need. The tests use no
//! clock: servers that wait for each other show which requests overlap.

use rustls::ProtocolVersion::TLSv1_3;
use serde_json::{Value, json};

use crate::support::platforms::GITHUB;
use crate::support::{
    CAPABILITIES, Connection, Doctor, EXCHANGE, Ended, Event, ORGANIZATION, Proxy, ProxyAction,
    Response, Server, WHOAMI, World, wait_until,
};

const ADMIN: &str = "pul-4f0c9a7be1d25836904c7fa1b2e8d35c60f94a17";
const ISSUERS: &str = "/api/orgs/acme/oidc/issuers";
const POLICIES: &str = "/api/orgs/acme/auth/policies/oidcissuers/issuer-0";

/// A run that makes every request, including those for the registrations.
fn run_with_all_requests(world: &World) -> Doctor {
    world.cloud.accept_access_token(ADMIN, "ada", ORGANIZATION);
    world.doctor_without_policy().env("DOCTOR_ACCESS_TOKEN", ADMIN).secret(ADMIN)
}

fn paths(server: &Server) -> Vec<String> {
    server.requests().iter().map(|request| request.path().to_owned()).collect()
}

#[test]
fn connections_are_reused() {
    type Ask = fn(&World) -> Doctor;
    let asks: [(&str, Ask, usize); 4] = [
        ("the exchange", World::doctor, 3),
        ("no exchange", |world| world.doctor().arg("--no-exchange"), 1),
        ("everything", run_with_all_requests, 5),
        (
            "everything but the exchange",
            |world| run_with_all_requests(world).arg("--no-exchange"),
            4,
        ),
    ];
    for (what, ask, requests) in asks {
        let world = World::new(&GITHUB);
        ask(&world).json().assert_healthy();
        let connection = |is_http2| Connection { tls: Some(TLSv1_3), is_http2 };
        assert_eq!(world.cloud.requests().len(), requests, "{what}");
        // Simultaneous requests may each open a connection.
        let connections = world.cloud.connections();
        assert!(connections.len() <= requests.min(3), "{what}: {connections:?}");
        assert!(connections.iter().all(|one| *one == connection(true)), "{connections:?}");
        assert_eq!(world.issuer.requests().len(), 2, "{what}");
        assert_eq!(world.issuer.connections(), [connection(false)], "{what}");
    }
}

#[test]
fn http1_backend_is_used() {
    let world = World::new(&GITHUB);
    let identity = world.authority.issue(&["127.0.0.1"]).unwrap();
    let server = Server::start_http1(identity, world.cloud.handler()).unwrap();
    run_with_all_requests(&world).option("--cloud-url", server.url()).json().assert_healthy();
    let mut paths = paths(&server);
    paths.sort();
    assert_eq!(paths, [CAPABILITIES, EXCHANGE, POLICIES, ISSUERS, WHOAMI]);
    // The number depends on whether a connection becomes free before a new one opens.
    assert!(server.connections().iter().all(|connection| !connection.is_http2));
}

/// The issuer and capabilities answer only once the exchange is requested, and the exchange only
/// once the list of issuers is. A request that waited for another one would never be answered.
#[test]
fn independent_requests_run_together() {
    for start in [Server::start, Server::start_http1] {
        let world = World::new(&GITHUB);
        let (exchanging, listing) = (Event::default(), Event::default());
        let discovery = Response::json(200, &world.issuer.discovery()).after_event(&exchanging);
        world.issuer.answer(&world.issuer.discovery_path(), discovery);
        let answer = world.cloud.handler();
        let identity = world.authority.issue(&["127.0.0.1"]).unwrap();
        let server = start(
            identity,
            Box::new(move |request: &_| {
                let answer = answer(request);
                match request.path() {
                    CAPABILITIES => answer.after_event(&exchanging),
                    EXCHANGE => {
                        exchanging.trigger();
                        answer.after_event(&listing)
                    }
                    ISSUERS => {
                        listing.trigger();
                        answer
                    }
                    _ => answer,
                }
            }),
        );
        let server = server.unwrap();
        run_with_all_requests(&world).option("--cloud-url", server.url()).json().assert_healthy();
        assert_eq!(paths(&server).len(), 5);
    }
}

/// A `pulumi` that waits for a file before it prints its version.
#[cfg(unix)]
fn cli_waiting_for_file(file: &str, version: &str) -> String {
    format!(
        "n=0\nwhile [ ! -e {file} ] && [ $n -lt 500 ]; do n=$((n + 1)); /bin/sleep 0.01; done\n\
         echo v{version}"
    )
}

/// The `pulumi` on PATH prints its version only after issuer and backend were requested. Requests
/// that need the version follow.
#[cfg(unix)]
#[test]
fn cli_version_is_asked_in_parallel() {
    let world = World::new(&GITHUB);
    let doctor = world
        .doctor()
        .without("--pulumi-version")
        .program("pulumi", &cli_waiting_for_file("asked", "3.220.0"))
        .env("CI", "1")
        .args(["--format", "json"]);
    let mut running = doctor.start();
    let keys = world.issuer.jwks_path();
    wait_until("keys and capabilities", || {
        world.issuer.requests().iter().any(|request| request.path() == keys)
            && !world.cloud.requests().is_empty()
    });
    let asked = world.cloud.requests();
    assert_eq!(asked.iter().map(|one| one.path()).collect::<Vec<_>>(), [CAPABILITIES]);
    std::fs::write(running.path("asked"), "").unwrap();
    let ended = running.end();
    let report = report(&ended);
    assert_eq!(report["verdict"], "healthy", "{report}");
    assert_eq!(check(&report, "cli")["summary"], "pulumi 3.220.0");
    let asked = world.cloud.requests();
    let whoami = asked.iter().find(|request| request.path() == WHOAMI).unwrap();
    // This old CLI has another header; newer ones request version 9.
    assert_eq!(whoami.header("accept"), Some("application/vnd.pulumi+8"));
    assert!(world.cloud.connections().len() < asked.len());
}

/// Without a default backend, a request that was made before the version was known is cancelled
/// and leaves nothing in the report.
#[cfg(unix)]
#[test]
fn needless_request_is_given_up() {
    let world = World::new(&GITHUB);
    let identity = world.authority.issue(&["api.pulumi.com"]).unwrap();
    let never = Event::default();
    let silent =
        Server::start(identity, move |_| Response::json(200, &json!({})).after_event(&never));
    let silent = silent.unwrap();
    let address = silent.url().strip_prefix("https://").unwrap().parse().unwrap();
    let proxy = Proxy::always(ProxyAction::Tunnel(address));
    let doctor = world
        .doctor()
        .without("--pulumi-version")
        .without("--cloud-url")
        .program("pulumi", &cli_waiting_for_file("asked", "3.214.0"))
        .env("CI", "1")
        .env("HTTPS_PROXY", proxy.url())
        .args(["--timeout", "50s", "--format", "json"]);
    let mut running = doctor.start();
    wait_until("capabilities", || !silent.requests().is_empty());
    std::fs::write(running.path("asked"), "").unwrap();
    let ended = running.end();
    assert!(ended.elapsed.as_secs() < 40, "{:?}", ended.elapsed);
    let report = report(&ended);
    assert_eq!(report["rootCause"], "backend-empty", "{report}");
    assert_eq!(report["findings"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(check(&report, "cloud")["skippedBecause"], "backend");
}

#[cfg(unix)]
fn report(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap()
}

#[cfg(unix)]
fn check<'a>(report: &'a Value, id: &str) -> &'a Value {
    report["checks"].as_array().unwrap().iter().find(|check| check["id"] == id).unwrap()
}
