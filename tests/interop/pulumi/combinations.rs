//! Logins with two faults at once, which show what the CLI reports first; and, on request, random
//! logins with several faults.

use super::cases::{self, Case};

/// The part of a login that a fault changes. Two faults of the same slot cannot be combined.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    Url,
    Token,
    Folder,
    /// A fault that can be combined with all others.
    Free,
}

type Fault = (&'static str, Slot, fn(Case) -> Case);

/// The faults; each changes a working login.
const FAULTS: [Fault; 20] = [
    ("no-org", Slot::Free, |case| case.without("--oidc-org").without("acme")),
    ("team-and-user", Slot::Free, |case| case.arg("--oidc-team=dev").arg("--oidc-user=jane")),
    ("expiration", Slot::Free, |case| case.arg("--oidc-expiration=1d")),
    ("access-token", Slot::Free, |case| case.env("PULUMI_ACCESS_TOKEN", "pul-x")),
    ("url-twice", Slot::Free, |case| case.arg("--cloud-url={url}")),
    ("token-null", Slot::Token, |case| case.replacing("{token}", "null")),
    ("other-org", Slot::Token, |case| {
        let user = r#"{"githubLogin":"ci-bot","organizations":[{"githubLogin":"other"}]}"#;
        case.claims(r#""aud":"urn:pulumi:org:other""#).user(200, user)
    }),
    ("no-scheme", Slot::Url, |case| case.replacing("{url}", "api.pulumi.com")),
    ("unknown-scheme", Slot::Url, |case| case.replacing("{url}", "htps://x.test")),
    ("diy", Slot::Url, |case| case.replacing("{url}", "s3://bucket")),
    ("variable-with-slash", Slot::Url, |case| {
        case.without("{url}").env("PULUMI_BACKEND_URL", "{url}/")
    }),
    ("refused", Slot::Url, |case| case.replacing("{url}", "http://127.0.0.1:1")),
    ("helper", Slot::Free, |case| {
        case.env("PULUMI_CREDENTIAL_HELPER", "{dir}/bin/h").program("bin/h")
    }),
    ("helper-argument", Slot::Free, |case| case.arg("--credential-helper-arg=x")),
    ("credentials", Slot::Folder, |case| case.credentials("{")),
    ("home-is-a-file", Slot::Folder, |case| case.env("PULUMI_HOME", "{dir}/f").file("f", "x")),
    ("store", Slot::Free, |case| case.env("PULUMI_CREDENTIAL_STORE", "keyring")),
    ("project", Slot::Free, |case| case.project("name: [\n")),
    ("exchange-403", Slot::Free, |case| {
        case.exchange(403, r#"{"error":"access_denied","error_description":"denied"}"#)
    }),
    ("user-401", Slot::Free, |case| case.user(401, r#"{"code":401,"message":"Unauthorized"}"#)),
];

/// Every pair of faults that can be combined.
pub fn pairs() -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, first) in FAULTS.iter().enumerate() {
        cases.extend(FAULTS[index + 1..].iter().filter_map(|second| combined(&[first, second])));
    }
    cases
}

/// `count` logins with three or four faults. The same seed gives the same logins.
pub fn random(seed: u64, count: usize) -> Vec<Case> {
    let mut state = seed;
    // SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
    let mut draw = |below: usize| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % below as u64).unwrap()
    };
    let mut cases = Vec::new();
    while cases.len() < count {
        let wanted = 3 + draw(2);
        let mut chosen: Vec<usize> = (0..wanted).map(|_| draw(FAULTS.len())).collect();
        chosen.sort_unstable();
        let faults: Vec<&Fault> = chosen.iter().map(|&index| &FAULTS[index]).collect();
        cases.extend(combined(&faults));
    }
    cases
}

/// A login with these faults, or nothing if two of them exclude each other.
fn combined(faults: &[&Fault]) -> Option<Case> {
    let excludes = |a: &Fault, b: &Fault| a.0 == b.0 || a.1 == b.1 && a.1 != Slot::Free;
    let is_impossible = faults
        .iter()
        .enumerate()
        .any(|(index, fault)| faults[..index].iter().any(|other| excludes(fault, other)));
    if is_impossible {
        return None;
    }
    let name = faults.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join("+");
    Some(faults.iter().fold(cases::good(name), |case, (_, _, change)| change(case)))
}
