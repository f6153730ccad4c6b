#![allow(clippy::unwrap_used)]

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use proptest::prelude::*;
use readings::{ENCODINGS, gives_away};

use super::*;

#[path = "readings.rs"]
mod readings;

fn scrubber_with(secret: &str) -> Scrubber {
    let scrubber = Scrubber::default();
    scrubber.add(secret);
    scrubber
}

#[test]
fn known_secret_and_signature_are_removed() {
    let scrubber = scrubber_with("aaa.bbb.signature-of-it");
    assert_eq!(scrubber.scrub("x aaa.bbb.signature-of-it y"), "x [redacted] y");
    assert_eq!(scrubber.scrub("only signature-of-it"), "only [redacted]");
}

#[test]
fn shapes_are_removed_and_words_kept() {
    let scrubber = Scrubber::default();
    let text =
        "got 'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln', pul-0123456789abcdef, pulumi-cloud";
    assert_eq!(scrubber.scrub(text), "got '[redacted]', [redacted], pulumi-cloud");
    assert_eq!(scrubber.scrub("--eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln"), "[redacted]");
    let encoded = "a=eyJhbGciOiJSUzI1NiJ9%2EeyJpc3MiOiJ4In0%2ec2ln%20b";
    assert_eq!(scrubber.scrub(encoded), "a=[redacted]%20b");
    let hook = "https://hooks.slack.com/services/T0AAAAAAA/B0BBBBBBB/cccccccc";
    assert_eq!(scrubber.scrub(hook), "https://hooks.slack.com/services/[redacted]");
}

#[test]
fn names_like_token_prefixes_are_kept() {
    let scrubber = Scrubber::default();
    for name in [
        "https://pul-production.corp.test/api",
        "pul-platform-team",
        "pul-1",
        "sk-telecom-infrastructure-production",
        "repo:npm_packages/infrastructure-of-acme",
    ] {
        assert_eq!(scrubber.scrub(name), name);
    }
    let digits = "0123456789abcdef0123456789abcdef01234567";
    assert_eq!(scrubber.scrub(&format!("pul-{digits}.")), "[redacted]");
    assert_eq!(scrubber.scrub(&format!("pul-{digits}-x")), "[redacted]");
}

#[test]
fn later_secret_is_scrubbed() {
    let scrubber = Scrubber::default();
    let held = &scrubber;
    let copy = scrubber.clone();
    scrubber.add("pul5ec4e7a1b2c3d4e5f6");
    assert_eq!(held.scrub("PUL5EC4E7A1B2C3D4E5F6"), "[redacted]");
    assert_eq!(copy.scrub("PUL5EC4E7A1B2C3D4E5F6"), "PUL5EC4E7A1B2C3D4E5F6");
    assert_eq!(format!("{held:?}"), "Scrubber(1 secrets)");
}

/// A secret that a person wrote is removed as a whole. A few of its words are not secret.
#[test]
fn written_secrets_are_removed_whole() {
    let scrubber = scrubber_with("correct-horse-battery-staple");
    assert_eq!(scrubber.scrub("x CORRECT_HORSE_BATTERY_STAPLE y"), "x [redacted] y");
    assert_eq!(scrubber.scrub("a battery and a staple"), "a battery and a staple");
    let scrubber = scrubber_with("swordfish");
    assert_eq!(scrubber.scrub("no Sword-Fish!"), "no [redacted]!");
    assert_eq!(scrubber.scrub(&BASE64_STANDARD.encode("u:swordfish")), "[redacted]");
    assert_eq!(scrubber_with("p@$$!?&*/()").scrub("is p@$$!?&*/()."), "is [redacted].");
}

#[test]
fn placeholders_are_no_secrets() {
    for value in ["$(System.AccessToken)", "${TOKEN_OF_JOB}", "********", "<your token>", "acme"] {
        let text = format!("{value}: System.AccessToken is no token of this job");
        assert_eq!(scrubber_with(value).scrub(&text), text);
    }
}

/// Time and memory depend only on the length of the text.
#[test]
fn long_texts_are_scrubbed_in_one_pass() {
    let secret = "q7x2mlk9fhd3vbz8w4nct6yrsj1guape5i0q";
    let scrubber = scrubber_with(secret);
    let hits = format!("{}{}", &secret[..12], "-z".repeat(20)).repeat(20_000);
    let started = std::time::Instant::now();
    for text in [hits, "%25".repeat(300_000), "\\".repeat(1 << 20), "&<".repeat(500_000)] {
        let _ = scrubber.scrub(&text);
    }
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

// ------------------------------------------------------------------------- properties

/// base64url of random bytes.
fn signs(least: usize, most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(any::<u8>(), least * 3 / 4..most * 3 / 4)
        .prop_map(|bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// Generated secrets: letters, digits and a few signs.
fn random_secret() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9]{43,120}",
        signs(43, 120),
        "[0-9a-f]{40}",
        "pul-[0-9a-f]{40}",
        "[A-Za-z0-9]{3}8Q~[A-Za-z0-9_.~-]{34}",
        "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    ]
    .prop_filter("random", |secret| looks_random(secret))
}

fn token() -> impl Strategy<Value = (String, Vec<String>)> {
    let claim =
        prop_oneof!["[ -~]{0,60}", "[a-z]{2,9}(/[a-z0-9-]{2,20}){1,4}", "[A-Za-z0-9+/]{8,80}"];
    (prop::collection::vec(claim, 1..6), signs(86, 342)).prop_map(|(mut claims, signature)| {
        // A claim may contain the encoded form of another.
        claims.push(BASE64_STANDARD.encode(&claims[0]));
        let object: serde_json::Map<String, serde_json::Value> = claims
            .iter()
            .enumerate()
            .map(|(at, claim)| (format!("claim_{at}"), claim.as_str().into()))
            .collect();
        let part = |text: String| BASE64_URL_SAFE_NO_PAD.encode(text);
        let header = part(r#"{"alg":"RS256","typ":"JWT"}"#.to_owned());
        let body = part(serde_json::Value::Object(object).to_string());
        (format!("{header}.{body}.{signature}"), claims)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn encoded_secret_is_removed(
        secret in random_secret(), before in "[ -~\n]{0,50}", after in "[ -~\n]{0,50}",
    ) {
        let scrubber = scrubber_with(&secret);
        for (name, encode) in ENCODINGS {
            let text = format!("{before} {} {after}", encode(&secret));
            let shown = scrubber.scrub(&text);
            prop_assert!(!gives_away(&shown, &secret), "{name}: {text:?} is {shown:?}");
        }
    }

    #[test]
    fn encoded_signature_is_removed(token in token(), around in "[ -~]{0,40}") {
        let (token, _) = token;
        let signature = token.rsplit('.').next().unwrap();
        let scrubber = scrubber_with(&token);
        for (name, encode) in ENCODINGS {
            for echoed in [&token, signature] {
                let text = format!("{around} {} {around}", encode(echoed));
                let shown = scrubber.scrub(&text);
                prop_assert!(!gives_away(&shown, signature), "{name}: {text:?} is {shown:?}");
                if *echoed == *token {
                    prop_assert!(!shown.contains(&encode(&token)), "{name}: {shown:?}");
                }
            }
        }
    }

    /// Any 20 characters of a secret are found.
    #[test]
    fn part_of_secret_is_removed(secret in "[A-Za-z0-9_-]{60,200}", at in 0usize..40) {
        prop_assume!(looks_random(&secret));
        let part = &secret[at..at + 20];
        prop_assert_eq!(scrubber_with(&secret).scrub(&format!("\"{part}\"")), "\"[redacted]\"");
    }

    #[test]
    fn claims_are_shown(token in token()) {
        let (token, claims) = token;
        let scrubber = scrubber_with(&token);
        for claim in claims {
            prop_assert_eq!(&scrubber.scrub(&claim), &Scrubber::default().scrub(&claim));
        }
    }

    #[test]
    fn ordinary_text_is_kept(secret in random_secret(), text in "[ -~]{0,200}") {
        prop_assert_eq!(scrubber_with(&secret).scrub(&text), Scrubber::default().scrub(&text));
    }
}
