//! Hostile text in every input: it moves no cursor, begins no line of a log, gives no command to a
//! CI system, and runs nothing when a printed command is pasted.

use serde_json::{Value, json};

use crate::support::{
    CAPABILITIES, Doctor, EXCHANGE, Response, Run, WHOAMI, World, harmless, object, platforms,
};

/// A word that no line may begin with. In [`HOSTILE`] it follows everything that may break a line.
const MARK: &str = "INJECTED";

/// Commands for CI systems, line breaks, escape sequences (in colours that the program does not
/// use), bidi and invisible characters, and characters that end the quoting of shells. It has no
/// slash and is short enough for a file's name.
const HOSTILE: &str = "::error::x##vso[task.setvariable variable=x]y##VSO[a]##[error]z\
    \nINJECTED\r\nINJECTED\rINJECTED\u{85}\u{2028}\n::error::x\n  ::warning::x\n##[a]\
    \u{1b}[35m\u{1b}]0;t\u{7}\u{9b}2J\u{8}\u{7f}\u{202e}\u{2066}\u{200b}\u{feff}\u{e0041}\
    '; touch pwned; '\"; touch pwned; \"$(touch pwned)`touch pwned`${IFS}\\\n touch pwned #";

/// The hostile text with a NUL, which JSON allows.
fn with_nul() -> String {
    format!("{HOSTILE}\0{MARK}")
}

/// Hostile text that HTTP headers allow.
const IN_HEADERS: &str =
    "::error::x##vso[task.complete]##[e]'; touch pwned; '$(x)`x`\u{202e}\u{9b}";

/// A hostile host name that a URL parser accepts.
const HOSTILE_HOST: &str = "a$(touch${ifs}pwned);'`x`";

/// The name of an input, and a run with hostile text in it.
type Place = (&'static str, fn(&mut World) -> Doctor);

const PLACES: &[Place] = &[
    ("claims", |world| {
        let text = with_nul();
        world.shape.claims["sub"] = json!(text);
        world.shape.claims["aud"] = json!([text, "urn:pulumi:org:acme"]);
        world.shape.claims.insert(text.clone(), json!({(text.clone()): [text]}));
        world.doctor()
    }),
    ("claims of the wrong type", |world| {
        world.shape.claims["sub"] = json!({(with_nul()): with_nul()});
        world.shape.claims["aud"] = json!([with_nul(), 1]);
        world.shape.claims["exp"] = json!(with_nul());
        world.doctor()
    }),
    ("the organization in aud, the team in scope", |world| {
        world.shape.claims["aud"] = json!(format!("urn:pulumi:org:{}", with_nul()));
        world.shape.claims.insert("scope".to_owned(), json!(format!("team:{}", with_nul())));
        world.doctor().args(["--oidc-team", "web"])
    }),
    ("only the organization in aud", |world| {
        world.shape.claims["aud"] = json!(format!("urn:pulumi:org:{HOSTILE}"));
        world.doctor().without("--oidc-org")
    }),
    ("duplicate claims", |world| {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        let text = json!(with_nul());
        let payload = URL_SAFE_NO_PAD.encode(format!("{{{text}:{text},{text}:{text}}}"));
        let header = URL_SAFE_NO_PAD.encode("{\"alg\":\"RS256\"}");
        let token = format!("{header}.{payload}.{}", "A".repeat(342));
        world.doctor_without_token().arg(token)
    }),
    ("the token's header", |world| {
        world.shape.header.extend(object(json!({"typ": with_nul(), (with_nul()): with_nul()})));
        world.shape.header.insert("kid".to_owned(), json!(with_nul()));
        world.doctor()
    }),
    ("the algorithm", |world| {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": with_nul()}).to_string());
        let claims = URL_SAFE_NO_PAD.encode(Value::Object(world.shape.claims.clone()).to_string());
        world.doctor_without_token().arg(format!("{header}.{claims}.AAAA"))
    }),
    ("the issuer that is no URL", |world| {
        world.shape.claims["iss"] = json!(with_nul());
        world.doctor()
    }),
    ("the issuer's path", |world| {
        world.shape.claims["iss"] = json!(format!("{}/{}", world.issuer.url(), with_nul()));
        world.doctor()
    }),
    ("the issuer's host", |world| {
        world.shape.claims["iss"] = json!(format!("https://{HOSTILE_HOST}:1/"));
        world.doctor()
    }),
    ("an Azure subject", |world| {
        world.shape.claims["sub"] = json!(format!("sc://{HOSTILE}/b/c"));
        world.shape.entry["rules"]["sub"] = json!("sc://a/b/c");
        world.doctor()
    }),
    ("a GitHub subject", |world| {
        world.shape.claims["sub"] = json!(format!("repo:a@1/b@2:environment:{HOSTILE}"));
        world.doctor()
    }),
    ("the discovery document's issuer", |world| {
        discovery(world, "issuer", &with_nul());
        world.doctor()
    }),
    ("the discovery document's jwks_uri", |world| {
        discovery(world, "jwks_uri", &with_nul());
        world.doctor()
    }),
    ("a web page in the issuer's place", |world| {
        let path = world.issuer.discovery_path();
        let page = format!("<html><title>{HOSTILE}</title>");
        let response = Response::new(302, HOSTILE_TYPE, page).header("location", IN_HEADERS);
        world.issuer.answer(&path, response);
        world.doctor()
    }),
    ("the key set", |world| {
        let text = with_nul();
        let keys = json!({"keys": [{"kty": text, "kid": text, "alg": text, "use": text}]});
        let path = world.issuer.jwks_path();
        world.issuer.answer(&path, Response::json(200, &keys));
        world.doctor()
    }),
    ("text in the key set's place", |world| {
        let path = world.issuer.jwks_path();
        world.issuer.answer(&path, Response::new(500, HOSTILE_TYPE, with_nul()));
        world.doctor()
    }),
    ("a refusal", |world| {
        let body = json!({
            "error": with_nul(), "error_description": with_nul(), "message": with_nul(),
            "errors": [with_nul(), {(with_nul()): with_nul()}],
        });
        refuse(world, Response::json(400, &body))
    }),
    ("a refusal in text", |world| refuse(world, Response::new(403, "text/plain", with_nul()))),
    ("a refusal as a web page", |world| {
        let page = format!("<!doctype html><title>{HOSTILE}</title>");
        refuse(world, Response::new(502, "text/html", page))
    }),
    ("too many requests", |world| refuse(world, Response::new(429, HOSTILE_TYPE, with_nul()))),
    ("a token response", |world| {
        let body = json!({"access_token": [with_nul()], (with_nul()): with_nul()});
        refuse(world, Response::json(200, &body))
    }),
    ("capabilities", |world| {
        let page = format!("<html><title>{HOSTILE}</title>");
        world.cloud.answer(
            CAPABILITIES,
            Response::new(302, "text/html", page).header("location", IN_HEADERS),
        );
        world.doctor()
    }),
    ("whoami", |world| {
        let text = with_nul();
        let user = json!({
            "githubLogin": text,
            "organizations": [{"githubLogin": text}],
            "tokenInfo": {"name": text, "organization": text, "team": text, (text.clone()): text},
        });
        world.cloud.answer(WHOAMI, Response::json(200, &user));
        world.doctor()
    }),
    ("whoami's refusal", |world| {
        let body = json!({"code": 403, "message": with_nul()});
        world
            .cloud
            .answer(WHOAMI, Response::json(403, &body).header("x-pulumi-request-id", IN_HEADERS));
        world.doctor()
    }),
    ("the policy's rules", |world| {
        let text = with_nul();
        world.shape.entry["rules"] = json!({"sub": text, "aud": text, "actor": text});
        world.doctor()
    }),
    ("the policy's claim names", |world| {
        world.shape.entry["rules"] = json!({"actr": HOSTILE, "\"acto::\"": HOSTILE});
        let near = format!("acto{HOSTILE}");
        world.shape.claims.insert(near, json!("x"));
        world.doctor()
    }),
    ("the policy's team", |world| {
        world.shape.entry["tokenType"] = json!("team");
        world.shape.entry["teamName"] = json!(HOSTILE);
        world.doctor()
    }),
    ("the policy's user against another", |world| {
        world.shape.entry["tokenType"] = json!("personal");
        world.shape.entry["userLogin"] = json!(HOSTILE);
        world.doctor().args(["--oidc-user", &format!("x{HOSTILE}")])
    }),
    ("the policy's permissions", |world| {
        world.shape.entry["authorizedPermissions"] = json!([with_nul()]);
        world.shape.entry["rules"] = json!({});
        world.doctor().args(["--scope", "admin"])
    }),
    ("the registration", |world| {
        world.cloud.change_registration(|registration| {
            registration["name"] = json!(with_nul());
            registration["thumbprints"] = json!([with_nul()]);
            registration["id"] = json!(HOSTILE);
        });
        world.doctor()
    }),
    ("another registration", |world| {
        let url = format!("{}/{HOSTILE}", world.issuer.url());
        world.cloud.change_registration(|registration| {
            registration["name"] = json!(with_nul());
            registration["url"] = json!(url);
            registration["issuer"] = json!(url);
        });
        world.doctor()
    }),
    ("the document's organization", |world| {
        let mut policy = world.policy();
        policy["organization"] = json!(HOSTILE);
        world.doctor().file("policy.json", policy.to_string())
    }),
    ("the policy file's name", |world| {
        world.shape.entry["rules"]["sub"] = json!("x");
        let policy = world.policy().to_string();
        world.doctor().file(HOSTILE, policy).option("--policy", HOSTILE)
    }),
    ("a policy file that is missing", |world| world.doctor().option("--policy", HOSTILE)),
    ("an unknown key in the policy file", |world| {
        let mut policy = world.policy();
        policy[with_nul()] = json!(with_nul());
        world.doctor().file("policy.json", policy.to_string())
    }),
    ("an unknown decision in the policy file", |world| {
        world.shape.entry["decision"] = json!(with_nul());
        let policy = world.policy().to_string();
        world.shape.entry["decision"] = json!("allow");
        world.doctor().file("policy.json", policy)
    }),
    ("a key set file", |world| world.doctor().file("k", with_nul()).args(["--jwks", "k"])),
    ("a certificate file", |world| world.doctor().option("--ca-cert", HOSTILE)),
    ("a report's file", |world| world.doctor().args(["--output", &format!("no/{HOSTILE}")])),
    ("the organization", |world| world.doctor().option("--oidc-org", HOSTILE)),
    ("the organization beside a backend without a scheme", |world| {
        world.doctor().option("--oidc-org", HOSTILE).option("--cloud-url", "cloud.test")
    }),
    ("the organization without a token's", |world| {
        world
            .doctor_without_token()
            .option("--oidc-org", HOSTILE)
            .without("--cloud-url")
            .option("--pulumi-version", "3.214.0")
            .arg("null")
    }),
    ("team and user", |world| {
        world.doctor().args(["--oidc-team", HOSTILE, "--oidc-user", HOSTILE])
    }),
    ("the scope", |world| world.doctor().args(["--scope", HOSTILE])),
    ("the life", |world| world.doctor().args(["--oidc-expiration", HOSTILE])),
    ("the backend", |world| world.doctor().option("--cloud-url", HOSTILE)),
    ("the backend's host", |world| {
        world.doctor().option("--cloud-url", format!("https://{HOSTILE_HOST}"))
    }),
    ("the backend's path", |world| {
        let url = format!("{}/{HOSTILE}", world.cloud.url());
        world.doctor().option("--cloud-url", url)
    }),
    ("the backend by environment", |world| {
        world.doctor().without("--cloud-url").env("PULUMI_BACKEND_URL", HOSTILE)
    }),
    ("an unknown scheme by environment", |world| {
        let url = format!("htps://{HOSTILE}");
        world.doctor().without("--cloud-url").env("PULUMI_BACKEND_URL", url)
    }),
    ("a host without scheme by environment", |world| {
        let url = format!("api.pulumi.com/{HOSTILE}");
        world.doctor().without("--cloud-url").env("PULUMI_BACKEND_URL", url)
    }),
    ("the backend in a project", |world| {
        let project = json!({"name": "a", "runtime": "go", "backend": {"url": HOSTILE}});
        world.doctor().without("--cloud-url").file("Pulumi.json", project.to_string())
    }),
    ("a project that cannot be parsed", |world| {
        world.doctor().file("Pulumi.yaml", format!("{HOSTILE}: [")).without("--cloud-url")
    }),
    ("the stored credentials", |world| {
        let url = format!("https://{HOSTILE}");
        let credentials = json!({
            "current": url,
            "accessTokens": {(url.clone()): "x"},
            "accounts": {(url): {"accessToken": "x", "username": HOSTILE}},
        });
        let file = "../home/.pulumi/credentials.json";
        world.doctor().without("--cloud-url").file(file, credentials.to_string())
    }),
    ("credentials that cannot be parsed", |world| {
        world.doctor().file("../home/.pulumi/credentials.json", with_nul())
    }),
    ("credentials in a strange directory", |world| {
        world
            .doctor()
            .file(&format!("{HOSTILE}/credentials.json"), "{")
            .env("PULUMI_CREDENTIALS_PATH", HOSTILE)
    }),
    ("the token's file", |world| world.doctor_without_token().arg(format!("file://{HOSTILE}"))),
    ("a path without file://", |world| {
        world.doctor_without_token().arg(format!("./{HOSTILE}.jwt"))
    }),
    ("text in the token's file", |world| {
        world.doctor_without_token().file("t", with_nul()).arg("file://t")
    }),
    ("text in the token's place", |world| world.doctor_without_token().arg(HOSTILE)),
    ("an error in the token's place", |world| {
        world
            .doctor_without_token()
            .arg(json!({"error": with_nul(), "message": with_nul()}).to_string())
    }),
    ("a web page in the token's place", |world| {
        world.doctor_without_token().arg(format!("<html><title>{HOSTILE}</title>"))
    }),
    ("a variable in the token's place", |world| {
        world.doctor_without_token().arg(format!("$({HOSTILE})"))
    }),
    ("the variable's name", |world| world.doctor_without_token().args(["--token-env", HOSTILE])),
    ("an option's value", |world| world.doctor().args(["--timeout", HOSTILE])),
    ("an unknown option", |world| world.doctor().arg(format!("--{HOSTILE}"))),
    ("an unknown option's value", |world| world.doctor().arg(format!("--oidc-tokn={HOSTILE}"))),
    ("an argument too many", |world| world.doctor().arg(HOSTILE)),
    ("a scenario", |_| Doctor::bare().args(["demo", HOSTILE])),
    ("the pulumi on PATH", |world| {
        world
            .doctor()
            .without("--pulumi-version")
            .program("pulumi", "printf '::error::x\\n\\033[35m##vso[x]\\n'; exit 0")
    }),
    ("the proxy", |world| {
        world.doctor().env("HTTPS_PROXY", format!("http://127.0.0.1:9/{HOSTILE}"))
    }),
];

/// An invalid content type.
const HOSTILE_TYPE: &str = "text/html; ##vso[task.complete]x";

fn discovery(world: &World, field: &str, text: &str) {
    let mut document = world.issuer.discovery();
    document[field] = json!(text);
    world.issuer.answer(&world.issuer.discovery_path(), Response::json(200, &document));
}

fn refuse(world: &World, response: Response) -> Doctor {
    let headers = ["x-pulumi-request-id", "location", "retry-after"];
    let response = headers.iter().fold(response, |r, name| r.header(name, IN_HEADERS));
    world.cloud.answer(EXCHANGE, response);
    world.doctor()
}

/// Most of the places are about a token of this platform.
fn world() -> World {
    World::new(&platforms::GITHUB)
}

#[test]
fn hostile_text_is_inert_in_every_place() {
    let (mut pasted, mut with_hostile_words) = (0, 0);
    for (place, prepare) in PLACES {
        let mut world = world();
        let verbosity = prepare(&mut world).args(["-v", "--color", "always"]);
        let run = verbosity.args(["--format", "human"]).run();
        assert_harmless(&run.stdout, place);
        assert_harmless(&run.stderr, place);

        let run = prepare(&mut world).json();
        assert!(!run.stdout.contains('\u{1b}'), "{place}");
        assert_harmless(&run.stdout, place);
        assert_harmless(&run.stderr, place);
        for command in commands(&run) {
            let Some(words) = paste(&command, place) else { continue };
            pasted += 1;
            for word in words.iter().filter(|word| word.contains("touch")) {
                let whole = word.contains(HOSTILE) || word.contains(HOSTILE_HOST);
                assert!(whole, "{place}: {word:?} of {command}");
                with_hostile_words += 1;
            }
        }
    }
    assert!(pasted > 15 && with_hostile_words > 3, "{pasted}, {with_hostile_words}");
}

/// The bundle of each place, redacted or not, and every format of a replay.
#[test]
fn bundles_of_hostile_text_are_inert() {
    let mut bundles = 0;
    for (place, prepare) in PLACES {
        for redact in [false, true] {
            let mut world = world();
            let doctor = prepare(&mut world);
            // A run that is refused before the diagnosis has no bundle.
            let run = doctor.args(["--bundle", "b.json"]).args(redact.then_some("--redact")).json();
            if run.status == 2 {
                continue;
            }
            bundles += 1;
            let bundle = run.file("b.json");
            harmless::assert_harmless(&bundle, place);
            let replay = || Doctor::bare().file("b.json", &bundle).args(["replay", "b.json", "-v"]);
            let reports = ["r.html", "r.md", "r.xml", "r.txt"];
            let again = replay().args(reports.map(|name| ["--report", name]).concat()).json();
            assert_eq!((again.status, again.codes()), (run.status, run.codes()), "{place}");
            assert_eq!(again.stderr, "", "{place}");
            assert_harmless(&again.stdout, place);
            for name in reports {
                assert_harmless(&again.file(name), place);
            }
            for format in ["azure", "github"] {
                let again = replay().args(["--format", format]).run();
                assert_eq!((again.status, &*again.stderr), (run.status, ""), "{place}");
                assert_only_own_commands(&again.stdout, place);
            }
        }
    }
    assert!(bundles > 100, "{bundles}");
}

/// Asserts that the output has no other commands than those of the azure and github formats.
fn assert_only_own_commands(output: &str, place: &str) {
    let own = [
        "##vso[task.logissue type=",
        "##vso[task.uploadsummary]",
        "##[group]",
        "##[endgroup]",
        "::error title=",
        "::warning title=",
        "::group::",
        "::endgroup::",
    ];
    let rest = own.iter().fold(output.to_owned(), |text, command| text.replace(command, ""));
    harmless::assert_harmless(&rest, place);
    assert!(!output.lines().any(|line| line.starts_with(MARK)), "{place}: {output}");
}

/// Long hostile text makes neither the report nor the run too long.
#[test]
fn long_hostile_text_is_harmless() {
    let long = HOSTILE.repeat(100_000 / HOSTILE.len());
    type LongPlace = (&'static str, fn(&mut World, &str) -> Doctor);
    let places: [LongPlace; 6] = [
        ("sub", |world, long| {
            world.shape.claims["sub"] = json!(long);
            doctor_for_file(world)
        }),
        ("iss", |world, long| {
            world.shape.claims["iss"] = json!(format!("https://127.0.0.1/{long}"));
            doctor_for_file(world)
        }),
        ("rule", |world, long| {
            // The limit; longer patterns are refused.
            let end = long.floor_char_boundary(doctor::limits::PATTERN);
            world.shape.entry["rules"]["sub"] = json!(&long[..end]);
            doctor_for_file(world)
        }),
        ("wildcards", |world, long| {
            world.shape.claims["sub"] = json!(format!("{long}x"));
            world.shape.entry["rules"]["sub"] = json!("*a".repeat(500));
            // The evaluator of Pulumi Cloud's double is simple and slow.
            doctor_for_file(world).arg("--no-exchange")
        }),
        ("refusal", |world, long| {
            refuse(world, Response::json(400, &json!({"error": long, "message": long})))
        }),
        ("page", |world, long| {
            let path = world.issuer.discovery_path();
            let page = format!("<html><title>{long}</title>");
            world.issuer.answer(&path, Response::new(200, "text/html", page));
            doctor_for_file(world)
        }),
    ];
    for (place, prepare) in places {
        let mut world = world();
        let formats = ["--format", "human", "--report", "r.json"];
        let run = prepare(&mut world, &long).args(formats).run();
        assert_eq!(run.status, 1, "{place}: {}", run.stderr);
        assert_harmless(&run.stdout, place);
        assert_harmless(&run.file("r.json"), place);
        assert!(run.elapsed.as_secs() < 15, "{place}: {:?}", run.elapsed);
    }
}

/// A diagnosis of the token in a file, because an argument has at most 128 kB.
fn doctor_for_file(world: &World) -> Doctor {
    let token = world.token();
    world.doctor_without_token().secret(&token).file("t", token).arg("file://t")
}

/// Asserts that output is harmless except for the report's own colours, which hostile text does not
/// use.
fn assert_harmless(output: &str, place: &str) {
    let mut text = output.to_owned();
    for own in ["1;31", "1;32", "1;33", "1;36", "1", "2", "0"] {
        text = text.replace(&format!("\u{1b}[{own}m"), "");
    }
    harmless::assert_harmless(&text, place);
    assert!(!text.lines().any(|line| line.starts_with(MARK)), "{place}: {text}");
}

fn commands(run: &Run) -> Vec<String> {
    let findings = run.report["findings"].as_array().cloned().unwrap_or_default();
    let commands = findings.iter().flat_map(|f| f["remediation"]["commands"].as_array().unwrap());
    commands.map(|command| command.as_str().unwrap().to_owned()).collect()
}

/// Runs a command with stubs as programs, which record their arguments. Returns these; `None` for a
/// snippet that is no shell command.
fn paste(command: &str, place: &str) -> Option<Vec<String>> {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    const STUBS: [&str; 9] =
        ["pulumi", "doctor", "curl", "mv", "sh", "jq", "timedatectl", "Remove-Item", "w32tm"];
    let command = match command.strip_prefix("--oidc-") {
        Some(_) => format!("pulumi login {command}"),
        None => command.to_owned(),
    };
    let first = command.split_whitespace().next().unwrap();
    if !STUBS.contains(&first) && !["export", "unset", "test"].contains(&first) {
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let bin = directory.path().join("bin");
    let work = directory.path().join("work");
    for path in [&bin, &work] {
        fs::create_dir(path).unwrap();
    }
    for name in STUBS {
        let stub = bin.join(name);
        let words = bin.join("words");
        let script = format!("#!/bin/sh\nprintf '%s\\0' \"$@\" >> '{}'\n", words.display());
        fs::write(&stub, script).unwrap();
        fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).unwrap();
    }
    // `touch` must exist, so that an injected command has a visible effect.
    std::os::unix::fs::symlink("/usr/bin/touch", bin.join("touch")).unwrap();
    let script = match first {
        "export" => {
            let name = command["export ".len()..].split('=').next().unwrap();
            format!("{command}\npulumi \"${name}\"")
        }
        _ => command.clone(),
    };
    let output = Command::new("/bin/bash")
        .args(["-c", &script])
        .env_clear()
        .env("PATH", &bin)
        .current_dir(&work)
        .output()
        .unwrap();
    let left: Vec<_> = fs::read_dir(&work).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{place}: {command} leaves {left:?}");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.is_empty(), "{place}: {command}: {errors}");
    let words = fs::read(bin.join("words")).unwrap_or_default();
    let words = String::from_utf8(words).unwrap();
    Some(words.split('\0').map(str::to_owned).collect())
}

/// Snippets for a policy file are valid JSON with the token's values. (security/rules.rs tests
/// control characters, for which there is no snippet.)
#[test]
fn snippets_for_policies_are_json() {
    let text = "\u{e0041}\u{202e}\"\\##[x]$(y)${{ z }}";
    let mut world = world();
    world.shape.claims["sub"] = json!(text);
    let run = world.doctor().json();
    assert_eq!(run.root_cause(), Some("subject-mismatch"));
    let remediation = &run.finding("subject-mismatch")["remediation"];
    let entry: Value = serde_json::from_str(remediation["commands"][0].as_str().unwrap()).unwrap();
    assert_eq!(entry["rules"]["sub"], text, "{entry}");
    assert_eq!(remediation["options"][0]["changes"][0]["after"], entry);
    let human = world.doctor().human().stdout;
    let snippet = line_with(&human, "\"sub\": ").trim_end_matches(',');
    let value: Value = serde_json::from_str(&format!("{{{snippet}}}")).unwrap();
    assert_eq!(value["sub"], text, "{snippet}");
    let human = world.doctor().without("--policy").arg("--no-exchange").human().stdout;
    // In the whole entry, other members follow.
    let snippet = line_with(&human, "\"sub\": ").trim_end_matches(',');
    let value: Value = serde_json::from_str(&format!("{{{snippet}}}")).unwrap();
    assert_eq!(value["sub"], text, "{snippet}");
}

fn line_with<'a>(text: &'a str, start: &str) -> &'a str {
    let line = text.lines().map(str::trim).find(|line| line.starts_with(start));
    line.unwrap_or_else(|| panic!("no {start} in {text}"))
}
