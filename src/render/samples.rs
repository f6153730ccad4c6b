//! Sample reports for the renderers' tests.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::catalogue::Code;
use crate::evidence::{CheckId, SkipReason};
use crate::report::{
    BackendSummary, Change, CheckResult, Difference, EntryResult, Finding, FoundBy, Identity,
    PolicySummary, Proof, Remediation, RemedyOption, Report, RequestSummary, RuleResult,
    SCHEMA_VERSION, Status, Target, TokenSummary, Verdict,
};

/// A text with everything that renderers must escape.
pub(super) const HOSTILE: &str = "\r\n::error::x\n##vso[task.complete result=Succeeded]##[error]\u{1b}[2J\u{202e}\u{e0041}\u{85}y";

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn check(id: CheckId, status: Status, summary: &str) -> CheckResult {
    CheckResult {
        id,
        category: id.category(),
        status,
        summary: summary.into(),
        duration_ms: 0,
        skipped_because: None,
    }
}

fn skip(id: CheckId, because: SkipReason) -> CheckResult {
    CheckResult { skipped_because: Some(because), ..check(id, Status::Skip, "") }
}

/// A finding of the code's usual severity.
pub(super) fn finding(code: Code, check: CheckId, detail: &str) -> Finding {
    Finding {
        code,
        category: code.category(),
        severity: code.severity(),
        check: FoundBy::Check(check),
        title: code.title(),
        detail: detail.into(),
        retryable: false,
        evidence: Vec::new(),
        difference: None,
        remediation: Remediation {
            summary: code.fix(),
            links: vec![code.link().into()],
            ..Remediation::default()
        },
    }
}

/// A change with `text` in it.
fn change(text: &str) -> Change {
    Change::new(Target::Policy, text).before(text).after(json!({ text: [text] }))
}

fn proof(what: &str, value: &str, place: &str) -> Proof {
    Proof::new(what, value, place)
}

fn rule(claim: &str, pattern: &str, actual: Option<&str>, matched: bool) -> RuleResult {
    RuleResult {
        claim: claim.into(),
        pattern: pattern.into(),
        actual: actual.map(Into::into),
        matched,
        undetermined: false,
        limit: None,
    }
}

const ISSUER: &str = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0";
const SUBJECT: &str = "/eid1/c/pub/t/v4j5cvGGr0GRqy180BHbRw/a/0X3XmYmZb0S3Dk5vN1p2hw/sc/0bd7a5c4-9a4a-4d2f-8a0b-5f9d6c2e1a11/5b7c3d1e-2f4a-4c6b-9d8e-7f6a5b4c3d2e";
const AUDIENCE: &str = "fb60f99c-7a34-4190-8149-302f77469936";

/// A login that works, with a warning and an info.
pub(super) fn healthy() -> Report {
    let rules = vec![rule("aud", AUDIENCE, Some(AUDIENCE), true)];
    let mut whoami = check(CheckId::Whoami, Status::Pass, "ci-bot in acme");
    whoami.duration_ms = 12;
    Report {
        schema_version: SCHEMA_VERSION,
        doctor_version: "0.1.0".into(),
        started_at: Timestamp::UNIX_EPOCH,
        duration_ms: 42,
        verdict: Verdict::Healthy,
        root_cause: None,
        checks: vec![
            check(CheckId::Input, Status::Pass, "a token from env:idToken"),
            check(CheckId::Login, Status::Pass, "organization acme"),
            check(CheckId::Cloud, Status::Pass, "https://api.pulumi.com"),
            check(CheckId::Backend, Status::Pass, "answers as Pulumi Cloud"),
            check(CheckId::Token, Status::Warn, "expires in 42 s"),
            check(CheckId::Issuer, Status::Pass, "registered as azure"),
            check(CheckId::Registration, Status::Pass, "served"),
            check(CheckId::Signature, Status::Pass, "verified with key k1"),
            check(CheckId::Policy, Status::Pass, "policy 1 lets the token in"),
            check(CheckId::Exchange, Status::Pass, "an access token for 7200 s"),
            whoami,
        ],
        findings: vec![
            finding(Code::TokenExpiresSoon, CheckId::Token, "The token expires in 42 s."),
            finding(Code::CliNotFound, CheckId::Login, "No pulumi was found on PATH."),
        ],
        token: Some(TokenSummary {
            source: "env:idToken".into(),
            header: object(json!({"alg": "RS256", "kid": "k1"})),
            claims: object(json!({
                "iss": ISSUER, "aud": AUDIENCE, "sub": SUBJECT, "exp": 1_700_000_000,
                "groups": ["a", "b"],
            })),
            fingerprint: "sha256:0123456789abcdef".into(),
            meanings: vec![("exp".into(), "2023-11-14T22:13:20Z, expired 3 h 10 min ago".into())],
        }),
        request: RequestSummary {
            organization: Some("acme".into()),
            token_type: "organization",
            scope: String::new(),
            expiration_seconds: Some(7200),
            backend: BackendSummary {
                url: "https://api.pulumi.com".into(),
                source: "default".into(),
            },
            cli: None,
        },
        policy: PolicySummary {
            source: "file",
            issuer: Some(ISSUER.into()),
            label: Some("azure".into()),
            file: Some("policy.yaml".into()),
            lines: vec![9, 20],
            decision: "allow",
            closest: Some(0),
            rules: rules.clone(),
            entries: vec![EntryResult {
                index: 0,
                decision: "allow",
                token_type: "organization",
                applies: true,
                rules,
            }],
        },
        identity: Some(Identity {
            user: "ci-bot".into(),
            organizations: vec!["acme".into()],
            token: Some(object(json!({"name": "ci", "organization": "acme"}))),
        }),
        recorded: None,
        replayed: None,
    }
}

/// The policy expects the other spelling of the audience.
pub(super) fn audience_mismatch() -> Report {
    let mut report = healthy();
    let rules = vec![
        rule("aud", "api://AzureADTokenExchange", Some(AUDIENCE), false),
        rule("sub", "/eid1/*", Some(SUBJECT), true),
        rule("azp", "acme", None, false),
    ];
    let mut audience = finding(
        Code::AudienceMismatch,
        CheckId::Policy,
        "Rule and token name the same audience, spelled two ways: the Entra issuer puts the GUID \
         into the token.",
    );
    audience.evidence = vec![
        proof("expected", "api://AzureADTokenExchange", "policy.yaml:12"),
        proof("token aud", AUDIENCE, "token claim aud"),
    ];
    audience.difference = Some(Difference { from: None });
    audience.remediation.steps = [
        "In Pulumi Cloud open Settings, OIDC issuers, azure, and edit its first policy.",
        "Set the rule on aud to the token's value:\nrules:\n  aud: \"fb60f99c-7a34-4190-8149-302f77469936\"",
    ]
    .map(|step| step.to_owned().into())
    .to_vec();
    audience.remediation.commands =
        vec!["pulumi login --oidc-token \"$idToken\" --oidc-org acme".into()];
    report.verdict = Verdict::Unhealthy;
    report.root_cause = Some(Code::AudienceMismatch);
    report.checks.truncate(8);
    report.checks[4] = check(CheckId::Token, Status::Pass, "valid for 9 min");
    report.checks.extend([
        check(CheckId::Policy, Status::Fail, "denied: aud does not match"),
        skip(CheckId::Exchange, SkipReason::Check(CheckId::Policy)),
        skip(CheckId::Whoami, SkipReason::Check(CheckId::Policy)),
    ]);
    report.findings =
        vec![audience, finding(Code::CliNotFound, CheckId::Login, "No pulumi was found on PATH.")];
    report.policy.decision = "deny";
    report.policy.rules.clone_from(&rules);
    report.policy.entries[0].rules = rules;
    report.policy.entries.push(EntryResult {
        index: 1,
        decision: "deny",
        token_type: "team",
        applies: false,
        rules: Vec::new(),
    });
    report.identity = None;
    report
}

/// Several errors, a warning and infos; no policy involved.
pub(super) fn several_errors() -> Report {
    let mut report = audience_mismatch();
    let mut scheme = finding(
        Code::BackendSchemeMissing,
        CheckId::Cloud,
        "PULUMI_BACKEND_URL is api.pulumi.com, which has no scheme.",
    );
    scheme.evidence = vec![proof("PULUMI_BACKEND_URL", "api.pulumi.com", "environment")];
    scheme.remediation.commands = vec!["export PULUMI_BACKEND_URL=https://api.pulumi.com".into()];
    let mut expired =
        finding(Code::TokenExpired, CheckId::Token, "The token expired 3 h 10 min ago.");
    expired.evidence = vec![proof("exp", "1700000000 (2023-11-14T22:13:20Z)", "token claim exp")];
    let overridden =
        finding(Code::BackendOverridden, CheckId::Cloud, "The environment beats the project file.");
    report.root_cause = Some(Code::BackendSchemeMissing);
    report.checks = vec![
        check(CheckId::Input, Status::Pass, "a token from env:idToken"),
        check(CheckId::Cloud, Status::Fail, "api.pulumi.com has no scheme"),
        skip(CheckId::Backend, SkipReason::Check(CheckId::Cloud)),
        check(CheckId::Token, Status::Fail, "expired 3 h 10 min ago"),
        skip(CheckId::Registration, SkipReason::Offline),
        skip(CheckId::Keys, SkipReason::Offline),
        check(CheckId::Issuer, Status::Pass, "registered as azure"),
        skip(CheckId::Exchange, SkipReason::Check(CheckId::Cloud)),
    ];
    report.findings = vec![
        scheme,
        finding(Code::CliNotFound, CheckId::Login, "No pulumi was found on PATH."),
        finding(Code::PolicyUnknown, CheckId::Policy, "No policy was given."),
        overridden,
        expired,
    ];
    report.request.backend =
        BackendSummary { url: "api.pulumi.com".into(), source: "PULUMI_BACKEND_URL".into() };
    report.policy = PolicySummary {
        source: "none",
        issuer: None,
        label: None,
        file: None,
        lines: Vec::new(),
        decision: "unknown",
        closest: None,
        rules: Vec::new(),
        entries: Vec::new(),
    };
    report
}

/// Offline, and no policy.
pub(super) fn inconclusive() -> Report {
    let mut report = several_errors();
    let mut unknown = finding(
        Code::PolicyUnknown,
        CheckId::Policy,
        "No policy was given, and --offline keeps the doctor from asking Pulumi Cloud for it.",
    );
    unknown.remediation.summary =
        "Check that an allow entry of the issuer has these rules, or pass \
        the policy with --policy."
            .into();
    unknown.remediation.commands = vec![
        format!("rules:\n  aud: {AUDIENCE}\n  sub: {SUBJECT}").into(),
        "doctor --policy policy.json -".into(),
    ];
    report.verdict = Verdict::Inconclusive;
    report.root_cause = None;
    report.checks = vec![
        check(CheckId::Input, Status::Pass, "a token from stdin"),
        check(CheckId::Token, Status::Pass, "valid for 9 min"),
        check(CheckId::Policy, Status::Skip, "no policy is known"),
        skip(CheckId::Exchange, SkipReason::Offline),
        skip(CheckId::Whoami, SkipReason::Offline),
    ];
    report.findings =
        vec![finding(Code::CliNotFound, CheckId::Login, "No pulumi was found on PATH."), unknown];
    report.request.backend =
        BackendSummary { url: "https://api.pulumi.com".into(), source: "default".into() };
    report
}

/// [`audience_mismatch`] with `text` wherever text comes from outside.
pub(super) fn with_text(text: &str) -> Report {
    let mut report = audience_mismatch();
    for finding in &mut report.findings {
        finding.detail = text.into();
        finding.evidence = vec![proof(text, text, text), proof("", text, "")];
        finding.remediation = Remediation {
            summary: text.into(),
            steps: [text, text].map(|step| step.to_owned().into()).to_vec(),
            commands: vec![text.into()],
            links: vec![text.into()],
            options: vec![RemedyOption::when(
                text,
                Change { issuer: Some(text.into()), file: Some(text.into()), ..change(text) },
            )],
        };
    }
    for check in &mut report.checks {
        check.summary = text.into();
        // Reports show the summary of such a check.
        check.skipped_because = check.skipped_because.map(|_| SkipReason::Policy);
    }
    for entry in &mut report.policy.entries {
        entry.rules = vec![rule(text, text, Some(text), false)];
    }
    let hostile = object(json!({ text: text, "nested": { text: [text] } }));
    report.policy.issuer = Some(text.into());
    report.policy.label = Some(text.into());
    report.policy.file = Some(text.into());
    report.token = Some(TokenSummary {
        source: text.into(),
        header: hostile.clone(),
        claims: hostile.clone(),
        fingerprint: text.into(),
        meanings: vec![(text.into(), text.into())],
    });
    report.request.organization = Some(text.into());
    report.request.scope = text.into();
    report.request.backend = BackendSummary { url: text.into(), source: text.into() };
    report.identity = Some(Identity {
        user: text.into(),
        organizations: vec![text.into()],
        token: Some(hostile),
    });
    report
}
