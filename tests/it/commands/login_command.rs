//! `doctor login`, which replaces `pulumi login` in a failing step.

use crate::support::{Doctor, ORGANIZATION, Run, World, platforms};

/// `doctor login` in a world, without any of pulumi's flags.
fn bare(world: &World) -> Doctor {
    world.doctor_without_token().command("login").without("--cloud-url").without("--oidc-org")
}

fn login(world: &World) -> Doctor {
    let token = world.token();
    bare(world)
        .args([world.cloud.url(), "--oidc-org", ORGANIZATION, "--oidc-token"])
        .arg(&token)
        .secret(&token)
}

fn offline(arguments: &[&str]) -> Doctor {
    Doctor::bare().args(["login", "--offline", "--pulumi-version=3.259.0"]).args(arguments.to_vec())
}

fn summary(run: &Run) -> &str {
    run.check("login")["summary"].as_str().unwrap()
}

fn refusal(arguments: &[&str]) -> String {
    let run = Doctor::bare().arg("login").args(arguments.to_vec()).run();
    assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{arguments:?}: {}", run.stderr);
    run.stderr
}

#[test]
fn login_is_diagnosed() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let run = login(&world).json();
    assert_eq!((run.status, run.root_cause()), (0, None), "{:?}", run.report);
    assert_eq!(run.report["request"]["organization"], ORGANIZATION);
    assert_eq!(run.report["request"]["backend"]["source"], "argument");
    assert_eq!(run.report["token"]["source"], "--oidc-token");
    let url = world.cloud.url();
    let expected = format!(
        "organization acme, organization token; pulumi login would exchange the token at {url} \
         for one of the organization acme"
    );
    assert_eq!(summary(&run), expected);
}

#[test]
fn all_flag_spellings_are_accepted() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let url = world.cloud.url().to_owned();
    let token = world.token();
    let token = token.as_str();
    let joined = format!("-lc{url}");
    let equal = format!("-c={url}");
    let long = format!("--oidc-token={token}");
    let spellings: [&[&str]; 6] = [
        &["-c", &url, "--local=false", "--oidc-org=wrong", "--oidc-org", "acme", &long],
        &[&joined, "-l=0", "--oidc-org=acme", "--oidc-token", token],
        &[&equal, "--non-interactive", "-v", "9", "--oidc-org=acme", &long, "--color=raw"],
        &["-eQv3", "--logtostderr", "--oidc-org=acme", &url, &long, "--insecure=false"],
        &["--oidc-org=acme", &long, "--default-org", "--x", "--interactive=F", &url],
        &[
            "--oidc-expiration=15m",
            "--memprofilerate=0x1",
            &long,
            "-C",
            ".",
            &url,
            "--oidc-org=acme",
        ],
    ];
    for (index, spelling) in spellings.into_iter().enumerate() {
        let run = bare(&world).secret(token).args(spelling.to_vec()).json();
        assert_eq!(run.status, 0, "{:?}: {} {:?}", spelling, run.stderr, run.report["findings"]);
        assert_eq!(run.report["request"]["backend"]["url"], *url);
        assert_eq!(world.cloud.exchanges().len(), index + 1, "{spelling:?}");
    }
}

#[test]
fn argument_after_two_dashes_is_url() {
    let run = Doctor::bare().args(["login", "--offline", "--", "-c"]).run();
    assert!(run.stdout.contains("-c"), "{}", run.stdout);
    assert_eq!(run.status, 1);
}

#[test]
fn global_flags_may_precede_command() {
    for flags in [vec!["--non-interactive"], vec!["-v", "3"], vec!["-C", "..", "--color=never"]] {
        let run = Doctor::bare()
            .args(flags.clone())
            .args(["login", "--offline", "--oidc-token", "", "--oidc-org", "acme"])
            .json();
        assert_eq!(run.root_cause(), Some("token-empty"), "{flags:?}");
    }
}

#[test]
fn refused_arguments_use_pulumi_words() {
    let hidden = "s3cr3t-value-of-a-flag";
    let table = [
        (
            vec!["--oidc-tokn=s3cr3t-value-of-a-flag"],
            "unknown flag: --oidc-tokn; did you mean --oidc-token?",
        ),
        (vec!["--xyzzy"], "unknown flag: --xyzzy; see"),
        (vec!["--x\n##vso[task.complete]"], "unknown flag: --x\\n"),
        (vec!["-xs3cr3t-value-of-a-flag"], "unknown shorthand flag: 'x' in -x..."),
        // pulumi has no such short form; the doctor's own does not count here.
        (vec!["-q"], "unknown shorthand flag: 'q' in -q"),
        (vec!["--oidc-token"], "flag needs an argument: --oidc-token"),
        (vec!["--insecure=s3cr3t-value-of-a-flag"], "strconv.ParseBool: invalid syntax"),
        (vec!["-v", "s3cr3t-value-of-a-flag"], "invalid argument for \"-v, --verbose\" flag"),
        (vec!["a", "b"], "accepts at most 1 arg(s), received 2"),
        (vec!["--color", "s3cr3t-value-of-a-flag"], "unsupported color option"),
        // These options are the doctor's own.
        (vec!["--timeout", "1d"], "did you mean 24h?"),
        (vec!["--oidc-token=x", "--token-env=Y"], "cannot be used with"),
        (vec!["--scope=admin", "--oidc-team=t"], "cannot be used with"),
    ];
    for (arguments, message) in table {
        let error = refusal(&arguments);
        assert!(error.contains(message), "{arguments:?}: {error}");
        assert!(!error.contains(hidden) && !error.contains("##vso["), "{arguments:?}: {error}");
    }
    assert!(refusal(&["--cwd", "nowhere"]).contains("--cwd nowhere: no such file"));
}

#[test]
fn help_lists_both_kinds_of_flags() {
    for arguments in [vec!["login", "--help"], vec!["login", "-lh"], vec!["help", "login"]] {
        let run = Doctor::bare().args(arguments.clone()).run();
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{arguments:?}");
        for flag in
            ["--oidc-token", "--non-interactive", "-C, --cwd", "-c, --cloud-url", "--policy"]
        {
            assert!(run.stdout.contains(flag), "{arguments:?}: no {flag} in {}", run.stdout);
        }
        assert!(!run.stdout.contains("-q,"), "{}", run.stdout);
    }
    assert!(Doctor::bare().arg("--help").run().stdout.contains("login"));
}

#[test]
fn environment_options_replace_flags() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let token = world.token();
    let from_environment = || {
        bare(&world)
            .secret(&token)
            .env("PULUMI_OPTION_CLOUD_URL", world.cloud.url())
            .env("PULUMI_OPTION_OIDC_TOKEN", &token)
            .env("PULUMI_OPTION_OIDC_ORG", ORGANIZATION)
            .env("PULUMI_OPTION_OIDC_TEAM", "")
    };
    let run = from_environment().json();
    assert_eq!(run.status, 0, "{:?}", run.report["findings"]);
    assert_eq!(run.report["token"]["source"], "env:PULUMI_OPTION_OIDC_TOKEN");
    assert_eq!(run.report["request"]["backend"]["source"], "PULUMI_OPTION_CLOUD_URL");

    // Flags win over variables, even empty flags.
    let run = from_environment().args(["--oidc-org=", "--oidc-token="]).json();
    assert_eq!(run.report["request"]["organization"], serde_json::Value::Null);
    assert_eq!(run.root_cause(), Some("token-empty"));
    let run = from_environment().arg("https://other.test").json();
    assert_eq!(run.root_cause(), Some("url-given-twice"));
    assert!(summary(&run).contains("would stop: only one of --cloud-url or argument URL may be"));
    let run = from_environment().env("PULUMI_OPTION_LOCAL", "TRUE").json();
    assert_eq!(run.root_cause(), Some("url-given-twice"));
    assert!(summary(&run).contains("a URL may not be specified when --local mode is enabled"));
    let local = from_environment().env("PULUMI_OPTION_LOCAL", "1").arg("--local=false").json();
    assert_eq!(local.status, 0);
    let insecure = from_environment().env("PULUMI_OPTION_INSECURE", "True");
    assert_eq!(insecure.json().codes(), ["backend-insecure"]);
    let insecure = from_environment().env("PULUMI_OPTION_INSECURE", "1").arg("--insecure=false");
    assert!(insecure.json().codes().is_empty());
}

#[test]
fn environment_problems_are_errors() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let secret = "pul-0123456789abcdef0123456789abcdef";
    let set = |doctor: Doctor| doctor.env("PULUMI_ACCESS_TOKEN", secret).secret(secret).json();
    let run = set(login(&world));
    assert_eq!((run.status, run.root_cause()), (1, Some("access-token-set")));
    assert!(summary(&run).contains(
        "would stop: problem logging in: cannot perform token exchange when an access token is \
         set as environment variable"
    ));
    assert!(world.cloud.exchanges().is_empty());
    // In a plain diagnosis outside CI, it is only an info.
    assert_eq!(set(world.doctor()).finding("access-token-set")["severity"], "info");

    let mut world = World::new(&platforms::AZURE_ENTRA);
    world.shape.shift(-90_000);
    let run = login(&world).json();
    assert_eq!(run.root_cause(), Some("token-expired"), "the login used it just now");
    let wrapped = format!("\"{}\"", world.token());
    let run = bare(&world).arg("--oidc-token").arg(&wrapped).secret(&world.token()).json();
    assert_eq!(run.finding("token-wrapped")["severity"], "error");
}

#[test]
fn cwd_flag_changes_directory() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let token = world.token();
    let project = format!("name: x\nbackend:\n  url: {}\n", world.cloud.url());
    let doctor = || {
        bare(&world)
            .file("infra/Pulumi.yaml", &project)
            .file("infra/program/token.jwt", &token)
            .secret(&token)
            .args(["--oidc-org", ORGANIZATION, "--oidc-token", "file://token.jwt"])
    };
    // The files of --policy and --ca-cert are still relative to the original directory.
    let run = doctor().args(["-C", "infra/program"]).json();
    assert_eq!(run.status, 0, "{:?}", run.report["findings"]);
    let source = run.report["request"]["backend"]["source"].as_str().unwrap();
    assert!(source.ends_with("/infra/Pulumi.yaml:3"), "{source}");
    let run = doctor().env("PULUMI_OPTION_CWD", "infra/program").json();
    assert_eq!(run.status, 0, "{:?}", run.report["findings"]);
    let run = doctor().json();
    assert_eq!(run.root_cause(), Some("token-file-unreadable"));
    let run = doctor().args(["--cwd", "infra"]).json();
    assert_eq!(run.root_cause(), Some("token-file-unreadable"));
    assert!(summary(&run).contains("reading token from file 'token.jwt'"), "{}", summary(&run));
}

#[test]
fn missing_token_names_identity_used() {
    let secret = "pul-fedcba9876543210fedcba9876543210";
    let stored = format!(
        r#"{{"current": "https://api.pulumi.com", "accounts": {{"https://api.pulumi.com":
            {{"accessToken": "{secret}", "username": "jane"}}}}}}"#
    );
    let envelope = r#"{"$pulumiSecureStore": 1, "backend": "x", "algo": "y", "data": ""}"#;
    let credentials = "../home/.pulumi/credentials.json";
    type Setup<'a> = Box<dyn Fn(Doctor) -> Doctor + 'a>;
    let table: [(&str, Setup); 7] = [
        (
            "would fail at https://api.pulumi.com with `PULUMI_ACCESS_TOKEN must be set",
            Box::new(|d| d),
        ),
        (
            "would use PULUMI_ACCESS_TOKEN for https://api.pulumi.com",
            Box::new(|d| d.env("PULUMI_ACCESS_TOKEN", secret)),
        ),
        (
            "would use the stored credentials of jane for https://api.pulumi.com",
            Box::new(|d| d.file(credentials, &stored)),
        ),
        (
            "would use PULUMI_ACCESS_TOKEN for https://api.pulumi.com",
            Box::new(|d| d.file(credentials, &stored).env("PULUMI_ACCESS_TOKEN", secret)),
        ),
        ("it is encrypted", Box::new(|d| d.file(credentials, envelope))),
        (
            "would fail at https://self.test with",
            Box::new(|d| d.env("PULUMI_API", "https://self.test")),
        ),
        (
            "would fail at https://other.test with",
            Box::new(|d| {
                d.file(credentials, &stored).env("PULUMI_BACKEND_URL", "https://other.test")
            }),
        ),
    ];
    for (expected, setup) in &table {
        let doctor = |arguments: &[&str]| setup(offline(arguments)).secret(secret);
        let empty = doctor(&["--oidc-token", "", "--oidc-org", "acme"]).json();
        assert_eq!(empty.root_cause(), Some("token-empty"), "{expected}");
        let detail = empty.finding("token-empty")["detail"].as_str().unwrap();
        assert!(detail.contains(expected), "{expected}: {detail}");
        assert!(summary(&empty).contains("would leave OIDC out: it would"), "{}", summary(&empty));
        assert!(summary(&empty).contains(expected), "{}", summary(&empty));

        let none = doctor(&[]).json();
        assert_eq!(none.root_cause(), Some("token-missing"), "{expected}");
        let detail = none.finding("token-missing")["detail"].as_str().unwrap();
        assert!(detail.contains(expected), "{expected}: {detail}");
        assert!(summary(&none).contains("was given no OIDC token: it would"), "{}", summary(&none));
        // Without a token, the CLI makes no exchange and reports no error of one.
        assert!(!none.codes().contains(&"access-token-set"), "{:?}", none.codes());
    }
    let person = offline(&["--oidc-token", ""]).human();
    assert!(
        person.stdout.contains("PULUMI_ACCESS_TOKEN must be set for login"),
        "{}",
        person.stdout
    );
}

#[test]
fn first_refusal_follows_cli_version() {
    let mut world = World::new(&platforms::GITHUB);
    world.use_public_issuer();
    let token = world.token();
    let acme = "urn:pulumi:org:acme";
    assert_eq!(world.shape.claims["aud"], acme);
    let run = |version: &str, arguments: &[&str]| {
        offline(&["--oidc-token", &token])
            .option("--pulumi-version", version)
            .without("--pulumi-version=3.259.0")
            .args(arguments.to_vec())
            .secret(&token)
            .json()
    };
    let table: [(&str, &[&str], &str, &str); 12] = [
        ("3.208.0", &[], "cli-too-old", "would stop: unknown flag: --oidc-token"),
        (
            "3.214.0",
            &[],
            "organization-missing",
            "problem logging in: organization must be specified",
        ),
        ("3.214.0", &["--oidc-org=b"], "backend-empty", "unsupported protocol scheme \"\""),
        ("3.217.0", &[], "", "would exchange the token at https://api.pulumi.com"),
        ("3.217.0", &["--oidc-org=b"], "organization-conflict", "conflicts with JWT aud claim"),
        ("3.216.0", &["--oidc-org=b"], "", "for one of the organization b"),
        (
            "3.259.0",
            &["--oidc-team=t", "--oidc-user=u"],
            "team-and-user",
            "only one of team or user may be specified for token exchange",
        ),
        ("3.259.0", &["--oidc-team=t"], "", "for one of the team t"),
        ("3.259.0", &["--oidc-user=u"], "", "for one of the user u"),
        (
            "3.259.0",
            &["--oidc-expiration=1d"],
            "expiration-invalid",
            "could not parse expiration duration: time: unknown unit \"d\" in duration \"1d\"",
        ),
        (
            "3.259.0",
            &["api.pulumi.com"],
            "backend-scheme-missing",
            "unknown backend cloudUrl format",
        ),
        // The CLI checks the URL's form first, the doctor reports the argument first.
        (
            "3.259.0",
            &["s3://bucket", "--oidc-expiration=1d"],
            "expiration-invalid",
            "flags are not supported for this type of backend",
        ),
    ];
    for (version, arguments, code, message) in table {
        let run = run(version, arguments);
        let cause = run.root_cause().filter(|cause| *cause != "token-wrapped").unwrap_or("");
        assert_eq!(cause, code, "{version} {arguments:?}");
        assert!(summary(&run).contains(message), "{version} {arguments:?}: {}", summary(&run));
    }
}

#[test]
fn pulumi_on_path_is_judged() {
    let token = World::new(&platforms::GITHUB).token();
    let run = offline(&["--oidc-token", &token, "--oidc-org=acme"])
        .without("--pulumi-version=3.259.0")
        .program("pulumi", "echo v3.200.0")
        .secret(&token)
        .json();
    assert_eq!(run.root_cause(), Some("cli-too-old"));
    // Without an OIDC flag, an old CLI is no problem.
    let run = Doctor::bare().args(["login", "--offline"]).program("pulumi", "echo v3.200.0").json();
    assert_eq!(run.root_cause(), Some("token-missing"));
    assert!(!run.codes().contains(&"cli-too-old"), "{:?}", run.codes());
}
