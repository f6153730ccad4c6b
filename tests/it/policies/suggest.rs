//! Tests of `doctor policy suggest`: its policies admit later runs of the job, and no other job.

use doctor::policy::evaluate::evaluate;
use doctor::policy::{Decision, Entry, RequestedToken, document};
use serde_json::{Value, json};

use crate::policies::command::{policy, test_claims};
use crate::support::object;
use crate::support::platforms::{self, Platform};

fn suggest(form: &str, claims: &Value, more: &[&str]) -> String {
    let run = policy("suggest")
        .args(["--oidc-org", "acme", "--as", form])
        .args(more.iter().copied())
        .arg(claims.to_string())
        .run();
    assert_eq!(run.status, 0);
    // Notes go to standard error if the output is meant for a file.
    let is_note = |line: &str| form != "all" && line.starts_with("note: ");
    assert!(run.stderr.lines().all(is_note), "{}", run.stderr);
    run.stdout
}

/// The claims of a job's token, of the job's next run, and of neighbours.
struct Case {
    claims: Value,
    /// The claims that differ in the next run of the same job.
    next_run: Value,
    /// The claims that differ in neighbours: jobs of another branch, repository, connection or
    /// environment.
    neighbours: Vec<Value>,
}

impl Case {
    fn new(claims: Value, next_run: Value, neighbours: impl IntoIterator<Item = Value>) -> Self {
        Self { claims, next_run, neighbours: neighbours.into_iter().collect() }
    }

    /// A platform's token with some claims changed.
    fn on_platform(
        platform: &Platform,
        changed: Value,
        next_run: Value,
        neighbours: Vec<Value>,
    ) -> Self {
        let shape = (platform.shape)("https://issuer.example/path");
        Self::new(with_claims(&Value::Object(shape.claims), &changed), next_run, neighbours)
    }
}

fn with_claims(claims: &Value, changed: &Value) -> Value {
    let mut all = object(claims.clone());
    all.extend(object(changed.clone()));
    Value::Object(all)
}

/// A change of only `sub`.
fn sub(subject: impl Into<String>) -> Value {
    json!({"sub": subject.into()})
}

const COMMIT: &str = "c0ffee0000000000000000000000000000000000";

/// Tokens of every known shape, and of some unknown ones.
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
        Case::on_platform(
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
        Case::on_platform(
            &AZURE_DEVOPS,
            sub("p://acme/web-shop/deploy"),
            none(),
            vec![sub("p://acme/web-shop/build"), sub("p://acme/shop/deploy")],
        ),
        Case::on_platform(
            &AZURE_ENTRA,
            none(),
            none(),
            vec![
                sub(entra(tenant, "00000000-71a2-4e95-8d04-6b2e5f19a7c8")),
                sub(entra("rISbSSETf0KqFyZ8ppdXmA", "c3f0b8d6-71a2-4e95-8d04-6b2e5f19a7c8")),
            ],
        ),
        Case::on_platform(
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
        Case::on_platform(
            &GITHUB,
            sub("repo:acme/web-shop:environment:prod"),
            none(),
            vec![
                sub(main),
                sub("repo:acme/web-shop:environment:test"),
                sub("repo:acme/shop:environment:prod"),
            ],
        ),
        Case::on_platform(&GITHUB, sub("repo:acme/web-shop:pull_request"), none(), vec![sub(main)]),
        Case::on_platform(
            &GITHUB,
            sub("repo:acme/web-shop:ref:refs/tags/v1"),
            none(),
            vec![
                sub("repo:acme/web-shop:ref:refs/tags/v2"),
                sub("repo:acme/web-shop:ref:refs/heads/v1"),
            ],
        ),
        // A dot in a name is a wildcard, so the id must keep the similar name out.
        Case::on_platform(
            &GITHUB,
            json!({"sub": "repo:acme/web.shop:ref:refs/heads/main", "repository": "acme/web.shop"}),
            none(),
            vec![json!({"sub": "repo:acme/webXshop:ref:refs/heads/main", "repository_id": "2"})],
        ),
        // The customized subject leaves out the repository and the ref, so rules are added.
        Case::on_platform(
            &GITHUB,
            json!({"sub": "job_workflow_ref:acme/ci/.github/workflows/up.yml@refs/heads/main"}),
            json!({"run_id": "2"}),
            vec![
                json!({"repository": "acme/shop", "repository_id": "2"}),
                json!({"ref": "refs/heads/dev"}),
            ],
        ),
        Case::on_platform(
            &GITHUB,
            sub("repo:acme/web-shop:job_workflow_ref:acme/ci/up.yml@refs/heads/main"),
            json!({"run_id": "2"}),
            vec![json!({"ref": "refs/heads/dev"})],
        ),
        Case::on_platform(
            &GITHUB,
            sub("repository_id:778899:run_id:1234567890:ref:refs/heads/main"),
            json!({"sub": "repository_id:778899:run_id:2:ref:refs/heads/main", "run_id": "2"}),
            vec![
                sub("repository_id:778890:run_id:1234567890:ref:refs/heads/main"),
                sub("repository_id:778899:run_id:1234567890:ref:refs/heads/dev"),
            ],
        ),
        Case::on_platform(
            &GITHUB_IMMUTABLE,
            none(),
            none(),
            vec![
                sub(main),
                sub("repo:acme@1042/web-shop@1:ref:refs/heads/main"),
                sub("repo:acme@1/web-shop@778899:ref:refs/heads/main"),
            ],
        ),
        Case::on_platform(
            &GITLAB,
            none(),
            json!({"pipeline_id": "2", "job_id": "3"}),
            vec![
                sub("project_path:acme/web-shop:ref_type:branch:ref:dev"),
                sub("project_path:acme/web-shop:ref_type:tag:ref:main"),
                sub("project_path:acme/shop:ref_type:branch:ref:main"),
            ],
        ),
        Case::on_platform(
            &GITLAB,
            json!({"sub": "project_path:acme/web.shop:ref_type:branch:ref:main", "pipeline_id": "1"}),
            json!({"pipeline_id": "2"}),
            vec![
                json!({"sub": "project_path:acme/web-shop:ref_type:branch:ref:main", "project_id": "23"}),
            ],
        ),
        Case::on_platform(
            &CIRCLECI,
            none(),
            sub(circle(project, "00000000-6a3b-49d8-b05e-8c2f7a1d9e34", "")),
            vec![
                sub(circle("00000000-0e82-4b6f-a4d3-7f1c2e9b8a60", "u", "")),
                json!({"oidc.circleci.com/vcs-ref": "refs/heads/dev"}),
                json!({"oidc.circleci.com/vcs-origin": "github.com/fork/web-shop"}),
            ],
        ),
        Case::on_platform(
            &CIRCLECI_V2,
            none(),
            sub(circle(
                project,
                "00000000-6a3b-49d8-b05e-8c2f7a1d9e34",
                &source("acme/web-shop", "main"),
            )),
            vec![
                // A branch name that resembles the end of a subject.
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
        Case::on_platform(
            &BITBUCKET,
            json!({"iss": bitbucket}),
            sub(format!("{repository}:{step}")),
            vec![
                json!({"branchName": "dev"}),
                sub(format!("{environment}:{step}")),
                sub(format!("{repository}:{environment}:{step}")),
            ],
        ),
        Case::on_platform(
            &BITBUCKET,
            json!({"iss": bitbucket, "sub": format!("{repository}:{environment}:{step}")}),
            sub(format!("{repository}:{environment}:{}", step.replace('5', "6"))),
            vec![
                sub(format!("{repository}:{step}")),
                sub(format!("{repository}:{}:{step}", environment.replace('1', "2"))),
                sub(format!("{step}:{environment}:{step}")),
            ],
        ),
        Case::on_platform(
            &BUILDKITE,
            none(),
            sub(build("web-shop", "main", "deploy")),
            vec![
                sub(build("shop", "main", "deploy")),
                sub(build("web-shop", "dev", "deploy")),
                sub(build("web-shop", "main", "test")),
            ],
        ),
        Case::on_platform(
            &BUILDKITE,
            sub(build("web-shop", "main", "")),
            sub(build("web-shop", "main", "").replace("c0ffee", "facade")),
            vec![sub(build("web-shop", "dev", "")), sub(build("web-shop", "main", "test"))],
        ),
        Case::on_platform(
            &KUBERNETES,
            none(),
            none(),
            vec![
                sub("system:serviceaccount:prod:deployer"),
                sub("system:serviceaccount:ci:default"),
            ],
        ),
        Case::on_platform(
            &HCP_TERRAFORM,
            none(),
            json!({"terraform_run_id": "run-2"}),
            vec![
                sub("organization:acme:project:web:workspace:production:run_phase:plan"),
                sub("organization:acme:project:web:workspace:test:run_phase:apply"),
                sub("organization:globex:project:web:workspace:production:run_phase:apply"),
            ],
        ),
        Case::on_platform(
            &SPACELIFT,
            none(),
            json!({"runId": "2"}),
            vec![
                sub("space:production-01HQ:stack:web-shop:run_type:TRACKED:scope:read"),
                sub("space:production-01HQ:stack:shop:run_type:TRACKED:scope:write"),
                sub("space:production-01HQ:module:web-shop:run_type:TRACKED:scope:write"),
            ],
        ),
        Case::on_platform(
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
        // The subject of a Google service account is a number.
        Case::new(
            json!({"iss": "https://accounts.google.com", "aud": "urn:pulumi:org:acme",
                "sub": "108642097531"}),
            json!({"iat": 1}),
            [sub("108642097532")],
        ),
    ]
}

/// Neighbours that differ in one letter of a part that stays the same between runs.
fn mutations(case: &Case) -> Vec<Value> {
    let subject = case.claims["sub"].as_str().unwrap();
    let next_run = case.next_run["sub"].as_str().unwrap_or(subject);
    let same = |at: usize| subject.get(..at) == next_run.get(..at);
    let mut found = Vec::new();
    let mut at = 0;
    for part in subject.split(|c: char| !c.is_ascii_alphanumeric()) {
        // After the first difference of the next run, the positions differ.
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

fn admits(entries: &[Entry], claims: &Value) -> bool {
    let decided = evaluate(entries, claims.as_object().unwrap(), &RequestedToken::default());
    decided.decision() == Some(Decision::Allow)
}

#[test]
fn suggestion_admits_only_this_job() {
    let mut refused = 0;
    for case in cases() {
        let claims = &case.claims;
        for form in ["api", "yaml"] {
            let document = suggest(form, claims, &[]);
            let (status, report) = test_claims(&document, claims, &["--oidc-org", "acme"]);
            assert_eq!(status, 0, "{claims}\n{document}\n{report}");
        }
        let document = suggest("api", claims, &[]);
        let entries = entries(&document);
        assert!(
            admits(&entries, &with_claims(claims, &case.next_run)),
            "{}\n{document}",
            case.next_run
        );
        for other in case.neighbours.iter().chain(&mutations(&case)) {
            assert!(!admits(&entries, &with_claims(claims, other)), "{other}\n{document}");
            refused += 1;
        }
    }
    assert!(refused > 300, "{refused}");
}

#[test]
fn cases_cover_every_platform() {
    let cases = cases();
    for platform in platforms::ALL {
        let shape = (platform.shape)("https://issuer.example/path");
        let start = shape.claims["sub"].as_str().unwrap().get(..5).unwrap();
        let is_there = |case: &Case| case.claims["sub"].as_str().unwrap().starts_with(start);
        assert!(cases.iter().any(is_there), "{}", platform.name);
    }
}

/// `UPDATE=1 cargo test suggestions_match` rewrites the file.
#[test]
fn suggestions_match_snapshot() {
    let mut all = String::new();
    for case in cases() {
        let text = suggest("all", &case.claims, &[]);
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
fn suggestions_match_requested_token() {
    let claims = json!({"iss": "https://gitlab.com", "aud": "a", "sub": "project_path:a/b:ref_type:branch:ref:main"});
    let team = suggest("api", &claims, &["--oidc-team", "core"]);
    let entry: Value = serde_json::from_str(&team).unwrap();
    assert_eq!(entry["policies"][0]["tokenType"], "team");
    assert_eq!(entry["policies"][0]["teamName"], "core");
    let admin: Value =
        serde_json::from_str(&suggest("api", &claims, &["--scope", "admin"])).unwrap();
    assert_eq!(admin["policies"][0]["authorizedPermissions"], json!(["admin"]));
    let console = suggest("console", &claims, &["--scope", "admin"]);
    assert!(console.contains("Give it the permission admin."), "{console}");
    assert!(!suggest("console", &claims, &[]).contains("admin"));
    let all = suggest("all", &claims, &[]);
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
    let all = suggest("all", &github, &[]);
    for words in ["GitHub's default", "repository_id = 74", "looks like acme/web.shop"] {
        assert!(all.contains(words), "{words}\n{all}");
    }
}

/// Notes say which later runs the rule excludes, and which other jobs it cannot exclude.
#[test]
fn notes_explain_rule_limits() {
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
        let all = suggest("all", &claims, &[]);
        assert!(all.contains(words), "{words}\n{all}");
    }
    let quiet =
        ["repo:acme/web:ref:refs/heads/main", "project_path:acme/web:ref_type:branch:ref:x"];
    for subject in quiet {
        let claims = json!({"iss": "https://ci.example", "aud": "a", "sub": subject});
        assert!(!suggest("all", &claims, &[]).contains("note: "), "{subject}");
    }
}

#[test]
fn every_form_prints_notes() {
    let claims = json!({"iss": "https://ci.example", "aud": "a.b", "sub": "job"});
    for form in ["api", "yaml", "console"] {
        let run = policy("suggest").args(["--as", form]).arg(claims.to_string()).run();
        assert!(run.stderr.starts_with("note: aud: in a pattern"), "{form}: {}", run.stderr);
        assert!(!run.stdout.contains("note: "), "{form}: {}", run.stdout);
    }
}

#[test]
fn hostile_claims_are_escaped() {
    // Without control characters, which are refused.
    let hostile = "a##vso[task.setvariable variable=x]\u{202e}[31m'\"; touch pwned ${x} {{y}}: [z]";
    let claims = json!({"iss": "https://ci.example", "aud": hostile, "sub": hostile});
    for form in ["all", "api", "yaml", "console"] {
        let text = suggest(form, &claims, &["--oidc-user", hostile]);
        assert!(!text.contains("##vso[") && !text.contains('\u{202e}'), "{form}\n{text}");
    }
    for form in ["api", "yaml"] {
        let parsed = doctor::policy::document::parse(&suggest(form, &claims, &[])).unwrap();
        let entry = &parsed.issuers[0].policies.as_ref().unwrap()[0];
        assert_eq!(entry.rules[0].pattern, hostile, "{form}");
    }
}
