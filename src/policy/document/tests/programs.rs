//! Programs and their states.

use super::*;

const PROGRAM: &str = include_str!("../../../../fixtures/policies/program.yaml");
const STACK: &str = include_str!("../../../../fixtures/policies/stack.json");

fn rules(entry: &Entry) -> Vec<(&str, &str, bool)> {
    let all = entry.rules.iter();
    all.map(|rule| (rule.claim.as_str(), rule.pattern.as_str(), rule.undetermined)).collect()
}

#[test]
fn pulumi_yaml_is_read_despite_expressions() {
    let document = parse(PROGRAM).unwrap();
    assert_eq!((document.form, document.unresolved.len()), (Form::Program, 0));
    let [github, gitlab] = document.issuers.as_slice() else { panic!("two issuers") };
    assert_eq!(github.organization.as_deref(), Some("acme"));
    assert_eq!(github.max_expiration, Some(7200));
    assert_eq!(github.policies.as_ref().map(Vec::len), Some(1), "a team that is not known");
    assert_eq!(
        rules(&github.policies.as_ref().unwrap()[0]),
        [
            ("aud", "urn:pulumi:org:acme", false),
            ("iss", "https://token.actions.githubusercontent.com", false),
            ("sub", "repo:acme/infra:ref:refs/heads/main", false),
        ]
    );
    let open = &github.unresolved[0];
    assert_eq!((open.expression.as_str(), open.place.line), ("${config.team}", 30));
    assert_eq!(gitlab.organization.as_deref(), Some("acme"));
    assert_eq!(
        rules(&gitlab.policies.as_ref().unwrap()[0]),
        [
            ("aud", "${pulumi.organization}", true),
            ("sub", "project_path:acme/infra:ref_type:branch:ref:main", false),
        ]
    );
}

#[test]
fn a_state_is_read_outputs_first() {
    let document = parse(STACK).unwrap();
    assert_eq!(document.form, Form::Stack);
    let [github, gitlab] = document.issuers.as_slice() else { panic!("the replaced one is gone") };
    assert_eq!(github.url.as_deref(), Some("https://token.actions.githubusercontent.com"));
    assert_eq!(
        rules(&github.policies.as_ref().unwrap()[0]),
        [("aud", "a secret", true), ("sub", "repo:acme/infra:ref:refs/heads/main", false)]
    );
    assert_eq!(gitlab.policies.as_ref().unwrap()[0].decision, Decision::Deny);
}

#[test]
fn type_tokens_in_every_spelling() {
    let program = |token: &str| {
        format!("resources: {{a: {{type: {token:?}, properties: {{url: https://a.example}}}}}}")
    };
    for token in [
        "pulumiservice:OidcIssuer",
        "pulumiservice:index:OidcIssuer",
        "pulumiservice:index/oidcIssuer:OidcIssuer",
        "pulumiservice:api/auth:OidcIssuer",
        "pulumiservice:api/auth/oidcIssuer:OidcIssuer",
    ] {
        assert_eq!(parse(&program(token)).expect(token).issuers.len(), 1, "{token}");
    }
    for token in ["aws:OidcIssuer", "pulumiservice:index:Team", "pulumiservice:esc:OidcIssuer", "x"]
    {
        assert!(error(&program(token)).contains("no OidcIssuer resource"), "{token}");
    }
}

#[test]
fn interpolations() {
    let url = |variables: &str, text: &str| {
        let text = format!(
            "variables: {variables}\nresources:\n  a:\n    type: pulumiservice:OidcIssuer\n    \
             properties:\n      url: {text}\n"
        );
        let document = parse(&text).expect(&text);
        match (document.issuers.first(), document.unresolved.first()) {
            (Some(issuer), None) => Ok(issuer.url.clone().unwrap()),
            (None, Some(open)) => Err(open.expression.clone()),
            other => panic!("{other:?}"),
        }
    };
    let resolved = |variables, text, expected: &str| {
        assert_eq!(url(variables, text), Ok(expected.to_owned()), "{text}");
    };
    let open = |variables, text, expected: &str| {
        assert_eq!(url(variables, text), Err(expected.to_owned()), "{text}");
    };
    resolved("{h: a.example}", "https://${h}/x", "https://a.example/x");
    resolved("{h: a, i: '${h}b'}", "https://${i}", "https://ab");
    resolved("{}", "https://$${h}", "https://${h}");
    open("{}", "https://${h}", "https://${h}");
    open("{h: 1}", "https://${h}", "https://${h}");
    open("{h: '${i}', i: '${h}'}", "https://${h}", "https://${h}");
    open("{}", "https://${h", "https://${h");
    open("{}", "{'fn::invoke': {}}", "fn::invoke");
    // Doubling at every step must not make it large.
    let chain: Vec<String> =
        (1..16).map(|n| format!("v{n}: '${{v{0}}}${{v{0}}}${{v{0}}}'", n - 1)).collect();
    let variables = format!("{{v0: '{}', {}}}", "x".repeat(1000), chain.join(", "));
    assert!(url(&variables, "https://${v15}").is_err());
    // Nor must it take long where nothing grows.
    let variables = variables.replace(&"x".repeat(1000), "");
    let begun = Instant::now();
    assert!(url(&variables, "https://${v15}").is_err());
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn pulumi_documents_need_api_words() {
    let program = |entry: &str| {
        format!(
            "resources:\n  a:\n    type: pulumiservice:OidcIssuer\n    properties:\n      url: u\n      \
             policies:\n      - {entry}\n"
        )
    };
    let cases = [
        ("{decision: alow, tokenType: team, rules: {}}", "7:20: ", "did you mean \"allow\""),
        ("{decision: allow, tokenType: user, rules: {}}", "7:38: ", "none of organization"),
        ("{decision: allow, tokenType: team, rules: {sub: 1}}", "7:57: ", "put it in quotes"),
        ("{decision: allow, tokenType: team, rules: []}", "7:51: ", "must be an object"),
    ];
    for (entry, place, telling) in cases {
        let error = error(&program(entry));
        assert!(error.starts_with(place) && error.contains(telling), "{error}");
    }
    let state = |properties: &str| {
        format!(
            "{{\"deployment\": {{\"resources\": [{{\"type\": \"other\"}},\n{{\"type\": \
             \"pulumiservice:OidcIssuer\", \"inputs\": {properties}}}]}}}}"
        )
    };
    let whole = [
        (
            program("{decision: allow}"),
            "7:9: resources.a.properties.policies[0]: the key \"tokenType\" is missing",
        ),
        (
            program("{decision: allow, tokenTyp: team}"),
            "7:27: resources.a.properties.policies[0]: the key \"tokenType\" is missing; did you mean \
             it by \"tokenTyp\"?",
        ),
        (
            program("x").replace("url:", "ur1:"),
            "5:7: resources.a.properties: the key \"url\" is missing; did you mean it by \"ur1\"?",
        ),
        (
            program("x").replace("  a:", "  'a b':"),
            "7:9: resources[\"a b\"].properties.policies[0]: must be an object, not a string",
        ),
        (state("{\"name\": \"x\"}"), "2:1: deployment.resources[1]: the key \"url\" is missing"),
        (
            state("{\"url\": 1}"),
            "2:56: deployment.resources[1].url: must be a string, not the number 1; put it in quotes",
        ),
        (
            "name: x\nresorces: {}".to_owned(),
            "2:1: resorces: unknown key; did you mean \"resources\"?",
        ),
    ];
    for (text, expected) in whole {
        assert_eq!(error(&text), expected, "{text}");
    }
    // Unknown keys are the service's future.
    parse(&program("{decision: allow, tokenType: team, rules: {}, new: 1}")).unwrap();
}
