//! Running a step's script. The programs that would install the doctor start the built one.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use doctor::loopback::Server;
use serde_json::{Value, json};

use super::{HOSTILE, RELEASE, SCRIPTS, script, step};
use crate::support::{Doctor, Response, World, platforms};

const REQUEST_TOKEN: &str = "request-token-9be27d10c5f3486a";

fn text(path: PathBuf) -> String {
    path.to_str().unwrap().to_owned()
}

/// The built program in the place of the one that the script installs. What the script passes
/// stands before the world's own options.
fn wrapper(world: &World, doctor: &Doctor) -> String {
    let options: Vec<_> =
        doctor.arguments().iter().map(|option| doctor::text::shell(option)).collect();
    format!(
        r#"exec {program} "$@" --cloud-url {url} {options} --format json"#,
        url = world.cloud.url(),
        program = doctor::text::shell(env!("CARGO_BIN_EXE_doctor")),
        options = options.join(" "),
    )
}

/// The script's `pipx`, `python3` and `circleci`: each refuses other arguments than it is meant
/// to get. `installed` is the script of what they install.
fn with_installers(doctor: Doctor, installed: &str) -> Doctor {
    let doctor = doctor.program("doctor", installed);
    let installed = text(doctor.path("../bin/doctor"));
    let check = |count: usize, words: &str| {
        format!(
            r#"expected={words}
actual="$(n=0; for word do n=$((n + 1)); [ $n -gt {count} ] || printf '%s ' "$word"; done)"
[ "$actual" = "$expected" ] || {{ echo "$0 $*" >&2; exit 99; }}
"#,
            words = doctor::text::shell(words)
        )
    };
    let pipx = check(4, &format!("run --spec {RELEASE} doctor "))
        + &format!("shift 4\nexec {installed} \"$@\"");
    let pip = check(5, "-m pip install --quiet --target ")
        + &format!(
            "[ \"$7\" = {RELEASE} ] || exit 98
/bin/mkdir \"$6/bin\" && /bin/ln -s {installed} \"$6/bin/doctor\""
        );
    let circleci = check(4, "run oidc get --claims ") + "printf '%s' \"$CIRCLE_TEST_TOKEN\"";
    doctor
        .program("pipx", &pipx)
        .program("python3", &pip)
        .program("circleci", &circleci)
        .program("mktemp", "exec /bin/mktemp \"$@\"")
}

/// Runs a script in an environment of only these variables.
fn shell(interpreter: &[&str], script: &str, doctor: Doctor, vars: &[(&str, &str)]) -> Output {
    let doctor = doctor.file("script.sh", script);
    Command::new(format!("/bin/{}", interpreter[0]))
        .args(&interpreter[1..])
        .arg("script.sh")
        .env_clear()
        .env("PATH", doctor.path("../bin"))
        .env("HOME", doctor.path("../home"))
        .env("TMPDIR", doctor.path("../home"))
        .envs(vars.iter().copied())
        .current_dir(doctor.path(""))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// How each platform runs a script: the agent, the runner with `shell: bash`, GitLab's runner in
/// an image without bash, CircleCI.
fn interpreter(platform: &str) -> &'static [&'static str] {
    match platform {
        "azure" => &["bash"],
        "github" => &["bash", "--noprofile", "--norc", "-eo", "pipefail"],
        "circleci" => &["bash", "-eo", "pipefail"],
        _ => &["sh", "-e"],
    }
}

/// Runs a platform's script against the world; its report and exit status.
fn run(world: &World, platform: &str, vars: &[(&str, &str)]) -> Output {
    let (_, pointer) = SCRIPTS.into_iter().find(|(name, _)| *name == platform).unwrap();
    let script = script(&step(&[platform, "--oidc-org", "acme"]), pointer);
    let doctor = world.ready().without("--cloud-url").without("--oidc-org");
    let doctor = doctor.without("--allow-private-issuer");
    let wrapper = wrapper(world, &doctor);
    let doctor = with_installers(doctor, &wrapper);
    let output = shell(interpreter(platform), &script, doctor, vars);
    let signature = world.token();
    let signature = signature.rsplit('.').next().unwrap();
    let printed = [&output.stdout[..], &output.stderr].concat();
    let printed = String::from_utf8(printed).unwrap();
    for secret in [signature, REQUEST_TOKEN, world.cloud.access_token()] {
        assert!(!printed.contains(secret), "a secret comes out");
    }
    output
}

#[track_caller]
fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// The run names what was planted, and the token came from where the platform puts it.
#[track_caller]
fn finds(output: &Output, code: &str, source: &str) {
    let report = report(output);
    assert_eq!(report["rootCause"], code, "{:#}", report["findings"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(report["token"]["source"], source);
    assert_eq!(report["request"]["organization"], "acme");
}

fn spoil(world: &mut World) {
    world.shape.entry["rules"]["aud"] = "api://AzureADTokenExchange".into();
}

/// What AzureCLI@2 adds with and without addSpnToEnvironment, in a job of Azure Pipelines.
const AZURE: [(&str, &str); 9] = [
    ("TF_BUILD", "True"),
    ("SYSTEM_COLLECTIONURI", "https://dev.azure.com/acme/"),
    ("SYSTEM_COLLECTIONID", "5a1c9e7b-20f4-4d83-b6e1-9c47a0d2f815"),
    ("SYSTEM_TEAMPROJECT", "web-shop"),
    ("SYSTEM_HOSTTYPE", "build"),
    ("SYSTEM_OIDCREQUESTURI", "https://127.0.0.1:1/never-asked"),
    ("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "c3f0b8d6-71a2-4e95-8d04-6b2e5f19a7c8"),
    ("AZURESUBSCRIPTION_CLIENT_ID", "1b9d7c53-0e64-4f2a-8a3d-7c5e6f1b2d90"),
    ("AZURESUBSCRIPTION_TENANT_ID", "8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3"),
];

fn azure(world: &World) -> Output {
    let token = world.token();
    let added = [
        ("servicePrincipalId", "1b9d7c53-0e64-4f2a-8a3d-7c5e6f1b2d90"),
        ("tenantId", "8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3"),
        ("idToken", &token),
    ];
    run(world, "azure", &[&AZURE[..], &added].concat())
}

#[test]
fn azure_finds_the_cause() {
    let mut world = World::new(&platforms::AZURE_ENTRA);
    assert_eq!(report(&azure(&world))["verdict"], "healthy");
    spoil(&mut world);
    finds(&azure(&world), "audience-mismatch", "env:idToken");
}

#[test]
fn azure_without_the_token_says_so() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let output = run(&world, "azure", &AZURE);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(report(&output)["rootCause"], "ado-token-not-exposed");
}

fn github(world: &World, asking: bool) -> Output {
    let token = world.token();
    let identity = world.authority.issue(&["127.0.0.1"]).unwrap();
    let answer = Response::json(200, &json!({"value": token}));
    let endpoint = Server::start(identity, move |_| answer.clone()).unwrap();
    let url = format!("{}/idtoken/1/2?api-version=2.0", endpoint.url());
    let mut vars = vec![
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_JOB", "deploy"),
        ("GITHUB_REPOSITORY", "acme/web-shop"),
    ];
    if asking {
        vars.push(("ACTIONS_ID_TOKEN_REQUEST_URL", &url));
        vars.push(("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN));
    }
    let output = run(world, "github", &vars);
    let requests = endpoint.requests();
    assert_eq!(requests.len(), usize::from(asking));
    for request in requests {
        let query = "&audience=urn%3Apulumi%3Aorg%3Aacme";
        assert!(request.target.ends_with(query), "{}", request.target);
    }
    output
}

#[test]
fn github_finds_the_cause() {
    let mut world = World::new(&platforms::GITHUB);
    assert_eq!(report(&github(&world, true))["verdict"], "healthy");
    spoil(&mut world);
    finds(&github(&world, true), "audience-mismatch", "github-actions");
}

#[test]
fn github_without_the_permission_says_so() {
    let report = report(&github(&World::new(&platforms::GITHUB), false));
    assert_eq!(report["rootCause"], "github-id-token-permission");
}

fn gitlab(world: &World, status: &str) -> Output {
    let vars = [
        ("CI", "true"),
        ("GITLAB_CI", "true"),
        ("CI_SERVER_URL", world.issuer.url()),
        ("CI_JOB_NAME", "login"),
        ("CI_JOB_STATUS", status),
        ("LOGIN_TOKEN", &world.token()),
    ];
    run(world, "gitlab", &vars)
}

#[test]
fn gitlab_finds_the_cause() {
    let mut world = World::new(&platforms::GITLAB);
    assert_eq!(report(&gitlab(&world, "failed"))["verdict"], "healthy");
    spoil(&mut world);
    for status in ["failed", "running", ""] {
        finds(&gitlab(&world, status), "audience-mismatch", "env:LOGIN_TOKEN");
    }
}

#[test]
fn gitlab_has_no_question_about_a_job_that_succeeded() {
    let world = World::new(&platforms::GITLAB);
    let output = gitlab(&world, "success");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{output:?}");
    assert!(world.cloud.requests().is_empty());
}

fn circleci(world: &World) -> Output {
    let token = world.token();
    // CircleCI's own tokens are for another audience.
    let vars = [("CI", "true"), ("CIRCLECI", "true"), ("CIRCLE_TEST_TOKEN", &token)];
    run(world, "circleci", &vars)
}

#[test]
fn circleci_finds_the_cause() {
    let mut world = World::new(&platforms::CIRCLECI_V2);
    assert_eq!(report(&circleci(&world))["verdict"], "healthy");
    spoil(&mut world);
    finds(&circleci(&world), "audience-mismatch", "env:PULUMI_TOKEN");
}

#[test]
fn failed_installation_ends_the_step() {
    for (platform, pointer) in SCRIPTS {
        let script = script(&step(&[platform, "--oidc-org", "acme"]), pointer);
        let doctor = with_installers(Doctor::bare(), "echo started");
        let doctor = doctor.program("pipx", "exit 1").program("python3", "exit 1");
        let output = shell(interpreter(platform), &script, doctor, &[]);
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b""[..]), "{script}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
}

#[test]
fn an_organization_stays_one_word() {
    for name in HOSTILE {
        for (platform, pointer) in SCRIPTS {
            let script = script(&step(&[platform, &format!("--oidc-org={name}")]), pointer);
            let installed = "for last do :; done\nprintf '%s' \"$last\"";
            let doctor = with_installers(Doctor::bare(), installed);
            let doctor = doctor.program("touch", "echo pwned >&2");
            let output = shell(&["bash"], &script, doctor, &[]);
            assert!(output.status.success(), "{platform} {name:?}: {output:?}");
            assert_eq!(String::from_utf8(output.stdout).unwrap(), name, "{platform}: {script}");
            assert!(output.stderr.is_empty(), "{platform} {name:?}: {script}");
        }
    }
}
