//! `doctor step`: what it prints is YAML of the platform, and the script in it, run as the
//! platform runs it, finds out why the login fails.

use serde_json::{Value, json};

use crate::support::Doctor;

/// What `doctor step` prints.
fn step(arguments: &[&str]) -> String {
    let run = Doctor::bare().command("step").args(arguments.iter().copied()).run();
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{arguments:?}");
    assert!(run.stdout.is_ascii() && !run.stdout.contains('\r'), "{arguments:?}: {}", run.stdout);
    assert!(run.stdout.ends_with('\n'), "{arguments:?}: {}", run.stdout);
    run.stdout
}

#[track_caller]
fn parse(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

/// Where each platform's script is.
const SCRIPTS: [(&str, &str); 3] = [
    ("azure", "/0/inputs/inlineScript"),
    ("github", "/0/run"),
    ("gitlab", "/login/after_script/0"),
];

fn script(yaml: &str, pointer: &str) -> String {
    parse(yaml).pointer(pointer).unwrap().as_str().unwrap().to_owned()
}

// --------------------------------------------------------------------------------- the YAML

#[test]
fn azure_runs_it_when_a_task_failed() {
    let task = json!([{
        "task": "AzureCLI@2",
        "displayName": "Why the login to Pulumi Cloud fails",
        "condition": "failed()",
        "inputs": {
            "azureSubscription": "my-service-connection",
            "addSpnToEnvironment": true,
            "scriptType": "bash",
            "scriptLocation": "inlineScript",
            "inlineScript":
                "doctor login https://api.pulumi.com --oidc-token \"$idToken\" --oidc-org acme\n",
        },
    }]);
    assert_eq!(parse(&step(&["azure", "--oidc-org", "acme"])), task);
}

#[test]
fn github_runs_it_when_a_step_failed() {
    let yaml = step(&["github", "--oidc-org", "acme"]);
    let expected = json!([{
        "name": "Why the login to Pulumi Cloud fails",
        "if": "failure()",
        "shell": "bash",
        "run": "doctor --oidc-org acme\n",
    }]);
    assert_eq!(parse(&yaml), expected);
    // The permission is the job's, so that in a step it can only be a comment.
    let block: Vec<&str> = yaml
        .lines()
        .skip_while(|line| *line != "#   permissions:")
        .map_while(|line| line.strip_prefix("#   "))
        .collect();
    let expected = json!({"permissions": {"id-token": "write", "contents": "read"}});
    assert_eq!(parse(&block.join("\n")), expected);
}

#[test]
fn gitlab_step_runs_after_failed_job() {
    let login = "login https://api.pulumi.com --oidc-token \"$PULUMI_TOKEN\" --oidc-org acme\n";
    let guarded = format!("if [ \"$CI_JOB_STATUS\" != success ]; then\n  doctor {login}fi\n");
    let job = json!({"login": {
        "id_tokens": {"PULUMI_TOKEN": {"aud": "urn:pulumi:org:acme"}},
        "script": [format!("pulumi {login}")],
        "after_script": [guarded],
    }});
    assert_eq!(parse(&step(&["gitlab", "--oidc-org", "acme"])), job);
}

#[test]
fn what_has_to_be_there_is_said() {
    for (platform, pointer) in SCRIPTS {
        for arguments in [&[platform][..], &[platform, "--oidc-org", ""]] {
            let yaml = step(arguments);
            assert!(yaml.contains("# doctor has to be on "), "{yaml}");
            assert!(yaml.contains("PATH"), "{yaml}");
            assert!(yaml.contains("# ORG stands for the organization in Pulumi Cloud."), "{yaml}");
            assert!(script(&yaml, pointer).contains("--oidc-org ORG\n"), "{yaml}");
        }
        let named = step(&[platform, "--oidc-org", "acme"]);
        assert!(!named.contains("ORG"), "{named}");
        assert_eq!(step(&[platform]).matches("\n# ORG stands").count(), 1);
        assert!(named.lines().all(|line| line.len() <= 100), "{named}");
    }
    let audience = parse(&step(&["gitlab"]))["login"]["id_tokens"]["PULUMI_TOKEN"]["aud"].clone();
    assert_eq!(audience, "urn:pulumi:org:ORG");
}

#[test]
fn the_page_has_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pipelines.md");
    let page = std::fs::read_to_string(path).unwrap().replace("\r\n", "\n");
    for platform in ["azure", "gitlab"] {
        let block = format!("```yaml\n{}```\n", step(&[platform, "--oidc-org", "acme"]));
        assert!(page.contains(&block), "not in docs/pipelines.md:\n{block}");
    }
}

#[test]
fn wrong_usage() {
    for (arguments, words) in [
        (&["step"][..], "<PLATFORM>"),
        (&["step", "jenkins"], "azure, github, gitlab"),
        (&["step", "azure", "github"], "unexpected argument"),
        (&["step", "azure", "--oidc-org"], "a value is required"),
        (&["step", "azure", "--oidc-org", "caf\u{e9}"], "ASCII only"),
    ] {
        let run = Doctor::bare().args(arguments.iter().copied()).run();
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(words), "{arguments:?}: {}", run.stderr);
    }
}

/// Organizations that nobody has, and what may become of them on the way.
const HOSTILE: [&str; 14] = [
    "a b",
    "it's",
    "\"; touch pwned; \"",
    "'; touch pwned; '",
    "$(touch pwned)",
    "`touch pwned`",
    "${{ github.token }}",
    "$[ variables.x ]",
    "a\n  - touch pwned",
    "##vso[task.complete result=Succeeded;]",
    "##[error]x",
    "a\n::error::x",
    "a # b: c",
    "\u{1b}[31m\\\t",
];

#[test]
fn an_organization_stays_one_value() {
    for name in HOSTILE {
        for (platform, _) in SCRIPTS {
            let yaml = step(&[platform, &format!("--oidc-org={name}")]);
            let printable = |c: char| c == '\n' || (' '..='~').contains(&c);
            assert!(yaml.chars().all(printable), "{yaml:?}");
            assert!(!yaml.contains("##vso[") && !yaml.contains("##["), "{yaml}");
            assert!(!yaml.lines().any(|line| line.trim_start().starts_with("::")), "{yaml}");
            // GitLab, which is told the name in YAML too, has no such expressions.
            let expands = ["$(", "${{", "$["].iter().any(|opening| yaml.contains(opening));
            assert!(platform == "gitlab" || !expands, "{yaml}");
            let parsed = parse(&yaml);
            if platform == "gitlab" {
                let audience = &parsed["login"]["id_tokens"]["PULUMI_TOKEN"]["aud"];
                assert_eq!(audience, &json!(format!("urn:pulumi:org:{name}")));
                assert_eq!(parsed.as_object().unwrap().len(), 1, "{yaml}");
            } else {
                assert_eq!(parsed.as_array().unwrap().len(), 1, "{yaml}");
            }
        }
    }
}

// -------------------------------------------------------------------------------- the script

/// Running a step's script, with a `PATH` that has nothing but a `doctor`.
#[cfg(unix)]
mod scripts {
    use std::path::PathBuf;
    use std::process::{Command, Output, Stdio};

    use doctor::loopback::Server;
    use serde_json::{Value, json};

    use super::{HOSTILE, SCRIPTS, script, step};
    use crate::support::{Doctor, Response, World, platforms, program};

    const REQUEST_TOKEN: &str = "request-token-9be27d10c5f3486a";

    fn text(path: PathBuf) -> String {
        path.to_str().unwrap().to_owned()
    }

    /// What makes the world's program out of the one that the script calls: its arguments, and
    /// the world's Pulumi Cloud in the place of the real one.
    fn wrapper(world: &World, doctor: &Doctor) -> String {
        let options: Vec<_> =
            doctor.arguments().iter().map(|option| doctor::text::shell(option)).collect();
        format!(
            r#"options="--cloud-url {url}"
if [ "$1" = login ]; then options=; fi
for word do
  shift
  if [ "$word" = https://api.pulumi.com ]; then word={url}; fi
  set -- "$@" "$word"
done
exec {program} "$@" $options {more} --format json"#,
            url = world.cloud.url(),
            program = doctor::text::shell(program()),
            more = options.join(" "),
        )
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
            .envs(vars.iter().copied())
            .current_dir(doctor.path(""))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs a platform's script against the world; its report and exit status.
    fn run(world: &World, platform: &str, vars: &[(&str, &str)]) -> Output {
        let (_, pointer) = SCRIPTS.into_iter().find(|(name, _)| *name == platform).unwrap();
        let script = script(&step(&[platform, "--oidc-org", "acme"]), pointer);
        let doctor = world.ready().without("--cloud-url").without("--oidc-org");
        let doctor = doctor.without("--allow-private-issuer");
        let wrapper = wrapper(world, &doctor);
        // As the agent, the runner with `shell: bash`, and GitLab's runner without bash do.
        let interpreter: &[&str] = match platform {
            "azure" => &["bash"],
            "github" => &["bash", "--noprofile", "--norc", "-eo", "pipefail"],
            _ => &["sh", "-e"],
        };
        let output = shell(interpreter, &script, doctor.program("doctor", &wrapper), vars);
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
        finds(&azure(&world), "audience-mismatch", "--oidc-token");
    }

    #[test]
    fn azure_without_the_token_says_so() {
        let world = World::new(&platforms::AZURE_ENTRA);
        let output = run(&world, "azure", &AZURE);
        let report = report(&output);
        let codes: Vec<_> =
            report["findings"].as_array().unwrap().iter().map(|f| &f["code"]).collect();
        assert_eq!(output.status.code(), Some(1), "{codes:?}");
        assert_eq!(report["rootCause"], "token-empty", "{codes:?}");
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
            ("PULUMI_TOKEN", &world.token()),
        ];
        run(world, "gitlab", &vars)
    }

    #[test]
    fn gitlab_finds_the_cause() {
        let mut world = World::new(&platforms::GITLAB);
        assert_eq!(report(&gitlab(&world, "failed"))["verdict"], "healthy");
        spoil(&mut world);
        for status in ["failed", "running", ""] {
            finds(&gitlab(&world, status), "audience-mismatch", "--oidc-token");
        }
    }

    #[test]
    fn gitlab_has_no_question_about_a_job_that_succeeded() {
        let world = World::new(&platforms::GITLAB);
        let output = gitlab(&world, "success");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{output:?}");
        assert!(world.cloud.requests().is_empty());
    }

    #[test]
    fn an_organization_stays_one_word() {
        for name in HOSTILE {
            for (platform, pointer) in SCRIPTS {
                let script = script(&step(&[platform, &format!("--oidc-org={name}")]), pointer);
                let doctor = Doctor::bare()
                    .program("doctor", "for last do :; done\nprintf '%s' \"$last\" > said");
                let said = doctor.path("said");
                let pwned = doctor.path("pwned");
                let doctor = doctor.file("script.sh", &script);
                let work = doctor.path("");
                let status = Command::new("/bin/bash")
                    .arg(work.join("script.sh"))
                    .env_clear()
                    .env("PATH", text(doctor.path("../bin")) + ":/usr/bin:/bin")
                    .current_dir(work)
                    .stdin(Stdio::null())
                    .status()
                    .unwrap();
                assert!(status.success(), "{platform} {name:?}: {script}");
                assert_eq!(std::fs::read_to_string(&said).unwrap(), name, "{platform}: {script}");
                assert!(!pwned.exists(), "{platform} {name:?}: {script}");
            }
        }
    }
}
