//! Credentials go only where the user sent them (product contract, section 7). Every server here
//! keeps what arrives, and a test compares that with the credentials that the run had at hand.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{
    Cloud, Doctor, EXCHANGE, PlainCloud, Proxy, Response, Run, Say, WHOAMI, World, platforms,
};

const GIVEN: &str = "pul-d0c70a11b2c3d4e5f60718293a4b5c6d7e8f9012";
const PULUMI: &str = "pul-5ec4e7a1b2c3d4e5f60718293a4b5c6d7e8f9012";
const STORED: &str = "pul-5706edc0ffee0123456789abcdef0123456789ab";

/// What a request or a command line without a token says.
const NOTHING: [&str; 0] = [];
const CODE: &str = "backend-from-project";
const HOME: &str = "../home/.pulumi/credentials.json";

fn world() -> World {
    let world = World::new(&platforms::GITHUB);
    for token in [GIVEN, PULUMI, STORED] {
        world.cloud.grant(token, "jane", "acme");
    }
    world
}

/// The credentials that are in what arrived.
fn credentials(world: &World, arrived: &[String]) -> Vec<&'static str> {
    let token = world.token();
    // Signatures differ from run to run; header and claims do not.
    let (claims, _) = token.rsplit_once('.').unwrap();
    let known = [
        ("OIDC", claims),
        ("DOCTOR_ACCESS_TOKEN", GIVEN),
        ("PULUMI_ACCESS_TOKEN", PULUMI),
        ("stored", STORED),
        ("minted", world.cloud.access_token()),
    ];
    let found = known.iter().filter(|(_, value)| arrived.iter().any(|text| text.contains(value)));
    found.map(|(name, _)| *name).collect()
}

fn texts(cloud: &Cloud) -> Vec<String> {
    let text = |request: crate::support::Request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        format!("{} {} {:?} {body}", request.method, request.target, request.headers)
    };
    cloud.requests().into_iter().map(text).collect()
}

/// What has arrived at the world's own Pulumi Cloud.
fn arrived(world: &World) -> Vec<&'static str> {
    credentials(world, &texts(&world.cloud))
}

/// A run with every credential at hand and no backend named; the stored one is for `stored_for`.
fn tempted(world: &World, doctor: Doctor, stored_for: &str) -> Doctor {
    let credentials = json!({"accounts": {stored_for: {"accessToken": STORED}}});
    [GIVEN, PULUMI, STORED, &world.token()]
        .into_iter()
        .fold(doctor, Doctor::secret)
        .without("--cloud-url")
        .env("DOCTOR_ACCESS_TOKEN", GIVEN)
        .env("PULUMI_ACCESS_TOKEN", PULUMI)
        .file(HOME, credentials.to_string())
}

const ELSEWHERE: &str = "https://elsewhere.test";

fn yaml(url: &str) -> String {
    format!("name: web\nruntime: go\nbackend:\n  url: {}\n", json!(url))
}

/// A plain run where a project file names the backend.
fn plain(world: &World, url: &str) -> Doctor {
    tempted(world, world.doctor(), ELSEWHERE).file("Pulumi.yaml", yaml(url))
}

/// Holds a run to having kept every credential back because of a project file.
fn assert_kept_back(run: &Run, case: &str) {
    assert_eq!(run.raised(CODE), ["backend", "warning", "backend"], "{case}");
    for check in ["exchange", "whoami"] {
        run.ended(check, "skip", Some("--cloud-url"));
    }
}

// ------------------------------------------------------------------------- found, in a plain run

#[test]
fn plain_run_sends_nothing_to_project_backend() {
    let world = world();
    let url = world.cloud.url().to_owned();
    let json = format!("{{\"name\": \"web\", \"backend\": {{\n\"url\": {}}}}}", json!(url));
    for (file, text, place) in [
        ("Pulumi.yaml", yaml(&url), "Pulumi.yaml:4"),
        ("Pulumi.yml", yaml(&url), "Pulumi.yml:4"),
        ("Pulumi.json", json, "Pulumi.json:2"),
        ("../Pulumi.yaml", yaml(&url), "Pulumi.yaml:4"),
    ] {
        let run = tempted(&world, world.doctor(), ELSEWHERE).file(file, text).json();
        assert_kept_back(&run, file);
        // The policy file allows the token, and the warning is no error.
        assert_eq!((run.status, &run.report["verdict"]), (0, &json!("healthy")), "{file}");
        run.ended("policy", "pass", None);
        let source = run.report["request"]["backend"]["source"].as_str().unwrap();
        assert!(source.ends_with(place), "{source}");
        run.assert_says(CODE, &[source, &url]);
        let commands = &run.finding(CODE)["remediation"]["commands"];
        assert_eq!(*commands, json!([format!("--cloud-url {url}")]));
    }
    assert_eq!(arrived(&world), NOTHING);
    // The probe without a credential was made: --allow-private-issuer lets it go to loopback.
    assert!(!world.cloud.requests().is_empty());

    // Named, the same backend gets what the login sends it.
    let run = plain(&world, &url).args(["--cloud-url", &url]).json();
    assert_eq!((run.status, run.check("exchange")["status"].as_str()), (0, Some("pass")));
    assert!(!run.codes().contains(&CODE));
    assert_eq!(arrived(&world), ["OIDC", "minted"]);
}

#[test]
fn no_way_of_giving_the_token_sends_it() {
    let world = world();
    let url = world.cloud.url().to_owned();
    let token = world.token();
    type Way = fn(Doctor, &str) -> Doctor;
    let ways: [(&str, Way); 5] = [
        ("argument", |doctor, token| doctor.arg(token)),
        ("stdin", |doctor, token| doctor.arg("-").stdin(token)),
        ("file", |doctor, token| doctor.file("t.jwt", token).arg("file://t.jwt")),
        ("--oidc-token", |doctor, token| doctor.args(["--oidc-token", token])),
        ("--token-env", |doctor, token| doctor.env("T", token).args(["--token-env", "T"])),
    ];
    let ready = || tempted(&world, world.ready(), ELSEWHERE).secret(&token);
    for (name, way) in ways {
        let run = way(ready(), &token).file("Pulumi.yaml", yaml(&url)).json();
        assert_kept_back(&run, name);
        assert_eq!(run.status, 0, "{name}");
    }
    assert_eq!(arrived(&world), NOTHING);
    for (name, way) in ways {
        let before = world.cloud.exchanges().len();
        let run = way(ready(), &token).args(["--cloud-url", &url]).json();
        assert_eq!((run.status, world.cloud.exchanges().len()), (0, before + 1), "{name}");
    }
}

#[test]
fn neither_policy_nor_exchange_is_inconclusive() {
    let world = world();
    let url = world.cloud.url().to_owned();
    let run = plain(&world, &url).without("--policy").json();
    assert_kept_back(&run, "no policy");
    assert_eq!((run.status, &run.report["verdict"]), (3, &json!("inconclusive")));
    for check in ["policy", "registration"] {
        run.ended(check, "skip", Some("--cloud-url"));
    }
    run.assert_says("policy-unknown", &["--cloud-url", "--policy"]);
    // whoami and the policy would be asked for with an access token, without an exchange as well.
    let run = plain(&world, &url).without("--policy").arg("--no-exchange").json();
    run.ended("exchange", "skip", Some("--no-exchange"));
    run.ended("whoami", "skip", Some("--cloud-url"));
    assert_eq!((run.status, run.raised(CODE)[1]), (3, "warning"));
    let run = plain(&world, &url).arg("--strict").json();
    assert_eq!((run.status, run.root_cause()), (1, Some(CODE)));
    assert_eq!(arrived(&world), NOTHING);

    // Without a network nothing would be sent anyway.
    let run = plain(&world, &url).arg("--offline").json();
    run.ended("exchange", "skip", Some("--offline"));
    assert!(!run.codes().contains(&CODE));

    let human = plain(&world, &url).without("--policy").human();
    assert!(human.stdout.contains("to trust it, pass --cloud-url"), "{}", human.stdout);

    let run = plain(&world, &url).without("--policy").args(["--cloud-url", &url]).json();
    assert_eq!((run.status, &run.report["policy"]["source"]), (0, &json!("live")));
    assert_eq!(arrived(&world), ["OIDC", "DOCTOR_ACCESS_TOKEN", "minted"]);
}

// --------------------------------------------------------------------------------------- named

#[test]
fn every_named_source_gets_the_token() {
    type Name = fn(&World, Doctor, &str) -> Doctor;
    let named: [(&str, Name); 6] = [
        ("--cloud-url", |_, doctor, url| doctor.args(["--cloud-url", url])),
        ("PULUMI_BACKEND_URL", |_, doctor, url| doctor.env("PULUMI_BACKEND_URL", url)),
        ("current", |_, doctor, url| doctor.file(HOME, json!({"current": url}).to_string())),
        ("a stored account", |world, doctor, url| {
            tempted(world, doctor, url).file("Pulumi.yaml", yaml(url))
        }),
        ("a stored account in PULUMI_HOME", |_, doctor, url| {
            let stored = json!({"accounts": {url: {"accessToken": STORED}}}).to_string();
            let doctor = doctor.file("p/credentials.json", stored).env("PULUMI_HOME", "p");
            doctor.file("Pulumi.yaml", yaml(url))
        }),
        ("current, and the project", |_, doctor, url| {
            let doctor = doctor.file(HOME, json!({"current": url}).to_string());
            doctor.file("Pulumi.yaml", yaml(url))
        }),
    ];
    for (name, named) in named {
        let world = world();
        let url = world.cloud.url().to_owned();
        let doctor = tempted(&world, world.doctor(), ELSEWHERE);
        let run = named(&world, doctor, &url).json();
        assert!(!run.codes().contains(&CODE), "{name}: {:?}", run.codes());
        assert_eq!(world.cloud.exchanges().len(), 1, "{name}");
        let run = named(&world, tempted(&world, world.doctor(), ELSEWHERE), &url);
        let run = run.arg("--no-exchange").json();
        run.ended("whoami", "pass", None);
        assert_eq!(arrived(&world), ["OIDC", "DOCTOR_ACCESS_TOKEN", "minted"], "{name}");
    }
}

#[test]
fn stored_token_goes_to_its_origin_only() {
    let world = world();
    let url = world.cloud.url().to_owned();
    let only_stored = |at: &str| {
        let doctor = tempted(&world, world.doctor(), at).unset("DOCTOR_ACCESS_TOKEN");
        doctor.unset("PULUMI_ACCESS_TOKEN").arg("--no-exchange").file("Pulumi.yaml", yaml(&url))
    };
    let port: u16 = url.rsplit(':').next().unwrap().parse().unwrap();
    for other in [
        format!("https://127.0.0.1:{}", port ^ 1),
        format!("http://127.0.0.1:{port}"),
        format!("https://localhost:{port}"),
        format!("https://127.0.0.1.evil.test:{port}"),
        format!("{url}@evil.test"),
        format!("https://user@127.0.0.1:{port}"),
        "https://127.0.0.1".to_owned(),
    ] {
        let run = only_stored(&other).json();
        assert_eq!(run.raised(CODE)[1], "warning", "{other}");
        run.ended("whoami", "skip", Some("--cloud-url"));
    }
    assert_eq!(arrived(&world), NOTHING);
    for same in [url.clone(), format!("{url}/"), url.replace("https", "HTTPS")] {
        let run = only_stored(&same).json();
        assert!(!run.codes().contains(&CODE), "{same}");
    }
    // The account is looked for as the CLI does: with this very URL, or less the slash.
    assert_eq!(arrived(&world), ["stored"]);
}

/// Pulumi's own Pulumi Cloud needs no naming, and nothing that looks like it passes for it.
#[test]
fn only_pulumi_cloud_itself_is_exempt() {
    let world = world();
    let names = ["api.pulumi.com", "api.pulumi.com.evil.test", "evil.test"];
    let pulumi = Cloud::start(world.authority.issue(&names).unwrap());
    pulumi.register("acme", &world.issuer);
    pulumi.policies(vec![world.shape.entry.clone()]);
    let behind = url::Url::parse(pulumi.url()).unwrap().socket_addrs(|| None).unwrap()[0];
    let proxy = Proxy::start(move |_| Say::Tunnel(behind));
    let run = |url: &str| plain(&world, url).env("HTTPS_PROXY", proxy.url()).json();
    for url in [
        "https://api.pulumi.com.evil.test",
        "https://api.pulumi.com:8443",
        "https://api.pulumi.com.",
        "https://api.pulumi.com@evil.test",
        "https://api.pulumi.com:443@evil.test",
        "https://evil.test/https://api.pulumi.com",
        "https://evil.test?https://api.pulumi.com",
        "https://evil.test#@api.pulumi.com",
        "https://evil.test\\@api.pulumi.com",
        "https://ap\u{456}.pulumi.com",
    ] {
        let run = run(url);
        assert!(run.check("exchange")["status"] == "skip", "{url}: {}", run.check("exchange"));
        assert_eq!(credentials(&world, &texts(&pulumi)), NOTHING, "{url}");
    }
    assert!(proxy.was_asked_for("evil.test:443"));
    for url in ["https://api.pulumi.com", "https://API.pulumi.com:443"] {
        pulumi.begin_run();
        let run = run(url);
        assert!(!run.codes().contains(&CODE), "{url}");
        run.ended("exchange", "pass", None);
    }
    assert!(credentials(&world, &texts(&pulumi)).contains(&"OIDC"));
}

// ------------------------------------------------------------------- CI and `doctor login`: as the CLI

/// A login in CI or with `doctor login`, where a project file names the backend.
fn logins(world: &World) -> Vec<(&'static str, Doctor)> {
    let token = world.token();
    let ready = || world.ready().secret(&token);
    let mut all: Vec<(&str, Doctor)> = ["GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "CI"]
        .into_iter()
        .map(|platform| (platform, ready().arg(&token).env(platform, "true")))
        .collect();
    all.push(("doctor login", ready().command("login").args(["--oidc-token", &token])));
    all.push((
        "doctor login in CI",
        ready().command("login").args(["--oidc-token", &token]).env("CI", "true"),
    ));
    all
}

#[test]
fn logins_do_as_the_cli_does() {
    let count = logins(&world()).len();
    for index in 0..count {
        let world = world();
        let url = world.cloud.url().to_owned();
        let login = |doctor: Doctor| {
            tempted(&world, doctor, ELSEWHERE).file("Pulumi.yaml", yaml(&url)).without("--policy")
        };
        let (name, doctor) = logins(&world).swap_remove(index);
        // The CLI refuses an exchange while PULUMI_ACCESS_TOKEN is set.
        let run = login(doctor).unset("PULUMI_ACCESS_TOKEN").json();
        assert_eq!((run.status, run.root_cause()), (0, None), "{name}: {:?}", run.codes());
        assert_eq!(arrived(&world), ["OIDC", "minted"], "{name}");
        assert!(!run.codes().contains(&CODE), "{name}");
        run.assert_says("policy-unknown", &["DOCTOR_ACCESS_TOKEN", "--cloud-url"]);

        let (_, doctor) = logins(&world).swap_remove(index);
        let run = login(doctor).json();
        assert_eq!(run.root_cause(), Some("access-token-set"), "{name}");
        run.ended("whoami", "pass", None);
        assert_eq!(arrived(&world), ["OIDC", "PULUMI_ACCESS_TOKEN", "minted"], "{name}");

        // A named backend gets DOCTOR_ACCESS_TOKEN.
        let (_, doctor) = logins(&world).swap_remove(index);
        login(doctor).unset("PULUMI_ACCESS_TOKEN").env("PULUMI_BACKEND_URL", &url).json();
        let got = ["OIDC", "DOCTOR_ACCESS_TOKEN", "PULUMI_ACCESS_TOKEN", "minted"];
        assert_eq!(arrived(&world), got, "{name}");
    }
}

#[test]
fn options_of_a_login_name_the_backend() {
    type Name = fn(Doctor, &str) -> Doctor;
    let named: [(&str, Name); 3] = [
        ("argument", |doctor, url| doctor.arg(url)),
        ("-c", |doctor, url| doctor.args(["-c", url])),
        ("PULUMI_OPTION_CLOUD_URL", |doctor, url| doctor.env("PULUMI_OPTION_CLOUD_URL", url)),
    ];
    for (name, named) in named {
        let world = world();
        let url = world.cloud.url().to_owned();
        let (_, doctor) = logins(&world).pop().unwrap();
        let doctor = tempted(&world, doctor, ELSEWHERE).unset("PULUMI_ACCESS_TOKEN");
        let doctor = named(doctor, &url).without("--policy").file("Pulumi.yaml", yaml(&url));
        assert_eq!(doctor.json().status, 0, "{name}");
        assert_eq!(arrived(&world), ["OIDC", "DOCTOR_ACCESS_TOKEN", "minted"], "{name}");
    }
}

/// `--cwd` leads to another project, whose file is no more the user's word than any other.
#[test]
fn another_directory_names_nothing() {
    let world = world();
    let url = world.cloud.url().to_owned();
    let (_, doctor) = logins(&world).pop().unwrap();
    let doctor = tempted(&world, doctor, ELSEWHERE).unset("PULUMI_ACCESS_TOKEN");
    let doctor = doctor.without("--policy").file("a/Pulumi.yaml", yaml(&url)).file("a/b/x", "");
    assert_eq!(doctor.args(["--cwd", "a/b"]).json().status, 0);
    assert_eq!(arrived(&world), ["OIDC", "minted"]);
    // In a plain run outside CI, `PULUMI_OPTION_…` counts for nothing.
    let doctor = plain(&world, &url).env("PULUMI_OPTION_CLOUD_URL", &url);
    assert_kept_back(&doctor.json(), "PULUMI_OPTION_CLOUD_URL");
}

// ----------------------------------------------------------------------------------- plain http

/// A plain run, CI and `doctor login` with a backend that is named.
fn named(world: &World, url: &str) -> Vec<(&'static str, Doctor)> {
    let mut all = logins(world);
    all.push(("plain", world.doctor()));
    let name = |(name, doctor)| {
        let doctor = tempted(world, doctor, url).env("PULUMI_BACKEND_URL", url);
        (name, doctor)
    };
    all.into_iter().map(name).collect()
}

const UNPROTECTED: [&str; 6] = [
    "http://cloud.test",
    "http://cloud.test:8080",
    "http://localhost.evil.test",
    "http://127.0.0.1.evil.test",
    "http://x.localhost",
    "http://localhost.",
];

#[test]
fn no_access_token_travels_over_plain_http() {
    let world = world();
    for (index, url) in UNPROTECTED.into_iter().enumerate() {
        let runs = named(&world, url).len();
        // Every setting with the first host, and every host in a plain run.
        for which in (0..runs).filter(|which| index == 0 || *which == runs - 1) {
            let network = PlainCloud::start(world.cloud.access_token());
            let run = |change: fn(Doctor) -> Doctor| {
                let (_, doctor) = named(&world, url).swap_remove(which);
                change(doctor.env("HTTP_PROXY", network.url())).json()
            };
            let case = format!("{url} {}", named(&world, url)[which].0);
            let sent = || credentials(&world, &network.requests());
            // Every kind of access token at hand, but no exchange.
            let done = run(|doctor| doctor.arg("--no-exchange").without("--policy"));
            assert_eq!(sent(), NOTHING, "{case}");
            assert!(!network.requests().is_empty(), "{case}");
            done.ended("whoami", "skip", Some("backend"));
            done.ended("policy", "skip", Some("backend"));

            let done = run(|doctor| doctor.unset("PULUMI_ACCESS_TOKEN"));
            assert_eq!(sent(), ["OIDC"], "{case}: {:?}", done.codes());
            done.ended("exchange", "pass", None);
            done.ended("whoami", "skip", Some("backend"));
            assert_eq!(done.raised("backend-insecure"), ["backend", "warning", "backend"]);
            assert_eq!((done.status, &done.report["verdict"]), (0, &json!("healthy")), "{case}");
        }
    }
}

#[test]
fn insecure_remedy_keeps_host_and_port() {
    let world = world();
    for (url, meant) in [
        ("http://cloud.test:8080", "https://cloud.test:8080"),
        ("http://cloud.test:80", "https://cloud.test --oidc-token"),
        ("http://cloud.test", "https://cloud.test --oidc-token"),
    ] {
        let run = world.doctor().option("--cloud-url", url).arg("--offline").json();
        run.assert_says("backend-insecure", &[meant]);
    }
}

#[test]
fn plain_http_on_this_machine_is_safe() {
    for host in ["127.0.0.1", "localhost", "LOCALHOST"] {
        let world = world();
        let cloud = PlainCloud::start(world.cloud.access_token());
        let url = cloud.url_at(host);
        let proxy = PlainCloud::start(world.cloud.access_token());
        let run = tempted(&world, world.doctor(), &url).args(["--cloud-url", &url]);
        let run = run.env("HTTP_PROXY", proxy.url()).json();
        assert_eq!(run.status, 0, "{host}");
        run.ended("whoami", "pass", None);
        assert!(!run.codes().contains(&"backend-insecure"), "{host}");
        assert_eq!(credentials(&world, &cloud.requests()), ["OIDC", "minted"], "{host}");
        assert!(proxy.requests().is_empty(), "{host}");
    }
}

#[test]
fn project_backend_over_plain_http() {
    let world = world();
    let url = "http://cloud.test";
    let network = PlainCloud::start(world.cloud.access_token());
    let sent = || credentials(&world, &network.requests());
    let run = plain(&world, url).env("HTTP_PROXY", network.url()).json();
    assert_kept_back(&run, "plain");
    assert_eq!(run.raised("backend-insecure")[1], "warning");
    assert!(!network.requests().is_empty());
    assert_eq!((run.status, sent()), (0, vec![]));
    // An http URL of Pulumi's own host is not Pulumi Cloud.
    let run = plain(&world, "http://api.pulumi.com").env("HTTP_PROXY", network.url()).json();
    assert_kept_back(&run, "http://api.pulumi.com");
    assert_eq!(sent(), NOTHING);

    let (_, doctor) = logins(&world).pop().unwrap();
    let doctor = tempted(&world, doctor, ELSEWHERE).unset("PULUMI_ACCESS_TOKEN");
    let doctor = doctor.file("Pulumi.yaml", yaml(url)).env("HTTP_PROXY", network.url());
    let run = doctor.json();
    run.ended("whoami", "skip", Some("backend"));
    assert_eq!((run.status, sent()), (0, vec!["OIDC"]), "{:?}", run.codes());
}

// ------------------------------------------------------------------------------------ redirects

#[test]
fn no_redirect_takes_a_credential_along() {
    let world = world();
    let other = World::new(&platforms::GITHUB);
    let plain = PlainCloud::start(world.cloud.access_token());
    let path = |origin: &str| format!("{origin}/api/user");
    let port = world.cloud.url().rsplit(':').next().unwrap().to_owned();
    for status in [301, 302, 303, 307, 308] {
        for to in [
            path(other.cloud.url()),
            path(&plain.url()),
            path(&format!("http://127.0.0.1:{port}")),
            format!("//{}/api/user", other.cloud.url().trim_start_matches("https://")),
        ] {
            let away = || Response::new(status, "text/plain", "").header("location", &to);
            world.cloud.answer(WHOAMI, away());
            let run = world.doctor().json();
            assert_eq!(run.root_cause(), Some("whoami-failed"), "{status} {to}");
            world.cloud.answer("/api/orgs/acme/oidc/issuers", away());
            let doctor = tempted(&world, world.doctor(), ELSEWHERE).without("--policy");
            doctor.args(["--cloud-url", world.cloud.url(), "--no-exchange"]).json();
        }
    }
    for status in [301, 307, 308] {
        let to = format!("{}{EXCHANGE}", other.cloud.url());
        let away = Response::new(status, "text/plain", "").header("location", &to);
        world.cloud.answer(EXCHANGE, away);
        let run = world.doctor().json();
        assert_eq!(run.root_cause(), Some("exchange-rejected"), "{status}");
    }
    assert!(other.cloud.requests().is_empty() && plain.requests().is_empty());

    // On the same origin it is followed.
    let world = self::world();
    world.cloud.answer(WHOAMI, Response::new(302, "text/plain", "").header("location", "/me"));
    let user = json!({"githubLogin": "ci-bot", "name": "ci", "organizations": []});
    world.cloud.answer("/me", Response::json(200, &user));
    assert_eq!(world.doctor().json().report["identity"]["user"], "ci-bot");
}

// ------------------------------------------------------------------------------------ addresses

/// Not even a request without a credential goes to a private address that a project file names.
#[test]
fn project_backend_passes_the_address_guard() {
    let world = world();
    let cloud = world.cloud.url().to_owned();
    let network = PlainCloud::start(world.cloud.access_token());
    for (url, address) in [
        (cloud.clone(), "127.0.0.1 (loopback)"),
        (cloud.replace("127.0.0.1", "localhost"), "127.0.0.1 (loopback)"),
        (network.url(), "127.0.0.1 (loopback)"),
        ("https://10.20.30.40".into(), "10.20.30.40 (private)"),
        ("http://192.168.1.1:8080".into(), "192.168.1.1 (private)"),
        ("http://169.254.1.1".into(), "169.254.1.1 (link-local)"),
        ("http://169.254.169.254".into(), "169.254.169.254 (a metadata service)"),
    ] {
        let run = plain(&world, &url).without("--allow-private-issuer");
        // The issuer's address is refused as well, which is no matter here.
        let run = run.env("HTTP_PROXY", network.url()).json();
        assert_kept_back(&run, &url);
        run.ended("cloud", "skip", Some("--cloud-url"));
        run.assert_says(CODE, &[address]);
        assert_eq!((run.status, run.root_cause()), (0, None), "{url}: {:?}", run.codes());
    }
    assert!(world.cloud.requests().is_empty() && network.requests().is_empty());

    // With the option, loopback is asked; a metadata service never.
    let run = plain(&world, &cloud).json();
    run.ended("cloud", "pass", None);
    assert_eq!(arrived(&world), NOTHING);
    let run = plain(&world, "http://169.254.169.254").json();
    run.ended("cloud", "skip", Some("--cloud-url"));
}

#[test]
fn logins_connect_to_private_backends_and_no_metadata_service() {
    let world = world();
    let cloud = world.cloud.url().to_owned();
    let login = |url: &str| {
        let (_, doctor) = logins(&world).pop().unwrap();
        let doctor = tempted(&world, doctor, ELSEWHERE).unset("PULUMI_ACCESS_TOKEN");
        doctor.without("--allow-private-issuer").file("Pulumi.yaml", yaml(url)).json()
    };
    assert_eq!(login(&cloud).status, 0);
    let run = login("http://169.254.169.254");
    assert_eq!(run.root_cause(), Some("backend-unreachable"));
    run.assert_says("backend-unreachable", &["169.254.169.254 (a metadata service)"]);
    run.ended("exchange", "skip", Some("cloud"));
}

// --------------------------------------------------------------------------------- what is shown

#[test]
fn reports_show_backend_and_source() {
    let world = world();
    let url = world.cloud.url().to_owned();
    let shown = format!("backend {url} (");
    for arguments in [&["-q"][..], &[], &["-v"]] {
        let run = plain(&world, &url).args(arguments.iter().copied()).human();
        let text = &run.stdout;
        let ok = if arguments == ["-v"] { text.contains(&url) } else { text.contains(&shown) };
        assert!(ok && text.contains("Pulumi.yaml:4"), "{arguments:?}: {text}");
    }
    let quiet = world.doctor().arg("-q").human();
    assert!(quiet.stdout.contains(&format!("{shown}--cloud-url)")), "{}", quiet.stdout);
}

/// The option in the remedy, added to the same command, makes the login work.
#[test]
fn the_remedy_works() {
    let world = world();
    let url = world.cloud.url().to_owned();
    let found = || {
        let stored = tempted(&world, world.doctor(), ELSEWHERE);
        stored.file("Pulumi.yaml", yaml(&url)).unset("PULUMI_ACCESS_TOKEN")
    };
    let run = found().json();
    let command = run.finding(CODE)["remediation"]["commands"][0].as_str().unwrap().to_owned();
    let again = found().args(command.split(' ')).json();
    assert_eq!((again.status, again.codes()), (0, vec![]));
    again.ended("whoami", "pass", None);
}

/// The commands of a report.
fn commands(run: &Run) -> Vec<String> {
    let findings = run.report["findings"].as_array().unwrap().iter();
    let commands = findings.flat_map(|f| f["remediation"]["commands"].as_array().unwrap());
    commands.map(|command| command.as_str().unwrap().to_owned()).collect()
}

#[test]
fn no_command_sends_a_token_to_a_project_backend() {
    let mut world = world();
    let unregistered = json!("https://127.0.0.1:1/nobody");
    let cloud = world.cloud.url().to_owned();
    type Break = fn(Doctor) -> Doctor;
    let broken: [(&str, Break); 4] = [
        // This version reads no organization from the token.
        ("organization-missing", |doctor| {
            doctor.without("--oidc-org").option("--pulumi-version", "3.216.0")
        }),
        ("expiration-exceeds-maximum", |doctor| doctor.args(["--oidc-expiration", "100h"])),
        ("issuer-wrong-organization", |doctor| doctor.option("--oidc-org", "globex")),
        ("issuer-not-registered", |doctor| doctor),
    ];
    world.cloud.registration(|one| one["maxExpiration"] = json!(3600));
    let policy = world.policy();
    let claims = world.shape.claims.clone();
    let mut seen = BTreeSet::new();
    for (code, change) in broken {
        world.shape.claims = claims.clone();
        if code == "issuer-not-registered" {
            world.shape.claims["iss"] = unregistered.clone();
        }
        let sends = |command: &String| {
            let words = ["--oidc-token", "pulumi login", "PULUMI_ACCESS_TOKEN"];
            command.contains(&cloud) && words.iter().any(|word| command.contains(word))
        };
        let prepared = |doctor: Doctor| change(doctor.file("policy.json", policy.to_string()));
        let run = prepared(plain(&world, &cloud)).json();
        let texts = run.text(code);
        assert!(!commands(&run).iter().any(sends), "{code}: {texts}");
        run.assert_says(code, &["Pulumi.yaml:4", "--cloud-url"]);
        assert!(!texts.lines().any(|line| line.ends_with(':')), "announces nothing: {texts}");

        // Named, or in CI, the command is there; in CI it says where the backend comes from.
        let run = prepared(plain(&world, &cloud).args(["--cloud-url", &cloud])).json();
        assert!(commands(&run).iter().any(sends), "{code}: {}", run.text(code));
        let run = prepared(plain(&world, &cloud).env("CI", "true")).json();
        assert!(commands(&run).iter().any(sends), "{code}: {}", run.text(code));
        run.assert_says(code, &["Pulumi.yaml:4 names the backend"]);
        seen.insert(code);
    }
    assert_eq!(seen.len(), broken.len());
}

// --------------------------------------------------------------------------------- older bundles

/// A bundle of a version that sent credentials to a project's backend: the answers are in it, so
/// nothing was kept back.
#[test]
fn older_bundles_are_judged_by_their_answers() {
    let text = include_str!("../../../fixtures/bundles/v1/healthy.json");
    let mut bundle: Value = serde_json::from_str(text).unwrap();
    bundle["evidence"]["options"]["setting"] = json!({"kind": "person"});
    let source = json!({"kind": "project", "path": "/web/Pulumi.yaml", "line": 3});
    let candidate = json!({"url": "https://pulumi.acme.test", "source": source});
    bundle["evidence"]["backend"]["candidates"] = json!([candidate]);
    let replay = |bundle: &Value| {
        let doctor = Doctor::bare().file("b.json", bundle.to_string());
        doctor.args(["replay", "b.json"]).json()
    };
    let run = replay(&bundle);
    assert_eq!((run.status, run.codes().contains(&CODE)), (0, false), "{:?}", run.codes());
    run.ended("exchange", "pass", None);

    // Of this version.
    let cloud = &mut bundle["evidence"]["cloud"];
    for probe in ["exchange", "whoami"] {
        cloud[probe] = json!({"outcome": "notRun"});
    }
    cloud["exchangeSkipped"] = json!("--cloud-url");
    cloud["accessToken"] = json!({"kind": "none"});
    let run = replay(&bundle);
    assert_eq!(run.raised(CODE)[1], "warning");
    assert_kept_back(&run, "replay");
}
