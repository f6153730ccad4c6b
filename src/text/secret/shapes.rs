//! The shapes of secrets: one table of known prefixes for all code that searches for secrets.

use std::ops::Range;

/// A kind of token with a known prefix.
pub(crate) struct Shape {
    pub(crate) prefix: &'static str,
    /// The description, with an article.
    pub(crate) what: &'static str,
    /// The characters after the prefix, and their least number.
    tail: (Class, usize),
}

/// The characters of a tail.
#[derive(Clone, Copy)]
enum Class {
    /// Hexadecimal digits.
    Hex,
    /// Capital letters and digits.
    Upper,
    /// Letters and digits, with at least one digit.
    Alphanumeric,
    /// Letters, digits, `_` and `-`.
    Word,
    /// As `Word`, with a digit, a capital and a small letter, because other names have this prefix.
    Mixed,
}

impl Class {
    fn contains(self, byte: u8) -> bool {
        match self {
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Word | Self::Mixed => byte.is_ascii_alphanumeric() || b"_-".contains(&byte),
        }
    }

    fn looks_random(self, tail: &[u8]) -> bool {
        let has = |is: fn(&u8) -> bool| tail.iter().any(is);
        match self {
            Self::Hex | Self::Upper | Self::Word => true,
            Self::Alphanumeric => has(u8::is_ascii_digit),
            Self::Mixed => {
                has(u8::is_ascii_digit)
                    && has(u8::is_ascii_lowercase)
                    && has(u8::is_ascii_uppercase)
            }
        }
    }
}

const fn shape(prefix: &'static str, class: Class, least: usize, what: &'static str) -> Shape {
    Shape { prefix, what, tail: (class, least) }
}

/// A Pulumi access token is `pul-` and 40 hexadecimal digits. Hosts and teams may also begin with
/// `pul-`.
const PULUMI: Shape = shape("pul-", Class::Hex, 12, "a Pulumi access token");

/// Tokens of other systems, by their documented prefixes.
pub(crate) const OPAQUE: &[Shape] = &[
    shape("ghs_", Class::Word, 16, "a GitHub app or job token (GITHUB_TOKEN)"),
    shape("ghp_", Class::Word, 16, "a GitHub personal access token"),
    shape("github_pat_", Class::Word, 16, "a GitHub personal access token"),
    shape("gho_", Class::Word, 16, "a GitHub OAuth token"),
    shape("ghu_", Class::Word, 16, "a GitHub user token"),
    shape("ghr_", Class::Word, 16, "a GitHub refresh token"),
    shape("glcbt-", Class::Word, 14, "a GitLab job token (CI_JOB_TOKEN)"),
    shape("glpat-", Class::Word, 14, "a GitLab personal access token"),
    shape("gldt-", Class::Word, 14, "a GitLab deploy token"),
    shape("glrt-", Class::Word, 14, "a GitLab runner token"),
    shape("glptt-", Class::Word, 14, "a GitLab trigger token"),
    shape("glsoat-", Class::Word, 14, "a GitLab SCIM token"),
    shape("glagent-", Class::Word, 14, "a GitLab agent token"),
    shape("gloas-", Class::Word, 14, "a GitLab OAuth secret"),
    shape("CCIPAT_", Class::Word, 13, "a CircleCI personal access token"),
    shape("CCIPRJ_", Class::Word, 13, "a CircleCI project token"),
    shape("bkua_", Class::Word, 15, "a Buildkite access token"),
    shape("bkaj_", Class::Word, 15, "a Buildkite job token"),
    shape("ATATT", Class::Word, 15, "an Atlassian access token"),
    shape("ATCTT", Class::Word, 15, "a Bitbucket access token"),
    shape("ATBB", Class::Mixed, 16, "a Bitbucket app password"),
    shape("ya29.", Class::Word, 15, "a Google access token"),
    shape("AIza", Class::Word, 35, "a Google API key"),
    shape("hvs.", Class::Word, 16, "a Vault token"),
    shape("hvb.", Class::Word, 16, "a Vault batch token"),
    shape("AKIA", Class::Upper, 16, "an AWS access key"),
    shape("ASIA", Class::Upper, 16, "an AWS access key"),
    shape("xoxb-", Class::Word, 16, "a Slack token"),
    shape("xoxp-", Class::Word, 16, "a Slack token"),
    shape("xoxa-", Class::Word, 16, "a Slack token"),
    shape("xoxr-", Class::Word, 16, "a Slack token"),
    shape("xapp-", Class::Word, 16, "a Slack token"),
    shape("npm_", Class::Alphanumeric, 30, "an npm token"),
    shape("pypi-AgE", Class::Word, 16, "a PyPI token"),
    shape("dop_v1_", Class::Hex, 16, "a DigitalOcean token"),
    shape("dapi", Class::Hex, 32, "a Databricks token"),
    shape("sk-", Class::Mixed, 20, "an API key"),
    shape("sk_live_", Class::Alphanumeric, 16, "a Stripe key"),
    shape("rk_live_", Class::Alphanumeric, 16, "a Stripe key"),
    shape("SG.", Class::Mixed, 20, "a SendGrid key"),
    shape("dckr_pat_", Class::Word, 16, "a Docker access token"),
    shape("atlasv1.", Class::Word, 24, "an HCP Terraform token"),
];

/// Webhook URLs whose path is the secret.
pub(crate) const HOOKS: [&str; 4] = [
    "hooks.slack.com/services/",
    "discord.com/api/webhooks/",
    "discordapp.com/api/webhooks/",
    ".webhook.office.com/",
];
const SHORTEST_HOOK: usize = 20;

/// The kind of a secret, by its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Jwt,
    /// A Pulumi access token.
    Pulumi,
    /// A token in [`OPAQUE`].
    Opaque,
}

/// The shortest secret of a known shape.
pub(super) const SHORTEST: usize = 16;
/// Shorter fragments of a JWT give nothing away.
const SHORTEST_JWT: usize = 32;

/// The first secret in a word of letters, digits, `-`, `_` and `.`: its start and its kind.
pub(crate) fn in_word(word: &str) -> Option<(usize, Kind)> {
    // A JWT's header begins with `{"`, which is `eyJ` in base64url.
    if let Some(at) = word.find("eyJ")
        && word.len() - at >= SHORTEST_JWT
        && (word[at..].contains('.') || word[at..].to_ascii_lowercase().contains("%2e"))
    {
        return Some((at, Kind::Jwt));
    }
    prefixed(word)
}

/// The first token with a known prefix in a word.
pub(crate) fn prefixed(word: &str) -> Option<(usize, Kind)> {
    if word.len() < SHORTEST {
        return None;
    }
    let bytes = word.as_bytes();
    // A token begins at the start of the word or after a separator, which may be percent-encoded.
    let begins = |at: &usize| {
        *at == 0
            || !bytes[*at - 1].is_ascii_alphanumeric()
            || *at >= 3 && bytes[*at - 3] == b'%' && bytes[*at - 2].is_ascii_hexdigit()
    };
    (0..=bytes.len() - SHORTEST)
        .filter(begins)
        .find_map(|at| Some((at, kind_at_start(&bytes[at..])?)))
}

/// The kind of the secret at the start of a text.
fn kind_at_start(text: &[u8]) -> Option<Kind> {
    if !b"pgCbAyhxndsSra".contains(text.first()?) {
        return None;
    }
    let matches = |shape: &Shape| {
        let (class, least) = shape.tail;
        let Some(rest) = text.strip_prefix(shape.prefix.as_bytes()) else { return false };
        let length = rest.iter().take_while(|b| class.contains(**b)).count();
        length >= least && class.looks_random(&rest[..length])
    };
    if matches(&PULUMI) {
        return Some(Kind::Pulumi);
    }
    OPAQUE.iter().any(matches).then_some(Kind::Opaque)
}

/// The ranges of secret webhook paths in a text, in order.
pub(crate) fn hooks(text: &str) -> Vec<Range<usize>> {
    // Fast path: every webhook URL contains this.
    if !text.contains("hook") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for hook in HOOKS {
        for (at, _) in text.match_indices(hook) {
            let start = at + hook.len();
            let is_path = |b: &&u8| b.is_ascii_alphanumeric() || b"/_-@.".contains(b);
            let length = text.as_bytes()[start..].iter().take_while(is_path).count();
            if length >= SHORTEST_HOOK {
                found.push(start..start + length);
            }
        }
    }
    found.sort_unstable_by_key(|range| range.start);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_is_recognised() {
        for shape in OPAQUE.iter().chain([&PULUMI]) {
            let tail = match shape.tail.0 {
                Class::Upper => "A1B2".repeat(9),
                Class::Hex => "a1b2".repeat(20),
                Class::Alphanumeric | Class::Word | Class::Mixed => "aB3d".repeat(10),
            };
            let word = format!("x-{}{tail}", shape.prefix);
            assert_eq!(in_word(&word).map(|(at, _)| at), Some(2), "{word}");
            assert_eq!(in_word(&format!("x{}{tail}", shape.prefix)), None, "inside a word");
        }
    }

    #[test]
    fn webhook_paths_are_found() {
        let text = "POST https://hooks.slack.com/services/T0AAAAAAA/B0BBBBBBB/cccccccc done";
        let found: Vec<_> = hooks(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, ["T0AAAAAAA/B0BBBBBBB/cccccccc"]);
        assert!(hooks("https://hooks.slack.com/services/").is_empty());
    }
}
