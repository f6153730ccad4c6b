//! Runs the script of a step or template as a CI job would. The programs that install the doctor
//! are replaced; they start the built one.

use std::process::{Command, Output, Stdio};

use serde_json::json;

use super::{Doctor, RELEASE, Response, Server, World};

/// A script that replaces the doctor which the step installs: it runs the built program with the
/// arguments of the step and the options of the world.
fn wrapper(world: &World, doctor: &Doctor) -> String {
    let options: Vec<_> =
        doctor.arguments().iter().map(|option| doctor::text::shell(option)).collect();
    format!(
        r#"exec {program} "$@" --cloud-url {url} {options} --format json"#,
        url = world.cloud.url(),
        program = doctor::text::shell(super::program()),
        options = options.join(" "),
    )
}

/// Adds `pipx`, `python3` and `circleci`, which fail if their arguments are not the expected ones.
/// `installed` is the script that replaces the installed doctor.
pub fn with_installers(doctor: Doctor, installed: &str) -> Doctor {
    let doctor = doctor.program("doctor", installed);
    let installed = doctor.path("../bin/doctor").display().to_string();
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
    let doctor =
        doctor.program("pipx", &pipx).program("python3", &pip).program("circleci", &circleci);
    ["mkdir", "mktemp", "rm", "sed"]
        .iter()
        .fold(doctor, |doctor, name| doctor.program(name, &format!("exec /bin/{name} \"$@\"")))
}

/// Runs a script with only these variables and those of an empty home.
pub fn run_script(
    interpreter: &[&str],
    script: &str,
    doctor: &Doctor,
    vars: &[(&str, &str)],
) -> Output {
    Command::new(format!("/bin/{}", interpreter[0]))
        .args(&interpreter[1..])
        .args(["-c", script])
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

/// The interpreter of each platform: of Azure's agent, of GitHub's runner with `shell: bash`, of
/// CircleCI, and of GitLab's runner in an image without bash.
pub fn interpreter(platform: &str) -> &'static [&'static str] {
    match platform {
        "azure" => &["bash"],
        "github" => &["bash", "--noprofile", "--norc", "-eo", "pipefail"],
        "circleci" => &["bash", "-eo", "pipefail"],
        _ => &["sh", "-e"],
    }
}

/// The request token of jobs on GitHub Actions and Azure Pipelines, a secret.
pub const REQUEST_TOKEN: &str = "request-token-9be27d10c5f3486a";

/// Runs a platform's script in a job against the world. The installed doctor prints JSON. Returns
/// the output, and the job, whose files a test can inspect.
pub fn run(world: &World, platform: &str, script: &str, vars: &[(&str, &str)]) -> (Output, Doctor) {
    let doctor = world.doctor_without_token().without("--cloud-url").without("--oidc-org");
    let doctor = doctor.without("--allow-private-issuer");
    let wrapper = wrapper(world, &doctor);
    let doctor = with_installers(doctor, &wrapper);
    let output = run_script(interpreter(platform), script, &doctor, vars);
    let signature = world.token();
    let signature = signature.rsplit('.').next().unwrap();
    let printed = [&output.stdout[..], &output.stderr].concat();
    let printed = String::from_utf8(printed).unwrap();
    for secret in [signature, REQUEST_TOKEN, world.cloud.access_token()] {
        assert!(!printed.contains(secret), "a secret comes out");
    }
    (output, doctor)
}

/// An endpoint that gives the world's token to jobs on GitHub Actions.
pub fn token_endpoint(world: &World) -> Server {
    let answer = Response::json(200, &json!({"value": world.token()}));
    let identity = world.authority.issue(&["127.0.0.1"]).unwrap();
    Server::start(identity, move |_| answer.clone()).unwrap()
}

/// The variables of an Azure Pipelines job with AzureCLI@2, without those of addSpnToEnvironment.
pub const AZURE: [(&str, &str); 9] = [
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
