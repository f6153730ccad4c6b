//! Check `input`: was there a token, with nothing around it?

use crate::catalogue::{Code, Severity};
use crate::evidence::{Input, InputProblem, Source};
use crate::judge::advice::missing_token;
use crate::judge::advice::token_value::{
    source_name, unusable_token, unwrap_advice, wrapping_name,
};
use crate::judge::advice::variables::identifier;
use crate::judge::advice::without_token::describe_login_without_token;
use crate::judge::context::Context;
use crate::judge::finding::{capitalize, list};
use crate::judge::outcome::CheckOutcome;
use crate::platform::api_audience::api;
use crate::platform::{Id, azure, public_issuer};
use crate::report::Finding;
use crate::text::command::{Command, CommandLine, Shell};

pub(crate) fn check(context: &Context) -> CheckOutcome {
    let input = &context.evidence.input;
    let mut findings = Vec::new();
    if let Some(problem) = &input.problem {
        findings.extend(problem_finding(problem, input, context));
    }
    if !input.wrapped.is_empty() {
        findings.push(wrapped_token(input, context));
    }
    if input.typed_on_terminal && !context.judges_environment() {
        findings.push(
            Finding::new(
                Code::TokenOnCommandLine,
                "It is now in the shell's history, and was visible in the list of processes.",
            )
            .command("doctor -                     # asks for the token")
            .command("doctor file://token.jwt"),
        );
    }
    if let Some(claims) = context.evidence.token.as_ref().map(|t| &t.claims)
        && let Some(why) = access_token_sign(context, claims)
    {
        findings.push(access_token(&why, context));
    }
    let mut summary = match &input.problem {
        Some(_) => format!("no usable token from {}", source_name(&input.source)),
        None => format!("token from {}", source_name(&input.source)),
    };
    if !input.unused.is_empty() {
        summary += &format!("; not used, but it looks like a token: {}", list(&input.unused));
    }
    CheckOutcome::found(summary, findings)
}

fn problem_finding(problem: &InputProblem, input: &Input, context: &Context) -> Option<Finding> {
    match problem {
        InputProblem::Missing => Some(
            missing_token::explain(input, context).unwrap_or_else(|| missing_token(input, context)),
        ),
        InputProblem::Ambiguous { candidates } => {
            Some(missing_token::ambiguous(candidates, context))
        }
        InputProblem::Refused { refusal } => {
            Some(missing_token::request_refused(refusal, input, context))
        }
        InputProblem::Empty => Some(empty(input, context)),
        _ => {
            unusable_token(problem, &input.source, context.evidence.options.run_context.platform())
        }
    }
}

fn missing_token(input: &Input, context: &Context) -> Finding {
    let mut detail = "Nothing that was looked at holds a token.".to_owned();
    let is_login = context.evidence.options.run_context.is_login();
    if is_login {
        detail +=
            &format!(" Without one `pulumi login` {}.", describe_login_without_token(context));
    }
    let mut finding = missing_token::add_searched_places(
        Finding::new(Code::TokenMissing, detail),
        input,
        context,
    );
    if missing_token::lacks_organization(input, context) {
        finding = finding
            .fix("Pass --oidc-org, so that a token can be requested for that organization.")
            .command("doctor --oidc-org ORG");
    }
    let job = context.job();
    if let Some((step, snippet)) = missing_token::pipeline_snippet(&job) {
        return missing_token::add_snippet(finding, step, snippet);
    }
    if is_login {
        return finding.commands(job.login());
    }
    finding
        .command(CommandLine::new("doctor").variable("TOKEN"))
        .command(Command::each(
            "doctor -  < token.jwt",
            Some("Get-Content token.jwt | doctor -".into()),
        ))
        .command("doctor --token-env NAME_OF_THE_VARIABLE")
}

/// Adds the remedy for an empty variable that should hold the token.
pub(crate) fn fill_variable(finding: Finding, name: &str) -> Finding {
    finding
        .step(format!(
            "Set {name} in this step, or in an earlier one of the same job; names are \
             case-sensitive except on Windows."
        ))
        .announce("Stop the step when the token is empty:")
        .command(Command::each(
            format!("test -n \"${{{}:-}}\" || exit 1", identifier(name)),
            Some(format!("if (-not $env:{}) {{ exit 1 }}", identifier(name))),
        ))
}

/// An empty value does not make `pulumi login` fail: `login.go` tests `oidcToken != ""` and
/// otherwise logs in without OIDC.
fn empty(input: &Input, context: &Context) -> Finding {
    let instead =
        format!("With this value `pulumi login` {}.", describe_login_without_token(context));
    let reason = input.tried.first().map_or("empty", |tried| tried.reason.as_str());
    let detail = format!("{} gave nothing. {instead}", capitalize(&source_name(&input.source)));
    let mut finding = Finding::new(Code::TokenEmpty, detail).proof(
        "value",
        format!("({reason})"),
        input.source.label(),
    );
    if let Source::Environment { name } = &input.source {
        finding = fill_variable(finding, name);
    }
    if !input.unused.is_empty() {
        return input
            .unused
            .iter()
            .fold(finding, |finding, name| pass_variable(finding, &identifier(name), context));
    }
    // The value is empty because the platform gave no token.
    let Some(cause) = missing_token::explain(input, context) else { return finding };
    finding.detail += &format!(" {}", cause.detail);
    finding.remedied_by(cause.remediation)
}

/// Adds the login command with a variable that seems to hold the token.
fn pass_variable(finding: Finding, name: &str, context: &Context) -> Finding {
    let finding = finding.step(format!("{name} holds something that looks like a token."));
    let login = context.job().login_with_variable(name);
    if context.evidence.options.run_context.platform() != Some(Id::AzurePipelines) {
        return finding.announce("Pass it:").commands(login);
    }
    // Azure's tasks run bash or PowerShell, and the doctor may run in another shell than the login.
    let in_shell = |shell| login.clone().and_then(|login| login.in_shell(shell));
    finding
        .announce(format!(
            "In PowerShell, ${name} is empty: a variable of the environment is $env:{name}:"
        ))
        .commands(in_shell(Shell::PowerShell))
        .announce("In bash:")
        .commands(in_shell(Shell::Posix))
}

fn wrapped_token(input: &Input, context: &Context) -> Finding {
    let names: Vec<String> = input.wrapped.iter().map(|w| wrapping_name(*w).to_owned()).collect();
    let accepted = input.cli_parser.is_some() && context.evidence.cli_accepts_token();
    let severity =
        if context.judges_environment() && !accepted { Severity::Error } else { Severity::Warning };
    // The CLI's error names a file, but quotes any other value (`getTokenValue`, backend.go).
    let cli_reaction = match input.source {
        _ if accepted => "would accept this value and send it as it is, line breaks included",
        Source::File { .. } => "would refuse this file",
        _ => "would refuse this value, and print it",
    };
    let mut finding = Finding::new(
        Code::TokenWrapped,
        format!(
            "{} gave the token with {}. `pulumi login` {cli_reaction}.",
            capitalize(&source_name(&input.source)),
            list(&names)
        ),
    )
    .severity(severity)
    .proof("around the token", names.join(", "), input.source.label());
    for wrapping in &input.wrapped {
        let (step, command) = unwrap_advice(*wrapping);
        finding = finding.announce(step).command(command);
    }
    finding
}

/// The sign that a token is an access token.
struct AccessTokenSign {
    reason: String,
    value: String,
    place: &'static str,
}

impl AccessTokenSign {
    fn new(reason: impl Into<String>, value: &str, place: &'static str) -> Self {
        Self { reason: reason.into(), value: value.to_owned(), place }
    }
}

/// Looks for signs of an access token: `typ` in the header (RFC 9068 section 2.1), Keycloak's
/// `typ`, Cognito's `token_use`, the audience of a well-known API, and Microsoft's `scp`.
fn access_token_sign(
    context: &Context,
    claims: &serde_json::Map<String, serde_json::Value>,
) -> Option<AccessTokenSign> {
    let token = context.evidence.token.as_ref()?;
    let kind = token.header.get("typ").and_then(|t| t.as_str()).unwrap_or_default();
    if kind.to_ascii_lowercase().trim_start_matches("application/") == "at+jwt" {
        return Some(AccessTokenSign::new("its type says so", kind, "token header typ"));
    }
    for (claim, of_access_token, place) in
        [("typ", "Bearer", "token claim typ"), ("token_use", "access", "token claim token_use")]
    {
        if claims.get(claim).and_then(|value| value.as_str()) == Some(of_access_token) {
            return Some(AccessTokenSign::new("its type says so", of_access_token, place));
        }
    }
    for audience in token.audiences() {
        if let Some(api) = api(audience) {
            let reason = format!("it is meant for {api}");
            return Some(AccessTokenSign::new(reason, audience, "token claim aud"));
        }
    }
    let scopes = crate::policy::evaluate::value_text(claims.get("scp")?);
    let reason = "it carries delegated permissions";
    Some(AccessTokenSign::new(reason, &scopes, "token claim scp"))
}

fn access_token(sign: &AccessTokenSign, context: &Context) -> Finding {
    let place = sign.place;
    let mut finding = Finding::new(
        Code::TokenIsAccessToken,
        format!("This token is for calling an API: {}.", sign.reason),
    )
    .proof(place.trim_start_matches("token "), &sign.value, place);
    let issuer = context.evidence.token.as_ref().and_then(|t| t.text("iss")).unwrap_or_default();
    if public_issuer(issuer).is_some_and(|platform| platform.id == Id::Entra) {
        finding = finding
            .announce(
                "In Azure Pipelines, use the idToken of a federated service connection, not \
                 `az account get-access-token`:",
            )
            .command(azure::job::login_task(
                None,
                &missing_token::login(&context.job(), Id::AzurePipelines),
            ));
    }
    finding
}
