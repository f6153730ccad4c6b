//! How the tokens of other jobs on GitHub differ from a given one (docs.github.com, "OpenID Connect
//! reference").

use crate::platform::kind::{Change, GivenJob, Variant, text};
use crate::platform::{Kind, Kinds};
use crate::policy::template::{Open, Template};

pub(super) const KINDS: Kinds = Kinds {
    others,
    unwanted,
    parts: &[
        ("repository", "repository", ""),
        ("branch", "ref", "refs/heads/"),
        ("tag", "ref", "refs/tags/"),
        ("environment", "environment", ""),
    ],
};

const BRANCH: Open = Open::new("branch", "another-branch", ":");
const TAG: Open = Open::new("tag", "v1.0.0", ":");
const NUMBER: Open = Open::new("pull request", "17", "/:");
const ENVIRONMENT: Open = Open::new("environment", "another-environment", ":");
const NAME: Open = Open::new("repository", "another-repository", "/:@");
const STRANGER: Open = Open::new("stranger", "somebody-else", "/:@");
const ID: Open = Open::new("repository_id", "900000001", "/:@");
const OWNER_ID: Open = Open::new("repository_owner_id", "900000002", "/:@");
const NODE: Open = Open::new("environment_node_id", "EN_another", ":");
const EVENT: Open = Open::new("event_name", "push", "");
const PROTECTED: Open = Open::new("ref_protected", "false", "");
const VISIBILITY: Open = Open::new("repository_visibility", "public", "");
const RUNNER: Open = Open::new("runner_environment", "github-hosted", "");
const WORKFLOW: Open = Open::new("workflow", "deploy", "");
const WORKFLOW_FILE: Open =
    Open::new("workflow_ref", ".github/workflows/deploy.yml@refs/heads/main", "");

/// The events of pull requests. A fork's pull request gets a token only for the second one.
const EVENTS: [&str; 2] = ["pull_request", "pull_request_target"];

fn any(open: Open) -> Change {
    Change::To(Template::default().open(open))
}

/// Where a job runs: the end of `sub`, and the claims that repeat it.
struct Place {
    ending: Template,
    /// The new `ref`, if it changes.
    reference: Option<Template>,
    changes: Vec<(&'static str, Change)>,
}

impl Place {
    fn on(reference: Template, kind: &str) -> Self {
        let events = EVENTS.into_iter().fold(EVENT, Open::excluding);
        let to = |template| Change::To(template);
        Self {
            ending: text("ref:").then(reference.clone()),
            reference: Some(reference),
            changes: vec![
                ("ref_type", to(text(kind))),
                ("event_name", to(Template::default().open(events))),
                ("environment", Change::Absent),
                ("environment_node_id", Change::Absent),
            ],
        }
    }

    fn branch(open: Open) -> Self {
        Self::on(text("refs/heads/").open(open), "branch")
    }

    fn tag(open: Open) -> Self {
        let place = Self::on(text("refs/tags/").open(open), "tag");
        place.set("ref_protected", any(PROTECTED))
    }

    fn set(mut self, claim: &'static str, change: Change) -> Self {
        self.changes.retain(|(known, _)| *known != claim);
        self.changes.push((claim, change));
        self
    }

    fn set_text(self, claim: &'static str, value: &str) -> Self {
        self.set(claim, Change::To(text(value)))
    }

    fn pull_request() -> Self {
        let place = Self::on(text("refs/pull/").open(NUMBER).text("/merge"), "branch");
        let place = place.set_text("event_name", "pull_request").set_text("ref_protected", "false");
        let place = place.set("head_ref", Change::Unknown).set("base_ref", Change::Unknown);
        Self { ending: text("pull_request"), ..place }
    }

    /// `pull_request_target` runs the target branch's workflow, with that branch's rights.
    fn fork() -> Self {
        let place = Self::pull_request().set_text("event_name", "pull_request_target");
        let place = place.set("actor", Change::Unknown).set("actor_id", Change::Unknown);
        let place = place.set("ref_protected", any(PROTECTED));
        Self { reference: Some(text("refs/heads/").open(BRANCH)), ..place }
    }

    fn environment(open: Open, node: Change) -> Self {
        let name = Template::default().open(open);
        Self {
            ending: text("environment:").then(name.clone()),
            reference: None,
            changes: vec![("environment", Change::To(name)), ("environment_node_id", node)],
        }
    }
}

/// A repository: its spelling in `sub`, and the claims that repeat it.
struct Repository {
    in_subject: Template,
    changes: Vec<(&'static str, Change)>,
    is_own: bool,
}

/// The given job's repository.
struct Own {
    in_subject: String,
    owner: String,
    name: String,
}

impl Own {
    fn new(given: &GivenJob) -> Option<Self> {
        let from_subject =
            given.subject().strip_prefix("repo:").and_then(|rest| rest.split(':').next());
        // Rules may name only the owner.
        let named = || given.text("repository_owner").unwrap_or_else(|| "an-owner".to_owned());
        let in_subject = from_subject
            .filter(|repository| repository.contains('/'))
            .map(str::to_owned)
            .or_else(|| given.text("repository"))
            .unwrap_or_else(|| format!("{}/a-repository", named()));
        let plain = |name: &str| name.split('@').next().unwrap_or_default().to_owned();
        let (owner, name) = in_subject.split_once('/')?;
        let (owner, name) = (plain(owner), plain(name));
        Some(Self { in_subject, owner, name })
    }

    fn repository(&self) -> Repository {
        Repository { in_subject: text(&self.in_subject), changes: Vec::new(), is_own: true }
    }

    /// Another repository of the same owner or of a stranger, without and with ids in the subject.
    fn others(&self, given: &GivenJob, kind: Kind) -> [Repository; 2] {
        let is_stranger = kind == Kind::Stranger;
        let other = |open: Open, claim: &str| match given.text(claim) {
            Some(own) => open.excluding(own),
            None => open,
        };
        let (owner, name) = match is_stranger {
            true => (Template::default().open(STRANGER.excluding(&self.owner)), NAME),
            false => (text(&self.owner), NAME.excluding(&self.name)),
        };
        let id = Template::default().open(other(ID, "repository_id"));
        let owner_id = match given.text("repository_owner_id") {
            Some(own) if !is_stranger => text(own),
            _ => Template::default().open(other(OWNER_ID, "repository_owner_id")),
        };
        let plain = owner.clone().text("/").open(name.clone());
        let with_ids = owner.clone().text("@").then(owner_id.clone());
        let with_ids = with_ids.text("/").open(name).text("@").then(id.clone());
        let mut changes = vec![
            ("repository", Change::To(plain.clone())),
            ("repository_id", Change::To(id)),
            ("repository_owner", Change::To(owner)),
            ("repository_owner_id", Change::To(owner_id)),
            ("repository_visibility", any(VISIBILITY)),
            ("environment_node_id", any(other(NODE, "environment_node_id"))),
            ("workflow", any(WORKFLOW)),
            ("workflow_ref", Change::To(plain.clone().text("/").open(WORKFLOW_FILE))),
            // A job may call another repository's workflow, if that repository permits it.
            ("job_workflow_ref", Change::Unknown),
            ("ref_protected", any(PROTECTED)),
            ("runner_environment", any(RUNNER)),
        ];
        if is_stranger {
            let whose = ["actor", "actor_id", "enterprise", "enterprise_id"];
            changes.extend(whose.map(|claim| (claim, Change::Unknown)));
        }
        [plain, with_ids].map(|in_subject| Repository {
            in_subject,
            changes: changes.clone(),
            is_own: false,
        })
    }
}

fn others(given: &GivenJob) -> Vec<Variant> {
    let Some(own) = Own::new(given) else { return Vec::new() };
    let reference = given.text("ref").unwrap_or_default();
    let but = |open: Open, folder: &str| match reference.strip_prefix(folder) {
        // A job with an environment may be on any branch.
        Some(name) if given.text("environment").is_none() => open.excluding(name),
        _ => open,
    };
    let other = |claim: &str, open: Open| match given.text(claim) {
        Some(value) => open.excluding(value),
        None => open,
    };
    let branch = || Place::branch(but(BRANCH, "refs/heads/"));
    let node = Change::To(Template::default().open(other("environment_node_id", NODE)));
    let here = own.repository();
    let environment = Place::environment(other("environment", ENVIRONMENT), node);
    let mut all: Vec<Variant> = [
        (Kind::Branch, branch().set_text("ref_protected", "false")),
        (Kind::ProtectedBranch, branch().set_text("ref_protected", "true")),
        (Kind::Tag, Place::tag(but(TAG, "refs/tags/"))),
        (Kind::PullRequest, Place::pull_request()),
        (Kind::Fork, Place::fork()),
        (Kind::Environment, environment),
    ]
    .into_iter()
    .map(|(kind, place)| variant(given, kind, &here, Some(&place)))
    .collect();
    for kind in [Kind::Owner, Kind::Stranger] {
        for there in own.others(given, kind) {
            all.push(variant(given, kind, &there, None));
            let places = [
                Place::branch(BRANCH),
                Place::tag(TAG),
                Place::pull_request(),
                Place::environment(ENVIRONMENT, any(NODE)),
            ];
            all.extend(places.iter().map(|place| variant(given, kind, &there, Some(place))));
        }
    }
    all
}

/// The tokens of a repository's jobs at a place. Without a place, it is the given job's.
fn variant(given: &GivenJob, kind: Kind, at: &Repository, place: Option<&Place>) -> Variant {
    let mut variant = Variant::new(kind);
    for (claim, change) in place.iter().flat_map(|place| &place.changes).chain(&at.changes) {
        variant = variant.change(claim, change.clone());
    }
    if let Some(reference) = place.and_then(|place| place.reference.as_ref()) {
        variant = variant.set("ref", reference.clone());
        for claim in ["workflow_ref", "job_workflow_ref"].into_iter().filter(|_| at.is_own) {
            let path = given.text(claim).and_then(|text| Some(text.split_once('@')?.0.to_owned()));
            // A workflow of another repository does not change.
            let own = given.text("repository").map(|name| name + "/");
            if let (Some(path), Some(own)) = (path, own)
                && path.starts_with(&own)
            {
                variant = variant.set(claim, text(path).text("@").then(reference.clone()));
            }
        }
    }
    let subject = subject(given, at, place, &variant);
    match subject {
        Some(change) => variant.change("sub", change),
        None => variant,
    }
}

/// How `sub` changes. `None`: the given token has no `sub`.
fn subject(
    given: &GivenJob,
    at: &Repository,
    place: Option<&Place>,
    variant: &Variant,
) -> Option<Change> {
    let own = Some(given.subject()).filter(|subject| !subject.is_empty())?;
    let default = own.strip_prefix("repo:").and_then(|rest| rest.split_once(':'));
    if let Some((_, ending)) = default.filter(|(_, ending)| is_default(ending)) {
        let ending = place.map_or_else(|| text(ending), |place| place.ending.clone());
        return Some(Change::To(text("repo:").then(at.in_subject.clone()).text(":").then(ending)));
    }
    // A customised subject is a list of claim names and values.
    let parts: Vec<&str> = own.split(':').collect();
    let mut template = Template::default();
    for pair in parts.chunks(2) {
        let [key, value] = pair else { return Some(Change::Unknown) };
        let change = variant.changes.iter().find(|(claim, _)| claim == key).map(|(_, to)| to);
        let value = match change {
            _ if *key == "repo" => at.in_subject.clone(),
            Some(Change::To(template)) => template.clone(),
            Some(Change::Absent | Change::Unknown) => return Some(Change::Unknown),
            None if given.has_value(key, value) => text(*value),
            None => return Some(Change::Unknown),
        };
        let colon = if template == Template::default() { "" } else { ":" };
        template = template.text(format!("{colon}{key}:")).then(value);
    }
    Some(Change::To(template))
}

/// Whether the ending is that of a default subject.
fn is_default(ending: &str) -> bool {
    ending == "pull_request"
        || ["ref:refs/", "environment:"].iter().any(|begin| ending.starts_with(begin))
}

fn unwanted(given: &GivenJob) -> Option<Kind> {
    let is_pull_request = given.has_value("event_name", EVENTS[0])
        || given.subject().ends_with(":pull_request")
        || given.text("ref").is_some_and(|name| name.starts_with("refs/pull/"));
    if given.has_value("event_name", EVENTS[1]) {
        Some(Kind::Fork)
    } else if is_pull_request {
        Some(Kind::PullRequest)
    } else {
        given.has_value("ref_protected", "false").then_some(Kind::Branch)
    }
}
