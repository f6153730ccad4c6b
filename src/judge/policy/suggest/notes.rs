//! What a suggested rule keeps out that the next run may need, or lets in that nobody expects.

use crate::platform::subject::Subject;

/// A sentence about a rule on a subject with this part.
struct Note {
    platform: &'static str,
    part: &'static str,
    /// The part's value, where the sentence is about one alone.
    value: Option<&'static str>,
    sentence: &'static str,
}

const fn note(platform: &'static str, part: &'static str, sentence: &'static str) -> Note {
    Note { platform, part, value: None, sentence }
}

const NOTES: &[Note] = &[
    note(
        "GitHub Actions",
        "tag",
        "Only this tag is let in. For every tag, end the rule on sub with :ref:refs/tags/*.",
    ),
    Note {
        value: Some("pull_request"),
        ..note(
            "GitHub Actions",
            "context",
            "sub is the same for every pull request of the repository: each of them is let in.",
        )
    },
    Note {
        value: Some("tag"),
        ..note(
            "GitLab",
            "kind of ref",
            "Only this tag is let in. For every tag, end the rule on sub with :ref_type:tag:ref:*.",
        )
    },
    note(
        "Azure DevOps",
        "service connection",
        "sub names the service connection alone: which pipelines may use it is set in Azure DevOps, \
         under the connection's Security.",
    ),
    note(
        "Spacelift",
        "run type",
        "Only runs of this type and scope are let in; a proposed run has its own. For every run, \
         end the rule on sub with :run_type:*:scope:*.",
    ),
    note(
        "Pulumi Deployments",
        "operation",
        "Only this operation is let in; a preview, a refresh and a destroy have their own. For \
         every operation, end the rule on sub with :operation:*:scope:*.",
    ),
];

/// The sentences about a rule on this subject.
pub(super) fn notes<'a>(
    issuer: &'a str,
    known: &'a Subject,
) -> impl Iterator<Item = &'static str> + 'a {
    let retiring = issuer.starts_with("https://vstoken.dev.azure.com/")
        && known.parts.iter().any(|(name, _)| *name == "service connection");
    let fits = |note: &&Note| {
        note.platform == known.platform
            && known.parts.iter().any(|(name, value)| {
                *name == note.part && note.value.is_none_or(|wanted| wanted == value)
            })
    };
    NOTES.iter().filter(fits).map(|note| note.sentence).chain(retiring.then_some(
        "This issuer retires for service connections on 1 July 2027: a converted connection has \
         another iss, sub and aud.",
    ))
}
