//! Check `token`: its header.

use serde_json::Value;

use super::json_type;
use crate::catalogue::Code;
use crate::evidence::Token;
use crate::judge::context::Context;
use crate::judge::finding::{ASSUMES_GO, list};
use crate::oidc::jwt::header;
use crate::oidc::jwt::header::HeaderFault;
use crate::report::Finding;

/// Public-key algorithms that the CLI and the service support (RFC 7518 section 3.1, RFC 8037
/// section 3.1).
pub(crate) const ASYMMETRIC: [&str; 10] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

/// Other algorithms of the CLI's JWT parser (golang-jwt, `RegisterSigningMethod`).
const OTHER_CLI_ALGORITHMS: [&str; 4] = ["none", "HS256", "HS384", "HS512"];

/// Whether the CLI's JWT parser refuses the token because of its algorithm.
pub(crate) fn cli_refuses(token: &Token) -> bool {
    !token.algorithm().is_some_and(|algorithm| {
        ASYMMETRIC.contains(&algorithm) || OTHER_CLI_ALGORITHMS.contains(&algorithm)
    })
}

/// Header problems that make verifiers refuse the token, whatever its key.
pub(crate) fn check(context: &Context, token: &Token) -> Vec<Finding> {
    parameters(token).into_iter().chain(algorithm(context, token)).collect()
}

fn parameters(token: &Token) -> Option<Finding> {
    let finding = |code, detail: String, name: &str, shown: String| {
        Finding::new(code, detail).proof(name, shown, format!("token header {name}"))
    };
    Some(match header::fault(&token.header)? {
        HeaderFault::Malformed { parameter, problem } => finding(
            Code::TokenMalformed,
            format!("In the header, {parameter} {problem} (RFC 7515)."),
            parameter,
            token.header.get(parameter).map_or("absent", json_type).to_owned(),
        )
        .fix(format!("Correct the issuer: it writes {parameter} in a form that is not allowed.")),
        HeaderFault::Critical { names } => finding(
            Code::AlgorithmUnsupported,
            format!(
                "The header's crit says that a verifier must understand {}. One that does not \
                 has to refuse the token (RFC 7515). {ASSUMES_GO}",
                list(&names)
            ),
            "crit",
            names.join(", "),
        )
        .fix("Have the issuer leave out crit and the parameters that it names."),
        HeaderFault::Unencoded => finding(
            Code::AlgorithmUnsupported,
            "The header says b64: false, which a JWT must not have (RFC 7797).".to_owned(),
            "b64",
            "false".to_owned(),
        )
        .fix("Have the issuer leave out b64."),
    })
}

fn algorithm(context: &Context, token: &Token) -> Option<Finding> {
    let name = token.algorithm();
    let algorithm = name.unwrap_or("(absent)");
    let offered: Option<Vec<&str>> = context
        .discovery()
        .and_then(|d| d.get("id_token_signing_alg_values_supported"))
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_str).collect());
    let in_right_case = ASYMMETRIC.into_iter().find(|known| known.eq_ignore_ascii_case(algorithm));
    let detail = if let (None, Some(other)) = (name, token.header.get("alg")) {
        format!("The header's alg is {}, not a string.", json_type(other))
    } else if name.is_none() {
        "The token's header names no algorithm.".to_owned()
    } else if algorithm.is_empty() {
        "The header's alg is an empty string.".to_owned()
    } else if algorithm.eq_ignore_ascii_case("none") {
        "The token is not signed.".to_owned()
    } else if algorithm.starts_with("HS") {
        format!("{algorithm} signs with a secret that issuer and verifier share.")
    } else if algorithm == "Ed25519" {
        "The JWT parser of the Pulumi CLI does not know the name Ed25519 (RFC 9864). It knows \
         EdDSA, the older name of the same algorithm (RFC 8037)."
            .to_owned()
    } else if let Some(known) = in_right_case.filter(|known| *known != algorithm) {
        format!("{algorithm} is not an algorithm's name: capitals count, it is {known}.")
    } else if !ASYMMETRIC.contains(&algorithm) {
        format!("{algorithm} is not an algorithm that Pulumi's CLI knows.")
    } else if let Some(offered) = &offered
        && !offered.is_empty()
        && !offered.contains(&algorithm)
    {
        format!("The issuer's discovery document does not offer {algorithm}.")
    } else {
        return None;
    };
    let shown = match token.header.get("alg") {
        Some(other) if name.is_none() => json_type(other).to_owned(),
        _ => algorithm.to_owned(),
    };
    let mut finding =
        Finding::new(Code::AlgorithmUnsupported, detail).proof("alg", shown, "token header alg");
    if algorithm == "Ed25519" {
        finding = finding.fix("Have the issuer write EdDSA as alg.");
    }
    if let Some(offered) = offered {
        finding = finding.proof(
            "offered",
            offered.join(", "),
            "discovery document id_token_signing_alg_values_supported",
        );
    }
    Some(finding)
}
