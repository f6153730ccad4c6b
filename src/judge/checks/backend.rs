//! Checks `backend` (the URL and the files it comes from) and `cloud` (what answers there).

use crate::catalogue::{Code, Severity};
use crate::evidence::{
    Answer, BackendCandidate, BackendSource, Body, CertificateProblem, Cli, CredentialsFile,
    Failure, FailureKind, Probe, ProjectFile,
};
use crate::judge::advice::found_backend;
use crate::judge::finding::{again, upper};
use crate::judge::network::certificate::{signed_by, with_chain};
use crate::judge::network::proxy;
use crate::judge::{Context, Outcome};
use crate::pulumi::backend_url;
use crate::pulumi::backend_url::{PULUMI_CLOUD, UrlProblem};
use crate::pulumi::login_command::LoginCommand;
use crate::report::Finding;
use crate::text;

pub(crate) fn check_url(context: &Context) -> Outcome {
    let evidence = &context.evidence.backend;
    let resolved = &context.backend;
    let mut findings = Vec::new();
    if let ProjectFile::Invalid { path, line, column, reason } = &evidence.project {
        findings.push(file_invalid(Code::ProjectFileInvalid, path, (*line, *column), reason));
    }
    match &evidence.credentials {
        CredentialsFile::Invalid { path, line, column, reason } => findings.push(
            file_invalid(Code::CredentialsFileInvalid, path, (*line, *column), reason)
                .command(format!("mv {0} {0}.broken", text::shell(path))),
        ),
        CredentialsFile::Encrypted { path } => findings.push(
            Finding::new(
                Code::CredentialsEncrypted,
                format!("{path} is encrypted: the backend and the accounts in it are not known."),
            )
            .proof("file", path, "credentials"),
        ),
        CredentialsFile::NotFound | CredentialsFile::Read { .. } => {}
    }
    let insecure = context.evidence.options.insecure;
    findings.extend(
        backend_url::problems(resolved, insecure).iter().map(|problem| url(context, problem)),
    );
    findings.extend(installed_has_no_default(context));
    if !resolved.others.is_empty() {
        findings.push(overridden(context));
    }
    findings.extend(found_backend::not_named(context, &findings));
    let shown = if resolved.url.is_empty() { "(empty)" } else { &resolved.url };
    Outcome::found(format!("{shown} from {}", resolved.source.label()), findings)
}

/// Outside CI the installed `pulumi` is not the one that fails: what it would do is told only.
fn installed_has_no_default(context: &Context) -> Option<Finding> {
    let Cli::Installed { version, path } = &context.evidence.login.cli else { return None };
    let here = backend_url::resolve(&context.evidence.backend, Some(version));
    if !here.url.is_empty() || context.backend.url.is_empty() {
        return None;
    }
    Some(
        Finding::new(
            Code::BackendEmpty,
            format!(
                "The pulumi installed here ({version}) has no default backend for OIDC logins."
            ),
        )
        .severity(Severity::Info)
        .proof("pulumi", version.to_string(), path),
    )
}

/// Whether the URL cannot be used.
pub(crate) fn has_error(context: &Context) -> bool {
    context.failed("backend")
}

fn file_invalid(
    code: Code,
    path: &str,
    (line, column): (Option<u64>, Option<u64>),
    reason: &str,
) -> Finding {
    let place = match (line, column) {
        (Some(line), Some(column)) => format!("{path}:{line}:{column}"),
        (Some(line), None) => format!("{path}:{line}"),
        _ => path.to_owned(),
    };
    Finding::new(code, format!("{place}: {reason}.")).proof("problem", reason, place)
}

fn url(context: &Context, problem: &UrlProblem) -> Finding {
    let resolved = &context.backend;
    let value = resolved.url.as_str();
    let (code, detail) = describe(problem, value);
    let mut finding = Finding::new(code, detail);
    if !matches!(problem, UrlProblem::InsecureFlag) {
        let shown = if value.is_empty() { "(empty)" } else { value };
        finding = finding.proof("backend URL", shown, resolved.source.label());
    }
    let version = context.evidence.rules();
    if let Some(message) = backend_url::cli_message(problem, resolved, version) {
        // A log has it on several lines, and is searched by line.
        for line in message.lines().filter(|line| !line.is_empty()) {
            finding = finding.proof("pulumi says", line, "pulumi login");
        }
    }
    match problem {
        UrlProblem::Empty => finding.command(context.login_command(Some(PULUMI_CLOUD))),
        UrlProblem::Console { suggestion: None, .. } => finding
            .fix("Name the URL in PULUMI_BACKEND_URL: that is not put to this test.")
            .command(format!("export PULUMI_BACKEND_URL={}", text::shell(value)))
            .command(context.login_command(None)),
        UrlProblem::Unexpanded { text } if text.is_empty() => finding,
        UrlProblem::Unexpanded { text } => {
            super::input::expansion(finding, last_name(text), context)
        }
        UrlProblem::InsecureFlag => finding.fix(
            "Drop --insecure; for a private certificate authority name its certificate in \
             SSL_CERT_FILE.",
        ),
        _ => match replacement(problem, value) {
            Some(url) => correct(context, finding, &url),
            None => finding,
        },
    }
}

/// The code and what is wrong, in the value's own words.
pub(crate) fn describe(problem: &UrlProblem, value: &str) -> (Code, String) {
    match problem {
        UrlProblem::Empty => (
            Code::BackendEmpty,
            "No backend is configured, and this version of pulumi has no default for an OIDC \
             login."
                .to_owned(),
        ),
        UrlProblem::SchemeMissing { .. } => {
            (Code::BackendSchemeMissing, format!("{value} does not begin with https://."))
        }
        UrlProblem::SchemeUnknown { scheme, .. } => {
            (Code::BackendSchemeUnknown, format!("{scheme} is no scheme that a backend has."))
        }
        UrlProblem::Console { host, suggestion: Some(_) } => (
            Code::BackendIsConsole,
            format!("{host} serves web pages; the API is at api.pulumi.com."),
        ),
        UrlProblem::Console { host, .. } => (
            Code::BackendIsConsole,
            format!(
                "The CLI refuses every URL argument whose host begins with pulumi.com, and with \
                 it {host}."
            ),
        ),
        UrlProblem::Diy { scheme } => (
            Code::BackendIsDiy,
            format!("{scheme}:// is a DIY backend, and those have no OIDC login."),
        ),
        UrlProblem::Unexpanded { text } if text.is_empty() => (
            Code::BackendUnexpanded,
            "A part of the URL that is not shown holds a variable reference, which nothing \
             replaced."
                .to_owned(),
        ),
        UrlProblem::Unexpanded { text } => {
            (Code::BackendUnexpanded, format!("The URL holds {text}, which nothing replaced."))
        }
        UrlProblem::Malformed { what, .. } => {
            (Code::BackendMalformed, format!("The URL cannot be requested: {what}."))
        }
        UrlProblem::Path { what, .. } => {
            (Code::BackendPathSuspicious, format!("The URL has {what} after the host."))
        }
        UrlProblem::InsecureHttp { authority } => (
            Code::BackendInsecure,
            format!(
                "`pulumi login` sends the OIDC token to {authority} over plain HTTP. The doctor \
                 sends no access token there."
            ),
        ),
        UrlProblem::InsecureFlag => {
            (Code::BackendInsecure, "--insecure switches the certificate's check off.".to_owned())
        }
    }
}

/// The variable's name in a reference: `url` in `${{ variables.url }}`.
fn last_name(reference: &str) -> &str {
    let is_other = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    reference.rsplit(is_other).find(|word| !word.is_empty()).unwrap_or_default()
}

/// The value to use instead, where one can be named.
pub(crate) fn replacement(problem: &UrlProblem, url: &str) -> Option<String> {
    match problem {
        UrlProblem::SchemeMissing { suggestion } => Some(suggestion.clone()),
        UrlProblem::SchemeUnknown { nearest, .. } => {
            let (_, rest) = url.split_once(':')?;
            Some(format!("{nearest}:{rest}"))
        }
        UrlProblem::Console { suggestion, .. } => suggestion.map(str::to_owned),
        UrlProblem::Diy { .. } => Some(PULUMI_CLOUD.to_owned()),
        UrlProblem::Malformed { cleaned, .. } => cleaned.clone(),
        UrlProblem::Path { origin, .. } => Some(origin.clone()),
        UrlProblem::InsecureHttp { authority } => {
            Some(format!("https://{}", authority.strip_suffix(":80").unwrap_or(authority)))
        }
        UrlProblem::Unexpanded { .. } | UrlProblem::Empty | UrlProblem::InsecureFlag => None,
    }
}

/// How to put the right value where the wrong one stands.
fn correct(context: &Context, finding: Finding, url: &str) -> Finding {
    match &context.backend.source {
        BackendSource::Environment { name } => finding
            .step(format!("Set {name} to {url} where it is defined, or pass the URL instead:"))
            .command(format!("export {name}={}", text::shell(url)))
            .command(context.login_command(Some(url))),
        BackendSource::Project { path, line } => {
            let snippet = if path.ends_with(".json") {
                format!("\"backend\": {{\"url\": {}}}", text::json_string(url))
            } else {
                format!("backend:\n  url: {}", text::yaml(url))
            };
            finding.step(format!("In {path}, line {line}, write:")).command(snippet)
        }
        BackendSource::Credentials { .. } => finding
            .step("The stored credentials remember it from an earlier login; name the URL:")
            .command(context.login_command(Some(url))),
        BackendSource::Argument
        | BackendSource::Flag
        | BackendSource::Local
        | BackendSource::Default => finding.command(context.login_command(Some(url))),
    }
}

impl Context<'_> {
    /// The login to paste, with the run's own organization.
    pub(crate) fn login_command(&self, url: Option<&str>) -> String {
        let organization = self.request.organization.as_deref();
        LoginCommand { url, variable: self.token_variable(), organization }.to_string()
    }
}

/// Only the stored credentials' `current` losing is what every explicit login does.
fn overridden(context: &Context) -> Finding {
    let resolved = &context.backend;
    let only_credentials = resolved
        .others
        .iter()
        .all(|other| matches!(other.source, BackendSource::Credentials { .. }));
    let severity = if only_credentials { Severity::Info } else { Severity::Warning };
    let name = |candidate: &BackendCandidate| candidate.source.label();
    let mut finding = Finding::new(
        Code::BackendOverridden,
        format!(
            "{} wins over {}.",
            resolved.source.label(),
            crate::judge::finding::list(&resolved.others.iter().map(name).collect::<Vec<_>>())
        ),
    )
    .severity(severity)
    .proof("used", &resolved.url, resolved.source.label());
    for other in &resolved.others {
        finding = finding.proof("not used", &other.url, other.source.label());
    }
    finding
}

// ---------------------------------------------------------------------------------- cloud

pub(crate) fn check_cloud(context: &Context) -> Outcome {
    let cloud = &context.evidence.cloud;
    match &cloud.capabilities {
        Probe::NotRun if context.evidence.options.offline => {
            Outcome::skip("--offline", "not asked")
        }
        Probe::NotRun => Outcome::skip(context.cause("backend"), "there is no URL to ask"),
        Probe::Failed { failure, .. }
            if failure.kind == FailureKind::AddressRefused
                && let Some(outcome) = found_backend::not_connected(context) =>
        {
            outcome
        }
        Probe::Failed { failure, .. } if failure.kind == FailureKind::TooLarge => Outcome::found(
            "answers, but not as a Pulumi Cloud",
            vec![network_failure(Code::BackendNotPulumi, failure)],
        ),
        Probe::Failed { failure, .. } => {
            Outcome::found("no answer", vec![unreachable(context, failure)])
        }
        Probe::Answered { answer, .. } => match not_pulumi(answer) {
            None => Outcome::pass(format!(
                "answers as a Pulumi Cloud{}{}",
                proxy::through(&answer.route),
                again(answer.attempts)
            )),
            Some(looks_like) => Outcome::found(
                format!("answers, but not as a Pulumi Cloud{}", proxy::through(&answer.route)),
                vec![not_pulumi_finding(context, answer, &looks_like)],
            ),
        },
    }
}

fn unreachable(context: &Context, failure: &Failure) -> Finding {
    let FailureKind::Certificate { .. } = failure.kind else {
        let asked = format!("{}/api/capabilities", context.backend.url.trim_end_matches('/'));
        return network_failure(Code::BackendUnreachable, failure)
            .command(format!("curl -v {}", text::shell(&asked)));
    };
    let finding = network_failure(Code::BackendTlsUntrusted, failure);
    let chain = context.evidence.cloud.chain.as_ref();
    with_chain(signed_by(finding, failure, chain), chain)
        .step("Put the certificate of the authority that signed it into a PEM file and name it:")
        .command("export SSL_CERT_FILE=/path/to/authority.pem")
        .step(
            "If the authority is a company's proxy, ask for its root certificate; Pulumi itself \
             is signed by a public one.",
        )
}

/// A finding about a failure on the way: which step failed, with host, port and proxy.
pub(crate) fn network_failure(code: Code, failure: &Failure) -> Finding {
    let Failure { host, port, detail, kind, attempts, .. } = failure;
    let what = match kind {
        FailureKind::Dns => format!("the name {host} cannot be resolved"),
        FailureKind::Connect => format!("nothing accepts connections at {host}:{port}"),
        FailureKind::Timeout => format!("there was no answer in time from {host}:{port}"),
        FailureKind::Proxy { fault } => proxy::sentence(fault, failure),
        FailureKind::Certificate { problem } => {
            use CertificateProblem as P;
            match problem {
                P::UnknownIssuer => {
                    format!("no authority that is trusted here signed the certificate of {host}")
                }
                P::SelfSigned => format!("the certificate of {host} is signed by itself"),
                P::Expired => format!("the certificate of {host} has expired"),
                P::NotYetValid => format!("the certificate of {host} is not valid yet"),
                P::WrongHost => format!("the certificate is not for {host}"),
                P::Other => format!("the certificate of {host} is not accepted"),
            }
        }
        FailureKind::Tls => format!("the TLS handshake with {host}:{port} failed"),
        FailureKind::Protocol => {
            format!("the server at {host}:{port} broke off or does not speak HTTP")
        }
        FailureKind::TooLarge => format!("the answer of {host} is too large: {detail}"),
        FailureKind::AddressRefused => format!("the address of {host} is one that is not asked"),
        FailureKind::BadUrl => "the URL cannot be requested".to_owned(),
    };
    let finding = Finding::new(code, format!("{}.", upper(&what)))
        .proof("host", format!("{host}:{port}"), "request")
        .proof("error", detail, "network")
        .asked(*attempts);
    proxy::with_route(finding, failure)
}

/// What the answer looks like, if it is not a Pulumi Cloud's: `AppCapabilitiesResponse` is a JSON
/// object with a list `capabilities`.
fn not_pulumi(answer: &Answer) -> Option<String> {
    if let Body::Json(value) = &answer.body
        && value.get("capabilities").is_some_and(serde_json::Value::is_array)
    {
        return None;
    }
    // A service that is failing or limiting requests says nothing of what it is.
    if answer.status == 429 || answer.status >= 500 {
        return None;
    }
    Some(match &answer.body {
        Body::Html(Some(title)) => format!("a web page titled \"{title}\""),
        Body::Html(None) => "a web page".to_owned(),
        Body::Text(text) if text.contains("<Error>") => "a storage service".to_owned(),
        Body::Json(_) => "another JSON API".to_owned(),
        Body::Text(_) => "plain text".to_owned(),
        Body::Empty => match &answer.location {
            Some(location) => format!("a redirect to {location}"),
            None => "an empty answer".to_owned(),
        },
    })
}

fn not_pulumi_finding(context: &Context, answer: &Answer, looks_like: &str) -> Finding {
    let finding = Finding::new(
        Code::BackendNotPulumi,
        format!("GET {} is answered with status {} and {looks_like}.", answer.url, answer.status),
    )
    .proof("status", answer.status.to_string(), &answer.url)
    .proof("looks like", looks_like, &answer.url)
    .asked(answer.attempts);
    let finding = match &answer.location {
        Some(location) => finding.proof("redirects to", location, &answer.url),
        None => finding,
    };
    let finding = finding.step(
        "If a login page or a proxy answers in its place, let requests to Pulumi Cloud through \
         without it.",
    );
    let finding = match &answer.route.proxy {
        Some(proxy) => {
            let variable = answer.route.proxy_variable.as_deref().unwrap_or("HTTPS_PROXY");
            finding.proof("through the proxy", proxy, variable)
        }
        None => finding,
    };
    match context.backend.source {
        BackendSource::Default => finding,
        _ => correct(context, finding, PULUMI_CLOUD),
    }
}
