//! How the tokens of other jobs on Azure Pipelines differ from a given one.
//!
//! A service connection's token shows neither branch nor pull request: every job that may use the
//! connection gets the same token. A pipeline's own token has the branch in `rpo_ref`.

use super::entra::EntraSubject;
use crate::platform::kind::{GivenJob, Variant, text};
use crate::platform::{Kind, Kinds};
use crate::policy::template::{Open, Template};

pub(super) const KINDS: Kinds = Kinds { others, unwanted, parts: &[] };

const BRANCH: Open = Open::new("branch", "another-branch", "");
const NUMBER: Open = Open::new("pull request", "17", "/");
const NAME: Open = Open::new("name", "another-name", "/");
const PROJECT: Open = Open::new("project", "another-project", "/");
const CONNECTION: Open = Open::new("connection", "00000000-0000-4000-8000-000000000001", "/");
const ORGANIZATION: Open = Open::new("organization", "00000000-0000-4000-8000-000000000002", "/");
const ID: Open = Open::new("id", "00000000-0000-4000-8000-000000000003", "");
const DEFINITION: Open = Open::new("definition", "900001", "");

const PULL_REQUESTS: &str = "refs/pull/";

fn others(given: &GivenJob) -> Vec<Variant> {
    let subject = given.subject();
    let mut all = vec![with_ref(given, Kind::Branch), with_ref(given, Kind::PullRequest)];
    let segments: Vec<&str> = subject.split('/').collect();
    if let [scheme @ ("sc:" | "p:"), "", organization, project, name] = segments.as_slice() {
        let begin = || text(format!("{scheme}//{organization}/"));
        let mut owner = |sub: Template| {
            let variant = Variant::new(Kind::Owner).set("sub", sub);
            let variant = variant.other_id(given, "def_id", DEFINITION);
            all.push(variant.unknown(&["prj_id", "rpo_id", "rpo_uri", "rpo_ref"]));
        };
        owner(begin().text(format!("{project}/")).open(NAME.excluding(*name)));
        owner(begin().open(PROJECT.excluding(*project)).text("/").open(NAME));
    } else if let Some(entra) = EntraSubject::parse(subject) {
        let same = subject.split("/sc/").next().unwrap_or_default();
        let begin = || text(format!("{same}/sc/"));
        let organization = ORGANIZATION.excluding(&entra.organization);
        let owner =
            text(format!("{}/", entra.organization)).open(CONNECTION.excluding(&entra.connection));
        let stranger = Template::default().open(organization).text("/").open(CONNECTION);
        // Each connection may have its own application.
        for (kind, end) in [(Kind::Owner, owner), (Kind::Stranger, stranger)] {
            all.push(Variant::new(kind).set("sub", begin().then(end)).unknown(&["oid"]));
        }
    } else if !subject.is_empty() {
        // Another identity of the tenant.
        let variant = Variant::new(Kind::Stranger).other_id(given, "sub", ID);
        all.push(variant.unknown(&["oid", "azp", "appid", "aud", "roles", "idtyp"]));
    }
    all
}

fn with_ref(given: &GivenJob, kind: Kind) -> Variant {
    let variant = Variant::new(kind);
    let Some(own) = given.text("rpo_ref") else { return variant };
    let reference = match kind {
        Kind::PullRequest => text(PULL_REQUESTS).open(NUMBER).text("/merge"),
        _ => {
            let own = own.strip_prefix("refs/heads/");
            text("refs/heads/").open(own.into_iter().fold(BRANCH, Open::excluding))
        }
    };
    variant.set("rpo_ref", reference)
}

fn unwanted(given: &GivenJob) -> Option<Kind> {
    let reference = given.text("rpo_ref")?;
    reference.starts_with(PULL_REQUESTS).then_some(Kind::PullRequest)
}
