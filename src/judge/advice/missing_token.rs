//! Why a CI platform gave no token, with what to put into its pipeline.

use serde_json::Value;

use super::job::Job;
use crate::catalogue::Code;
use crate::evidence::{
    Answer, Body, Candidate, FailureKind, Input, PlatformEnvironment, Refusal, Source, SystemToken,
};
use crate::judge::answer::words;
use crate::judge::context::Context;
use crate::judge::finding::{instant, list};
use crate::judge::network::failure::network_failure;
use crate::report::Finding;
use crate::text;

/// More of what a platform says is not shown, in characters.
const LONGEST: usize = 400;

/// The platform's own reason for there being no token, where its environment tells one.
pub(crate) fn explain(input: &Input, context: &Context) -> Option<Finding> {
    let finding = match input.surroundings.as_ref()? {
        PlatformEnvironment::Other | PlatformEnvironment::Buildkite => return None,
        PlatformEnvironment::AzurePipelines {
            has_client_secret,
            is_federated,
            has_request_uri,
            system_token,
            connection,
        } => {
            let can_ask = *has_request_uri && *system_token == SystemToken::Set;
            if *has_client_secret {
                not_federated(&context.job())
            } else if can_ask && connection.is_none() {
                without_connection()
            } else if *is_federated {
                not_exposed(connection.as_deref(), &context.job())
            } else if *has_request_uri && !can_ask {
                unmapped(*system_token, connection.as_deref())
            } else {
                return None;
            }
        }
        PlatformEnvironment::GitHubActions { missing, .. } if missing.is_empty() => return None,
        PlatformEnvironment::GitHubActions { missing, event, fork, job } => {
            github(missing, event.as_deref(), fork.as_deref(), job.as_deref())
        }
        PlatformEnvironment::GitLab { server, job, others } => {
            gitlab(server.as_deref(), job.as_deref(), others, &context.job())
        }
    };
    Some(tried(finding, input, context))
}

/// Whether a token would have been requested if the login named an organization.
pub(crate) fn lacks_organization(input: &Input, context: &Context) -> bool {
    let can_ask = match &input.surroundings {
        Some(PlatformEnvironment::GitHubActions { missing, .. }) => missing.is_empty(),
        Some(PlatformEnvironment::Buildkite) => true,
        _ => false,
    };
    can_ask && context.evidence.login.organization.is_none()
}

/// Where a job whose environment says no more gets a token: the step to take, and what to add.
pub(crate) fn to_add(job: &Job) -> Option<(&'static str, String)> {
    let audience = job.audience();
    Some(match job.platform? {
        "Azure Pipelines" => (
            "Only AzureCLI@2 with a federated connection gives its script a token. Log in there:",
            azure_step(None, job),
        ),
        "Bitbucket Pipelines" => (
            "Bitbucket gives a token to the steps that ask for one:",
            format!(
                "- step:\n    oidc: true\n    script:\n      - {}",
                text::yaml(&job.login_with("BITBUCKET_STEP_OIDC_TOKEN"))
            ),
        ),
        "Buildkite" => (
            "The agent gives the job a token when it is asked:",
            format!("buildkite-agent oidc request-token --audience {}", text::shell(&audience)),
        ),
        "CircleCI" => (
            "CircleCI sets CIRCLE_OIDC_TOKEN_V2 in its jobs, for an audience of its own. A token for \
             Pulumi Cloud, the job requests:",
            format!(
                "circleci run oidc get --claims {}",
                text::shell(text::json_line(&serde_json::json!({ "aud": audience })).trim_end())
            ),
        ),
        "HCP Terraform" => (
            "Set this environment variable on the workspace, or in a variable set:",
            format!("TFC_WORKLOAD_IDENTITY_AUDIENCE={audience}"),
        ),
        _ => return None,
    })
}

/// Adds what [`to_add`] gives.
pub(crate) fn add(finding: Finding, step: &str, snippet: String) -> Finding {
    finding.fix("Let the platform give the job a token.").announce(step).command(snippet)
}

/// Adds everything that was looked at in vain, and what was not looked at.
pub(crate) fn tried(mut finding: Finding, input: &Input, context: &Context) -> Finding {
    for tried in &input.tried {
        finding = finding.proof("looked at", &tried.reason, &tried.source);
    }
    for name in &input.unused {
        finding = finding
            .proof("not used", "looks like a token", format!("env:{name}"))
            .command(with_variable(name, context));
    }
    if !input.unused.is_empty() {
        finding = finding.step(format!(
            "If the login uses the token in {}, name that variable.",
            list(&input.unused)
        ));
    }
    finding
}

/// The diagnosis of the token in a variable.
fn with_variable(name: &str, context: &Context) -> String {
    let organization = context.evidence.login.organization.as_deref();
    let option = organization.map(|name| format!("--oidc-org {} ", text::shell(name)));
    format!("doctor {}--token-env {}", option.unwrap_or_default(), text::shell(name))
}

/// Several tokens. Those for the organization come before all others, so either all of these are
/// for it or none is.
pub(crate) fn ambiguous(candidates: &[Candidate], context: &Context) -> Finding {
    let names: Vec<String> = candidates.iter().map(|candidate| candidate.name.clone()).collect();
    let which = match &context.evidence.login.organization {
        None => "no --oidc-org says which of them is meant".to_owned(),
        Some(organization) => {
            let wanted = crate::pulumi::urn::organization(organization);
            let fits = |candidate: &Candidate| candidate.audiences.contains(&wanted);
            let how_many = if candidates.iter().any(fits) { "all of them are" } else { "none is" };
            format!("{how_many} for {wanted}")
        }
    };
    let mut finding = Finding::new(
        Code::TokenAmbiguous,
        format!("{} hold different tokens, and {which}.", list(&names)),
    )
    .announce("Name the one that the login uses:");
    for Candidate { name, audiences, expires } in candidates {
        let expiry =
            expires.map_or_else(|| "no exp".to_owned(), |exp| format!("exp {}", instant(exp)));
        finding = finding
            .proof(
                "candidate",
                format!("aud {}, {expiry}", audiences.join(", ")),
                format!("env:{name}"),
            )
            .command(with_variable(name, context));
    }
    finding
}

// ------------------------------------------------------------------------ Azure Pipelines

/// The step that logs in, with the token in its environment.
pub(crate) fn azure_step(connection: Option<&str>, job: &Job) -> String {
    let id = connection.map_or_else(String::new, |id| format!("  # the one with the id {id}"));
    format!(
        "- task: AzureCLI@2\n  inputs:\n    azureSubscription: NAME_OF_THE_CONNECTION{id}\n    \
         scriptType: bash\n    scriptLocation: inlineScript\n    addSpnToEnvironment: true\n    \
         inlineScript: |\n      {}",
        job.login_with("idToken")
    )
}

pub(crate) fn not_exposed(connection: Option<&str>, job: &Job) -> Finding {
    let mut finding = Finding::new(
        Code::AdoTokenNotExposed,
        "The task's service connection is federated (AZURESUBSCRIPTION_* is set), but idToken is \
         not set: the task did not hand the token to the script.",
    )
    .proof("idToken", "(not set)", "environment")
    .proof("AZURESUBSCRIPTION_*", "(set)", "environment");
    if let Some(id) = connection {
        finding = finding.proof("service connection", id, "environment");
    }
    finding
        .announce("Add addSpnToEnvironment: true to the task:")
        .command(azure_step(connection, job))
        .step(
            "The name is idToken, with this spelling: on Linux $IDTOKEN and $idtoken are other \
             variables, and $(idToken) is never replaced.",
        )
}

pub(crate) fn not_federated(job: &Job) -> Finding {
    Finding::new(
        Code::AdoConnectionNotFederated,
        "servicePrincipalKey is set and idToken is not: the service connection signs in with a \
         secret, so there is no token to exchange.",
    )
    .proof("servicePrincipalKey", "(set)", "environment")
    .proof("idToken", "(not set)", "environment")
    .step(
        "In Azure DevOps, under Project settings, Service connections, open the connection and \
         convert it to workload identity federation.",
    )
    .announce("The step that logs in stays as it is, with addSpnToEnvironment: true:")
    .command(azure_step(None, job))
}

const MAPPING: &str = "  env:\n    SYSTEM_ACCESSTOKEN: $(System.AccessToken)";

pub(crate) fn unmapped(token: SystemToken, connection: Option<&str>) -> Finding {
    let (detail, shown) = match token {
        SystemToken::Unexpanded => (
            "SYSTEM_ACCESSTOKEN holds the text of a variable reference: nothing replaced it.",
            "(a reference that was not replaced)",
        ),
        SystemToken::Missing | SystemToken::Set => (
            "SYSTEM_OIDCREQUESTURI is there, SYSTEM_ACCESSTOKEN is not: the token cannot be \
             requested.",
            "(not set)",
        ),
    };
    let mut finding = Finding::new(Code::AdoSystemAccesstokenUnmapped, detail)
        .proof("SYSTEM_ACCESSTOKEN", shown, "environment")
        .proof("SYSTEM_OIDCREQUESTURI", "(set)", "environment")
        .announce("Add this to the step that requests the token, in exactly this spelling:")
        .command(MAPPING);
    if connection.is_none() {
        finding = finding.step(
            "The request also needs the service connection's id, in \
             AZURESUBSCRIPTION_SERVICE_CONNECTION_ID.",
        );
    }
    finding
}

fn without_connection() -> Finding {
    let variable = "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID";
    Finding::new(
        Code::TokenRequestFailed,
        "Azure Pipelines was not asked: no variable names the service connection that the token \
         is for.",
    )
    .fix("Put the service connection's id into the step's environment.")
    .proof(variable, "(not set)", "environment")
    .step(
        "The id is in the address of the connection's page (resourceId=…), under Project \
         settings, Service connections. AzureCLI@2 and AzurePowerShell@5 set the variable by \
         themselves.",
    )
    .command(format!("{MAPPING}\n    {variable}: ID_OF_THE_CONNECTION"))
}

// ----------------------------------------------------------------------------- the others

pub(crate) fn github(
    missing: &[String],
    event: Option<&str>,
    fork: Option<&str>,
    job: Option<&str>,
) -> Finding {
    // Pull requests of this kind run in the repository that they go to.
    let fork = fork.filter(|_| event != Some("pull_request_target"));
    let code = Code::GithubIdTokenPermission;
    let mut finding = match fork {
        Some(fork) => Finding::new(
            code,
            format!(
                "This run is for a pull request from the fork {fork}. GitHub gives such runs no \
                 id-token permission, whatever the workflow says."
            ),
        )
        .fix("Log in only where the change comes from the repository itself.")
        .proof("pull request from", fork, "GITHUB_EVENT_PATH"),
        None => Finding::new(
            code,
            format!(
                "{} {} not set: the job has no permission id-token: write.",
                list(missing),
                if missing.len() == 1 { "is" } else { "are" }
            ),
        ),
    };
    for name in missing {
        finding = finding.proof(name, "(not set)", "environment");
    }
    if let Some(event) = event {
        finding = finding.proof("event", event, "GITHUB_EVENT_NAME");
    }
    if fork.is_some() {
        return finding
            .announce("Leave the step out for pull requests from forks:")
            .command(
                "if: github.event_name != 'pull_request' || \
                 github.event.pull_request.head.repo.full_name == github.repository",
            )
            .step("What needs the login can run when the pull request has been merged.");
    }
    if event == Some("pull_request") {
        finding = finding.step(
            "If the pull request comes from a fork, GitHub gives it no id-token permission, \
             whatever the workflow says.",
        );
    }
    let job = job.map_or_else(|| "JOB".to_owned(), text::yaml);
    finding
        .step("Naming any permission takes all others away: actions/checkout needs contents: read.")
        .command(format!(
            "jobs:\n  {job}:\n    permissions:\n      id-token: write\n      contents: read"
        ))
        .step("In a reusable workflow, the job that calls it has to have the permission as well.")
        .step("A container that a step starts by itself has to be given both variables.")
}

pub(crate) fn gitlab(
    server: Option<&str>,
    name: Option<&str>,
    others: &[(String, String)],
    job: &Job,
) -> Finding {
    let mut finding = Finding::new(
        Code::GitlabIdTokenMissing,
        format!(
            "No environment variable holds a token issued by {}.",
            server.unwrap_or("this GitLab (CI_SERVER_URL is not set)")
        ),
    );
    for (name, issuer) in others {
        finding = finding.proof("another issuer's", issuer, format!("env:{name}"));
    }
    let variable = "PULUMI_ID_TOKEN";
    let script = text::yaml(&job.login_with(variable));
    finding.announce("Add the block to the job, and pass the variable that it names:").command(
        format!(
            "{}:\n  id_tokens:\n    {variable}:\n      aud: {}\n  script:\n    - {script}",
            text::yaml(name.unwrap_or("JOB")),
            text::yaml(&job.audience()),
        ),
    )
}

// -------------------------------------------------------------------------------- refusals

/// The platform was asked and gave no token.
pub(crate) fn refused(refusal: &Refusal, input: &Input, context: &Context) -> Finding {
    let (id, platform) = match &input.source {
        Source::Request { id, platform } => (id.as_str(), platform.as_str()),
        _ => ("", "The platform"),
    };
    let code = Code::TokenRequestFailed;
    match refusal {
        Refusal::Unanswered { failure } => {
            let finding = network_failure(code, failure);
            match failure.kind {
                FailureKind::BadUrl | FailureKind::AddressRefused => finding.fix(format!(
                    "Leave the variables that {platform} sets as they are: the address in them is \
                     none that it would give."
                )),
                FailureKind::Certificate { .. } => finding
                    .fix("Name the authority that signed the certificate.")
                    .command("export SSL_CERT_FILE=/path/to/authority.pem"),
                _ => finding.fix(format!("Let this job reach {platform} at {}.", failure.host)),
            }
        }
        Refusal::Program { reason, said } => {
            let finding = Finding::new(code, format!("{id} was asked for a token: {reason}."))
                .fix("Run the same request in the job and see what it says.");
            let finding =
                if said.is_empty() { finding } else { finding.proof("it says", said, id) };
            let audience = text::shell(&context.job().audience());
            finding.command(format!("buildkite-agent oidc request-token --audience {audience}"))
        }
        Refusal::Answered { answer } => {
            let said = said(answer);
            let finding = Finding::new(
                code,
                format!(
                    "{platform} answered the request for a token with status {} {}.",
                    answer.status,
                    what(answer)
                ),
            )
            .proof("status", answer.status.to_string(), id);
            let finding =
                if said.is_empty() { finding } else { finding.proof("it says", &said, id) };
            let finding = match &answer.location {
                Some(to) => finding.proof("redirects to", text::clip(to, LONGEST), id),
                None => finding,
            };
            advise(finding, answer, &said, input, context)
        }
    }
}

/// What came in place of a token, in words.
fn what(answer: &Answer) -> String {
    match &answer.body {
        _ if answer.location.is_some() => "and a redirect".to_owned(),
        Body::Empty => "and nothing else".to_owned(),
        Body::Html(Some(title)) => {
            format!("and a web page titled \"{}\"", text::clip(title, LONGEST))
        }
        Body::Html(None) => "and a web page".to_owned(),
        Body::Json(Value::Object(body)) if answer.status == 200 => {
            let names: Vec<String> = body.keys().take(8).map(|key| text::clip(key, 40)).collect();
            format!("and JSON without a token in it (it has {})", list(&names))
        }
        Body::Json(_) => "and JSON without a token in it".to_owned(),
        Body::Text(_) => "and a text".to_owned(),
    }
}

/// What an answer says, in the shapes of the platforms: GitHub's `message`, and Azure's `value`,
/// which is a text or holds a `Message`.
fn said(answer: &Answer) -> String {
    let own: Vec<String> = match &answer.body {
        Body::Json(body) => ["/value", "/value/Message", "/Message", "/error/message"]
            .iter()
            .filter_map(|at| Some(body.pointer(at)?.as_str()?.to_owned()))
            .collect(),
        _ => Vec::new(),
    };
    let said = match &answer.body {
        Body::Json(Value::Object(_)) | Body::Text(_) if own.is_empty() => words(answer),
        _ => own,
    };
    text::clip(&said.join(": "), LONGEST)
}

fn advise(
    finding: Finding,
    answer: &Answer,
    said: &str,
    input: &Input,
    context: &Context,
) -> Finding {
    let Some(PlatformEnvironment::AzurePipelines { connection, .. }) = &input.surroundings else {
        return match answer.status {
            429 | 500.. => finding.fix("Try again; the platform's status page tells of outages."),
            _ => only_in_the_job(finding),
        };
    };
    let connection = connection.as_deref();
    let finding = match connection {
        Some(id) => finding.proof("service connection", id, "environment"),
        None => finding,
    };
    let signs_in = answer.location.is_some() || matches!(answer.body, Body::Html(_));
    if is_unreferenced(said) {
        return reference(finding, connection, &context.job());
    }
    match answer.status {
        401 | 403 => system_token_refused(finding),
        404 => finding
            .fix("Check the service connection's id, and that this pipeline may use it.")
            .step(
                "In Azure DevOps, under Project settings, Service connections, the connection's \
                 page has the id in its address (resourceId=…), and under Security the pipelines \
                 that may use it.",
            ),
        405 => finding.fix("The request is a POST: a proxy in between changes it.").step(
            "Azure Pipelines answers GET with this status; let requests to it through unchanged.",
        ),
        429 | 500.. => finding.fix("Try again; status.dev.azure.com tells of outages."),
        _ if signs_in => system_token_refused(finding),
        _ => finding,
    }
}

pub(crate) fn only_in_the_job(finding: Finding) -> Finding {
    finding.step(
        "The request is valid only while the job runs, and only with the job's own variables.",
    )
}

/// Whether Azure's own words say that no task of the job names the service connection.
pub(crate) fn is_unreferenced(said: &str) -> bool {
    said.contains("no explicit reference to service connection")
}

pub(crate) fn reference(finding: Finding, connection: Option<&str>, job: &Job) -> Finding {
    finding
        .fix("Name the service connection in an input of a task of the same job.")
        .announce("A variable that holds the id is not enough; a task that never runs is:")
        .command(azure_step(connection, job).replacen(
            "AzureCLI@2\n",
            "AzureCLI@2\n  condition: false\n",
            1,
        ))
}

fn system_token_refused(finding: Finding) -> Finding {
    finding
        .fix("Map the job's own access token into the step; what is in SYSTEM_ACCESSTOKEN is not accepted.")
        .command(MAPPING)
        .step(
            "It holds only while the job runs, and only in the organization and project of the \
             pipeline.",
        )
        .step("Check that this pipeline may use the service connection, under its Security.")
}
