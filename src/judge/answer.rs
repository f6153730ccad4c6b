//! Reads servers' answers: their words, as evidence, and the identity that they name.

use serde_json::Value;

use crate::evidence::{Answer, Body};
use crate::pulumi::answers;
use crate::report::{Finding, Identity};
use crate::text;

/// The most that is shown of each thing that an answer says, in characters.
const LONGEST: usize = 500;

/// What a failure's body says, in its several shapes: RFC 6749 section 5.2, Pulumi's own, text.
pub(crate) fn words(answer: &Answer) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let all = match &answer.body {
        Body::Json(Value::Object(body)) => {
            let known = ["error", "error_description", "message"];
            let errors = body.get("errors").and_then(Value::as_array).into_iter().flatten();
            let said: Vec<String> = known
                .into_iter()
                .filter_map(|key| body.get(key).filter(|value| !value.is_null()))
                .chain(errors)
                .map(text)
                .collect();
            if said.is_empty() { vec![Value::Object(body.clone()).to_string()] } else { said }
        }
        Body::Json(value) => vec![text(value)],
        Body::Text(text) => vec![text.clone()],
        Body::Html(title) => {
            vec![format!("a web page titled {}", title.as_deref().unwrap_or("(nothing)"))]
        }
        Body::Empty => Vec::new(),
    };
    all.into_iter().map(|said| text::shorten(&said, LONGEST)).collect()
}

/// Status, words and request id of an answer, as evidence.
pub(crate) fn proofs(finding: Finding, answer: &Answer) -> Finding {
    let said = words(answer).join(": ");
    let said = if said.is_empty() { "(nothing)".to_owned() } else { said };
    let says = format!("{} {said}", answer.status);
    let mut finding = finding.proof("Pulumi Cloud says", says, &answer.url).asked(answer.attempts);
    if let Body::Html(title) = &answer.body {
        finding = web_page(finding, title.as_deref(), &answer.url);
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

/// Says that a web page came where JSON belongs.
pub(crate) fn web_page(finding: Finding, title: Option<&str>, url: &str) -> Finding {
    finding.proof("web page", title.unwrap_or("(without a title)"), url).step(
        "A web page in its place is a login page or a proxy's answer: the JSON has to be served \
         without any login.",
    )
}

/// Whether the same request may be answered otherwise without any change. A 511 is a login page of the
/// network (RFC 6585 section 6), which stays.
pub(crate) fn is_transient(status: u16) -> bool {
    status == 429 || (500..600).contains(&status) && status != 511
}

/// Who an answer to `GET /api/user` names; `None` where it names nobody (the CLI refuses an empty
/// `githubLogin`, of the user and of an organization).
pub(crate) fn identity(answer: &Answer) -> Option<Identity> {
    let Body::Json(body @ Value::Object(_)) = &answer.body else { return None };
    let user = answers::decode_whoami(200, body.to_string().as_bytes(), None, None).ok()?;
    Some(Identity { user: user.login, organizations: user.organizations, token: user.token })
}
