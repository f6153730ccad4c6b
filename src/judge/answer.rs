//! Reads Pulumi Cloud's answers: error messages as evidence, and the identity of the user.

use serde_json::Value;

use crate::evidence::{Answer, Body};
use crate::pulumi::answers;
use crate::report::{Finding, Identity};
use crate::text;

/// The longest message that is shown, in characters.
const MAX_MESSAGE_CHARS: usize = 500;

/// The messages of an error response: RFC 6749 section 5.2, Pulumi's own format, or plain text.
pub(crate) fn messages(answer: &Answer) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let all = match &answer.body {
        Body::Json(Value::Object(body)) => {
            let known = ["error", "error_description", "message"];
            let errors = body.get("errors").and_then(Value::as_array).into_iter().flatten();
            let messages: Vec<String> = known
                .into_iter()
                .filter_map(|key| body.get(key).filter(|value| !value.is_null()))
                .chain(errors)
                .map(text)
                .collect();
            match messages.is_empty() {
                true => vec![Value::Object(body.clone()).to_string()],
                false => messages,
            }
        }
        Body::Json(value) => vec![text(value)],
        Body::Text(text) => vec![text.clone()],
        Body::Html(title) => {
            vec![format!("a web page titled {}", title.as_deref().unwrap_or("(nothing)"))]
        }
        Body::Empty => Vec::new(),
    };
    all.into_iter().map(|message| text::shorten(&message, MAX_MESSAGE_CHARS)).collect()
}

/// Adds an answer's status, messages and request id to the evidence.
pub(crate) fn add_answer(finding: Finding, answer: &Answer) -> Finding {
    let mut text = messages(answer).join(": ");
    if text.is_empty() {
        text = "(nothing)".to_owned();
    }
    let text = format!("{} {text}", answer.status);
    let mut finding =
        finding.proof("Pulumi Cloud says", text, &answer.url).attempts(answer.attempts);
    if let Body::Html(title) = &answer.body {
        finding = add_web_page(finding, title.as_deref(), &answer.url);
    }
    let headers = [
        ("request id", &answer.request_id, "X-Pulumi-Request-ID"),
        ("retry after", &answer.retry_after, "Retry-After"),
        ("redirects to", &answer.location, "Location"),
    ];
    for (what, value, place) in headers {
        if let Some(value) = value {
            finding = finding.proof(what, value, place);
        }
    }
    finding
}

/// Adds that the answer was a web page instead of JSON.
pub(crate) fn add_web_page(finding: Finding, title: Option<&str>, url: &str) -> Finding {
    finding.proof("web page", title.unwrap_or("(without a title)"), url).step(
        "A web page in its place is a login page or a proxy's answer: the JSON has to be served \
         without any login.",
    )
}

/// Whether repeating the request may succeed. A 511 (RFC 6585 section 6) is a login page of the
/// network and does not go away.
pub(crate) fn is_transient(status: u16) -> bool {
    status == 429 || (500..600).contains(&status) && status != 511
}

/// The identity in an answer to `GET /api/user`. `None` if the user or an organization has no
/// `githubLogin`, which the CLI refuses.
pub(crate) fn parse_identity(answer: &Answer) -> Option<Identity> {
    let Body::Json(body @ Value::Object(_)) = &answer.body else { return None };
    let user = answers::decode_whoami(200, body.to_string().as_bytes(), None, None).ok()?;
    Some(Identity { user: user.login, organizations: user.organizations, token: user.token })
}
