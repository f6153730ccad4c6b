//! A walk through the article on logging in to Pulumi Cloud from Azure Pipelines without a stored
//! secret. Each of its five troubleshooting sections starts from the article's pipeline, breaks
//! one thing, and ends with the article's fix; done as told, the same line logs in.

use serde_json::{Value, json};

use crate::support::{Doctor, ORGANIZATION, Run, World, platforms};

const PIPELINE: &str = include_str!("../../../fixtures/article/azure-pipelines.yml");
const CONNECTION: &str = "c3f0b8d6-71a2-4e95-8d04-6b2e5f19a7c8";
const TENANT: &str = "8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3";
const CLIENT: &str = "1b9d7c53-0e64-4f2a-8a3d-7c5e6f1b2d90";
const COLLECTION: &str = "5a1c9e7b-20f4-4d83-b6e1-9c47a0d2f815";
const AUDIENCE: &str = "fb60f99c-7a34-4190-8149-302f77469936";
const AUDIENCE_NAME: &str = "api://AzureADTokenExchange";

/// The line of the article's inline script that logs in, with one word changed.
fn login_line() -> String {
    let pipeline: Value = serde_saphyr::from_str(PIPELINE).unwrap();
    let tasks = pipeline["steps"].as_array().unwrap();
    let inputs = &tasks.iter().find(|step| step["task"] == "AzureCLI@2").unwrap()["inputs"];
    assert_eq!(inputs["addSpnToEnvironment"], true);
    let script = inputs["inlineScript"].as_str().unwrap();
    let line = script.lines().find(|line| line.starts_with("pulumi login ")).unwrap();
    line.replacen("pulumi", "doctor", 1)
}

/// The article's world: the policy has rules on the audience, the issuer and the subject.
fn article() -> World {
    let mut world = World::new(&platforms::AZURE_ENTRA);
    world.shape.entry["rules"] = json!({
        "aud": AUDIENCE,
        "iss": world.issuer.url(),
        "sub": world.shape.claims["sub"],
    });
    world
}

/// The environment that AzureCLI@2 gives to a script, but for the token, and the options that
/// make the world this one. The organization is the script's.
fn task(world: &World) -> Doctor {
    world
        .doctor_without_token()
        .without("--oidc-org")
        .env("TF_BUILD", "True")
        .env("SYSTEM_COLLECTIONURI", "https://dev.azure.com/acme/")
        .env("SYSTEM_COLLECTIONID", COLLECTION)
        .env("SYSTEM_TEAMPROJECT", "web-shop")
        .env("SYSTEM_HOSTTYPE", "build")
        .env("SYSTEM_OIDCREQUESTURI", "https://127.0.0.1:1/never-asked")
        .env("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", CONNECTION)
        .env("AZURESUBSCRIPTION_CLIENT_ID", CLIENT)
        .env("AZURESUBSCRIPTION_TENANT_ID", TENANT)
}

/// The same with `addSpnToEnvironment: true`.
fn step(world: &World) -> Doctor {
    let token = world.token();
    task(world)
        .env("servicePrincipalId", CLIENT)
        .env("tenantId", TENANT)
        .env("idToken", &token)
        .secret(&token)
}

/// Runs the article's line.
fn run(world: &World) -> Run {
    step(world).script(&login_line()).json()
}

/// What the root cause's remediation says: its summary, its steps and its commands, by line.
#[track_caller]
fn fix(run: &Run, code: &str) -> String {
    assert_eq!((run.status, run.root_cause()), (1, Some(code)), "{:?} {}", run.codes(), run.stderr);
    let remediation = &run.finding(code)["remediation"];
    let list = |key: &str| remediation[key].as_array().cloned().unwrap_or_default();
    let parts = [vec![remediation["summary"].clone()], list("steps"), list("commands")].concat();
    parts.iter().map(|part| part.as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn holds(fix: &str, telling: &[&str]) {
    for words in telling {
        assert!(fix.contains(words), "{words:?} is not in\n{fix}");
    }
}

/// The evidence of a finding: what it is of, and the value.
fn evidence<'a>(run: &'a Run, code: &str) -> Vec<(&'a str, &'a str)> {
    let evidence = run.finding(code)["evidence"].as_array().unwrap();
    let text = |item: &'a Value, key: &str| item[key].as_str().unwrap();
    evidence.iter().map(|item| (text(item, "what"), text(item, "value"))).collect()
}

#[test]
fn article_login_succeeds() {
    let mut world = article();
    let with_subject = run(&world);
    with_subject.assert_healthy();
    let findings = with_subject.report["findings"].as_array().unwrap();
    assert!(findings.iter().all(|f| f["severity"] == "info"), "{:?}", with_subject.codes());
    assert_eq!(with_subject.report["request"]["organization"], ORGANIZATION);
    assert_eq!(world.cloud.exchanges()[0]["audience"], "urn:pulumi:org:acme");
    // The article's first policy has no rule on sub, and it recommends one.
    let subject = world.shape.claims["sub"].clone();
    world.shape.entry["rules"].as_object_mut().unwrap().remove("sub");
    let without = run(&world);
    assert_eq!((without.status, without.root_cause()), (0, None));
    without
        .assert_finding_contains("policy-too-broad", &["rule on sub", subject.as_str().unwrap()]);
}

/// Section 1: `Post "/api/oauth/token": unsupported protocol scheme ""`.
#[test]
fn the_backend_is_named() {
    let world = article();
    let old = |line: &str| {
        let options = step(&world).option("--pulumi-version", "3.214.0");
        options.without("--cloud-url").script(line).json()
    };
    let run = old(&login_line());
    run.assert_finding_contains(
        "backend-empty",
        &["Post \"/api/oauth/token\": unsupported protocol scheme"],
    );
    let fix = fix(&run, "backend-empty");
    let pulumi_cloud = "https://api.pulumi.com";
    let command =
        format!("pulumi login {pulumi_cloud} --oidc-token \"$idToken\" --oidc-org {ORGANIZATION}");
    holds(&fix, &[&command]);
    assert!(world.cloud.exchanges().is_empty());

    // The line to paste, with this world's Pulumi Cloud for the real one.
    let pasted = fix.lines().find(|line| line.starts_with("pulumi login")).unwrap();
    let here = pasted.replacen("pulumi", "doctor", 1).replace(pulumi_cloud, world.cloud.url());
    old(&here).assert_healthy();
}

/// Section 2: the issuer is not registered as the token has it.
#[test]
fn the_issuer_is_registered_exactly() {
    let world = article();
    let issuer = world.issuer.url().to_owned();
    let registered = world.cloud.first_registration();
    let near = [
        issuer.trim_end_matches("/v2.0").to_owned(),
        issuer.replace(TENANT, "0c6f2e1d-7b94-4d35-a8e0-1f5b3c9d7a62"),
        format!("https://vstoken.dev.azure.com/{COLLECTION}"),
    ];
    for wrong in near {
        world.cloud.change_registration(|registration| {
            registration["url"] = wrong.as_str().into();
            registration["issuer"] = wrong.as_str().into();
        });
        let before = run(&world);
        holds(&fix(&before, "issuer-not-registered"), &[ORGANIZATION, &format!("URL {issuer}")]);
        let shown = evidence(&before, "issuer-not-registered");
        assert!(shown.contains(&("token iss", &issuer)), "{shown:?}");
        assert!(shown.contains(&("registered", &wrong)), "{shown:?}");

        world.cloud.change_registration(|registration| registration.clone_from(&registered));
        run(&world).assert_healthy();
    }
}

/// Section 3: the audience is the application's id, not its name.
#[test]
fn the_audience_is_the_id() {
    let mut world = article();
    world.shape.entry["rules"]["aud"] = AUDIENCE_NAME.into();
    let before = run(&world);
    holds(&fix(&before, "audience-mismatch"), &[&format!("\"aud\": \"{AUDIENCE}\"")]);
    let shown = evidence(&before, "audience-mismatch");
    assert!(shown.contains(&("expected", AUDIENCE_NAME)), "{shown:?}");
    assert!(shown.contains(&("actual", AUDIENCE)), "{shown:?}");

    world.shape.entry["rules"]["aud"] = AUDIENCE.into();
    run(&world).assert_healthy();
}

/// Section 4: the policy's decision, its token type and its role.
#[test]
fn the_policy_decides_for_this_login() {
    type Case<'a> = (&'a str, Value, &'a str, &'a [&'a str], &'a [&'a str]);
    let table: [Case; 5] = [
        ("decision", json!("deny"), "policy-denied", &[], &["policy 1", "\"decision\": \"allow\""]),
        (
            "tokenType",
            json!("personal"),
            "token-type-not-allowed",
            &[],
            &["add an allow entry with tokenType organization"],
        ),
        (
            "tokenType",
            json!("team"),
            "token-type-not-allowed",
            &[],
            &["add an allow entry with tokenType organization"],
        ),
        (
            "authorizedPermissions",
            json!([]),
            "admin-not-permitted",
            &["--scope", "admin"],
            &["\"authorizedPermissions\": [\n    \"admin\"\n  ]"],
        ),
        (
            "authorizedPermissions",
            json!(["read"]),
            "admin-not-permitted",
            &["--scope", "admin"],
            &["\"authorizedPermissions\": [\n    \"read\",\n    \"admin\"\n  ]"],
        ),
    ];
    for (field, wrong, code, options, telling) in table {
        let mut world = article();
        world.shape.entry["authorizedPermissions"] = json!(["admin"]);
        let right = std::mem::replace(&mut world.shape.entry[field], wrong.clone());
        let attempt =
            |world: &World| step(world).args(options.to_vec()).script(&login_line()).json();
        let before = attempt(&world);
        holds(&fix(&before, code), telling);

        world.shape.entry[field] = right;
        attempt(&world).assert_healthy();
    }
}

/// The same, where the policy has other entries than the article's one.
#[test]
fn the_decision_is_the_whole_policys() {
    let world = article();
    let attempt = |entries: &[Value]| {
        let doctor = step(&world);
        world.cloud.set_policies(entries.to_vec());
        let mut policy = world.policy();
        policy["issuers"][0]["policies"] = entries.into();
        doctor.file("policy.json", policy.to_string()).script(&login_line()).json()
    };
    let allow = world.shape.entry.clone();
    let mut deny = allow.clone();
    deny["decision"] = "deny".into();
    let beaten = attempt(&[allow.clone(), deny]);
    holds(&fix(&beaten, "policy-denied"), &["Narrow the deny entry"]);
    beaten.assert_finding_contains("policy-denied", &["policy 2", AUDIENCE]);
    attempt(std::slice::from_ref(&allow)).assert_healthy();

    // The entry to add is the article's, with this token's values.
    let fix = fix(&attempt(&[]), "policy-default-deny");
    let begin = fix.find('{').unwrap();
    let mut entries = serde_json::Deserializer::from_str(&fix[begin..]).into_iter::<Value>();
    let entry = entries.next().unwrap().unwrap();
    assert_eq!(
        (&entry["decision"], &entry["tokenType"]),
        (&allow["decision"], &allow["tokenType"])
    );
    assert_eq!(entry["rules"], allow["rules"]);
    attempt(&[entry]).assert_healthy();
}

/// Section 5: the token that nobody has looked into.
#[test]
fn the_token_is_decoded_and_compared() {
    let mut world = article();
    let claims = world.shape.claims.clone();
    let [aud, iss, sub] = ["aud", "iss", "sub"].map(|claim| claims[claim].as_str().unwrap());
    // The subject of another connection of the same organization.
    let other = sub.replace(CONNECTION, "d41f0a27-5b68-4c93-8e1d-2a7c9f3b6e50");
    world.shape.entry["rules"]["sub"] = other.as_str().into();
    let before = run(&world);
    holds(&fix(&before, "subject-mismatch"), &[&format!("\"sub\": \"{sub}\"")]);
    let shown = evidence(&before, "subject-mismatch");
    assert!(shown.contains(&("expected", &other)), "{shown:?}");
    assert!(shown.contains(&("actual", sub)), "{shown:?}");
    let rules = before.report["policy"].to_string();
    holds(&rules, &[aud, iss, sub, &other]);
    // Every claim beside what is expected of it, for a person to read.
    let human = step(&world).args(["--color", "never", "--format", "human"]);
    let human = human.script(&login_line()).run();
    for value in [aud, iss] {
        assert!(human.stdout.contains(value), "{}", human.stdout);
    }

    world.shape.entry["rules"]["sub"] = sub.into();
    run(&world).assert_healthy();
}

/// Section 5, where there is nothing to decode: the task hands no token to its script.
#[test]
fn empty_token_is_traced_to_task() {
    let world = article();
    let run = task(&world).script(&login_line()).json();
    let fix = fix(&run, "token-empty");
    holds(&fix, &["addSpnToEnvironment: true", CONNECTION, "--oidc-token \"$idToken\""]);
    assert!(world.cloud.exchanges().is_empty());
}

/// Section 5, where the token's name was written as a pipeline variable's. bash runs it as a
/// command, other shells pass it on.
#[test]
fn an_environment_variable_is_no_macro() {
    let world = article();
    let line = login_line();
    let run = step(&world).script(&line.replace("$idToken", "$(idToken)")).json();
    holds(&fix(&run, "token-empty"), &["idToken", "--oidc-token \"$idToken\" --oidc-org acme"]);

    let run = step(&world).script(&line.replace("\"$idToken\"", "'$(idToken)'")).json();
    let fix = fix(&run, "token-variable-unexpanded");
    holds(&fix, &["\"$idToken\"", "not a pipeline variable"]);
    assert!(world.cloud.exchanges().is_empty());
}
