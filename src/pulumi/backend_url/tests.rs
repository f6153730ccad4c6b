#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;
use crate::evidence::url_faults::hidden_fault;

fn environment(url: &str) -> Resolved {
    environment_in(url, "3.259.0")
}

fn environment_in(url: &str, cli: &str) -> Resolved {
    let source = BackendSource::Environment { name: "PULUMI_BACKEND_URL".into() };
    Resolved::new(url.into(), source, Some(&version(cli)))
}

fn argument(url: &str) -> Resolved {
    Resolved::new(url.into(), BackendSource::Argument, Some(&version("3.259.0")))
}

fn candidate(url: &str, source: BackendSource) -> BackendCandidate {
    BackendCandidate::new(url, source)
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

#[test]
fn default_depends_on_version() {
    let table = [
        (Some("3.208.0"), PULUMI_CLOUD),
        (Some("3.209.0"), ""),
        (Some("3.215.0"), ""),
        (Some("3.216.0"), PULUMI_CLOUD),
        (None, PULUMI_CLOUD),
    ];
    for (text, expected) in table {
        let resolved = resolve(&Backend::default(), text.map(version).as_ref());
        assert_eq!(resolved.url, expected, "{text:?}");
        assert_eq!(resolved.source, BackendSource::Default);
        let empty = problems(&resolved, false).contains(&UrlProblem::Empty);
        assert_eq!(empty, expected.is_empty(), "{text:?}");
    }
}

#[test]
fn first_backend_source_wins() {
    let credentials = BackendSource::Credentials { path: "c".into(), line: 2 };
    let project = BackendSource::Project { path: "p".into(), line: 3 };
    let variable = BackendSource::Environment { name: "PULUMI_BACKEND_URL".into() };
    let backend = Backend {
        candidates: vec![
            candidate("https://a.test", variable),
            candidate("https://A.test/", project),
            candidate("https://c.test", credentials.clone()),
        ],
        ..Backend::default()
    };
    let resolved = resolve(&backend, None);
    assert_eq!(resolved.url, "https://a.test");
    assert!(!resolved.explicit);
    assert_eq!(resolved.others, [candidate("https://c.test", credentials)]);

    let local = resolve(&Backend { local: true, ..backend.clone() }, None);
    assert_eq!((local.url.as_str(), local.source.label().as_str()), ("file://~", "--local"));
    assert_eq!(problems(&local, true), [UrlProblem::Diy { scheme: "file".into() }]);

    let option = BackendSource::Environment { name: "PULUMI_OPTION_CLOUD_URL".into() };
    let backend =
        Backend { candidates: vec![candidate("https://a.test", option)], ..Backend::default() };
    assert!(resolve(&backend, None).explicit);
}

#[test]
fn good_urls_have_no_problem() {
    for url in [
        "https://api.pulumi.com",
        "https://pulumi-api.company.test:8443",
        "http://localhost:8080",
        "http://127.0.0.1:3000",
        "http://[::1]:3000",
        "https://10.0.0.7",
    ] {
        assert_eq!(problems(&environment(url), false), [], "{url}");
        assert_eq!(problems(&argument(url), false), [], "{url}");
    }
    assert_eq!(problems(&environment("HTTPS://api.pulumi.com"), false), []);
    assert_eq!(problems(&environment("https://pulumi.company.test"), false), []);
    assert_eq!(problems(&environment(PULUMI_CLOUD), true), [UrlProblem::InsecureFlag]);
}

#[test]
fn missing_scheme_is_added() {
    let table = [
        ("api.pulumi.com", PULUMI_CLOUD),
        ("//api.pulumi.com", PULUMI_CLOUD),
        ("api.pulumi.com/", PULUMI_CLOUD),
        ("api.pulumi.com:443", "https://api.pulumi.com:443"),
        ("localhost:8080", "http://localhost:8080"),
        ("10.0.0.1:8080", "https://10.0.0.1:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("backend:8080", "https://backend:8080"),
        ("app.pulumi.com/acme", PULUMI_CLOUD),
        ("pulumi.com", PULUMI_CLOUD),
        ("acme", "https://acme"),
    ];
    for (url, suggestion) in table {
        let expected = [UrlProblem::SchemeMissing { suggestion: suggestion.into() }];
        assert_eq!(problems(&environment(url), false), expected, "{url}");
        assert_eq!(problems(&argument(url), false), expected, "{url}");
    }
}

#[test]
fn unknown_scheme_gets_similar_one() {
    let table = [
        ("htps://api.pulumi.com", "htps", "https"),
        ("htttps://api.pulumi.com", "htttps", "https"),
        ("htp://api.pulumi.com", "htp", "http"),
        ("htps:api.pulumi.com", "htps", "https"),
        ("s33://bucket", "s33", "s3"),
        ("pulumi://acme", "pulumi", "https"),
        ("postgresql://db", "postgresql", "postgres"),
    ];
    for (url, scheme, nearest) in table {
        let expected = [UrlProblem::SchemeUnknown { scheme: scheme.into(), nearest }];
        assert_eq!(problems(&environment(url), false), expected, "{url}");
    }
    let upper = problems(&argument("HTTPS://api.pulumi.com"), false);
    assert_eq!(upper, [UrlProblem::SchemeUnknown { scheme: "HTTPS".into(), nearest: "https" }]);
}

#[test]
fn websites_differ_from_similar_hosts() {
    for (url, host) in [
        ("https://app.pulumi.com", "app.pulumi.com"),
        ("https://app.pulumi.com/acme", "app.pulumi.com"),
        ("http://PULUMI.com/", "pulumi.com"),
        ("https://www.pulumi.com:443", "www.pulumi.com"),
    ] {
        let expected = [UrlProblem::Console { host: host.into(), suggestion: Some(PULUMI_CLOUD) }];
        assert_eq!(problems(&environment(url), false), expected, "{url}");
        assert_eq!(problems(&argument(url), false), expected, "{url}");
    }
    let refused = problems(&argument("https://pulumi.company.test"), false);
    let host = "pulumi.company.test".to_owned();
    assert_eq!(refused, [UrlProblem::Console { host, suggestion: None }]);
}

#[test]
fn scheme_identifies_diy_backend() {
    for (url, scheme) in [
        ("s3://bucket", "s3"),
        ("file:///my state", "file"),
        ("S3://bucket", "s3"),
        ("postgres://user:***@host/db", "postgres"),
        ("azblob://c?storage_account=***", "azblob"),
        ("gs://b", "gs"),
    ] {
        let expected = [UrlProblem::Diy { scheme: scheme.into() }];
        assert_eq!(problems(&environment(url), false), expected, "{url}");
    }
    let upper = problems(&argument("S3://bucket"), false);
    assert_eq!(upper, [UrlProblem::SchemeUnknown { scheme: "S3".into(), nearest: "s3" }]);
}

#[test]
fn unexpanded_references_are_found() {
    let table = [
        ("$(PulumiUrl)", Some("$(PulumiUrl)")),
        ("https://${HOST}/", Some("${HOST}")),
        ("https://${{ vars.HOST }}", Some("${{ vars.HOST }}")),
        ("%PULUMI_URL%", Some("%PULUMI_URL%")),
        ("$PULUMI_URL", Some("$PULUMI_URL")),
        ("$env:PULUMI_URL", Some("$env:PULUMI_URL")),
        ("s3://$(bucket)", Some("$(bucket)")),
        ("https://a.test/%C3%A9%AB%CD", None),
        ("https://a.test/$", None),
        ("https://a.test/%", None),
        ("https://a.test/$(", None),
    ];
    for (url, text) in table {
        assert_eq!(find_unexpanded(url), text, "{url}");
    }
    let found = problems(&environment("\"$(Url)\""), false);
    assert_eq!(found, [UrlProblem::Unexpanded { text: "$(Url)".into() }]);
}

#[test]
fn malformed_urls_are_cleaned() {
    let table = [
        (" https://api.pulumi.com", "a space", Some(PULUMI_CLOUD)),
        ("https://api.pulumi.com\n", "a line break", Some(PULUMI_CLOUD)),
        ("\"https://api.pulumi.com\"", "quotes", Some(PULUMI_CLOUD)),
        ("'api.pulumi.com'", "quotes", Some(PULUMI_CLOUD)),
        ("https://api.pulumi.com --oidc-org acme", "a space", Some(PULUMI_CLOUD)),
        ("https:\\\\api.pulumi.com", "a backslash", Some(PULUMI_CLOUD)),
        ("\u{feff}https://api.pulumi.com", "an invisible character", Some(PULUMI_CLOUD)),
        ("https://<api.pulumi.com>", "angle brackets", Some(PULUMI_CLOUD)),
        ("https:/api.pulumi.com", "`:/` where `://` belongs", Some(PULUMI_CLOUD)),
        ("https:api.pulumi.com", "`:` where `://` belongs", Some(PULUMI_CLOUD)),
        ("https://https://api.pulumi.com", "two schemes", Some(PULUMI_CLOUD)),
        ("https://a.test:abc", "the port `abc`", None),
        ("a.test:99999", "the port `99999`", None),
        ("https://a.test:0", "the port `0`", None),
        ("https://a..b:1:2", "the host `a..b:1`", None),
        ("http://127.1", "the host `127.1`, which is a name to pulumi and not 127.0.0.1", None),
        (
            "https://a.test/x/../",
            "the path `/x/../`, which pulumi sends as it is",
            Some("https://a.test"),
        ),
        (
            "https://a.test/%2e",
            "the path `/%2e`, which pulumi sends as it is",
            Some("https://a.test"),
        ),
        ("https://a.test/%zz", "invalid URL escape \"%zz\"", Some("https://a.test")),
        ("https://***", "the host `***`", None),
        ("https://", "no host", None),
        ("https", "no host", None),
        ("https://?x", "no host", None),
        ("\"app.pulumi.com\"", "quotes", Some(PULUMI_CLOUD)),
        ("http://a.test:80\t", "a space", Some("http://a.test:80")),
    ];
    for (url, what, cleaned) in table {
        let cleaned = cleaned.map(str::to_owned);
        let expected = [UrlProblem::Malformed { what: what.into(), cleaned, usable: false }];
        assert_eq!(problems(&environment(url), false), expected, "{url:?}");
    }
}

#[test]
fn minor_faults_leave_url_usable() {
    for (url, what) in [
        ("https://user:***@api.pulumi.com", "credentials in it"),
        ("https://***@api.pulumi.com", "credentials in it"),
        ("https://api.pulumi.com/a b", "a space in it"),
    ] {
        let found = problems(&environment(url), false);
        let cleaned = Some(PULUMI_CLOUD.to_owned());
        let expected = UrlProblem::Malformed { what: what.into(), cleaned, usable: true };
        assert_eq!(found[0], expected, "{url}");
    }
}

#[test]
fn one_slash_is_trimmed_since_3_274() {
    let table = [
        ("https://a.test/", "3.260.0", "https://a.test//api/oauth/token", true),
        ("https://a.test/", "3.274.0", "https://a.test/api/oauth/token", false),
        ("https://a.test//", "3.274.0", "https://a.test//api/oauth/token", true),
        ("https://a.test", "3.260.0", "https://a.test/api/oauth/token", false),
    ];
    for (url, cli, target, loses) in table {
        let resolved = environment_in(url, cli);
        assert_eq!(resolved.exchange_url(), target, "{url} {cli}");
        let found = problems(&resolved, false);
        assert_eq!(matches!(found[..], [UrlProblem::Path { loses_account: true, .. }]), loses);
    }
}

#[test]
fn sources_are_checked_since_3_274() {
    let stored = BackendSource::Credentials { path: "c".into(), line: 1 };
    let url = "https://pulumi.company.test";
    for (source, cli, is_refused) in [
        (BackendSource::Argument, "3.260.0", true),
        (BackendSource::Project { path: "p".into(), line: 1 }, "3.260.0", false),
        (BackendSource::Project { path: "p".into(), line: 1 }, "3.274.0", true),
        (stored, "3.274.0", false),
    ] {
        let resolved = Resolved::new(url.into(), source, Some(&version(cli)));
        let found = problems(&resolved, false);
        assert_eq!(matches!(found[..], [UrlProblem::Console { .. }]), is_refused, "{resolved:?}");
    }
}

#[test]
fn very_long_url_is_malformed() {
    let found = problems(&environment(&"$(".repeat(1 << 19)), false);
    let what = "a length of 1048576 bytes".to_owned();
    assert_eq!(found, [UrlProblem::Malformed { what, cleaned: None, usable: false }]);
}

#[test]
fn text_after_host_is_named() {
    let table = [
        ("https://api.pulumi.com/", "a trailing slash", PULUMI_CLOUD),
        ("https://api.pulumi.com//", "more than one trailing slash", PULUMI_CLOUD),
        ("https://api.pulumi.com/api", "the path /api", PULUMI_CLOUD),
        ("https://a.test:8443/x?y", "the path /x", "https://a.test:8443"),
        ("https://a.test?x=1", "a query", "https://a.test"),
        ("https://a.test/#x", "a fragment", "https://a.test"),
    ];
    for (url, what, origin) in table {
        let loses_account = url.ends_with('/');
        let (what, origin) = (what.into(), origin.into());
        let expected = [UrlProblem::Path { what, origin, loses_account }];
        assert_eq!(problems(&environment(url), false), expected, "{url}");
    }
    assert_eq!(
        problems(&environment("http://a.test/"), true),
        [
            UrlProblem::Path {
                what: "a trailing slash".into(),
                origin: "http://a.test".into(),
                loses_account: true,
            },
            UrlProblem::InsecureHttp { authority: "a.test".into() },
            UrlProblem::InsecureFlag,
        ]
    );
}

fn message(resolved: &Resolved, cli: Option<&str>) -> Option<String> {
    cli_message(&problems(resolved, false)[0], resolved, cli.map(version).as_ref())
}

#[test]
fn messages_match_cli() {
    let format = |kind: &str| {
        format!(
            "unknown backend cloudUrl format '{kind}' (supported Url formats are: azblob://, gs://, s3://, file://, https://, http:// and postgres://)"
        )
    };
    let website = "https://pulumi.company.test is not a valid self-hosted backend, use `pulumi login` without arguments to log into the Pulumi Cloud backend";
    let diy = "oidc-token, oidc-org, oidc-team, oidc-user, and oidc-expiration flags are not supported for this type of backend";
    let table: &[(Resolved, &str, String)] = &[
        (argument("api.pulumi.com"), "3.209.0", format("api.pulumi.com")),
        (argument("localhost:8080"), "3.209.0", format("localhost")),
        (argument("HTTPS://api.pulumi.com"), "3.259.0", format("HTTPS")),
        (argument("\"https://a.test\""), "3.259.0", format("\"https")),
        (argument("https://pulumi.company.test"), "3.259.0", website.into()),
        (
            argument("https://app.pulumi.com/acme"),
            "3.209.0",
            website.replace("pulumi.company.test", "app.pulumi.com/acme"),
        ),
        (argument("s3://bucket"), "3.216.0", diy.into()),
        (environment("s3://bucket"), "3.216.0", diy.into()),
        (
            environment(""),
            "3.215.0",
            "problem logging in: OIDC token exchange failed: Post \"/api/oauth/token\": unsupported protocol scheme \"\"".into(),
        ),
        (
            environment("api.pulumi.com"),
            "3.258.0",
            "problem logging in: OIDC token exchange failed: Post \"api.pulumi.com/api/oauth/token\": unsupported protocol scheme \"\"".into(),
        ),
        (
            environment("localhost:8080"),
            "3.258.0",
            "problem logging in: OIDC token exchange failed: Post \"localhost:8080/api/oauth/token\": unsupported protocol scheme \"localhost\"".into(),
        ),
        (
            environment("10.0.0.1:8080"),
            "3.258.0",
            "problem logging in: OIDC token exchange failed: creating HTTP request: parse \"10.0.0.1:8080/api/oauth/token\": first path segment in URL cannot contain colon".into(),
        ),
        (
            environment("10.0.0.1:8080"),
            "3.214.0",
            "problem logging in: OIDC token exchange failed: parse \"10.0.0.1:8080/api/oauth/token\": first path segment in URL cannot contain colon".into(),
        ),
        (
            environment("https://api.pulumi.com\n"),
            "3.258.0",
            "problem logging in: OIDC token exchange failed: creating HTTP request: parse \"https://api.pulumi.com\\n/api/oauth/token\": net/url: invalid control character in URL".into(),
        ),
        (
            environment("HTPS://a.test"),
            "3.259.0",
            "could not log in to the state backend \"HTPS://a.test\": OIDC token exchange failed: Post \"htps://a.test/api/oauth/token\": unsupported protocol scheme \"htps\"\n\nThis backend comes from the PULUMI_BACKEND_URL environment variable, which takes precedence over `pulumi login`. Unset it to log in to a different backend.".into(),
        ),
    ];
    for (resolved, cli, expected) in table {
        assert_eq!(message(resolved, Some(cli)).as_ref(), Some(expected), "{}", resolved.url);
    }
    let project = BackendSource::Project { path: "/p/Pulumi.yaml".into(), line: 3 };
    let newest = message(&Resolved { source: project, ..environment("https:a.test") }, None);
    assert_eq!(
        newest.unwrap(),
        "could not log in to the state backend \"https:a.test\": OIDC token exchange failed: Post \"https:a.test/api/oauth/token\": http: no Host in request URL\n\nThis backend comes from the `backend` setting in /p/Pulumi.yaml, which takes precedence over your stored credentials. Edit or remove that setting to log in to a different backend."
    );
    assert_eq!(message(&environment("https://app.pulumi.com"), None), None);
    assert_eq!(message(&environment("https://a.test/"), None), None);
}

#[test]
fn pulumi_hosts_are_recognised() {
    for (url, expected) in [
        ("https://api.pulumi.com", true),
        ("https://API.PULUMI.COM./x", true),
        ("https://pulumi.com@evil.test", false),
        ("https://notpulumi.com", false),
        ("https://api.pulumi.com.evil.test", false),
        ("", false),
    ] {
        assert_eq!(is_pulumi_host(url), expected, "{url}");
    }
}

#[test]
fn hidden_parts_keep_their_faults() {
    let long = format!("https://a.test?x={}", "y".repeat(MAX_URL_BYTES));
    let foreign = |what: &str| Some(HiddenFault::Foreign { what: what.into() });
    for (url, expected) in [
        ("https://a.test", None),
        ("https://u:p@a.test", None),
        ("https://u:p w@a.test", foreign("a space")),
        ("https://a.test?x='y'", foreign("quotes")),
        ("https://a.test#\n", foreign("a line break")),
        ("https://$(User):$(Password)@a.test", Some(HiddenFault::Unexpanded)),
        ("https://$(Host)?x=$(Token)", None),
        (&long, Some(HiddenFault::Long { bytes: long.len() as u64 })),
    ] {
        assert_eq!(hidden_fault(url), expected, "{url}");
    }
}

proptest! {
    #[test]
    fn url_checks_never_panic(url in "\\PC{0,40}", explicit: bool, insecure: bool) {
        let resolved = Resolved { explicit, ..environment(&url) };
        for problem in problems(&resolved, insecure) {
            let _ = cli_message(&problem, &resolved, None);
        }
        let _ = is_pulumi_host(&url);
    }

    /// A proposed URL must not have the problem that it fixes.
    #[test]
    fn proposals_have_no_major_problem(
        url in "[ '\"]?((ht{1,3}ps?|HTTPS|ftp|file):?/{0,3})?([a-z:.]{0,4}@)?[a-z0-9.$(){}\\[\\]:]{0,12}(:[0-9]{1,6})?[/?#a-z]{0,4}"
    ) {
        for problem in problems(&environment(&url), false) {
            let proposal = match problem {
                UrlProblem::SchemeMissing { suggestion } => suggestion,
                UrlProblem::Malformed { cleaned: Some(cleaned), .. } => cleaned,
                UrlProblem::Path { origin, .. } => origin,
                _ => continue,
            };
            let left = problems(&argument(&proposal), false);
            let fine = |problem: &UrlProblem| matches!(
                problem,
                UrlProblem::InsecureHttp { .. } | UrlProblem::Console { suggestion: None, .. }
            );
            prop_assert!(left.iter().all(fine), "{url:?} -> {proposal:?}: {left:?}");
        }
    }

    /// A URL with hidden parts has the same problem as the whole URL. (If a password contains the
    /// end of an authority, only the URL with hidden parts is read correctly.)
    #[test]
    fn hiding_parts_keeps_problem(
        scheme in "(https?:/{0,3}|s3://|htps://|//)?", user in "([a-z$(){} ']{0,6}:?[a-z$() ]{0,6}@)?",
        host in "[a-z.]{1,12}(:[0-9]{1,5})?", rest in "(/[a-z]{0,3})?(;[a-z=]{0,3})?([?][a-z=$() ]{0,8})?(#[a-z ]{0,3})?",
        explicit: bool,
    ) {
        let url = format!("{scheme}{user}{host}{rest}");
        let kind = |resolved: &Resolved| problems(resolved, false).iter().map(std::mem::discriminant).next();
        let whole = Resolved { explicit, ..environment(&url) };
        let shown = Resolved {
            explicit, hidden: hidden_fault(&url), ..environment(&text::url(&url))
        };
        prop_assert_eq!(kind(&whole), kind(&shown), "{} {}", url, shown.url);
    }
}
