//! Check `input`: did a token arrive, and bare?

use crate::catalogue::{Code, Severity};
use crate::evidence::{Input, InputProblem, Source, Wrapping};
use crate::judge::advice::missing_token;
use crate::judge::finding::{list, upper};
use crate::judge::{Context, Outcome};
use crate::limits;
use crate::pulumi::login_command::LoginCommand;
use crate::report::Finding;
use crate::text;

pub(crate) fn check(context: &Context) -> Outcome {
    let input = &context.evidence.input;
    let mut findings = Vec::new();
    if let Some(problem) = &input.problem {
        findings.push(problem_finding(problem, input, context));
    }
    if !input.wrapped.is_empty() {
        findings.push(wrapped(input, context));
    }
    if input.typed_on_terminal && !context.in_pipeline() {
        findings.push(
            Finding::new(
                Code::TokenOnCommandLine,
                "It is now in the shell's history, and was visible in the list of processes.",
            )
            .command("doctor -                     # then paste the token, Enter, Ctrl-D")
            .command("doctor file://token.jwt"),
        );
    }
    if let Some(claims) = context.evidence.token.as_ref().map(|t| &t.claims)
        && let Some(why) = access_token_sign(context, claims)
    {
        findings.push(access_token(&why, context));
    }
    let mut summary = match &input.problem {
        Some(_) => format!("no usable token from {}", place(input)),
        None => format!("token from {}", place(input)),
    };
    if !input.unused.is_empty() {
        summary += &format!("; not used, but it looks like a token: {}", list(&input.unused));
    }
    Outcome::found(summary, findings)
}

/// Where the token came from, in words.
fn place(input: &Input) -> String {
    match &input.source {
        Source::Argument => "the argument".to_owned(),
        Source::OidcTokenFlag => "--oidc-token".to_owned(),
        Source::Stdin => "standard input".to_owned(),
        Source::File { path, .. } => format!("the file {path}"),
        Source::Environment { name } => format!("the environment variable {name}"),
        Source::Request { platform, .. } => format!("the request to {platform}"),
        Source::None => "anywhere".to_owned(),
    }
}

fn problem_finding(problem: &InputProblem, input: &Input, context: &Context) -> Finding {
    let source = place(input);
    let label = input.source.label();
    match problem {
        InputProblem::Missing => {
            missing_token::explain(input, context).unwrap_or_else(|| missing(input, context))
        }
        InputProblem::Ambiguous { candidates } => missing_token::ambiguous(candidates, context),
        InputProblem::Refused { refusal } => missing_token::refused(refusal, input, context),
        InputProblem::Empty => empty(input, context),
        InputProblem::NotAToken { what, shown } => {
            let mut finding =
                Finding::new(Code::TokenNotAToken, format!("What came from {source} is {what}."));
            if let Some(shown) = shown {
                finding = finding.proof("it says", shown, label);
            }
            if what.contains("file path") || what.contains("file address") {
                let path = shown.as_deref().unwrap_or("PATH");
                let path = path.strip_prefix("file:").unwrap_or(path);
                return finding
                    .fix("Write file:// in front of the path.")
                    .command(format!("doctor {}", text::shell(&format!("file://{path}"))));
            }
            if what.ends_with("one after the other") {
                return finding.fix(
                    "Give one token. `doctor decode` and `doctor policy test` take many, one a \
                     line, with --ndjson.",
                );
            }
            finding
                .step(
                    "Let the request that fetches the token fail when it is refused, so that its \
                     error is seen instead of being used as a token:",
                )
                .command("curl --fail-with-body --silent --show-error \"$URL\"")
        }
        InputProblem::Unexpanded { text, syntax, name } => {
            unexpanded(text, syntax, name, &label, context)
        }
        InputProblem::Masked => Finding::new(
            Code::TokenMasked,
            format!("The value from {source} holds ***, which is what a log shows for a secret."),
        )
        .step("Run the doctor as a step of the job itself: there it sees the real value."),
        InputProblem::PulumiToken => Finding::new(
            Code::TokenIsPulumiToken,
            format!("The value from {source} begins with pul-."),
        )
        .step("If it was in a log or a chat, revoke it in the console under Access Tokens."),
        InputProblem::OpaqueToken { what } => {
            Finding::new(Code::TokenNotAToken, format!("The value from {source} is {what}."))
                .fix("Pass the OIDC identity token that the platform issues for the job.")
        }
        InputProblem::Encrypted => Finding::new(
            Code::TokenEncrypted,
            format!("The value from {source} has five parts: it is a JWE (RFC 7516)."),
        ),
        InputProblem::Truncated { how } => truncated(how, &source),
        InputProblem::FileUnreadable { reason } => file_unreadable(reason, input),
        InputProblem::Malformed { part, reason } => Finding::new(
            Code::TokenMalformed,
            format!("The {part} of the token from {source} cannot be decoded: {reason}."),
        )
        .proof("part", part, label)
        .proof("problem", reason, format!("token {part}")),
        InputProblem::TooLarge { bytes } => Finding::new(
            Code::TokenNotAToken,
            format!(
                "What came from {source} is larger than {} KiB ({bytes} bytes were read); no \
                 token is that large.",
                limits::TOKEN >> 10
            ),
        )
        .fix("Pass the token alone."),
    }
}

fn missing(input: &Input, context: &Context) -> Finding {
    let mut detail = "Nothing that was looked at holds a token.".to_owned();
    let is_login = context.evidence.options.setting.is_login();
    if is_login {
        detail += &format!(" Without one `pulumi login` {}.", context.without_token());
    }
    let mut finding =
        missing_token::tried(Finding::new(Code::TokenMissing, detail), input, context);
    if missing_token::lacks_organization(input, context) {
        finding = finding
            .fix("Pass --oidc-org, so that a token can be requested for that organization.")
            .command("doctor --oidc-org ORG");
    }
    if let Some((step, snippet)) = missing_token::to_add(context) {
        return finding.fix("Let the platform give the job a token.").step(step).command(snippet);
    }
    if is_login {
        return finding.command(context.login_command(Some(&context.login_url())));
    }
    finding
        .command("doctor \"$TOKEN\"")
        .command("doctor -  < token.jwt")
        .command("doctor --token-env NAME_OF_THE_VARIABLE")
}

/// An empty value does not make `pulumi login` fail: `login.go` tests `oidcToken != ""` and
/// leaves OIDC out.
fn empty(input: &Input, context: &Context) -> Finding {
    let instead = format!("With this value `pulumi login` {}.", context.without_token());
    let reason = input.tried.first().map_or("empty", |tried| tried.reason.as_str());
    let mut finding =
        Finding::new(Code::TokenEmpty, format!("{} gave nothing. {instead}", upper(&place(input))))
            .proof("value", format!("({reason})"), input.source.label());
    if let Source::Environment { name } = &input.source {
        finding = finding
            .step(format!(
                "Set {name} in this step, or in an earlier one of the same job; names are \
                 case-sensitive except on Windows."
            ))
            .step("Stop the step when the token is empty:")
            .command(format!("test -n \"${{{}:-}}\" || exit 1", identifier(name)));
    }
    if !input.unused.is_empty() {
        return input.unused.iter().fold(finding, |finding, name| {
            finding
                .step(format!("{name} holds something that looks like a token. In bash or sh:"))
                .command(missing_token::login_line(&identifier(name), context))
        });
    }
    // Why the platform gave no token is why there was nothing to pass.
    let Some(reason) = missing_token::explain(input, context) else { return finding };
    finding.detail += &format!(" {}", reason.detail);
    let remedy = reason.remediation;
    let finding = remedy.steps.into_iter().fold(finding.fix(remedy.summary), Finding::step);
    remedy.commands.into_iter().fold(finding, Finding::command)
}

fn unexpanded(value: &str, syntax: &str, name: &str, label: &str, context: &Context) -> Finding {
    let finding = Finding::new(
        Code::TokenVariableUnexpanded,
        format!("The value is the text {value}: {syntax} that nothing replaced."),
    )
    .proof("value", value, label);
    if name.eq_ignore_ascii_case("idToken") {
        return in_a_script(
            finding.fix("Name idToken in the script of the AzureCLI@2 task, as its shell does."),
            "idToken",
            "idToken is an environment variable of the script of AzureCLI@2, not a pipeline \
             variable. In the script, write:",
        );
    }
    if name.contains('.') && value.starts_with("${{") {
        return finding
            .fix("Put the expression into the workflow file, and check that it has a value there.")
            .step(
                "It is an expression, which GitHub replaces in a workflow file only: not in a file \
                 with a script, and not on another platform.",
            )
            .step("Check the step's id, and that the step set the output.")
            .step(
                "GitHub drops outputs that hold a secret between jobs: request the token in the \
                 job that logs in.",
            );
    }
    expansion(finding, name, context)
}

/// Which syntax of a variable belongs where.
pub(crate) fn expansion(finding: Finding, name: &str, context: &Context) -> Finding {
    if name.contains(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        // No variable of a shell has such a name.
        return finding
            .step(format!("Check that {name} has a value where the step that logs in runs."));
    }
    let name = identifier(name);
    let azure = format!("$({name}) in Azure Pipelines");
    let github = format!("${{{{ env.{name} }}}} in GitHub Actions");
    let written = match context.evidence.options.setting.platform() {
        Some("Azure Pipelines") => Some(azure),
        Some("GitHub Actions") => Some(github),
        Some(_) => None,
        None => Some(format!("{azure} and {github}")),
    };
    let finding = match written {
        Some(written) => finding.step(format!("In YAML, outside scripts, it is {written}.")),
        None => finding,
    };
    let finding = finding.step(format!(
        "Check that {name} is set in this step, or in an earlier one of the same job."
    ));
    in_a_script(finding, &name, "In a script, write:")
}

fn in_a_script(finding: Finding, name: &str, step: &str) -> Finding {
    finding
        .step(step)
        .command(format!("\"${name}\"            # bash, sh"))
        .command(format!("\"$env:{name}\"        # PowerShell"))
        .command(format!("\"%{name}%\"           # cmd.exe"))
}

/// The characters of a name that can stand in a variable's name: what is left is safe to print
/// into a snippet.
fn identifier(name: &str) -> String {
    let name: String =
        name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(64).collect();
    if name.is_empty() { "TOKEN".to_owned() } else { name }
}

pub(crate) fn truncated(how: &str, source: &str) -> Finding {
    Finding::new(Code::TokenTruncated, format!("The token from {source} is cut off: {how}."))
        .proof("problem", how, "token")
        .step(
            "Some terminals and editors cut or wrap lines at 1024 or 4096 characters: pass the \
             token through a file or a pipe.",
        )
}

fn file_unreadable(reason: &str, input: &Input) -> Finding {
    let (path, absolute) = match &input.source {
        Source::File { path, absolute } => (path.as_str(), absolute.as_str()),
        _ => ("", ""),
    };
    if input.source == Source::Stdin {
        let detail = format!("Standard input: {reason}.");
        return Finding::new(Code::TokenFileUnreadable, detail)
            .fix("Pipe the token in from a command or a file that can be read.");
    }
    let detail = if path.is_empty() {
        format!("The address file:// names no file: {reason}.")
    } else {
        format!("The file {path}: {reason}.")
    };
    Finding::new(Code::TokenFileUnreadable, detail)
        .proof("as seen from here", absolute, input.source.label())
        .step("A relative path counts from the working directory of the step that logs in.")
        .step("Check that the step which writes the file ran in the same job, before this one.")
}

fn wrapped(input: &Input, context: &Context) -> Finding {
    let names: Vec<String> = input.wrapped.iter().map(|w| wrapping(*w).to_owned()).collect();
    let severity = if context.in_pipeline() { Severity::Error } else { Severity::Warning };
    // The CLI's error names a file, but quotes any other value (`getTokenValue`, backend.go).
    let refusal = match input.source {
        Source::File { .. } => "would refuse this file",
        _ => "would refuse this value, and print it",
    };
    let mut finding = Finding::new(
        Code::TokenWrapped,
        format!(
            "{} gave the token with {}. `pulumi login` {refusal}.",
            upper(&place(input)),
            list(&names)
        ),
    )
    .severity(severity)
    .proof("around the token", names.join(", "), input.source.label());
    for wrapping in &input.wrapped {
        let (step, command) = unwrap_advice(*wrapping);
        finding = finding.step(step).command(command);
    }
    finding
}

pub(crate) fn wrapping(wrapping: Wrapping) -> &'static str {
    match wrapping {
        Wrapping::Quotes => "quotes around it",
        Wrapping::Bearer => "`Bearer` in front of it",
        Wrapping::Json => "JSON around it",
        Wrapping::Base64 => "another layer of base64 around it",
        Wrapping::UrlEncoding => "percent-encoding",
        Wrapping::ByteOrderMark => "a byte order mark in front of it",
        Wrapping::Utf16 => "UTF-16 encoding",
        Wrapping::InnerWhitespace => "white space or line breaks inside",
        Wrapping::OuterWhitespace => "white space around it",
    }
}

fn unwrap_advice(wrapping: Wrapping) -> (&'static str, &'static str) {
    match wrapping {
        Wrapping::Json => ("Take the token out of the answer:", "jq -er .oidcToken answer.json"),
        Wrapping::Base64 => ("Decode it once:", "base64 -d < token.b64 > token.jwt"),
        Wrapping::ByteOrderMark | Wrapping::Utf16 => (
            "In Windows PowerShell, write the file without a byte order mark and not as UTF-16:",
            "[IO.File]::WriteAllText(\"$PWD/token.jwt\", $token)",
        ),
        Wrapping::InnerWhitespace | Wrapping::OuterWhitespace => {
            ("Remove white space and line breaks:", "tr -d '[:space:]' < token.txt > token.jwt")
        }
        Wrapping::Quotes => (
            "Take the bare string out of JSON with -r, and leave out quotes that are part of the \
             value:",
            "jq -er .oidcToken answer.json",
        ),
        Wrapping::Bearer => (
            "Bearer belongs to an HTTP header, not to the token. In bash or sh:",
            "TOKEN=\"${TOKEN#*Bearer }\"",
        ),
        Wrapping::UrlEncoding => (
            "Undo the percent-encoding, which only forms and URLs need:",
            "python3 -c 'import sys, urllib.parse as u; print(u.unquote(sys.stdin.read()))' \
             < token.txt > token.jwt",
        ),
    }
}

/// Audiences of APIs that Azure issues access tokens for: a token for one of these was asked for
/// with `az account get-access-token`, not with a federated service connection.
const API_AUDIENCES: &[(&str, &str)] = &[
    ("https://management.azure.com", "Azure Resource Manager"),
    ("https://management.core.windows.net", "Azure Resource Manager"),
    ("https://graph.microsoft.com", "Microsoft Graph"),
    ("00000003-0000-0000-c000-000000000000", "Microsoft Graph"),
    ("https://vault.azure.net", "Azure Key Vault"),
    ("499b84ac-1321-427f-aa17-267ca6975798", "Azure DevOps"),
];

/// Why the token is an access token: what shows it, and where.
struct AccessTokenSign {
    says: String,
    value: String,
    place: &'static str,
}

/// RFC 9068 section 2.1 (`typ`), Microsoft's `scp`, and the audiences of well-known APIs.
fn access_token_sign(
    context: &Context,
    claims: &serde_json::Map<String, serde_json::Value>,
) -> Option<AccessTokenSign> {
    let token = context.evidence.token.as_ref()?;
    let kind = token.header.get("typ").and_then(|t| t.as_str()).unwrap_or_default();
    let bare = kind.to_ascii_lowercase();
    if bare.trim_start_matches("application/") == "at+jwt" {
        return Some(AccessTokenSign {
            says: "its type says so".to_owned(),
            value: kind.to_owned(),
            place: "token header typ",
        });
    }
    for audience in token.audiences() {
        let bare = audience.trim_end_matches('/');
        if let Some((_, api)) = API_AUDIENCES.iter().find(|(known, _)| *known == bare) {
            return Some(AccessTokenSign {
                says: format!("it is meant for {api}"),
                value: audience.to_owned(),
                place: "token claim aud",
            });
        }
    }
    let scopes = claims.get("scp")?;
    Some(AccessTokenSign {
        says: "it carries delegated permissions".to_owned(),
        value: crate::policy::evaluate::value_text(scopes),
        place: "token claim scp",
    })
}

fn access_token(sign: &AccessTokenSign, context: &Context) -> Finding {
    let place = sign.place;
    let mut finding = Finding::new(
        Code::TokenIsAccessToken,
        format!("This token is for calling an API: {}.", sign.says),
    )
    .proof(place.trim_start_matches("token "), &sign.value, place);
    let issuer = context.evidence.token.as_ref().and_then(|t| t.text("iss")).unwrap_or_default();
    if issuer.contains("login.microsoftonline.com") || issuer.contains("sts.windows.net") {
        finding = finding
            .step(
                "In Azure Pipelines, use the idToken of a federated service connection, not \
                 `az account get-access-token`:",
            )
            .command(format!(
                "- task: AzureCLI@2\n  inputs:\n    azureSubscription: NAME_OF_THE_CONNECTION\n    \
                 scriptType: bash\n    scriptLocation: inlineScript\n    \
                 addSpnToEnvironment: true\n    inlineScript: |\n      \
                 {}",
                LoginCommand {
                    url: Some(&context.login_url()),
                    variable: "idToken",
                    organization: context.request.organization.as_deref(),
                }
            ));
    }
    finding
}
