//! Credentials go only where the user sent them (product contract, section 7). Every server records
//! its requests, and the tests compare them with the credentials of the run.

mod plain_http;
mod report;

use serde_json::json;

use crate::support::{Cloud, Doctor, Proxy, ProxyAction, Request, Run, World, platforms};

const GIVEN: &str = "pul-d0c70a11b2c3d4e5f60718293a4b5c6d7e8f9012";
const PULUMI: &str = "pul-5ec4e7a1b2c3d4e5f60718293a4b5c6d7e8f9012";
const STORED: &str = "pul-5706edc0ffee0123456789abcdef0123456789ab";

/// No credential.
const NOTHING: [&str; 0] = [];
const CODE: &str = "backend-from-project";
const HOME: &str = "../home/.pulumi/credentials.json";

fn world() -> World {
    let world = World::new(&platforms::GITHUB);
    for token in [GIVEN, PULUMI, STORED] {
        world.cloud.accept_access_token(token, "jane", "acme");
    }
    world
}

/// The names of the credentials that the requests contain.
fn credentials_in(world: &World, requests: &[String]) -> Vec<&'static str> {
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
    let found = known.iter().filter(|(_, value)| requests.iter().any(|text| text.contains(value)));
    found.map(|(name, _)| *name).collect()
}

fn request_texts(cloud: &Cloud) -> Vec<String> {
    let text = |request: Request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        format!("{} {} {:?} {body}", request.method, request.target, request.headers)
    };
    cloud.requests().into_iter().map(text).collect()
}

/// The names of the credentials that the world's Pulumi Cloud has received.
fn received(world: &World) -> Vec<&'static str> {
    credentials_in(world, &request_texts(&world.cloud))
}

/// Adds every kind of credential to a run, and removes `--cloud-url`. The stored one is for
/// `stored_for`.
fn with_credentials(world: &World, doctor: Doctor, stored_for: &str) -> Doctor {
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

/// A plain run with a project file that names the backend.
fn plain(world: &World, url: &str) -> Doctor {
    with_credentials(world, world.doctor(), ELSEWHERE).file("Pulumi.yaml", yaml(url))
}

/// Asserts that a run sent no credential because only a project file names the backend.
fn assert_withheld(run: &Run, case: &str) {
    assert_eq!(run.classification(CODE), ["backend", "warning", "backend"], "{case}");
    for check in ["exchange", "whoami"] {
        run.assert_check(check, "skip", Some("--cloud-url"));
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
        let run = with_credentials(&world, world.doctor(), ELSEWHERE).file(file, text).json();
        assert_withheld(&run, file);
        // The policy file allows the token, and the warning is no error.
        assert_eq!((run.status, &run.report["verdict"]), (0, &json!("healthy")), "{file}");
        run.assert_check("policy", "pass", None);
        let source = run.report["request"]["backend"]["source"].as_str().unwrap();
        assert!(source.ends_with(place), "{source}");
        run.assert_finding_contains(CODE, &[source, &url]);
        let commands = &run.finding(CODE)["remediation"]["commands"];
        assert_eq!(*commands, json!([format!("--cloud-url {url}")]));
    }
    assert_eq!(received(&world), NOTHING);
    // The request without a credential was sent: --allow-private-issuer allows loopback.
    assert!(!world.cloud.requests().is_empty());

    // If the user names the same backend, it gets the token.
    let run = plain(&world, &url).args(["--cloud-url", &url]).json();
    assert_eq!((run.status, run.check("exchange")["status"].as_str()), (0, Some("pass")));
    assert!(!run.codes().contains(&CODE));
    assert_eq!(received(&world), ["OIDC", "minted"]);
}

#[test]
fn project_backend_gets_no_token() {
    let world = world();
    let url = world.cloud.url().to_owned();
    let token = world.token();
    type GiveToken = fn(Doctor, &str) -> Doctor;
    let token_sources: [(&str, GiveToken); 5] = [
        ("argument", |doctor, token| doctor.arg(token)),
        ("stdin", |doctor, token| doctor.arg("-").stdin(token)),
        ("file", |doctor, token| doctor.file("t.jwt", token).arg("file://t.jwt")),
        ("--oidc-token", |doctor, token| doctor.args(["--oidc-token", token])),
        ("--token-env", |doctor, token| doctor.env("T", token).args(["--token-env", "T"])),
    ];
    let doctor =
        || with_credentials(&world, world.doctor_without_token(), ELSEWHERE).secret(&token);
    for (name, give_token) in token_sources {
        let run = give_token(doctor(), &token).file("Pulumi.yaml", yaml(&url)).json();
        assert_withheld(&run, name);
        assert_eq!(run.status, 0, "{name}");
    }
    assert_eq!(received(&world), NOTHING);
    for (name, give_token) in token_sources {
        let before = world.cloud.exchanges().len();
        let run = give_token(doctor(), &token).args(["--cloud-url", &url]).json();
        assert_eq!((run.status, world.cloud.exchanges().len()), (0, before + 1), "{name}");
    }
}

#[test]
fn neither_policy_nor_exchange_is_inconclusive() {
    let world = world();
    let url = world.cloud.url().to_owned();
    let run = plain(&world, &url).without("--policy").json();
    assert_withheld(&run, "no policy");
    assert_eq!((run.status, &run.report["verdict"]), (3, &json!("inconclusive")));
    for check in ["policy", "registration"] {
        run.assert_check(check, "skip", Some("--cloud-url"));
    }
    run.assert_finding_contains("policy-unknown", &["--cloud-url", "--policy"]);
    // Even without an exchange, whoami and the policy would need an access token.
    let run = plain(&world, &url).without("--policy").arg("--no-exchange").json();
    run.assert_check("exchange", "skip", Some("--no-exchange"));
    run.assert_check("whoami", "skip", Some("--cloud-url"));
    assert_eq!((run.status, run.classification(CODE)[1]), (3, "warning"));
    let run = plain(&world, &url).arg("--strict").json();
    assert_eq!((run.status, run.root_cause()), (1, Some(CODE)));
    assert_eq!(received(&world), NOTHING);

    // Offline nothing is sent anyway.
    let run = plain(&world, &url).arg("--offline").json();
    run.assert_check("exchange", "skip", Some("--offline"));
    assert!(!run.codes().contains(&CODE));

    let human = plain(&world, &url).without("--policy").human();
    let reason = "needs --cloud-url, since only a project file names the backend";
    assert!(human.stdout.contains(reason), "{}", human.stdout);

    let run = plain(&world, &url).without("--policy").args(["--cloud-url", &url]).json();
    assert_eq!((run.status, &run.report["policy"]["source"]), (0, &json!("live")));
    assert_eq!(received(&world), ["OIDC", "DOCTOR_ACCESS_TOKEN", "minted"]);
}

// --------------------------------------------------------------------------------------- named

#[test]
fn every_named_backend_gets_token() {
    type NameBackend = fn(&World, Doctor, &str) -> Doctor;
    let sources: [(&str, NameBackend); 6] = [
        ("--cloud-url", |_, doctor, url| doctor.args(["--cloud-url", url])),
        ("PULUMI_BACKEND_URL", |_, doctor, url| doctor.env("PULUMI_BACKEND_URL", url)),
        ("current", |_, doctor, url| doctor.file(HOME, json!({"current": url}).to_string())),
        ("a stored account", |world, doctor, url| {
            with_credentials(world, doctor, url).file("Pulumi.yaml", yaml(url))
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
    for (name, name_backend) in sources {
        let world = world();
        let url = world.cloud.url().to_owned();
        let doctor = with_credentials(&world, world.doctor(), ELSEWHERE);
        let run = name_backend(&world, doctor, &url).json();
        assert!(!run.codes().contains(&CODE), "{name}: {:?}", run.codes());
        assert_eq!(world.cloud.exchanges().len(), 1, "{name}");
        let run = name_backend(&world, with_credentials(&world, world.doctor(), ELSEWHERE), &url);
        let run = run.arg("--no-exchange").json();
        run.assert_check("whoami", "pass", None);
        assert_eq!(received(&world), ["OIDC", "DOCTOR_ACCESS_TOKEN", "minted"], "{name}");
    }
}

#[test]
fn stored_token_goes_to_its_origin_only() {
    let world = world();
    let url = world.cloud.url().to_owned();
    let only_stored = |at: &str| {
        let doctor = with_credentials(&world, world.doctor(), at).unset("DOCTOR_ACCESS_TOKEN");
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
        assert_eq!(run.classification(CODE)[1], "warning", "{other}");
        run.assert_check("whoami", "skip", Some("--cloud-url"));
    }
    assert_eq!(received(&world), NOTHING);
    for same in [url.clone(), format!("{url}/"), url.replace("https", "HTTPS")] {
        let run = only_stored(&same).json();
        assert!(!run.codes().contains(&CODE), "{same}");
    }
    // The account is looked up as in the CLI: by exactly this URL, or without the slash.
    assert_eq!(received(&world), ["stored"]);
}

/// Pulumi's own service need not be named, and no similar URL is taken for it.
#[test]
fn only_pulumi_cloud_itself_is_exempt() {
    let world = world();
    let names = ["api.pulumi.com", "api.pulumi.com.evil.test", "evil.test"];
    let pulumi = Cloud::start(world.authority.issue(&names).unwrap());
    pulumi.register("acme", &world.issuer);
    pulumi.set_policies(vec![world.shape.entry.clone()]);
    let address = url::Url::parse(pulumi.url()).unwrap().socket_addrs(|| None).unwrap()[0];
    let proxy = Proxy::start(move |_| ProxyAction::Tunnel(address));
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
        assert_eq!(credentials_in(&world, &request_texts(&pulumi)), NOTHING, "{url}");
    }
    assert!(proxy.was_asked_for("evil.test:443"));
    for url in ["https://api.pulumi.com", "https://API.pulumi.com:443"] {
        pulumi.begin_run();
        let run = run(url);
        assert!(!run.codes().contains(&CODE), "{url}");
        run.assert_check("exchange", "pass", None);
    }
    assert!(credentials_in(&world, &request_texts(&pulumi)).contains(&"OIDC"));
}

// ------------------------------------------------------------ CI and `doctor login`: as the CLI

/// Logins in CI and with `doctor login`.
fn logins(world: &World) -> Vec<(&'static str, Doctor)> {
    let token = world.token();
    let doctor = || world.doctor_without_token().secret(&token);
    let mut all: Vec<(&str, Doctor)> = ["GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "CI"]
        .into_iter()
        .map(|platform| (platform, doctor().arg(&token).env(platform, "true")))
        .collect();
    all.push(("doctor login", doctor().command("login").args(["--oidc-token", &token])));
    all.push((
        "doctor login in CI",
        doctor().command("login").args(["--oidc-token", &token]).env("CI", "true"),
    ));
    all
}

#[test]
fn logins_send_as_cli_does() {
    let count = logins(&world()).len();
    for index in 0..count {
        let world = world();
        let url = world.cloud.url().to_owned();
        let login = |doctor: Doctor| {
            with_credentials(&world, doctor, ELSEWHERE)
                .file("Pulumi.yaml", yaml(&url))
                .without("--policy")
        };
        let (name, doctor) = logins(&world).swap_remove(index);
        // The CLI refuses an exchange while PULUMI_ACCESS_TOKEN is set.
        let run = login(doctor).unset("PULUMI_ACCESS_TOKEN").json();
        assert_eq!((run.status, run.root_cause()), (0, None), "{name}: {:?}", run.codes());
        assert_eq!(received(&world), ["OIDC", "minted"], "{name}");
        assert!(!run.codes().contains(&CODE), "{name}");
        run.assert_finding_contains("policy-unknown", &["DOCTOR_ACCESS_TOKEN", "--cloud-url"]);

        let (_, doctor) = logins(&world).swap_remove(index);
        let run = login(doctor).json();
        assert_eq!(run.root_cause(), Some("access-token-set"), "{name}");
        run.assert_check("whoami", "pass", None);
        assert_eq!(received(&world), ["OIDC", "PULUMI_ACCESS_TOKEN", "minted"], "{name}");

        // A named backend gets DOCTOR_ACCESS_TOKEN.
        let (_, doctor) = logins(&world).swap_remove(index);
        login(doctor).unset("PULUMI_ACCESS_TOKEN").env("PULUMI_BACKEND_URL", &url).json();
        let expected = ["OIDC", "DOCTOR_ACCESS_TOKEN", "PULUMI_ACCESS_TOKEN", "minted"];
        assert_eq!(received(&world), expected, "{name}");
    }
}

#[test]
fn login_options_name_backend() {
    type NameBackend = fn(Doctor, &str) -> Doctor;
    let sources: [(&str, NameBackend); 3] = [
        ("argument", |doctor, url| doctor.arg(url)),
        ("-c", |doctor, url| doctor.args(["-c", url])),
        ("PULUMI_OPTION_CLOUD_URL", |doctor, url| doctor.env("PULUMI_OPTION_CLOUD_URL", url)),
    ];
    for (name, name_backend) in sources {
        let world = world();
        let url = world.cloud.url().to_owned();
        let (_, doctor) = logins(&world).pop().unwrap();
        let doctor = with_credentials(&world, doctor, ELSEWHERE).unset("PULUMI_ACCESS_TOKEN");
        let doctor = name_backend(doctor, &url).without("--policy").file("Pulumi.yaml", yaml(&url));
        assert_eq!(doctor.json().status, 0, "{name}");
        assert_eq!(received(&world), ["OIDC", "DOCTOR_ACCESS_TOKEN", "minted"], "{name}");
    }
}

/// With `--cwd`, the user names another project, but not its backend.
#[test]
fn cwd_does_not_name_backend() {
    let world = world();
    let url = world.cloud.url().to_owned();
    let (_, doctor) = logins(&world).pop().unwrap();
    let doctor = with_credentials(&world, doctor, ELSEWHERE).unset("PULUMI_ACCESS_TOKEN");
    let doctor = doctor.without("--policy").file("a/Pulumi.yaml", yaml(&url)).file("a/b/x", "");
    assert_eq!(doctor.args(["--cwd", "a/b"]).json().status, 0);
    assert_eq!(received(&world), ["OIDC", "minted"]);
    // A plain run outside CI ignores `PULUMI_OPTION_…`.
    let doctor = plain(&world, &url).env("PULUMI_OPTION_CLOUD_URL", &url);
    assert_withheld(&doctor.json(), "PULUMI_OPTION_CLOUD_URL");
}
