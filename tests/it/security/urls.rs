//! URLs are printed and stored without user information, query values, fragment and `;params`, in
//! every format and in bundles. [`crate::support::Run`] checks the bundles of all diagnoses.

use doctor::text::lacks_url_parts;
use serde_json::{Value, json};

use crate::support::{CAPABILITIES, Doctor, EXCHANGE, Response, Run, WHOAMI, World, platforms};

/// The text that must not be printed; [`Doctor::secret`] checks that.
const SECRET: &str = "Planted5ecretPart";

/// Adds the secret to one part of a URL.
type Plant = fn(&str) -> String;

const PARTS: &[(&str, Plant)] = &[
    ("a password", |url| with_user(url, &format!("ci:{SECRET}"))),
    ("a user alone", |url| with_user(url, &format!("{SECRET}:"))),
    ("several @", |url| with_user(url, &format!("a@{SECRET}@b"))),
    ("the value of a query", |url| format!("{url}/?code={SECRET}&state=1")),
    ("a query", |url| format!("{url}?{SECRET}")),
    ("a fragment", |url| format!("{url}/#access_token={SECRET}")),
    ("params", |url| format!("{url}/a;{SECRET}/b")),
];

/// Adds the secret to all these parts.
fn in_all_parts(url: &str) -> String {
    let url = with_user(url, &format!("{SECRET}:{SECRET}"));
    format!("{url}/a;v={SECRET}?code={SECRET}&state={SECRET}#{SECRET}")
}

fn with_user(url: &str, user: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    format!("{scheme}://{user}@{rest}")
}

/// The name of an input that contains a URL, and a run where the URL has parts that must be hidden.
type Place = (&'static str, fn(&mut World, Plant) -> Doctor);

/// A URL that no request goes to.
const ELSEWHERE: &str = "https://elsewhere.test:8443";

const PLACES: &[Place] = &[
    ("the issuer of the token", |world, plant| {
        world.shape.claims["iss"] = json!(plant(world.issuer.url()));
        world.doctor()
    }),
    ("another claim", |world, plant| {
        world.shape.claims.insert("profile".to_owned(), json!([plant(ELSEWHERE)]));
        world.doctor()
    }),
    ("a claim inside another", |world, plant| {
        world.shape.claims.insert("act".to_owned(), json!({"iss": plant(ELSEWHERE)}));
        world.doctor()
    }),
    ("the subject", |world, plant| {
        world.shape.claims["sub"] = json!(plant(ELSEWHERE));
        world.doctor()
    }),
    ("the token's header", |world, plant| {
        world.shape.header.insert("kid".to_owned(), json!(plant(ELSEWHERE)));
        world.doctor()
    }),
    ("the document's issuer", |world, plant| {
        discovery(world, "issuer", &plant(world.issuer.url()));
        world.doctor()
    }),
    ("the document's jwks_uri", |world, plant| {
        discovery(world, "jwks_uri", &plant(world.issuer.url()));
        world.doctor()
    }),
    ("a redirect of the issuer to another host", |world, plant| {
        let path = world.issuer.discovery_path();
        world.issuer.answer(&path, redirect(&plant(ELSEWHERE)));
        world.doctor()
    }),
    ("a redirect of the issuer on its host", |world, plant| {
        let path = world.issuer.discovery_path();
        world.issuer.answer(&path, redirect(&plant(world.issuer.url())));
        world.doctor()
    }),
    ("a redirect of the exchange", |world, plant| {
        world.cloud.answer(EXCHANGE, redirect(&plant(ELSEWHERE)));
        world.doctor()
    }),
    ("a redirect of whoami", |world, plant| {
        world.cloud.answer(WHOAMI, redirect(&plant(ELSEWHERE)));
        world.doctor()
    }),
    ("a redirect of the backend", |world, plant| {
        world.cloud.answer(CAPABILITIES, redirect(&plant(ELSEWHERE)));
        world.doctor()
    }),
    ("the words of a refusal", |world, plant| {
        let text = format!("sign in at {}, please", plant(ELSEWHERE));
        let body = json!({"error": "access_denied", "message": text, "errors": [text]});
        world.cloud.answer(EXCHANGE, Response::json(403, &body));
        world.doctor()
    }),
    ("a refusal in text", |world, plant| {
        let text = format!("Get \"{}\": no", plant(ELSEWHERE));
        world.cloud.answer(WHOAMI, Response::new(403, "text/plain", text));
        world.doctor()
    }),
    ("the title of a web page", |world, plant| {
        let page = format!("<html><title>Go to {}</title>", plant(ELSEWHERE));
        world.cloud.answer(EXCHANGE, Response::new(502, "text/html", page));
        world.doctor()
    }),
    ("a registration of the document", |world, plant| {
        world.cloud.change_registration(|registration| {
            registration["url"] = json!(plant(registration["url"].as_str().unwrap()));
            registration["issuer"] = registration["url"].clone();
        });
        world.doctor()
    }),
    ("a registration that is only a URL", |world, plant| {
        let mut policy = world.policy();
        let issuer = policy["issuers"][0].as_object_mut().unwrap();
        issuer.remove("issuer");
        issuer["url"] = json!(plant(world.issuer.url()));
        world.doctor().file("policy.json", policy.to_string())
    }),
    ("a live registration", |world, plant| {
        world.cloud.change_registration(|registration| {
            registration["url"] = json!(plant(registration["url"].as_str().unwrap()));
            registration["issuer"] = registration["url"].clone();
        });
        const ADMIN: &str = "pul-4f0c9a7be1d25836904c7fa1b2e8d35c60f94a17";
        world.cloud.accept_access_token(ADMIN, "ada", "acme");
        world.doctor_without_policy().env("DOCTOR_ACCESS_TOKEN", ADMIN).secret(ADMIN)
    }),
    ("a rule on iss", |world, plant| {
        world.shape.entry["rules"]["iss"] = json!(plant(world.issuer.url()));
        world.doctor()
    }),
    ("the backend by option", |world, plant| {
        let url = plant(world.cloud.url());
        world.doctor().option("--cloud-url", url)
    }),
    ("the backend by variable", |world, plant| {
        let url = plant(world.cloud.url());
        world.doctor().without("--cloud-url").env("PULUMI_BACKEND_URL", url)
    }),
    ("a backend that is not used", |world, plant| {
        world.doctor().env("PULUMI_BACKEND_URL", plant(ELSEWHERE))
    }),
    ("the backend of the project", |world, plant| {
        let project = json!({"name": "a", "runtime": "go", "backend": {"url": plant(ELSEWHERE)}});
        world.doctor().file("Pulumi.json", project.to_string())
    }),
    ("the stored credentials", |world, plant| {
        let url = plant(world.cloud.url());
        let credentials = json!({
            "current": url, "accounts": {(url): {"accessToken": "x", "username": "jane"}},
        });
        let file = "../home/.pulumi/credentials.json";
        world.doctor().without("--cloud-url").file(file, credentials.to_string())
    }),
    ("a DIY backend", |world, plant| {
        let url = plant(ELSEWHERE).replace("https://", "postgres://");
        world.doctor().option("--cloud-url", url)
    }),
    ("a backend with another scheme", |world, plant| {
        let url = plant(ELSEWHERE).replace("https://", "htps://");
        world.doctor().option("--cloud-url", url)
    }),
    ("a backend without a scheme", |world, plant| {
        let url = plant(ELSEWHERE).replace("https://", "");
        world.doctor().option("--cloud-url", url)
    }),
    ("a backend with one slash", |world, plant| {
        let url = plant(ELSEWHERE).replace("https://", "HTTPS:/");
        world.doctor().option("--cloud-url", url)
    }),
    ("a backend with backslashes", |world, plant| {
        let url = plant(ELSEWHERE).replace('/', "\\");
        world.doctor().option("--cloud-url", url)
    }),
    ("a backend with spaces in it", |world, plant| {
        let url = plant(ELSEWHERE).replace(SECRET, &format!(" {SECRET} \u{200b}\u{1}"));
        world.doctor().option("--cloud-url", url)
    }),
    ("a proxy", |world, plant| {
        let url = plant("http://127.0.0.1:9");
        world.doctor().env("HTTPS_PROXY", url).option("--cloud-url", "https://cloud.test")
    }),
    ("a proxy that cannot be read", |world, plant| {
        let url = plant("http://proxy.test:port");
        world.doctor().env("HTTPS_PROXY", url).option("--cloud-url", "https://cloud.test")
    }),
    ("an exception from the proxies", |world, plant| {
        let url = plant("https://cloud.test").to_lowercase();
        world
            .doctor()
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            .env("NO_PROXY", url)
            .option("--cloud-url", "https://cloud.test")
            .secret(&SECRET.to_lowercase())
    }),
    ("the platform that is asked for a token", |world, plant| {
        let url = plant(world.cloud.url());
        world
            .doctor_without_token()
            .env("CI", "true")
            .env("GITHUB_ACTIONS", "true")
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", url)
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request-token-9be27d10c5f3486a")
    }),
    ("GitLab's server", |world, plant| {
        world
            .doctor_without_token()
            .env("CI", "true")
            .env("GITLAB_CI", "true")
            .env("CI_SERVER_URL", plant(ELSEWHERE))
            .env("OTHER_TOKEN", world.token())
    }),
    ("a URL in the token's place", |world, plant| {
        world.doctor_without_token().arg(plant(ELSEWHERE))
    }),
    ("text in the token's place", |world, plant| {
        let text = json!({"error": format!("see {}", plant(ELSEWHERE))});
        world.doctor_without_token().arg(text.to_string())
    }),
    ("the organization", |world, plant| world.doctor().option("--oidc-org", plant(ELSEWHERE))),
    ("a policy file", |world, plant| world.doctor().option("--policy", plant(ELSEWHERE))),
    ("a key set file", |world, plant| world.doctor().args(["--jwks", &plant(ELSEWHERE)])),
    ("an option's value", |world, plant| world.doctor().args(["--timeout", &plant("https://a.b")])),
    ("an argument too many", |world, plant| world.doctor().arg(plant("https://a.b"))),
    ("a report's file", |world, plant| {
        world.doctor().args(["--output", &plant("https://no.such/directory")])
    }),
];

fn discovery(world: &World, field: &str, url: &str) {
    let mut document = world.issuer.discovery();
    document[field] = json!(url);
    world.issuer.answer(&world.issuer.discovery_path(), Response::json(200, &document));
}

fn redirect(to: &str) -> Response {
    Response::new(302, "text/plain", "").header("location", to)
}

fn world() -> World {
    World::new(&platforms::GITHUB)
}

/// Everything that a run printed.
fn output_of(run: &Run) -> String {
    format!("{}{}", run.stdout, run.stderr)
}

#[test]
fn url_parts_of_every_input_are_hidden() {
    for (place, prepare) in PLACES {
        for (part, plant) in PARTS {
            // In a pattern, `?` is a wildcard and no query.
            if (*place, *part) == ("a rule on iss", "a query") {
                continue;
            }
            let mut world = world();
            let doctor = prepare(&mut world, *plant).secret(SECRET);
            let text = output_of(&doctor.args(["-v", "--format", "json"]).run());
            // The run itself searches only for longer pieces.
            assert!(!text.contains("5ecret"), "{place}, {part}: {text}");
        }
    }
}

/// The formats with all details, and the shorter variants of the human one.
const FORMATS: [&[&str]; 4] = [
    &["--format=human", "-q"],
    &["--format=human", "--color=never", "--report=r.html"],
    &["--format=azure", "-v", "--report=r.txt", "--report=r.json", "--report=r.html"],
    &["--format=github", "-v", "--report=r.md", "--report=r.xml"],
];

#[test]
fn url_parts_are_hidden_in_every_format() {
    for (place, prepare) in PLACES {
        let mut world = world();
        for arguments in FORMATS {
            let doctor = prepare(&mut world, in_all_parts).secret(SECRET);
            let run = doctor.args(arguments.iter().copied()).run();
            let text = output_of(&run) + &run.reports("r");
            assert!(!text.contains("5ecret"), "{place}, {arguments:?}: {text}");
        }
    }
}

/// The control: each URL is printed, and one without such parts is printed unchanged.
#[test]
fn remaining_url_is_shown() {
    // Inputs whose URLs are not printed at all.
    let unprinted = [
        "a proxy that cannot be read",
        "an exception from the proxies",
        "a URL in the token's place",
        "the platform that is asked for a token",
    ];
    for (place, prepare) in PLACES {
        let details = |plant: Plant| {
            let arguments = ["-v", "--format", "human", "--report", "r.json"];
            let run = prepare(&mut world(), plant).args(arguments).run();
            output_of(&run) + &run.reports("r")
        };
        let plain = details(str::to_owned);
        assert!(!plain.lines().any(lacks_url_parts), "{place}: {plain}");
        let planted = details(in_all_parts);
        let is_marked = planted.lines().any(lacks_url_parts) || planted.contains("[redacted]");
        assert!(is_marked || unprinted.contains(place), "{place}: {planted}");
    }
}

// ---------------------------------------------------------------- what is judged stays the same

fn codes(run: &Run) -> (i32, Vec<&str>) {
    (run.status, run.codes())
}

/// The bundles of a run, without and with `--redact`.
fn bundles(doctor: impl Fn() -> Doctor) -> [String; 2] {
    [false, true].map(|redact| {
        let doctor = doctor().args(["--bundle", "b.json"]).secret(SECRET);
        doctor.args(redact.then_some("--redact")).json().file("b.json")
    })
}

fn replay(bundle: &str) -> Run {
    Doctor::bare().file("b.json", bundle).args(["replay", "b.json"]).secret(SECRET).json()
}

#[test]
fn issuer_with_hidden_parts_replays_as_invalid() {
    for (part, plant) in &PARTS[..6] {
        let mut world = world();
        world.shape.claims["iss"] = json!(plant(world.issuer.url()));
        let doctor = || world.doctor();
        let run = doctor().json();
        assert_eq!(run.root_cause(), Some("issuer-url-invalid"), "{part}");
        let issuer = run.report["token"]["claims"]["iss"].as_str().unwrap();
        assert!(lacks_url_parts(issuer), "{part}: {issuer}");
        for bundle in bundles(doctor) {
            assert!(!bundle.contains("5ecret"), "{part}: {bundle}");
            assert_eq!(codes(&replay(&bundle)), codes(&run), "{part}");
        }
    }
}

/// Rules are matched against the whole claim, and a replay keeps the result.
#[test]
fn hidden_url_parts_do_not_change_decisions() {
    for (value, pattern, decision) in [
        // The same value, other values that are printed alike, and wildcards.
        (
            "https://a.test/?code=Planted5ecretPart",
            "https://a.test/?code=Planted5ecretPart",
            "allow",
        ),
        ("https://a.test/?code=Planted5ecretPart", "https://a.test/?code=other", "deny"),
        ("https://u:Planted5ecretPart@a.test", "https://u:other@a.test", "deny"),
        ("https://u:Planted5ecretPart@a.test", "https://u:*@a.test", "allow"),
        ("https://a.test/#Planted5ecretPart", "https://a.test/#Pl*", "allow"),
        ("https://a.test/#Planted5ecretPart", "https://a.test/#x", "deny"),
        ("https://a.test/x;Planted5ecretPart", "https://a.test/x;*", "allow"),
        ("https://a.test/x;other", "https://a.test/x;Planted5ecretPart", "deny"),
        // Controls without hidden parts.
        ("https://a.test/x", "https://a.test/?", "allow"),
        ("https://a.test/x", "https://a.test/y", "deny"),
    ] {
        let mut world = world();
        world.shape.claims.insert("profile".to_owned(), json!(value));
        world.shape.entry["rules"]["profile"] = json!(pattern);
        let doctor = || world.doctor().arg("--no-exchange");
        let run = doctor().secret(SECRET).json();
        assert_eq!(run.report["policy"]["decision"], decision, "{value} {pattern}");
        for bundle in bundles(doctor) {
            let again = replay(&bundle);
            assert_eq!(codes(&again), codes(&run), "{value} {pattern}");
            let rule = |run: &Run| run.report["policy"]["rules"].to_string().contains("false");
            assert_eq!(rule(&again), rule(&run), "{value} {pattern}");
        }
    }
}

/// Hidden parts distinguish two registrations that are printed alike.
#[test]
fn issuer_with_params_is_found() {
    for (registered, found) in [("v=Planted5ecretPart", true), ("v=another", false)] {
        let mut world = world();
        world.shape.claims["iss"] = json!("https://issuer.test/a;v=Planted5ecretPart");
        let mut policy = world.policy();
        for field in ["url", "issuer"] {
            policy["issuers"][0][field] = json!(format!("https://issuer.test/a;{registered}"));
        }
        let policy = policy.to_string();
        let doctor = || world.doctor().file("policy.json", &policy).arg("--offline");
        let run = doctor().secret(SECRET).json();
        let is_missing = run.codes().contains(&"issuer-not-registered");
        assert_eq!(is_missing, !found, "{:?}", run.codes());
        for bundle in bundles(doctor) {
            assert_eq!(codes(&replay(&bundle)), codes(&run), "{registered}");
        }
    }
}

#[test]
fn discovery_compares_whole_issuer_url() {
    for (params, matches) in [("v=Planted5ecretPart", true), ("v=another", false)] {
        let mut world = world();
        let issuer = format!("{}/a;v=Planted5ecretPart", world.issuer.url());
        world.shape.claims["iss"] = json!(issuer);
        let mut document = world.issuer.discovery();
        document["issuer"] = json!(format!("{}/a;{params}", world.issuer.url()));
        let path = "/a;v=Planted5ecretPart/.well-known/openid-configuration";
        world.issuer.answer(path, Response::json(200, &document));
        let doctor = || world.doctor().arg("--no-exchange");
        let run = doctor().secret(SECRET).json();
        let differs = run.codes().contains(&"discovery-issuer-mismatch");
        assert_eq!(differs, !matches, "{params}: {:?}", run.codes());
        for bundle in bundles(doctor) {
            assert_eq!(codes(&replay(&bundle)), codes(&run), "{params}");
        }
    }
}

#[test]
fn backend_check_reads_whole_url() {
    let long = format!("https://a.test?x={SECRET}{}", "x".repeat(2048));
    for (url, code) in [
        ("https://u:Planted5ecretPart@a.test", "backend-malformed"),
        ("https://Planted5ecretPart:@a.test", "backend-malformed"),
        ("//u:Planted5ecretPart@a.test", "backend-malformed"),
        ("https://u:Planted 5ecretPart@a.test", "backend-malformed"),
        ("https://a.test?x='Planted5ecretPart'", "backend-malformed"),
        ("https://$(User):$(Planted5ecretPart)@a.test", "backend-unexpanded"),
        ("https:/a.test?token=Planted5ecretPart", "backend-malformed"),
        ("api.pulumi.com?token=Planted5ecretPart", "backend-scheme-missing"),
        ("https://a.test?x=Planted5ecretPart", "backend-path-suspicious"),
        ("https://a.test/#Planted5ecretPart", "backend-path-suspicious"),
        ("htps://a.test?x=Planted5ecretPart", "backend-scheme-unknown"),
        ("postgres://u:Planted5ecretPart@a.test/db", "backend-is-diy"),
        (&long, "backend-malformed"),
    ] {
        let world = world();
        let doctor = || world.doctor().option("--cloud-url", url).arg("--offline");
        let run = doctor().secret(SECRET).json();
        assert!(run.codes().contains(&code), "{url}: {:?}", run.codes());
        // Without the hidden part, a printed command would do something else.
        let commands: Vec<&Value> = run.report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| &finding["remediation"]["commands"])
            .collect();
        assert!(!commands.iter().any(|all| all.to_string().contains('…')), "{commands:?}");
        for bundle in bundles(doctor) {
            assert_eq!(codes(&replay(&bundle)), codes(&run), "{url}");
        }
    }
}

/// A bundle from an older program, or edited by hand, may have whole URLs, which must be hidden.
#[test]
fn old_bundle_urls_are_shortened() {
    let mut world = world();
    world.shape.claims["iss"] = json!(in_all_parts(world.issuer.url()));
    let doctor = world.doctor().env("PULUMI_BACKEND_URL", in_all_parts(ELSEWHERE));
    let run = doctor.args(["--bundle", "b.json"]).secret(SECRET).json();
    let whole = run.file("b.json").replace('…', SECRET);
    assert!(whole.contains(SECRET));
    for format in ["human", "json", "markdown", "html", "junit", "azure", "github"] {
        let again = Doctor::bare().file("whole.json", &whole).secret(SECRET).args([
            "replay",
            "whole.json",
            "--bundle",
            "again.json",
            "-v",
            "--format",
            format,
        ]);
        let again = again.run();
        assert_eq!(again.status, run.status, "{}", again.stderr);
        assert_eq!(again.file("again.json"), run.file("b.json"));
    }
}

// ------------------------------------------------------------------------------- other commands

/// Prepares a run.
type Prepare<'a> = Box<dyn Fn() -> Doctor + 'a>;

#[test]
fn other_commands_hide_url_parts() {
    for (part, plant) in PARTS {
        let mut world = world();
        world.shape.claims["iss"] = json!(plant(world.issuer.url()));
        world.shape.claims.insert("profile".to_owned(), json!(plant(ELSEWHERE)));
        if *part != "a query" {
            world.shape.entry["rules"]["iss"] = json!(plant(ELSEWHERE));
        }
        let mut policy = world.policy();
        policy["issuers"][0]["url"] = json!(plant(world.issuer.url()));
        policy["issuers"][0]["issuer"] = json!(plant(world.issuer.url()));
        let token = world.token();
        let log = format!(
            "+ pulumi login {0}\nerror: could not log in to the state backend \"{0}\": no\n\
             claims {{\"iss\": \"{0}\", \"sub\": \"a\"}}\n{token}\n",
            plant(ELSEWHERE)
        );
        let bare = || Doctor::bare().secret(SECRET).secret(&token);
        let bare = || bare().file("t", &token).file("policy.json", policy.to_string());
        let runs: [(&str, Prepare); 6] = [
            ("decode", Box::new(|| bare().args(["decode", "file://t"]))),
            (
                "test",
                Box::new(|| bare().args(["policy", "test", "--policy", "policy.json", "file://t"])),
            ),
            ("lint", Box::new(|| bare().args(["policy", "lint", "policy.json"]))),
            ("triage", Box::new(|| bare().args(["triage"]).stdin(log.clone()))),
            (
                "login",
                Box::new(|| {
                    bare().args([
                        "login",
                        &plant(ELSEWHERE),
                        "--oidc-token=x",
                        "--oidc-org=acme",
                        "--offline",
                    ])
                }),
            ),
            (
                "an unknown flag",
                Box::new(|| {
                    bare().args(["login", &format!("--oidc-orgs={}", plant("https://a.b"))])
                }),
            ),
        ];
        for (name, doctor) in &runs {
            for format in ["human", "json"] {
                let run = doctor().args(["--format", format]).run();
                assert!(!output_of(&run).contains("5ecret"), "{name}, {part}: {}", output_of(&run));
                assert!(!output_of(&run).is_empty());
            }
        }
        let lines = format!("{token}\n{}\n", Value::Object(world.shape.claims.clone()));
        let arguments = ["policy", "test", "--policy", "policy.json", "--ndjson", "-"];
        let run = bare().args(arguments).stdin(lines).run();
        assert_eq!(run.stdout.lines().count(), 2, "{}", run.stderr);
        assert!(run.stdout.contains('…') && !run.stdout.contains("5ecret"), "{part}");

        // A rule without the hidden part would be wrong, so none is suggested.
        let run = bare().args(["policy", "suggest", "file://t"]).run();
        assert_eq!((run.status, run.stdout.as_str()), (3, ""), "{part}: {}", run.stderr);
        assert!(run.stderr.contains("iss"), "{}", run.stderr);
    }
}

/// The hidden values of one line must not affect the next.
#[test]
fn lines_do_not_depend_on_each_other() {
    let mut world = world();
    world.shape.entry["rules"]["profile"] = json!("https://a.test/?code=one*");
    let policy = world.policy().to_string();
    let claims = |code: &str| {
        let mut claims = world.shape.claims.clone();
        claims.insert("profile".to_owned(), json!(format!("https://a.test/?code={code}")));
        Value::Object(claims).to_string() + "\n"
    };
    let lines: String = ["one", "two", "one1", "three"].map(claims).concat();
    let arguments = ["policy", "test", "--policy", "policy.json", "--ndjson", "-"];
    let run = Doctor::bare().file("policy.json", policy).args(arguments).stdin(lines).run();
    let decisions: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["policy"]["decision"].clone())
        .collect();
    assert_eq!(decisions, ["allow", "deny", "allow", "deny"]);
}

/// A usage error repeats a URL without its hidden parts.
#[test]
fn usage_error_hides_url_parts() {
    let run = world().doctor().option("--policy", "https://a.test/policy.json").run();
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("https://a.test/policy.json"), "{}", run.stderr);
    let run = world().doctor().option("--policy", "https://u:p@a.test/policy.json?x=y").run();
    assert!(run.stderr.contains("https://…@a.test/policy.json?x=…"), "{}", run.stderr);
}
