//! Tokens found without a named source: where each platform keeps them, and the advice if there is
//! none. The environments are those of the platforms.

use std::time::Duration;

use doctor::loopback::Server;
use serde_json::{Value, json};

use crate::support::{Doctor, Platform, Request, Response, Run, World, platforms};

const CONNECTION: &str = "c3f0b8d6-71a2-4e95-8d04-6b2e5f19a7c8";
const SYSTEM_TOKEN: &str = "system-access-token-4f8a1c77e2b94d06";
const REQUEST_TOKEN: &str = "request-token-9be27d10c5f3486a";

/// A platform's token endpoint, which records its requests.
struct Endpoint(Server);

impl Endpoint {
    fn start(world: &World, answer: Response) -> Self {
        let identity = world.authority.issue(&["127.0.0.1"]).unwrap();
        Self(Server::start(identity, move |_| answer.clone()).unwrap())
    }

    fn requests(&self) -> Vec<Request> {
        self.0.requests()
    }

    /// `System.OidcRequestUri`.
    fn azure(&self) -> String {
        format!(
            "{}/acme/6f1d2c3b/_apis/distributedtask/hubs/build/plans/9a8b7c6d/jobs/12f1170f/oidctoken",
            self.0.url()
        )
    }

    fn github(&self) -> String {
        format!("{}/idtoken/1/2?api-version=2.0", self.0.url())
    }
}

/// The environment of every job on Azure Pipelines.
fn azure_job(doctor: Doctor, uri: &str) -> Doctor {
    doctor
        .env("TF_BUILD", "True")
        .env("SYSTEM_COLLECTIONURI", "https://dev.azure.com/acme/")
        .env("SYSTEM_COLLECTIONID", "5a1c9e7b-20f4-4d83-b6e1-9c47a0d2f815")
        .env("SYSTEM_TEAMPROJECT", "web-shop")
        .env("SYSTEM_HOSTTYPE", "build")
        .env("SYSTEM_OIDCREQUESTURI", uri)
}

/// Adds the variables that AzureCLI@2 sets for a federated connection.
fn with_federated_connection(doctor: Doctor) -> Doctor {
    doctor
        .env("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", CONNECTION)
        .env("AZURESUBSCRIPTION_CLIENT_ID", "1b9d7c53-0e64-4f2a-8a3d-7c5e6f1b2d90")
        .env("AZURESUBSCRIPTION_TENANT_ID", "8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3")
}

/// A job that may request a token.
fn azure_job_with_permission(doctor: Doctor, uri: &str) -> Doctor {
    with_federated_connection(azure_job(doctor, uri))
        .env("SYSTEM_ACCESSTOKEN", SYSTEM_TOKEN)
        .secret(SYSTEM_TOKEN)
}

fn github_job(doctor: Doctor) -> Doctor {
    doctor
        .env("CI", "true")
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_EVENT_NAME", "push")
        .env("GITHUB_JOB", "deploy")
        .env("GITHUB_REPOSITORY", "acme/web-shop")
}

fn github_job_with_permission(doctor: Doctor, url: &str) -> Doctor {
    github_job(doctor)
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", url)
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN)
        .secret(REQUEST_TOKEN)
}

fn commands(finding: &Value) -> String {
    let commands = finding["remediation"]["commands"].as_array().unwrap();
    commands.iter().map(|c| c.as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

/// The sources that were tried, as `source: reason`.
fn tried(finding: &Value) -> Vec<String> {
    let evidence = finding["evidence"].as_array().unwrap();
    evidence
        .iter()
        .filter(|e| e["what"] == "looked at")
        .map(|e| format!("{}: {}", e["where"].as_str().unwrap(), e["value"].as_str().unwrap()))
        .collect()
}

#[track_caller]
fn assert_healthy_from(run: &Run, source: &str) {
    assert_eq!(run.root_cause(), None, "{:#}", run.report["findings"]);
    assert_eq!((run.status, &run.report["verdict"]), (0, &json!("healthy")));
    assert_eq!(run.report["token"]["source"], source);
}

#[track_caller]
fn assert_fails<'a>(run: &'a Run, code: &str) -> &'a Value {
    assert_eq!(run.root_cause(), Some(code), "{:#}", run.report["findings"]);
    assert_eq!(run.status, 1);
    assert_eq!(run.check("exchange")["skippedBecause"], "input");
    run.finding(code)
}

// ------------------------------------------------------------------------- Azure Pipelines

#[test]
fn azure_script_token_is_found() {
    for platform in [&platforms::AZURE_DEVOPS, &platforms::AZURE_ENTRA] {
        let world = World::new(platform);
        let doctor = with_federated_connection(azure_job(
            world.doctor_without_token(),
            "https://127.0.0.1:1/never-asked",
        ));
        // An ambient token's issuer may be on loopback.
        let doctor = doctor.without("--allow-private-issuer");
        let token = world.token();
        let run = doctor.env("idToken", &token).secret(&token).json();
        assert_healthy_from(&run, "env:idToken");
    }
}

#[test]
fn azure_request_matches_documentation() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let token = world.token();
    let endpoint = Endpoint::start(&world, Response::json(200, &json!({"oidcToken": token})));
    for variable in [
        "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
        "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID",
        "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID",
    ] {
        let run = azure_job(world.doctor_without_token(), &endpoint.azure())
            .env("SYSTEM_ACCESSTOKEN", SYSTEM_TOKEN)
            .env(variable, CONNECTION)
            .secret(SYSTEM_TOKEN)
            .secret(&token)
            .json();
        assert_healthy_from(&run, "azure-pipelines");
    }
    let requests = endpoint.requests();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!(request.method, "POST");
        let query = format!("?api-version=7.1&serviceConnectionId={CONNECTION}");
        assert!(request.target.ends_with(&format!("/oidctoken{query}")), "{}", request.target);
        assert_eq!(request.header("authorization"), Some(&*format!("Bearer {SYSTEM_TOKEN}")));
        assert_eq!(request.header("x-tfs-fedauthredirect"), Some("Suppress"));
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("content-length"), Some("0"));
        assert!(request.body.is_empty());
    }
}

#[test]
fn azure_refusals_are_explained() {
    let unreferenced = format!(
        "There is no explicit reference to service connection {CONNECTION} from current stage \
         Deploy.Login.__default."
    );
    let get = "The requested resource does not support http method 'GET'.";
    let page = "<!DOCTYPE html><html><head><title>Azure DevOps Services | Sign In</title></head>";
    let cases: [(&str, Response, &str); 11] = [
        ("401", Response::new(401, "text/html", page), "SYSTEM_ACCESSTOKEN: $(System.AccessToken)"),
        (
            "a page for signing in",
            Response::new(203, "text/html; charset=utf-8", page),
            "SYSTEM_ACCESSTOKEN: $(System.AccessToken)",
        ),
        (
            "a redirect",
            Response::new(302, "text/html", "").header("location", "/_signin?realm=dev.azure.com"),
            "SYSTEM_ACCESSTOKEN: $(System.AccessToken)",
        ),
        ("404", Response::json(404, &json!({"message": "No service connection."})), ""),
        ("405", Response::json(405, &json!({"count": 1, "value": {"Message": get}})), ""),
        (
            "unreferenced",
            Response::json(400, &json!({"count": 151, "value": unreferenced})),
            "condition: false",
        ),
        (
            "unreferenced with status 200",
            Response::json(200, &json!({"count": 151, "value": unreferenced})),
            "condition: false",
        ),
        ("null", Response::json(200, &json!({"oidcToken": null})), ""),
        ("the word null", Response::new(200, "application/json", "null"), ""),
        ("nothing", Response::new(200, "text/plain", ""), ""),
        ("an outage", Response::new(503, "text/plain", "try later"), ""),
    ];
    let world = World::new(&platforms::AZURE_ENTRA);
    for (name, answer, paste) in cases {
        let status = answer.status;
        let endpoint = Endpoint::start(&world, answer);
        let run = azure_job_with_permission(world.doctor_without_token(), &endpoint.azure()).json();
        let finding = assert_fails(&run, "token-request-failed");
        let detail = finding["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("status {status} ")), "{name}: {detail}");
        assert!(commands(finding).contains(paste), "{name}: {}", commands(finding));
        assert_eq!(endpoint.requests().len(), 1, "{name}: no redirect is followed");
        assert_eq!(run.codes().iter().filter(|c| c.starts_with("ado-")).count(), 0, "{name}");
    }
}

#[test]
fn azure_error_text_is_shown() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let message = format!("There is no explicit reference to service connection {CONNECTION}");
    let echo = format!("{message}; you sent Bearer {SYSTEM_TOKEN}");
    let endpoint =
        Endpoint::start(&world, Response::json(400, &json!({"count": 151, "value": echo})));
    let run = azure_job_with_permission(world.doctor_without_token(), &endpoint.azure()).json();
    let finding = assert_fails(&run, "token-request-failed");
    let said = finding["evidence"].as_array().unwrap().iter().find(|e| e["what"] == "it says");
    let said = said.unwrap()["value"].as_str().unwrap();
    assert!(said.starts_with(&message), "{said}");
    assert!(said.contains("[redacted]"), "{said}");
    assert!(commands(finding).contains(CONNECTION), "the connection's id is in what to paste");
}

#[test]
fn unreachable_azure_endpoint_is_reported() {
    let world = World::new(&platforms::AZURE_ENTRA);
    // Nothing listens on port 1.
    let run =
        azure_job_with_permission(world.doctor_without_token(), "https://127.0.0.1:1/x/oidctoken")
            .json();
    let finding = assert_fails(&run, "token-request-failed");
    assert!(finding["detail"].as_str().unwrap().contains("127.0.0.1:1"), "{finding}");
    // The job's credential is sent only over TLS, and never to metadata services.
    for uri in ["http://127.0.0.1:1/x", "https://169.254.169.254/x", "not a url"] {
        assert_fails(
            &azure_job_with_permission(world.doctor_without_token(), uri).json(),
            "token-request-failed",
        );
    }
    // A certificate of an unknown authority.
    let stranger = World::new(&platforms::AZURE_ENTRA);
    let endpoint = Endpoint::start(&stranger, Response::json(200, &json!({"oidcToken": "x"})));
    let run = azure_job_with_permission(world.doctor_without_token(), &endpoint.azure())
        .arg("--insecure")
        .json();
    assert_fails(&run, "token-request-failed");
    assert!(endpoint.requests().is_empty(), "--insecure is about the backend");
}

#[test]
fn silent_platform_keeps_to_timeout() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let late = Response::json(200, &json!({"oidcToken": world.token()}));
    let endpoint = Endpoint::start(&world, late.after(Duration::from_secs(30)));
    let run = azure_job_with_permission(world.doctor_without_token(), &endpoint.azure())
        .args(["--timeout", "1500ms"])
        .json();
    let finding = assert_fails(&run, "token-request-failed");
    assert!(finding["detail"].as_str().unwrap().contains("in time"), "{finding}");
    assert!(run.elapsed < Duration::from_millis(4000), "{:?}", run.elapsed);
    assert_eq!(run.check("cloud")["status"], "pass", "there is time left for the backend");
}

#[test]
fn unexposed_azure_token_is_explained() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let run =
        with_federated_connection(azure_job(world.doctor_without_token(), "https://127.0.0.1:1/x"))
            .json();
    let finding = assert_fails(&run, "ado-token-not-exposed");
    let yaml = commands(finding);
    assert!(yaml.contains("addSpnToEnvironment: true"), "{yaml}");
    assert!(yaml.contains("--oidc-org acme") && yaml.contains(CONNECTION), "{yaml}");
    assert!(yaml.contains(&format!("pulumi login {}", world.cloud.url())), "{yaml}");
    let tried = tried(finding);
    let says = |text: &str| tried.iter().any(|row| row.starts_with(text));
    assert!(says("env:idToken: not set"), "{tried:?}");
    assert!(says("azure-pipelines: not asked: SYSTEM_ACCESSTOKEN is not set"), "{tried:?}");
    assert_eq!(tried.len(), 2, "nothing of other platforms: {tried:?}");
}

#[test]
fn azure_secret_connection_has_no_token() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let key = "client-secret-Q8~aBcDeFgHiJkLmNoP";
    let run = azure_job(world.doctor_without_token(), "https://127.0.0.1:1/x")
        .env("servicePrincipalId", "1b9d7c53-0e64-4f2a-8a3d-7c5e6f1b2d90")
        .env("servicePrincipalKey", key)
        .env("tenantId", "8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3")
        .secret(key)
        .json();
    let finding = assert_fails(&run, "ado-connection-not-federated");
    assert!(finding["remediation"]["summary"].as_str().unwrap().contains("federation"));
}

#[test]
fn unmapped_system_access_token_is_reported() {
    let world = World::new(&platforms::AZURE_ENTRA);
    for value in [None, Some(""), Some("$(System.AccessToken)")] {
        let mut doctor = azure_job(world.doctor_without_token(), "https://127.0.0.1:1/x");
        if let Some(value) = value {
            doctor = doctor.env("SYSTEM_ACCESSTOKEN", value);
        }
        let run = doctor.json();
        let finding = assert_fails(&run, "ado-system-accesstoken-unmapped");
        let yaml = commands(finding);
        assert!(yaml.contains("env:\n    SYSTEM_ACCESSTOKEN: $(System.AccessToken)"), "{yaml}");
    }
}

#[test]
fn azure_request_needs_service_connection() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let endpoint = Endpoint::start(&world, Response::json(200, &json!({"oidcToken": "x"})));
    for id in [None, Some("$(serviceConnectionId)")] {
        let mut doctor = azure_job(world.doctor_without_token(), &endpoint.azure())
            .env("SYSTEM_ACCESSTOKEN", SYSTEM_TOKEN)
            .secret(SYSTEM_TOKEN)
            .env("AZURESUBSCRIPTION_TENANT_ID", "8e3b2c4d-1f60-4a7e-9b52-c0d4e6f8a1b3");
        if let Some(id) = id {
            doctor = doctor.env("ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", id);
        }
        let run = doctor.json();
        let finding = assert_fails(&run, "token-request-failed");
        assert!(commands(finding).contains("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"));
    }
    assert!(endpoint.requests().is_empty());
}

#[test]
fn offline_run_asks_no_platform() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let endpoint = Endpoint::start(&world, Response::json(200, &json!({"oidcToken": "x"})));
    let run = azure_job_with_permission(world.doctor_without_token(), &endpoint.azure())
        .arg("--offline")
        .json();
    assert_eq!(run.status, 1);
    let finding = run.finding(run.root_cause().unwrap());
    assert!(tried(finding).contains(&"azure-pipelines: not asked: --offline".to_owned()));
    let run = github_job_with_permission(world.doctor_without_token(), &endpoint.github())
        .arg("--offline")
        .json();
    let finding = run.finding("token-missing");
    assert!(tried(finding).contains(&"github-actions: not asked: --offline".to_owned()));
    assert!(endpoint.requests().is_empty());
}

#[test]
fn unexpanded_variable_is_root_cause() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let doctor =
        with_federated_connection(azure_job(world.doctor_without_token(), "https://127.0.0.1:1/x"));
    let run = doctor.env("idToken", "$(idToken)").json();
    assert_fails(&run, "token-variable-unexpanded");
}

// -------------------------------------------------------------------------- GitHub Actions

#[test]
fn github_request_has_pulumi_audience() {
    let world = World::new(&platforms::GITHUB);
    let token = world.token();
    let endpoint = Endpoint::start(&world, Response::json(200, &json!({"value": token})));
    let run = github_job_with_permission(world.doctor_without_token(), &endpoint.github())
        .secret(&token)
        .json();
    assert_healthy_from(&run, "github-actions");
    let requests = endpoint.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].method, "GET");
    let query = "?api-version=2.0&audience=urn%3Apulumi%3Aorg%3Aacme";
    assert!(requests[0].target.ends_with(query), "{}", requests[0].target);
    assert_eq!(requests[0].header("authorization"), Some(&*format!("bearer {REQUEST_TOKEN}")));
}

#[test]
fn github_request_needs_organization() {
    let world = World::new(&platforms::GITHUB);
    let endpoint = Endpoint::start(&world, Response::json(200, &json!({"value": "x"})));
    let doctor = github_job_with_permission(world.doctor_without_token(), &endpoint.github())
        .without("--oidc-org");
    let run = doctor.json();
    let finding = assert_fails(&run, "token-missing");
    assert!(tried(finding).iter().any(|row| row.contains("no organization is named")));
    assert!(commands(finding).contains("--oidc-org"));
    assert!(endpoint.requests().is_empty());

    let token = world.token();
    let endpoint = Endpoint::start(&world, Response::json(200, &json!({"value": token})));
    let doctor = github_job_with_permission(world.doctor_without_token(), &endpoint.github())
        .without("--oidc-org");
    assert_healthy_from(&doctor.env("PULUMI_OPTION_OIDC_ORG", "acme").json(), "github-actions");
}

#[test]
fn github_refusals_are_explained() {
    let world = World::new(&platforms::GITHUB);
    let cases = [
        Response::json(401, &json!({"message": "Bad credentials"})),
        Response::json(403, &json!({"message": "Forbidden"})),
        Response::json(200, &json!({"value": null})),
        Response::new(302, "text/html", "").header("location", "/login"),
        Response::new(500, "text/html", "<html><title>Unicorn</title></html>"),
    ];
    for answer in cases {
        let status = answer.status;
        let endpoint = Endpoint::start(&world, answer);
        let run =
            github_job_with_permission(world.doctor_without_token(), &endpoint.github()).json();
        let finding = assert_fails(&run, "token-request-failed");
        assert!(finding["detail"].as_str().unwrap().contains(&format!("status {status} ")));
        assert_eq!(endpoint.requests().len(), 1);
    }
}

#[test]
fn github_answer_without_token_fails() {
    let world = World::new(&platforms::GITHUB);
    let endpoint = Endpoint::start(&world, Response::json(200, &json!({"value": "null"})));
    let run = github_job_with_permission(world.doctor_without_token(), &endpoint.github()).json();
    let finding = assert_fails(&run, "token-not-a-token");
    assert!(finding["detail"].as_str().unwrap().contains("the request to GitHub Actions"));
}

#[test]
fn missing_github_permission_is_explained() {
    let world = World::new(&platforms::GITHUB);
    let run = github_job(world.doctor_without_token()).json();
    let finding = assert_fails(&run, "github-id-token-permission");
    let yaml = commands(finding);
    assert!(yaml.contains("deploy:\n    permissions:\n      id-token: write"), "{yaml}");
    assert!(!finding.to_string().contains("fork"));
    let run =
        github_job(world.doctor_without_token()).env("GITHUB_EVENT_NAME", "pull_request").json();
    run.assert_finding_contains(
        "github-id-token-permission",
        &["If the pull request comes from a fork"],
    );
}

#[test]
fn fork_pull_request_is_distinguished() {
    let world = World::new(&platforms::GITHUB);
    let event = |head: &str, fork: bool| {
        json!({"pull_request": {
            "head": {"repo": {"full_name": head, "fork": fork}},
            "base": {"repo": {"full_name": "acme/web-shop", "fork": false}},
        }})
        .to_string()
    };
    let run = |event: &str, name: &str| {
        let doctor = world.doctor_without_token().file("event.json", event);
        let path = doctor.path("event.json");
        let doctor = github_job(doctor).env("GITHUB_EVENT_PATH", path.to_str().unwrap());
        doctor.env("GITHUB_EVENT_NAME", name).json()
    };
    let by_fork = |run: &Run| {
        let finding = assert_fails(run, "github-id-token-permission");
        let detail = finding["detail"].as_str().unwrap();
        let said = detail.contains("fork mallory/web-shop");
        let yaml = commands(finding);
        assert_eq!(said, yaml.contains("head.repo.full_name == github.repository"), "{yaml}");
        assert_eq!(!said, yaml.contains("id-token: write"), "{yaml}");
        said
    };
    assert!(by_fork(&run(&event("mallory/web-shop", true), "pull_request")));
    assert!(!by_fork(&run(&event("acme/web-shop", false), "pull_request")));
    // The repository itself may be a fork.
    assert!(!by_fork(&run(&event("acme/web-shop", true), "pull_request")));
    // These events run in the target repository, so they may have the permission.
    assert!(!by_fork(&run(&event("mallory/web-shop", true), "pull_request_target")));
    for broken in ["", "[]", "{\"pull_request\": 1}", "{\"pull_request\": {}}", "not json"] {
        assert!(!by_fork(&run(broken, "pull_request")), "{broken}");
    }
}

// ---------------------------------------------------------------------------------- GitLab

fn gitlab_job(doctor: Doctor, server: &str) -> Doctor {
    doctor
        .env("CI", "true")
        .env("GITLAB_CI", "true")
        .env("CI_SERVER_URL", server)
        .env("CI_JOB_NAME", "deploy: production")
        .env("CI_JOB_TOKEN", "glcbt-64_aBcDeFgHiJkLmNoPqRsT")
        .secret("glcbt-64_aBcDeFgHiJkLmNoPqRsT")
}

#[test]
fn gitlab_token_is_found_by_issuer() {
    let world = World::new(&platforms::GITLAB);
    let stranger = World::new(&platforms::GITLAB).token();
    let token = world.token();
    let run = gitlab_job(world.doctor_without_token(), world.issuer.url())
        .env("AAA_VAULT_TOKEN", &stranger)
        .env("WHATEVER_THE_NAME", &token)
        .env("ZZZ_THE_SAME", &token)
        .secret(&token)
        .secret(&stranger)
        .json();
    assert_healthy_from(&run, "env:WHATEVER_THE_NAME");
    let summary = run.check("input")["summary"].as_str().unwrap();
    assert!(summary.contains("AAA_VAULT_TOKEN") && !summary.contains("ZZZ"), "{summary}");
}

#[test]
fn audience_chooses_among_gitlab_tokens() {
    let world = World::new(&platforms::GITLAB);
    let for_audience = |audience: &str| {
        let mut shape = world.shape.clone();
        shape.claims["aud"] = audience.into();
        world.issuer.sign(&shape.header, &shape.claims)
    };
    let [vault, aws, other] =
        ["https://vault.test", "https://aws.test", "urn:pulumi:org:other"].map(for_audience);
    let token = world.token();
    let job = || {
        let doctor = gitlab_job(world.doctor_without_token(), world.issuer.url());
        doctor.env("A_VAULT", &vault).env("B_AWS", &aws).secret(&vault).secret(&aws)
    };
    assert_healthy_from(
        &job().env("C_OTHER", &other).env("D_PULUMI", &token).json(),
        "env:D_PULUMI",
    );

    let run = job().json();
    let finding = assert_fails(&run, "token-ambiguous");
    let commands = commands(finding);
    for name in ["A_VAULT", "B_AWS"] {
        let command = format!("doctor --oidc-org acme --token-env {name}");
        assert!(commands.contains(&command), "{commands}");
    }
    let expires =
        jiff::Timestamp::from_second(world.shape.claims["exp"].as_i64().unwrap()).unwrap();
    run.assert_finding_contains(
        "token-ambiguous",
        &["none is for urn:pulumi:org:acme", &format!("aud https://aws.test, exp {expires}")],
    );
    let mut shape = world.shape.clone();
    shape.claims["jti"] = "another".into();
    let twin = world.issuer.sign(&shape.header, &shape.claims);
    let run = job().env("D_PULUMI", &token).env("E_PULUMI", &twin).secret(&twin).json();
    run.assert_finding_contains(
        "token-ambiguous",
        &["D_PULUMI and E_PULUMI", "all of them are for"],
    );

    // A token for another organization is the intended one if it is for Pulumi.
    let run = job().env("C_OTHER", &other).json();
    assert_eq!(run.root_cause(), Some("organization-conflict"));
    assert_eq!(run.report["token"]["source"], "env:C_OTHER");
    // A single token is used whatever its audience.
    let run =
        gitlab_job(world.doctor_without_token(), world.issuer.url()).env("A_VAULT", &vault).json();
    assert_eq!(run.root_cause(), Some("audience-mismatch"));
}

#[test]
fn missing_gitlab_token_is_explained() {
    let world = World::new(&platforms::GITLAB);
    let stranger = World::new(&platforms::GITLAB);
    let token = stranger.token();
    let doctor = gitlab_job(world.doctor_without_token(), world.issuer.url());
    let run = doctor.env("VAULT_TOKEN", &token).secret(&token).json();
    let finding = assert_fails(&run, "gitlab-id-token-missing");
    let yaml = commands(finding);
    assert!(yaml.contains("\"deploy: production\":\n  id_tokens:"), "{yaml}");
    assert!(yaml.contains("aud: urn:pulumi:org:acme") || yaml.contains("\"urn:pulumi:org:acme\""));
    assert!(finding.to_string().contains(stranger.issuer.url()), "whose token there is");
    assert!(yaml.contains("--token-env VAULT_TOKEN"), "{yaml}");
}

// ------------------------------------------------------------------------------ the others

#[test]
fn platform_variables_give_the_token() {
    let cases: [(&Platform, &str, &str); 6] = [
        (&platforms::CIRCLECI, "CIRCLECI", "CIRCLE_OIDC_TOKEN"),
        (&platforms::CIRCLECI_V2, "CIRCLECI", "CIRCLE_OIDC_TOKEN_V2"),
        (&platforms::BITBUCKET, "BITBUCKET_BUILD_NUMBER", "BITBUCKET_STEP_OIDC_TOKEN"),
        (&platforms::HCP_TERRAFORM, "TFC_RUN_ID", "TFC_WORKLOAD_IDENTITY_TOKEN"),
        (&platforms::SPACELIFT, "CI", "SPACELIFT_OIDC_TOKEN"),
        (&platforms::PULUMI_DEPLOYMENTS, "CI", "PULUMI_OIDC_TOKEN"),
    ];
    for (platform, marker, variable) in cases {
        let world = World::new(platform);
        let token = world.token();
        let doctor =
            world.doctor_without_token().without("--allow-private-issuer").env(marker, "true");
        let run = doctor.env(variable, &token).secret(&token).json();
        assert_healthy_from(&run, &format!("env:{variable}"));
    }
}

#[test]
fn circleci_v2_token_is_preferred() {
    let world = World::new(&platforms::CIRCLECI_V2);
    let old = World::new(&platforms::CIRCLECI).token();
    let doctor =
        world.doctor_without_token().env("CIRCLECI", "true").env("CIRCLE_OIDC_TOKEN", &old);
    let run = doctor.env("CIRCLE_OIDC_TOKEN_V2", world.token()).secret(&old).json();
    assert_healthy_from(&run, "env:CIRCLE_OIDC_TOKEN_V2");
    assert!(run.check("input")["summary"].as_str().unwrap().contains("CIRCLE_OIDC_TOKEN"));
}

#[test]
fn tagged_hcp_terraform_tokens_are_found() {
    let world = World::new(&platforms::HCP_TERRAFORM);
    let mut shape = world.shape.clone();
    shape.claims["aud"] = "aws.workload.identity".into();
    let aws = world.issuer.sign(&shape.header, &shape.claims);
    let job = || world.doctor_without_token().env("TFC_RUN_ID", "run-1").secret(&aws);
    let run = job()
        .env("TFC_WORKLOAD_IDENTITY_TOKEN_AWS", &aws)
        .env("TFC_WORKLOAD_IDENTITY_TOKEN_PULUMI", world.token())
        .json();
    assert_healthy_from(&run, "env:TFC_WORKLOAD_IDENTITY_TOKEN_PULUMI");
    shape.claims["aud"] = "another".into();
    let run = job()
        .env("TFC_WORKLOAD_IDENTITY_TOKEN", world.issuer.sign(&shape.header, &shape.claims))
        .env("TFC_WORKLOAD_IDENTITY_TOKEN_AWS", &aws)
        .json();
    assert_fails(&run, "token-ambiguous");
}

#[cfg(unix)]
mod buildkite {
    use super::*;

    fn job(world: &World) -> Doctor {
        let secret = "bkaj_agent-access-token-77d1f0";
        let doctor = world.doctor_without_token().env("CI", "true").env("BUILDKITE", "true");
        doctor.env("BUILDKITE_AGENT_ACCESS_TOKEN", secret).secret(secret)
    }

    #[test]
    fn buildkite_agent_gives_token() {
        let world = World::new(&platforms::BUILDKITE);
        let token = world.token();
        let script = format!(
            "[ \"$*\" = 'oidc request-token --audience urn:pulumi:org:acme' ] && echo {token}"
        );
        let run = job(&world).program("buildkite-agent", &script).secret(&token).json();
        assert_healthy_from(&run, "buildkite-agent");
    }

    #[test]
    fn failing_agent_is_explained() {
        let world = World::new(&platforms::BUILDKITE);
        let cases = [
            ("echo \"fatal: 403 with $BUILDKITE_AGENT_ACCESS_TOKEN\" >&2; exit 1", "ended with"),
            ("exit 0", "printed nothing"),
            ("while :; do :; done", "no answer in time"),
        ];
        for (script, says) in cases {
            let doctor = job(&world).program("buildkite-agent", script);
            let run = doctor.args(["--timeout", "2s"]).json();
            let finding = assert_fails(&run, "token-request-failed");
            assert!(finding["detail"].as_str().unwrap().contains(says), "{finding}");
            assert!(run.elapsed < Duration::from_secs(5), "{:?}", run.elapsed);
        }
    }

    #[test]
    fn missing_agent_is_explained() {
        let world = World::new(&platforms::BUILDKITE);
        let run = job(&world).json();
        let finding = assert_fails(&run, "token-missing");
        let row = "buildkite-agent: not asked: it is not on PATH".to_owned();
        assert!(tried(finding).contains(&row), "{:?}", tried(finding));
    }
}

// ------------------------------------------------------------------------- what holds always

#[test]
fn missing_token_lists_places() {
    let run = Doctor::bare().arg("--offline").json();
    assert_eq!(run.root_cause(), Some("token-missing"));
    let tried = tried(run.finding("token-missing"));
    for source in [
        "environment: no job of Azure Pipelines, GitHub Actions, GitLab CI, CircleCI, Bitbucket \
         Pipelines, Buildkite, HCP Terraform, Spacelift, Pulumi Deployments",
        "file:///var/run/secrets/pulumi/token: no such file",
    ] {
        assert!(tried.iter().any(|row| row.starts_with(source)), "{source}: {tried:#?}");
    }
    assert_eq!(tried.iter().filter(|row| row.contains("no job of")).count(), 1, "{tried:#?}");
}

/// The finding lists each platform's sources and says what to add.
#[test]
fn job_without_token_gets_snippet() {
    let cases: [(&str, &[&str], &str, &str); 5] = [
        (
            "TF_BUILD",
            &["env:idToken: ", "azure-pipelines: "],
            "Only AzureCLI@2 with a federated connection gives its script a token.",
            "addSpnToEnvironment: true",
        ),
        (
            "BITBUCKET_BUILD_NUMBER",
            &["env:BITBUCKET_STEP_OIDC_TOKEN: "],
            "Bitbucket",
            "- step:\n    oidc: true\n    script:\n      - pulumi login https://api.pulumi.com \
             --oidc-token",
        ),
        (
            "BUILDKITE",
            &["buildkite-agent: "],
            "The agent",
            "buildkite-agent oidc request-token --audience urn:pulumi:org:acme",
        ),
        (
            "CIRCLECI",
            &["env:CIRCLE_OIDC_TOKEN_V2: ", "env:CIRCLE_OIDC_TOKEN: "],
            "CircleCI sets CIRCLE_OIDC_TOKEN_V2",
            "circleci run oidc get --claims '{\"aud\":\"urn:pulumi:org:acme\"}'",
        ),
        (
            "TFC_RUN_ID",
            &["env:TFC_WORKLOAD_IDENTITY_TOKEN: "],
            "on the workspace",
            "TFC_WORKLOAD_IDENTITY_AUDIENCE=urn:pulumi:org:acme",
        ),
    ];
    for (marker, rows, step, snippet) in cases {
        let job = || Doctor::bare().args(["--oidc-org", "acme", "--offline"]).env(marker, "True");
        let run = job().json();
        let finding = run.finding("token-missing");
        let tried = tried(finding);
        assert_eq!(tried.len(), rows.len(), "{tried:?}");
        for (row, start) in tried.iter().zip(rows) {
            assert!(row.starts_with(start), "{row}");
        }
        run.assert_finding_contains("token-missing", &[step]);
        let commands = commands(finding);
        let plain = commands.replace("      - \"pulumi", "      - pulumi");
        assert!(plain.contains(snippet), "{commands}");
        assert!(!commands.contains("NAME_OF_THE_VARIABLE"), "{commands}");
    }
}

#[test]
fn unused_token_variables_are_named() {
    let world = World::new(&platforms::GITHUB);
    let token = world.token();
    let doctor = Doctor::bare().arg("--offline").env("JENKINS_URL", "https://jenkins.test");
    let run = doctor.env("SOME_TOKEN", &token).env("WORDS", "eyJ no").secret(&token).json();
    let finding = run.finding("token-missing");
    assert!(commands(finding).contains("doctor --token-env SOME_TOKEN"));
    assert!(!finding.to_string().contains("WORDS"));
    assert!(!run.stdout.contains(token.rsplit_once('.').unwrap().0), "the name, not the value");
}

#[test]
fn named_backend_precedes_found() {
    let world = World::new(&platforms::GITHUB);
    let endpoint = Endpoint::start(&world, Response::json(500, &json!({})));
    let doctor = github_job_with_permission(world.doctor_without_token(), &endpoint.github());
    let run = doctor.env("MINE", world.token()).args(["--token-env", "MINE"]).json();
    assert_healthy_from(&run, "env:MINE");
    let doctor = github_job_with_permission(world.doctor_without_token(), &endpoint.github());
    assert_healthy_from(
        &doctor.env("PULUMI_OPTION_OIDC_TOKEN", world.token()).json(),
        "env:PULUMI_OPTION_OIDC_TOKEN",
    );
    // An empty source is named too, before anything about the platform.
    let run = github_job(world.doctor_without_token()).args(["--token-env", "EMPTY"]).json();
    let finding = assert_fails(&run, "token-empty");
    let detail = finding["detail"].as_str().unwrap();
    assert!(detail.ends_with("the job has no permission id-token: write."), "{detail}");
    let steps = finding["remediation"]["steps"].as_array().unwrap();
    let speaks_of_commands: Vec<bool> =
        steps.iter().map(|step| step.as_str().unwrap().ends_with(':')).collect();
    assert!(speaks_of_commands.is_sorted() && speaks_of_commands.contains(&true), "{steps:?}");
    assert!(endpoint.requests().is_empty());
}

#[test]
fn expired_job_token_ranks_with_structure() {
    let mut world = World::new(&platforms::PULUMI_DEPLOYMENTS);
    world.shape.shift(-7200);
    world.shape.entry["rules"]["aud"] = "elsewhere".into();
    let run = world.doctor_without_token().env("PULUMI_OIDC_TOKEN", world.token()).json();
    assert_eq!(run.root_cause(), Some("token-expired"));
}

#[test]
fn platform_texts_are_inert() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let evil = "x\r\n##vso[task.setvariable variable=a]b\u{1b}[31m\u{202e}::error::y";
    let endpoint = Endpoint::start(
        &world,
        Response::json(400, &json!({"count": 1, "value": evil})).header("location", "/##vso[x]"),
    );
    for run in [
        azure_job_with_permission(world.doctor_without_token(), &endpoint.azure()).json(),
        azure_job_with_permission(world.doctor_without_token(), &endpoint.azure()).human(),
    ] {
        assert!(!run.stdout.contains("##vso["), "{}", run.stdout);
        assert!(!run.stdout.contains(['\r', '\u{1b}', '\u{202e}']), "{}", run.stdout);
        assert_eq!(run.status, 1);
    }
}

/// Snippets to paste are valid YAML, whatever names they contain.
#[test]
fn snippets_are_inert_yaml() {
    let world = World::new(&platforms::GITHUB);
    let organization = "a'b\"c: $(touch x) ${{ x }} #y";
    let job = "x: [y]\n  script: touch x #";
    let snippet = |doctor: Doctor, code: &str, starts: &str| {
        let run = doctor.option("--oidc-org", organization).json();
        let commands = run.finding(code)["remediation"]["commands"].as_array().unwrap().clone();
        let yaml = commands.iter().map(|c| c.as_str().unwrap()).find(|c| c.contains(starts));
        let yaml = yaml.unwrap_or_else(|| panic!("{commands:#?}"));
        serde_saphyr::from_str::<Value>(yaml).unwrap_or_else(|e| panic!("{e}: {yaml}"))
    };
    let doctor =
        with_federated_connection(azure_job(world.doctor_without_token(), "https://127.0.0.1:1/x"));
    let yaml = snippet(doctor, "ado-token-not-exposed", "AzureCLI@2");
    assert_eq!(yaml.as_array().unwrap().len(), 1);
    assert_eq!(yaml[0]["inputs"]["addSpnToEnvironment"], true);
    let script = yaml[0]["inputs"]["inlineScript"].as_str().unwrap();
    assert!(script.starts_with("pulumi login https://") && !script.contains("$(touch"), "{script}");
    assert_eq!(script.trim_end().lines().count(), 1);

    let doctor = github_job(world.doctor_without_token()).env("GITHUB_JOB", job);
    let yaml = snippet(doctor, "github-id-token-permission", "permissions");
    assert_eq!(yaml["jobs"][job]["permissions"]["id-token"], "write");

    let doctor =
        gitlab_job(world.doctor_without_token(), "https://gitlab.test").env("CI_JOB_NAME", job);
    let yaml = snippet(doctor, "gitlab-id-token-missing", "id_tokens");
    let audience = &yaml[job]["id_tokens"]["PULUMI_ID_TOKEN"]["aud"];
    assert_eq!(audience, &json!(format!("urn:pulumi:org:{}", organization.replace('$', "$$"))));
    assert_eq!(yaml[job]["script"].as_array().unwrap().len(), 1);
}
