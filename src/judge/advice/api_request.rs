//! Requests to Pulumi Cloud's API for an organization admin to paste.

use crate::text;
use crate::text::command::{Command, power_shell};

/// Prints the authorization header for `curl -H @-`. As an argument, the access token would be
/// visible in the process list.
const AUTHORIZATION: &str = "printf 'Authorization: token %s' \"$PULUMI_ACCESS_TOKEN\"";

/// A `POST` request below an organization's issuers.
pub(crate) fn post_to_issuers(
    origin: &str,
    organization: &str,
    path: &str,
    body: Option<&serde_json::Value>,
) -> Command {
    let origin = origin.trim_end_matches('/');
    let url = format!("{origin}/api/orgs/{organization}/oidc/issuers{path}");
    let body = body.map(text::json_line);
    let body = body.as_deref().map(str::trim_end);
    let data = body.map_or_else(String::new, |body| {
        format!("-H 'Content-Type: application/json' -d {} ", text::shell(body))
    });
    Command::each(
        format!(
            "{AUTHORIZATION} | curl --fail-with-body -X POST -H @- {data}{}",
            text::shell(&url)
        ),
        in_power_shell(&url, body),
    )
}

/// PowerShell passes quotation marks to its own commands unchanged, so the JSON body needs no
/// escapes.
fn in_power_shell(url: &str, body: Option<&str>) -> Option<String> {
    let url = power_shell(url)?;
    let data = match body {
        Some(body) => {
            power_shell(&body.replace('"', ""))?;
            format!(" -ContentType application/json -Body '{body}'")
        }
        None => String::new(),
    };
    Some(format!(
        "Invoke-RestMethod -Method Post -Uri {url} -Headers @{{ Authorization = \"token \
         $env:PULUMI_ACCESS_TOKEN\" }}{data}"
    ))
}
