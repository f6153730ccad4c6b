//! The fields of the evidence that a bundle may hold, and which of them hold names.
//!
//! A field that is not in this list is not written. A value of an unexpected type is replaced by an
//! empty value of its JSON type. A field that is missing here makes the tests of replays fail; a
//! field that a deny-list forgot would not.

use crate::platform::{REFUSAL_MESSAGES, github};

/// The kind of value in a field, which decides how it is written.
pub(super) enum Field {
    /// Written unchanged: numbers, booleans, times, and the program's own identifiers.
    Plain,
    /// A text that consists of names.
    Names,
    /// A name, even if it is also a word of a platform or a message; and the label for it.
    Name(&'static str),
    /// One of these values of a standard, in any case; else [`Field::Names`].
    Known(&'static [&'static str]),
    /// A scope: words of a standard, and names.
    Scope,
    /// A Go duration; else [`Field::Names`].
    Duration,
    /// A semver version. Unusual words in its pre-release and build parts are names.
    Version,
    /// A message, which may hold names.
    Message,
    /// A digest in hexadecimal.
    Digest,
    /// Only the fact that the field exists.
    Presence,
    /// An object of which these members are written.
    Members(&'static [(&'static str, Field)]),
    /// A list with elements of this kind.
    Each(&'static Field),
    /// A token's claims. Values are written only of public claims and of those that rules name.
    Claims,
    /// The path of a claim, as rules write it.
    ClaimPath,
    /// A policy rule: [`RULE`], and its pattern, whose meaning depends on the claim.
    Rule,
    /// A [`crate::evidence::Probe`] with answers of this kind.
    Probe(&'static Field),
    /// A [`crate::evidence::Answer`] with a body of this kind.
    Answer(&'static Body),
}

/// The part of an answer's body that is written.
pub(super) enum Body {
    /// These members of a JSON object, which the checks read. Of a text only the marks that the
    /// checks look for.
    Checked(&'static Field),
    /// The message of a refusal, which findings quote: the usual members for a message and those at
    /// these JSON pointers. Without any of them, the whole body as far as reports show it.
    Message(&'static [&'static str]),
}

use Field::{
    Answer, ClaimPath, Claims, Digest, Duration, Each, Known, Members, Message, Name, Names, Plain,
    Presence, Probe, Rule, Scope, Version,
};

/// All the evidence of a run.
pub(super) const EVIDENCE: Field = Members(&[
    ("startedAt", Plain),
    ("now", Plain),
    ("durationMs", Plain),
    ("options", OPTIONS),
    ("input", INPUT),
    ("token", TOKEN),
    ("login", LOGIN),
    ("backend", BACKEND),
    ("policy", POLICY),
    ("issuer", ISSUER),
    ("cloud", CLOUD),
]);

const OPTIONS: Field = Members(&[
    ("setting", Members(&[("kind", Plain), ("platform", Plain)])),
    ("offline", Plain),
    ("noExchange", Plain),
    ("nowGiven", Plain),
    ("allowPrivateIssuer", Plain),
    ("insecure", Plain),
    ("shell", Plain),
]);

const INPUT: Field = Members(&[
    (
        "source",
        Members(&[
            ("kind", Plain),
            ("path", Names),
            ("absolute", Names),
            ("name", Names),
            ("id", Plain),
            ("platform", Plain),
        ]),
    ),
    ("problem", PROBLEM),
    ("wrapped", Each(&Plain)),
    ("typedOnTerminal", Plain),
    ("tried", Each(&Members(&[("source", Names), ("reason", Message)]))),
    ("byVariable", Plain),
    ("surroundings", SURROUNDINGS),
    ("heldBy", Names),
    ("unused", Each(&Names)),
    ("azure", Members(&[("organization", Name("org")), ("connection", Names)])),
    ("cliParser", Plain),
]);

const PROBLEM: Field = Members(&[
    ("kind", Plain),
    (
        "candidates",
        Each(&Members(&[("name", Names), ("audiences", Each(&Names)), ("expires", Plain)])),
    ),
    (
        "refusal",
        Members(&[
            ("kind", Plain),
            ("failure", FAILURE),
            ("answer", Answer(&Body::Message(&REFUSAL_MESSAGES))),
            ("reason", Message),
            ("said", Message),
        ]),
    ),
    ("what", Message),
    ("shown", Message),
    ("looksLike", Plain),
    ("text", Names),
    ("syntax", Plain),
    ("name", Names),
    ("how", Message),
    ("reason", Message),
    ("part", Plain),
    ("bytes", Plain),
]);

const SURROUNDINGS: Field = Members(&[
    ("kind", Plain),
    ("hasClientSecret", Plain),
    ("isFederated", Plain),
    ("hasRequestUri", Plain),
    ("systemToken", Plain),
    ("connection", Names),
    ("missing", Each(&Plain)),
    ("event", Known(github::EVENTS)),
    ("fork", Names),
    ("job", Names),
    ("server", Names),
    ("others", Each(&Each(&Names))),
]);

/// Algorithms of RFC 7518 sections 3.1 and 4.1, RFC 8037, RFC 8812, and RFC 9864.
const ALGORITHM: Field = Known(&[
    "none",
    "HS256",
    "HS384",
    "HS512",
    "RS256",
    "RS384",
    "RS512",
    "ES256",
    "ES384",
    "ES512",
    "PS256",
    "PS384",
    "PS512",
    "EdDSA",
    "Ed25519",
    "Ed448",
    "ES256K",
    "RSA1_5",
    "RSA-OAEP",
    "RSA-OAEP-256",
    "A128KW",
    "A192KW",
    "A256KW",
    "dir",
    "ECDH-ES",
    "A128GCMKW",
    "A256GCMKW",
]);
/// Types of RFC 7515 section 4.1.9 and RFC 9068 section 2.1.
const TYPE: Field = Known(&["JWT", "at+jwt", "application/at+jwt", "JOSE", "JOSE+JSON", "JWS"]);

const TOKEN: Field = Members(&[
    // RFC 7515 section 4.1.
    (
        "header",
        Members(&[
            ("alg", ALGORITHM),
            // RFC 7797 section 3.
            ("b64", Plain),
            ("crit", Each(&Known(&["b64", "exp"]))),
            ("cty", TYPE),
            ("jwk", Presence),
            ("kid", Names),
            ("nonce", Presence),
            ("typ", TYPE),
            ("x5c", Each(&Presence)),
            ("x5t", Names),
        ]),
    ),
    ("claims", Claims),
    ("duplicates", Each(&ClaimPath)),
    ("fingerprint", Digest),
    ("signatureBytes", Plain),
    ("truncated", Message),
]);

const LOGIN: Field = Members(&[
    ("tokenNamed", Plain),
    ("organization", Name("org")),
    ("team", Name("team")),
    ("user", Name("user")),
    ("expiration", Duration),
    ("scope", Scope),
    ("accessTokenInEnvironment", Plain),
    (
        "cli",
        Members(&[("kind", Plain), ("version", Version), ("path", Names), ("reason", Message)]),
    ),
    (
        "helper",
        Members(&[
            ("kind", Plain),
            ("source", Members(&[("kind", Plain), ("name", Names), ("path", Names)])),
            ("path", Names),
            ("problem", Plain),
        ]),
    ),
    ("helperFlagGiven", Plain),
    ("helperOnCommandLine", Plain),
    ("codingAgent", Plain),
]);

const CANDIDATE: Field = Members(&[
    ("url", Names),
    ("source", Members(&[("kind", Plain), ("name", Names), ("path", Names), ("line", Plain)])),
    ("hidden", Members(&[("kind", Plain), ("bytes", Plain), ("what", Plain)])),
]);

const BACKEND: Field = Members(&[
    ("candidates", Each(&CANDIDATE)),
    ("withoutToken", CANDIDATE),
    ("local", Plain),
    ("givenTwice", Each(&CANDIDATE)),
    ("project", LOCAL_FILE),
    ("credentials", LOCAL_FILE),
    (
        "folder",
        Members(&[
            (
                "unusable",
                Members(&[
                    ("path", Names),
                    ("namedBy", Names),
                    ("operation", Plain),
                    ("obstacle", Names),
                    ("reason", Plain),
                ]),
            ),
            ("store", Members(&[("kind", Plain), ("value", Names)])),
            ("config", Members(&[("path", Names), ("cause", Message)])),
        ]),
    ),
]);

const LOCAL_FILE: Field = Members(&[
    ("kind", Plain),
    ("path", Names),
    (
        "accounts",
        Each(&Members(&[("url", Names), ("username", Name("user")), ("inAccessTokens", Plain)])),
    ),
    ("lacksRuntime", Plain),
    ("message", Message),
    ("mistyped", Each(&Members(&[("field", Plain), ("line", Plain), ("message", Message)]))),
    ("newerVersion", Plain),
    ("otherSystem", Names),
    ("line", Plain),
    ("column", Plain),
    ("reason", Message),
]);

const POLICY: Field = Members(&[
    ("kind", Plain),
    ("path", Names),
    (
        "document",
        Members(&[
            ("form", Plain),
            ("organization", Name("org")),
            ("issuers", Each(&REGISTRATION)),
            ("unresolved", Each(&UNRESOLVED)),
        ]),
    ),
    (
        "gap",
        Members(&[
            ("asked", Plain),
            ("accessToken", ACCESS_TOKEN),
            (
                "reason",
                Members(&[
                    ("kind", Plain),
                    ("failure", FAILURE),
                    ("answer", Answer(&Body::Message(&[]))),
                    ("problem", Message),
                ]),
            ),
        ]),
    ),
]);

const PLACE: Field = Members(&[("line", Plain), ("column", Plain)]);

const UNRESOLVED: Field =
    Members(&[("expression", Names), ("decision", Plain), ("tokenType", Plain), ("place", PLACE)]);

/// A [`Rule`] without its pattern.
pub(super) const RULE: Field = Members(&[
    ("claim", ClaimPath),
    ("undetermined", Plain),
    ("compared", Plain),
    ("place", PLACE),
]);

const REGISTRATION: Field = Members(&[
    ("name", Names),
    ("id", Names),
    ("url", Names),
    ("issuer", Names),
    ("thumbprints", Each(&Digest)),
    ("maxExpiration", Plain),
    ("jwks", Presence),
    ("lastUsed", Plain),
    (
        "policies",
        Each(&Members(&[
            ("decision", Plain),
            ("tokenType", Plain),
            ("teamName", Name("team")),
            ("userLogin", Name("user")),
            ("runnerId", Names),
            ("roleId", Names),
            ("authorizedPermissions", Each(&Scope)),
            ("rules", Each(&Rule)),
            ("place", PLACE),
        ])),
    ),
    ("organization", Name("org")),
    ("unresolved", Each(&UNRESOLVED)),
    ("compared", Plain),
    ("place", PLACE),
]);

const FAILURE: Field = Members(&[
    (
        "kind",
        Members(&[("kind", Plain), ("refused", Plain), ("problem", Plain), ("fault", PROXY_FAULT)]),
    ),
    ("host", Names),
    ("port", Plain),
    ("proxy", Names),
    ("proxyVariable", Plain),
    ("passedOver", PASSED_OVER),
    ("nearException", Names),
    ("detail", Message),
    ("attempts", Plain),
]);

const PROXY_FAULT: Field = Members(&[
    ("kind", Plain),
    ("name", Names),
    ("sent", Plain),
    ("schemes", Each(&Plain)),
    ("status", Plain),
    ("title", Message),
    ("location", Names),
]);

const PASSED_OVER: Field = Members(&[("variable", Plain), ("reason", Plain)]);

/// An [`Answer`] without its body.
pub(super) const ANSWER: Field = Members(&[
    ("url", Names),
    ("status", Plain),
    ("contentType", Message),
    ("location", Names),
    ("retryAfter", Message),
    ("requestId", Names),
    ("proxy", Names),
    ("proxyVariable", Plain),
    ("passedOver", PASSED_OVER),
    ("nearException", Names),
    ("clockOffsetSeconds", Plain),
    ("attempts", Plain),
]);

/// A [`Probe`] without its answer.
pub(super) const PROBE: Field =
    Members(&[("outcome", Plain), ("failure", FAILURE), ("elapsedMs", Plain)]);

const CHAIN: Field = Members(&[
    (
        "certificates",
        Each(&Members(&[
            ("subject", Names),
            ("issuer", Names),
            ("names", Each(&Names)),
            ("notAfter", Plain),
            ("sha256", Digest),
            ("sha1", Digest),
        ])),
    ),
    ("publiclyTrusted", Plain),
]);

const ISSUER: Field = Members(&[
    ("addresses", Each(&Names)),
    (
        "discovery",
        Probe(&Answer(&Body::Checked(&Members(&[
            ("issuer", Names),
            ("jwks_uri", Names),
            ("id_token_signing_alg_values_supported", Each(&ALGORITHM)),
        ])))),
    ),
    ("namesToken", Plain),
    ("jwks", Probe(&Answer(&Body::Checked(&Members(&[]))))),
    ("keySource", Members(&[("kind", Plain), ("path", Names)])),
    (
        "keys",
        Members(&[
            ("kind", Plain),
            (
                "keys",
                Each(&Members(&[
                    ("id", Names),
                    // RFC 7517 section 4, RFC 7518 sections 6.1 and 6.2, RFC 8037.
                    ("keyType", Known(&["RSA", "EC", "OKP", "oct"])),
                    ("algorithm", ALGORITHM),
                    ("usage", Known(&["sig", "enc"])),
                    (
                        "curve",
                        Known(&[
                            "P-256",
                            "P-384",
                            "P-521",
                            "secp256k1",
                            "Ed25519",
                            "Ed448",
                            "X25519",
                            "X448",
                        ]),
                    ),
                ])),
            ),
            ("reason", Message),
        ]),
    ),
    (
        "signature",
        Members(&[
            ("kind", Plain),
            ("key", Names),
            ("unusual", Each(&Message)),
            ("reason", Message),
            ("assumesGo", Plain),
            ("expected", Plain),
        ]),
    ),
    ("chain", CHAIN),
]);

const ACCESS_TOKEN: Field =
    Members(&[("kind", Plain), ("name", Names), ("path", Names), ("expiresAt", Plain)]);

const CLOUD: Field = Members(&[
    (
        "capabilities",
        Probe(&Answer(&Body::Checked(&Members(&[("capabilities", Each(&Members(&[])))])))),
    ),
    ("chain", CHAIN),
    (
        "exchange",
        Probe(&Members(&[
            ("kind", Plain),
            ("issuedTokenType", Names),
            ("expiresIn", Plain),
            ("scope", Scope),
            ("clockOffsetSeconds", Plain),
            ("reason", Message),
            ("cause", Message),
            ("said", Message),
            ("answer", Answer(&Body::Message(&[]))),
        ])),
    ),
    ("exchangeSkipped", Plain),
    ("accessToken", ACCESS_TOKEN),
    ("whoami", Probe(&Answer(&Body::Message(&[])))),
    ("whoamiError", Message),
]);

/// The body of `GET /api/user` if it names a user.
pub(super) const USER: Field = Members(&[
    ("githubLogin", Name("user")),
    ("organizations", Each(&Members(&[("githubLogin", Name("org"))]))),
    (
        "tokenInfo",
        Members(&[("name", Names), ("organization", Name("org")), ("team", Name("team"))]),
    ),
]);

/// The members of a JSON body that hold a message: those of RFC 6749 section 5.2 and Pulumi's own.
pub(super) const MESSAGE_MEMBERS: [&str; 4] = ["error", "error_description", "message", "errors"];
