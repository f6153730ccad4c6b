#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2EifQ.c2lnbmF0dXJlLW9mLWl0";
const PULUMI: &str = "pul-0123456789abcdef0123456789abcdef01234567";

fn kinds(line: &str) -> Vec<SecretKind> {
    find(line).into_iter().map(|(_, kind)| kind).collect()
}

#[test]
fn secrets_are_found_and_redacted() {
    use SecretKind::{Bearer, Jwt, Opaque, PulumiAccessToken, UrlCredentials};
    let base64 = "ZXlKaGJHY2lPaUpTVXpJMU5pSjkuZXlKcGMzTWlPaUpvZEhSd2N6b3ZMMkVpZlEuYzJsbg==";
    let cases = [
        (format!("Got '{JWT}'"), vec![Jwt]),
        (format!("TOKEN={JWT}"), vec![Jwt]),
        (base64.to_owned(), vec![Jwt]),
        (format!("\"access_token\":\"{PULUMI}\""), vec![PulumiAccessToken]),
        (format!("Authorization:[token {PULUMI}]"), vec![PulumiAccessToken]),
        ("-H 'Authorization: Bearer abcdefghijklmnopqrst'".to_owned(), vec![Bearer]),
        ("authorization: Basic dXNlcjpwYXNzd29yZDEyMw==".to_owned(), vec![Bearer]),
        ("token ghp_0123456789abcdefghijABCDEFGHIJ012345 x".to_owned(), vec![Opaque]),
        ("https://user:hunter2pass@host/x".to_owned(), vec![UrlCredentials]),
        ("https://user:hunter2%21@host/x".to_owned(), vec![UrlCredentials]),
        ("https://hunter2hunter2hunter2@host/x".to_owned(), vec![UrlCredentials]),
        ("client_secret=hunter2hunter2&x=1".to_owned(), vec![Opaque]),
        ("{\"AWS_SECRET_ACCESS_KEY\":\"hunter2hunter2\"}".to_owned(), vec![Opaque]),
        ("Authorization: Negotiate hunter2hunter2".to_owned(), vec![Bearer]),
        ("Cookie: a=b; session=hunter2hunter2".to_owned(), vec![Opaque]),
        (format!("{JWT} and {PULUMI}"), vec![Jwt, PulumiAccessToken]),
    ];
    for (line, expected) in cases {
        assert_eq!(kinds(&line), expected, "{line}");
        let shown = redact(&line);
        assert_eq!(kinds(&shown), [], "{shown}");
        for secret in [JWT, PULUMI, "abcdefghijklmnopqrst", "hunter2", "dXNlcjpw", "ghp_0", "ZXlK"]
        {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn random_words_are_redacted() {
    let signature = "HJK1XwXuFvb6zTpX19k2X38jOzChOmUbTTXzCGXWT3et94QA_08HTlzBSWu0G7w";
    assert_eq!(redact(&format!("Unauthorized: {signature}")), "Unauthorized: [redacted]");
}

#[test]
fn names_and_masks_are_kept() {
    for line in [
        "PS D:\\a\\infra> pulumi login --oidc-token $env:idToken\r",
        "pulumi login https://api.pulumi.com",
        "Authorization: Bearer ***",
        "Authorization: Bearer $TOKEN_OF_THE_LOGIN",
        "Authorization: token ${{ secrets.PULUMI_ACCESS_TOKEN }}",
        "https://***:***@host/x https://host/x",
        "/eid1/c/pub/t/TSw7jmAffkqbUsDU5vihsw/a/rISbSSETf0KqFyZ8ppdXmA/sc/5a1c9e7b-20f4-4d83",
        "/home/vsts/work/_temp/azureclitaskscript1732612345678.sh sha256:0123456789abcdef0123456789",
        "SYSTEM_ACCESSTOKEN: unbound variable, CI_JOB_TOKEN: unbound variable",
        "requested_token_type=urn:pulumi:token-type:access_token:organization",
        "password: wrong, try again",
        "the bearer of good news is here, pul-cloud",
        "eyJhbGciOiJSUzI1NiJ9",
        "git@github.com:acme/app https://host:8080/a@b",
        "",
    ] {
        assert_eq!(kinds(line), [], "{line}");
        assert_eq!(redact(line), line);
    }
}

proptest! {
    #[test]
    fn redacted_token_is_not_shown(before in "[ -~]{0,20}", after in "[ '\"\\])][ -~]{0,20}") {
        let shown = redact(&format!("{before} {JWT}{after}"));
        prop_assert!(!shown.contains("c2lnbmF0dXJlLW9mLWl0"), "{}", shown);
    }

    #[test]
    fn any_line_is_redacted(line in ".{0,80}") {
        let _ = redact(&line);
    }
}
