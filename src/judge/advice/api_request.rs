//! Requests to Pulumi Cloud's API that an organization's admin can paste.

use crate::text;

/// The header that a request to Pulumi Cloud's API needs, for `curl -H @-`: an argument would show
/// the access token in the list of processes.
const AUTHORIZATION: &str = "printf 'Authorization: token %s' \"$PULUMI_ACCESS_TOKEN\"";

/// A `POST` to a path of an organization's issuers, with a JSON body where there is one.
pub(crate) fn post_to_issuers(
    origin: &str,
    organization: &str,
    path: &str,
    body: Option<&serde_json::Value>,
) -> String {
    let origin = origin.trim_end_matches('/');
    let url = format!("{origin}/api/orgs/{organization}/oidc/issuers{path}");
    let body = body.map_or_else(String::new, |body| {
        let body = text::json_line(body);
        format!("-H 'Content-Type: application/json' -d {} ", text::shell(body.trim_end()))
    });
    format!("{AUTHORIZATION} | curl --fail-with-body -X POST -H @- {body}{}", text::shell(&url))
}
