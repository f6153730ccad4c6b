//! `doctor policy suggest`: what it prints lets the same job in again, and no neighbour of it.

use doctor::policy::evaluate::evaluate;
use doctor::policy::{Ask, Decision, Entry, document};
use serde_json::{Value, json};

use crate::policies::command::{policy, tested};
use crate::support::object;
use crate::support::platforms::{self, Platform};

fn suggested(form: &str, claims: &Value, more: &[&str]) -> String {
    let run = policy("suggest")
        .args(["--oidc-org", "acme", "--as", form])
        .args(more.iter().copied())
        .arg(claims.to_string())
        .run();
    assert_eq!(run.status, 0);
    // What to know about it stands beside a form that goes into a file.
    let is_note = |line: &str| form != "all" && line.starts_with("note: ");
    assert!(run.stderr.lines().all(is_note), "{}", run.stderr);
    run.stdout
}

/// A token, the same job's in another run, and its neighbours'.
struct Case {
    claims: Value,
    /// What is different in another run of the same job.
    again: Value,
    /// Claims of neighbours, each in the place of the token's: another branch, repository,
    /// connection, environment.
    others: Vec<Value>,
}

impl Case {
    fn new(claims: Value, again: Value, others: impl IntoIterator<Item = Value>) -> Self {
        Self { claims, again, others: others.into_iter().collect() }
    }

    /// A platform's token with other claims in it.
    fn of(platform: &Platform, changed: Value, again: Value, others: Vec<Value>) -> Self {
        let shape = (platform.shape)("https://issuer.example/path");
        Self::new(with(&Value::Object(shape.claims), &changed), again, others)
    }
}

fn with(claims: &Value, changed: &Value) -> Value {
    let mut all = object(claims.clone());
    all.extend(object(changed.clone()));
    Value::Object(all)
}

/// A change of `sub` alone.
fn sub(subject: impl Into<String>) -> Value {
    json!({"sub": subject.into()})
}

const COMMIT: &str = "c0ffee0000000000000000000000000000000000";

/// Every token shape that the doctor knows, and some that it does not.
fn cases() -> Vec<Case> {
    use platforms::*;
    let none = || json!({});
    let main = "repo:acme/web-shop:ref:refs/heads/main";
    let entra = |tenant: &str, connection: &str| {
        format!(
            "/eid1/c/pub/t/{tenant}/a/rISbSSETf0KqFyZ8ppdXmA/sc/\
             5a1c9e7b-20f4-4d83-b6e1-9c47a0d2f815/{connection}"
        )
    };
    let tenant = "TSw7jmAffkqbUsDU5vihsw";
    let circle = |project: &str, user: &str, end: &str| {
        format!("org/b9917b05-2c4f-4e0a-9c35-11ad4b6e7d20/project/{project}/user/{user}{end}")
    };
    let project = "5d9a7c31-0e82-4b6f-a4d3-7f1c2e9b8a60";
    let source = |repository: &str, branch: &str| {
        format!("/vcs-origin/github.com/{repository}/vcs-ref/refs/heads/{branch}")
    };
    let bitbucket = "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc";
    let (repository, step) =
        ("{3c5f9a1e-72d4-4b08-9e6a-d1f2c8b7a450}", "{00000000-5a2c-4f83-8d96-0c7e3f5a2b18}");
    let environment = "{11111111-5a2c-4f83-8d96-0c7e3f5a2b18}";
    let build = |pipeline: &str, branch: &str, step: &str| {
        format!(
            "organization:acme:pipeline:{pipeline}:ref:refs/heads/{branch}:commit:{COMMIT}:step:{step}"
        )
    };
    vec![
        Case::of(
            &AZURE_DEVOPS,
            none(),
            none(),
            vec![
                sub("sc://acme/web-shop/pulumi-test"),
                sub("sc://acme/shop/pulumi-production"),
                sub("sc://globex/web-shop/pulumi-production"),
                sub("p://acme/web-shop/pulumi-production"),
            ],
        ),
        Case::of(
            &AZURE_DEVOPS,
            sub("p://acme/web-shop/deploy"),
            none(),
            vec![sub("p://acme/web-shop/build"), sub("p://acme/shop/deploy")],
        ),
        Case::of(
            &AZURE_ENTRA,
            none(),
            none(),
            vec![
                sub(entra(tenant, "00000000-71a2-4e95-8d04-6b2e5f19a7c8")),
                sub(entra("rISbSSETf0KqFyZ8ppdXmA", "c3f0b8d6-71a2-4e95-8d04-6b2e5f19a7c8")),
            ],
        ),
        Case::of(
            &GITHUB,
            none(),
            json!({"run_id": "2", "sha": COMMIT}),
            vec![
                sub("repo:acme/web-shop:ref:refs/heads/dev"),
                sub("repo:acme/web-shop:ref:refs/tags/main"),
                sub("repo:acme/shop:ref:refs/heads/main"),
                sub("repo:globex/web-shop:ref:refs/heads/main"),
                sub("repo:acme/web-shop:environment:main"),
                sub("repo:acme/web-shop:pull_request"),
            ],
        ),
        Case::of(
            &GITHUB,
            sub("repo:acme/web-shop:environment:prod"),
            none(),
            vec![
                sub(main),
                sub("repo:acme/web-shop:environment:test"),
                sub("repo:acme/shop:environment:prod"),
            ],
        ),
        Case::of(&GITHUB, sub("repo:acme/web-shop:pull_request"), none(), vec![sub(main)]),
        Case::of(
            &GITHUB,
            sub("repo:acme/web-shop:ref:refs/tags/v1"),
            none(),
            vec![
                sub("repo:acme/web-shop:ref:refs/tags/v2"),
                sub("repo:acme/web-shop:ref:refs/heads/v1"),
            ],
        ),
        // A name with a dot: the id keeps the one that looks like it out.
        Case::of(
            &GITHUB,
            json!({"sub": "repo:acme/web.shop:ref:refs/heads/main", "repository": "acme/web.shop"}),
            none(),
            vec![json!({"sub": "repo:acme/webXshop:ref:refs/heads/main", "repository_id": "2"})],
        ),
        // Customised: what it leaves out is added.
        Case::of(
            &GITHUB,
            json!({"sub": "job_workflow_ref:acme/ci/.github/workflows/up.yml@refs/heads/main"}),
            json!({"run_id": "2"}),
            vec![
                json!({"repository": "acme/shop", "repository_id": "2"}),
                json!({"ref": "refs/heads/dev"}),
            ],
        ),
        Case::of(
            &GITHUB,
            sub("repo:acme/web-shop:job_workflow_ref:acme/ci/up.yml@refs/heads/main"),
            json!({"run_id": "2"}),
            vec![json!({"ref": "refs/heads/dev"})],
        ),
        Case::of(
            &GITHUB,
            sub("repository_id:778899:run_id:1234567890:ref:refs/heads/main"),
            json!({"sub": "repository_id:778899:run_id:2:ref:refs/heads/main", "run_id": "2"}),
            vec![
                sub("repository_id:778890:run_id:1234567890:ref:refs/heads/main"),
                sub("repository_id:778899:run_id:1234567890:ref:refs/heads/dev"),
            ],
        ),
        Case::of(
            &GITHUB_IMMUTABLE,
            none(),
            none(),
            vec![
                sub(main),
                sub("repo:acme@1042/web-shop@1:ref:refs/heads/main"),
                sub("repo:acme@1/web-shop@778899:ref:refs/heads/main"),
            ],
        ),
        Case::of(
            &GITLAB,
            none(),
            json!({"pipeline_id": "2", "job_id": "3"}),
            vec![
                sub("project_path:acme/web-shop:ref_type:branch:ref:dev"),
                sub("project_path:acme/web-shop:ref_type:tag:ref:main"),
                sub("project_path:acme/shop:ref_type:branch:ref:main"),
            ],
        ),
        Case::of(
            &GITLAB,
            json!({"sub": "project_path:acme/web.shop:ref_type:branch:ref:main", "pipeline_id": "1"}),
            json!({"pipeline_id": "2"}),
            vec![
                json!({"sub": "project_path:acme/web-shop:ref_type:branch:ref:main", "project_id": "23"}),
            ],
        ),
        Case::of(
            &CIRCLECI,
            none(),
            sub(circle(project, "00000000-6a3b-49d8-b05e-8c2f7a1d9e34", "")),
            vec![
                sub(circle("00000000-0e82-4b6f-a4d3-7f1c2e9b8a60", "u", "")),
                json!({"oidc.circleci.com/vcs-ref": "refs/heads/dev"}),
                json!({"oidc.circleci.com/vcs-origin": "github.com/fork/web-shop"}),
            ],
        ),
        Case::of(
            &CIRCLECI_V2,
            none(),
            sub(circle(
                project,
                "00000000-6a3b-49d8-b05e-8c2f7a1d9e34",
                &source("acme/web-shop", "main"),
            )),
            vec![
                // A branch's name that looks like the end of a subject.
                sub(circle(
                    project,
                    "e4c1d7f2-6a3b-49d8-b05e-8c2f7a1d9e34",
                    &source(
                        "acme/web-shop",
                        "x/vcs-origin/github.com/acme/web-shop/vcs-ref/refs/heads/main",
                    ),
                )),
                sub(circle(project, "u", &source("acme/web-shop", "dev"))),
                sub(circle(project, "u", &source("acme/shop", "main"))),
                sub(circle("0", "u", &source("acme/web-shop", "main"))),
            ],
        ),
        Case::of(
            &BITBUCKET,
            json!({"iss": bitbucket}),
            sub(format!("{repository}:{step}")),
            vec![
                json!({"branchName": "dev"}),
                sub(format!("{environment}:{step}")),
                sub(format!("{repository}:{environment}:{step}")),
            ],
        ),
        Case::of(
            &BITBUCKET,
            json!({"iss": bitbucket, "sub": format!("{repository}:{environment}:{step}")}),
            sub(format!("{repository}:{environment}:{}", step.replace('5', "6"))),
            vec![
                sub(format!("{repository}:{step}")),
                sub(format!("{repository}:{}:{step}", environment.replace('1', "2"))),
                sub(format!("{step}:{environment}:{step}")),
            ],
        ),
        Case::of(
            &BUILDKITE,
            none(),
            sub(build("web-shop", "main", "deploy")),
            vec![
                sub(build("shop", "main", "deploy")),
                sub(build("web-shop", "dev", "deploy")),
                sub(build("web-shop", "main", "test")),
            ],
        ),
        Case::of(
            &BUILDKITE,
            sub(build("web-shop", "main", "")),
            sub(build("web-shop", "main", "").replace("c0ffee", "facade")),
            vec![sub(build("web-shop", "dev", "")), sub(build("web-shop", "main", "test"))],
        ),
        Case::of(
            &KUBERNETES,
            none(),
            none(),
            vec![
                sub("system:serviceaccount:prod:deployer"),
                sub("system:serviceaccount:ci:default"),
            ],
        ),
        Case::of(
            &HCP_TERRAFORM,
            none(),
            json!({"terraform_run_id": "run-2"}),
            vec![
                sub("organization:acme:project:web:workspace:production:run_phase:plan"),
                sub("organization:acme:project:web:workspace:test:run_phase:apply"),
                sub("organization:globex:project:web:workspace:production:run_phase:apply"),
            ],
        ),
        Case::of(
            &SPACELIFT,
            none(),
            json!({"runId": "2"}),
            vec![
                sub("space:production-01HQ:stack:web-shop:run_type:TRACKED:scope:read"),
                sub("space:production-01HQ:stack:shop:run_type:TRACKED:scope:write"),
                sub("space:production-01HQ:module:web-shop:run_type:TRACKED:scope:write"),
            ],
        ),
        Case::of(
            &PULUMI_DEPLOYMENTS,
            none(),
            none(),
            vec![
                sub("pulumi:deploy:org:acme:project:web:stack:dev:operation:update:scope:write"),
                sub(
                    "pulumi:deploy:org:acme:project:web:stack:production:operation:preview:scope:write",
                ),
            ],
        ),
        Case::new(
            json!({"iss": "https://api.pulumi.com/oidc", "aud": "aws:acme",
                "sub": "pulumi:environments:org:acme:env:web/prod"}),
            none(),
            [sub("pulumi:environments:org:acme:env:web/dev")],
        ),
        // Google's service accounts have a number, people's issuers anything.
        Case::new(
            json!({"iss": "https://accounts.google.com", "aud": "urn:pulumi:org:acme",
                "sub": "108642097531"}),
            json!({"iat": 1}),
            [sub("108642097532")],
        ),
    ]
}

/// A neighbour differs in one letter of one part of what does not vary from run to run.
fn mutations(case: &Case) -> Vec<Value> {
    let subject = case.claims["sub"].as_str().unwrap();
    let again = case.again["sub"].as_str().unwrap_or(subject);
    let same = |at: usize| subject.get(..at) == again.get(..at);
    let mut found = Vec::new();
    let mut at = 0;
    for part in subject.split(|c: char| !c.is_ascii_alphanumeric()) {
        // Up to where another run differs: behind that, the letters stand elsewhere.
        if !part.is_empty() && same(at + part.len()) {
            for other in [format!("{part}x"), format!("x{part}"), part[1..].to_owned()] {
                found.push(sub(format!(
                    "{}{other}{}",
                    &subject[..at],
                    &subject[at + part.len()..]
                )));
            }
        }
        at += part.len() + 1;
    }
    found.extend(["iss", "aud"].map(|claim| json!({claim: "https://other.example"})));
    found
}

fn entries(document: &str) -> Vec<Entry> {
    document::parse(document).unwrap().issuers[0].policies.clone().unwrap()
}

fn lets_in(entries: &[Entry], claims: &Value) -> bool {
    let decided = evaluate(entries, claims.as_object().unwrap(), &Ask::default());
    decided.decision() == Some(Decision::Allow)
}

#[test]
fn suggestion_admits_only_this_job() {
    let mut refused = 0;
    for case in cases() {
        let claims = &case.claims;
        for form in ["api", "yaml"] {
            let document = suggested(form, claims, &[]);
            let (status, report) = tested(&document, claims, &["--oidc-org", "acme"]);
            assert_eq!(status, 0, "{claims}\n{document}\n{report}");
        }
        let document = suggested("api", claims, &[]);
        let entries = entries(&document);
        assert!(lets_in(&entries, &with(claims, &case.again)), "{}\n{document}", case.again);
        for other in case.others.iter().chain(&mutations(&case)) {
            assert!(!lets_in(&entries, &with(claims, other)), "{other}\n{document}");
            refused += 1;
        }
    }
    assert!(refused > 300, "{refused}");
}

#[test]
fn every_platform_is_among_the_cases() {
    let cases = cases();
    for platform in platforms::ALL {
        let shape = (platform.shape)("https://issuer.example/path");
        let start = shape.claims["sub"].as_str().unwrap().get(..5).unwrap();
        let is_there = |case: &Case| case.claims["sub"].as_str().unwrap().starts_with(start);
        assert!(cases.iter().any(is_there), "{}", platform.name);
    }
}

/// What it prints for each shape: `UPDATE=1 cargo test suggestions_read` writes the file anew.
#[test]
fn suggestions_read_as_they_did() {
    let mut all = String::new();
    for case in cases() {
        let text = suggested("all", &case.claims, &[]);
        let notes = text.lines().filter(|line| line.starts_with("note: "));
        let rules = text.lines().skip_while(|line| !line.starts_with("3. ")).skip(1);
        let rules = rules.take_while(|line| !line.is_empty());
        all.push_str(&format!("{}\n", case.claims["sub"].as_str().unwrap()));
        notes.chain(rules).for_each(|line| all.push_str(&format!("  {}\n", line.trim())));
        all.push('\n');
    }
    crate::support::assert_golden("suggestions.txt", &all);
}

#[test]
fn suggestions_say_what_the_login_asks_for() {
    let claims = json!({"iss": "https://gitlab.com", "aud": "a", "sub": "project_path:a/b:ref_type:branch:ref:main"});
    let team = suggested("api", &claims, &["--oidc-team", "core"]);
    let entry: Value = serde_json::from_str(&team).unwrap();
    assert_eq!(entry["policies"][0]["tokenType"], "team");
    assert_eq!(entry["policies"][0]["teamName"], "core");
    let admin: Value =
        serde_json::from_str(&suggested("api", &claims, &["--scope", "admin"])).unwrap();
    assert_eq!(admin["policies"][0]["authorizedPermissions"], json!(["admin"]));
    let console = suggested("console", &claims, &["--scope", "admin"]);
    assert!(console.contains("Give it the permission admin."), "{console}");
    assert!(!suggested("console", &claims, &[]).contains("admin"));
    let all = suggested("all", &claims, &[]);
    for words in [
        "Console: Settings, Access Management, OIDC Issuers",
        "POST /api/orgs/acme/oidc/issuers",
        "sub = project_path:a/b:ref_type:branch:ref:main",
        "pulumiservice:index:OidcIssuer",
    ] {
        assert!(all.contains(words), "{words}\n{all}");
    }
    let github = json!({"iss": "https://token.actions.githubusercontent.com",
        "aud": "https://github.com/acme", "sub": "repo:acme/web.shop:ref:refs/heads/main",
        "repository_id": "74"});
    let all = suggested("all", &github, &[]);
    for words in ["GitHub's default", "repository_id = 74", "looks like acme/web.shop"] {
        assert!(all.contains(words), "{words}\n{all}");
    }
}

/// What the rule keeps out that the next run may need, and what it cannot keep out.
#[test]
fn the_next_run_is_told_of() {
    let cases = [
        (
            "pulumi:deploy:org:acme:project:web:stack:p:operation:update:scope:write",
            "Only this operation",
        ),
        ("space:p:stack:web:run_type:TRACKED:scope:write", "Only runs of this type"),
        ("repo:acme/web:ref:refs/tags/v1", ":ref:refs/tags/*"),
        ("repo:acme/web:pull_request", "the same for every pull request"),
        ("project_path:acme/web:ref_type:tag:ref:v1", ":ref_type:tag:ref:*"),
        ("organization:a:project:p:workspace:w:run_phase:plan", "with run_phase:apply"),
        ("organization:a:project:p:workspace:w:run_phase:apply", "only if that is meant"),
        ("sc://acme/web/prod", "under the connection's Security"),
        ("sc://acme/web/prod", "retires for service connections on 1 July 2027"),
    ];
    for (subject, words) in cases {
        let claims = json!({"iss": "https://vstoken.dev.azure.com/o", "aud": "a", "sub": subject});
        let all = suggested("all", &claims, &[]);
        assert!(all.contains(words), "{words}\n{all}");
    }
    let quiet =
        ["repo:acme/web:ref:refs/heads/main", "project_path:acme/web:ref_type:branch:ref:x"];
    for subject in quiet {
        let claims = json!({"iss": "https://ci.example", "aud": "a", "sub": subject});
        assert!(!suggested("all", &claims, &[]).contains("note: "), "{subject}");
    }
}

#[test]
fn notes_are_told_with_every_form() {
    let claims = json!({"iss": "https://ci.example", "aud": "a.b", "sub": "job"});
    for form in ["api", "yaml", "console"] {
        let run = policy("suggest").args(["--as", form]).arg(claims.to_string()).run();
        assert!(run.stderr.starts_with("note: aud: in a pattern"), "{form}: {}", run.stderr);
        assert!(!run.stdout.contains("note: "), "{form}: {}", run.stdout);
    }
}

#[test]
fn hostile_claims_end_in_no_form() {
    // Control characters are refused; the rest can be a rule.
    let hostile = "a##vso[task.setvariable variable=x]\u{202e}[31m'\"; touch pwned ${x} {{y}}: [z]";
    let claims = json!({"iss": "https://ci.example", "aud": hostile, "sub": hostile});
    for form in ["all", "api", "yaml", "console"] {
        let text = suggested(form, &claims, &["--oidc-user", hostile]);
        assert!(!text.contains("##vso[") && !text.contains('\u{202e}'), "{form}\n{text}");
    }
    for form in ["api", "yaml"] {
        let parsed = doctor::policy::document::parse(&suggested(form, &claims, &[])).unwrap();
        let entry = &parsed.issuers[0].policies.as_ref().unwrap()[0];
        assert_eq!(entry.rules[0].pattern, hostile, "{form}");
    }
}
