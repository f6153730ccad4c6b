//! Whether the token can be verified: the issuer, its documents and keys.

use super::Platform::{Anywhere, AzurePipelines, Bitbucket, GitLabCi, Kubernetes};
use super::{ByHand, Category, Code, Entry, Language, Severity, commands, links};

pub(super) const ROWS: &[Entry] = &[
    Entry {
        code: Code::IssuerUrlInvalid,
        category: Category::Issuer,
        severity: Severity::Error,
        title: "The token's issuer is not a usable URL",
        meaning: "iss has to be an https URL without query, fragment or credentials. It is read as \
            it is written: https:/host is not taken for https://host.",
        detection: "iss is not an https URL, has a query, a fragment or credentials in it, or is \
            malformed (blanks, backslashes, control characters, a host or port that is not valid). \
            Nothing is connected to.",
        causes: &[
            Kubernetes.cause(
                "The API server was started with a service account issuer that is a bare name: \
                such an issuer cannot be found.",
            ),
            Anywhere
                .cause("A self-hosted issuer has http:// or a bare host configured as its name."),
        ],
        fix: "Use a token whose issuer is published over https.",
        example: Language::Sh.change(
            "kube-apiserver --service-account-issuer=kubernetes.default.svc",
            "kube-apiserver --service-account-issuer=https://oidc.acme.test/cluster-1",
        ),
        by_hand: ByHand { words: "Look at iss:", command: commands::CLAIMS },
        related: &[Code::IssuerNotRegistered],
        link: links::DISCOVERY,
    },
    Entry {
        code: Code::IssuerAddressRefused,
        category: Category::Issuer,
        severity: Severity::Warning,
        title: "The doctor did not connect to the issuer",
        meaning: "The issuer's address came out of the token, and it is one that a stranger's \
            token must not make this machine connect to.",
        detection: "The address in the token's iss is loopback, link-local, private or a metadata \
            service's, and this kind of token may not make the doctor connect there. The issuer's \
            checks are skipped.",
        causes: &[
            GitLabCi.cause(
                "A self-hosted GitLab on a private network, whose token was pasted or read from a \
                file.",
            ),
            Kubernetes.cause("The cluster's issuer is an address inside the cluster."),
            Anywhere.cause("Somebody's token names an address on purpose: leave it at that."),
        ],
        fix: "Pass --allow-private-issuer if you know this issuer.",
        example: Language::Sh.change(
            "doctor --oidc-org acme file://token.jwt",
            "doctor --oidc-org acme --allow-private-issuer file://token.jwt",
        ),
        by_hand: ByHand {
            words: "See which address the issuer's name has, without connecting to it:",
            command: "getent hosts gitlab.acme.test",
        },
        related: &[Code::IssuerNotPublic],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::IssuerNotPublic,
        category: Category::Issuer,
        severity: Severity::Error,
        title: "The issuer is not reachable from Pulumi Cloud",
        meaning: "The issuer has a private address: Pulumi Cloud cannot connect to it to fetch its \
            keys, whether or not it answers here.",
        detection: "The issuer's host is, or resolves to, an address that is private or link-local \
            (or of this machine, where the backend is under pulumi.com), and the registration \
            carries no keys (jwks). The doctor need not have connected to it. For a self-hosted \
            Pulumi Cloud it is a warning.",
        causes: &[
            GitLabCi.cause("A self-hosted GitLab behind the company's firewall."),
            Kubernetes.cause(
                "A cluster whose API server is private. Its keys can be registered; they have to \
                be registered anew when they rotate.",
            ),
            Anywhere.cause(
                "A split DNS gives a private address inside and a public one outside: then nothing \
                is wrong for Pulumi Cloud.",
            ),
        ],
        fix: "Publish the discovery document and keys, or register the keys with the issuer.",
        example: Language::Yaml.change(
            "\
issuers:
  - url: https://gitlab.acme.test",
            r#"issuers:
  - url: https://gitlab.acme.test
    jwks:
      keys:
        - kty: EC
          kid: "2026-01"
          crv: P-256
          x: MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4
          y: 4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"#,
        ),
        by_hand: ByHand {
            words: "See which address the name has here, and ask a public resolver too:",
            command: "\
getent hosts gitlab.acme.test
curl -sS 'https://dns.google/resolve?name=gitlab.acme.test' | jq '.Answer'",
        },
        related: &[Code::IssuerAddressRefused, Code::IssuerUnreachable],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::IssuerUnreachable,
        category: Category::Issuer,
        severity: Severity::Error,
        title: "The issuer cannot be reached",
        meaning: "Pulumi Cloud fetches the issuer's keys; from here the issuer gives no answer.",
        detection: "The issuer's host cannot be resolved or connected to, or does not answer \
            within --timeout. Where it is a proxy of this machine that keeps it away, it is a \
            warning.",
        causes: &[
            GitLabCi.cause("A self-hosted GitLab that only the company's network sees."),
            Kubernetes.cause("The cluster's issuer is not published outside."),
            Anywhere.cause(
                "A firewall or proxy between this machine and the issuer: Pulumi Cloud may well \
                reach it.",
            ),
        ],
        fix: "Make the issuer's discovery document reachable, or register its keys.",
        example: Language::Sh.change(
            "\
curl -sS https://gitlab.acme.test/.well-known/openid-configuration
# curl: (28) Connection timed out",
            r#"curl -sS https://gitlab.acme.test/.well-known/openid-configuration | jq .issuer
# "https://gitlab.acme.test""#,
        ),
        by_hand: ByHand {
            words: "Ask for the discovery document, from here and from outside the network:",
            command: commands::DISCOVERY,
        },
        related: &[
            Code::IssuerNotPublic,
            Code::IssuerTlsUntrusted,
            Code::DiscoveryNotFound,
            Code::JwksUnreachable,
        ],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::IssuerTlsUntrusted,
        category: Category::Issuer,
        severity: Severity::Error,
        title: "The issuer's certificate is not trusted",
        meaning: "Keys are fetched over verified TLS only.",
        detection: "The TLS handshake with the issuer fails: unknown authority, expired, or for \
            another host.",
        causes: &[
            GitLabCi
                .cause("A self-hosted GitLab with a certificate of the company's own authority."),
            Anywhere.cause(
                "A proxy between this machine and the issuer signs anew: Pulumi Cloud sees the \
                real certificate.",
            ),
            Anywhere.cause("The server does not send the intermediate certificate."),
        ],
        fix: "Give the issuer a certificate of a public authority, or register its thumbprint or \
            keys.",
        example: Language::Yaml.change(
            "\
issuers:
  - url: https://gitlab.acme.test",
            "\
issuers:
  - url: https://gitlab.acme.test
    thumbprints:
      - 3f2a9c1e7b5d4086a1c3e5f7092b4d6f8103a5c7e9fb1d2f4061738495a6b7c8",
        ),
        by_hand: ByHand {
            words: "See who signed the issuer's certificate, and its SHA-256 thumbprint:",
            command: r#"ISSUER_HOST=gitlab.acme.test
openssl s_client -connect "$ISSUER_HOST:443" -servername "$ISSUER_HOST" </dev/null 2>/dev/null |
  openssl x509 -noout -issuer -dates -fingerprint -sha256"#,
        },
        related: &[Code::BackendTlsUntrusted, Code::IssuerUnreachable, Code::ThumbprintMismatch],
        link: links::ISSUERS,
    },
    Entry {
        code: Code::DiscoveryNotFound,
        category: Category::Issuer,
        severity: Severity::Error,
        title: "The issuer has no discovery document",
        meaning: "Pulumi Cloud finds the issuer's keys through \
            ISSUER/.well-known/openid-configuration.",
        detection: "ISSUER/.well-known/openid-configuration answers with another status than 200, \
            or with something that is no JSON.",
        causes: &[
            Bitbucket.cause(
                "OIDC was never used in the workspace: the document is there after the first run \
                with oidc: true.",
            ),
            Kubernetes.cause("The API server shows it to authenticated callers only."),
            Anywhere.cause("A sign-in page or a proxy answers in its place."),
            Anywhere.cause("iss has a path that the server does not know."),
        ],
        fix: "Publish the document at that address, or register the issuer's keys.",
        example: Language::Sh.change(
            "\
curl -sS -o /dev/null -w '%{http_code}' https://oidc.acme.test/.well-known/openid-configuration
# 404",
            "\
curl -sS -o /dev/null -w '%{http_code}' https://oidc.acme.test/.well-known/openid-configuration
# 200",
        ),
        by_hand: ByHand { words: "Ask for the document:", command: commands::DISCOVERY },
        related: &[Code::IssuerUnreachable, Code::DiscoveryInvalid],
        link: links::DISCOVERY,
    },
    Entry {
        code: Code::DiscoveryInvalid,
        category: Category::Issuer,
        severity: Severity::Error,
        title: "The discovery document is not usable",
        meaning: "It has to be a JSON object with issuer and jwks_uri, of at most 1 MiB.",
        detection: "The document is not a JSON object, lacks issuer or jwks_uri, or is larger than \
            1 MiB.",
        causes: &[
            Anywhere.cause("It was published by hand and has a slip in it."),
            Anywhere.cause("The server answers every path with the same page."),
        ],
        fix: "Correct the document at the issuer.",
        example: Language::Json.change(
            r#"{"issuer": "https://oidc.acme.test"}"#,
            r#"{"issuer": "https://oidc.acme.test", "jwks_uri": "https://oidc.acme.test/keys"}"#,
        ),
        by_hand: ByHand { words: "Ask for the document:", command: commands::DISCOVERY },
        related: &[Code::DiscoveryNotFound, Code::DiscoveryIssuerMismatch],
        link: links::DISCOVERY,
    },
    Entry {
        code: Code::DiscoveryIssuerMismatch,
        category: Category::Issuer,
        severity: Severity::Error,
        title: "The discovery document is of another issuer",
        meaning: "The document's issuer has to equal the token's iss, to the letter.",
        detection: "issuer in the discovery document is not, character for character, the token's \
            iss.",
        causes: &[
            AzurePipelines.cause(
                "Entra without /v2.0: the document at login.microsoftonline.com/TENANT names \
                https://sts.windows.net/TENANT/.",
            ),
            AzurePipelines.cause(
                "The tenant is common or organizations: the document then holds {tenantid}.",
            ),
            Anywhere.cause("A trailing slash, upper case in the host, or an alias of the server."),
        ],
        fix: "Register and use the issuer under the name that it calls itself.",
        example: Language::Json.change(
            r#"{"issuer": "https://oidc.acme.test/", "jwks_uri": "https://oidc.acme.test/keys"}"#,
            r#"{"issuer": "https://oidc.acme.test", "jwks_uri": "https://oidc.acme.test/keys"}"#,
        ),
        by_hand: ByHand {
            words: "Compare issuer with the token's iss:",
            command: commands::DISCOVERY,
        },
        related: &[Code::DiscoveryInvalid, Code::IssuerNotRegistered],
        link: links::DISCOVERY,
    },
    Entry {
        code: Code::JwksUnreachable,
        category: Category::Issuer,
        severity: Severity::Error,
        title: "The issuer's keys cannot be fetched",
        meaning: "The discovery document names them at jwks_uri, and that address gives none.",
        detection: "The address in jwks_uri cannot be reached, or answers with another status than \
            200.",
        causes: &[
            Kubernetes.cause("jwks_uri holds the API server's internal address."),
            Anywhere.cause("The keys are behind a firewall, or on another host than the document."),
            Anywhere.cause("jwks_uri leads to another host by a redirect, which is not followed."),
        ],
        fix: "Make jwks_uri reachable, or register the issuer's keys.",
        example: Language::Json.change(
            "{\"issuer\": \"https://oidc.acme.test\", \"jwks_uri\": \
            \"https://10.0.0.1:6443/openid/v1/jwks\"}",
            "{\"issuer\": \"https://oidc.acme.test\", \"jwks_uri\": \
            \"https://oidc.acme.test/openid/v1/jwks\"}",
        ),
        by_hand: ByHand {
            words: "Fetch the keys from where the document says they are:",
            command: commands::KEY_IDS,
        },
        related: &[Code::IssuerUnreachable, Code::JwksInvalid],
        link: links::JWK,
    },
    Entry {
        code: Code::JwksInvalid,
        category: Category::Issuer,
        severity: Severity::Error,
        title: "The issuer's keys are not usable",
        meaning: "A key set is a JSON object with a list `keys`.",
        detection: "The key set is no JSON object with a list keys, holds no key that can be used, \
            or is larger than 1 MiB.",
        causes: &[
            Anywhere.cause("One key was published instead of a set."),
            Anywhere.cause("The keys are PEM instead of JWK."),
            Anywhere.cause("A file of keys is behind --jwks, and it is another file."),
        ],
        fix: "Correct the key set at the issuer.",
        example: Language::Json.change(
            r#"{"kty": "EC", "kid": "2026-01", "crv": "P-256", "x": "...", "y": "..."}"#,
            "{\"keys\": [{\"kty\": \"EC\", \"kid\": \"2026-01\", \"crv\": \"P-256\", \"x\": \
            \"...\", \"y\": \"...\"}]}",
        ),
        by_hand: ByHand { words: "Fetch the keys and list their ids:", command: commands::KEY_IDS },
        related: &[Code::AlgorithmUnsupported, Code::JwksUnreachable, Code::SigningKeyNotFound],
        link: links::JWK,
    },
    Entry {
        code: Code::SigningKeyNotFound,
        category: Category::Issuer,
        severity: Severity::Error,
        title: "The key that signed the token is not in the key set",
        meaning: "The token names its key by kid, and the issuer's key set has no such key.",
        detection: "The token's header has a kid, and no key of the set has it; or the key that \
            has it does not fit the token's algorithm, or cannot be used (a point that is not on \
            its curve, an RSA key below 1024 bits).",
        causes: &[
            Kubernetes.cause(
                "The cluster was recreated, or its keys were rotated; the keys in the registration \
                are the old ones.",
            ),
            Anywhere.cause("Keys were registered (jwks) and the issuer has rotated its own since."),
            Anywhere.cause("The token was issued before a rotation, and its key is withdrawn."),
            Anywhere.cause(
                "The token is another issuer's, with the same iss: a restored backup, a test \
                instance.",
            ),
        ],
        fix: "Request a new token; if that does not help, the keys come from another issuer or are \
            out of date.",
        example: Language::Json.change(
            r#"{"keys": [{"kty": "RSA", "kid": "2025-07", "n": "...", "e": "AQAB"}]}"#,
            r#"{"keys": [{"kty": "RSA", "kid": "2026-01", "n": "...", "e": "AQAB"}]}"#,
        ),
        by_hand: ByHand {
            words: "Compare kid in the token's header with the ids of the issuer's keys:",
            command: r#"# token.jwt holds the token
ISSUER=https://gitlab.acme.test  # the token's iss
cut -d. -f1 token.jwt | tr '_-' '/+' | jq -R '@base64d | fromjson | .kid'
curl -sS "$(curl -sS "$ISSUER/.well-known/openid-configuration" | jq -r .jwks_uri)" |
  jq '[.keys[].kid]'"#,
        },
        related: &[Code::JwksInvalid, Code::KeyNotRecommended, Code::SignatureInvalid],
        link: links::JWK,
    },
    Entry {
        code: Code::KeyNotRecommended,
        category: Category::Issuer,
        severity: Severity::Warning,
        title: "The key that signed the token is unusual",
        meaning: "The signature verifies. Some verifiers would refuse the key all the same, for \
            its size or for what the key set says of it.",
        detection: "The key that verifies has a use other than sig, key_ops without verify, an alg \
            other than the token's, or an RSA modulus below 2048 bits or above 4096.",
        causes: &[
            Anywhere.cause("A self-hosted issuer publishes its encryption key, or signs with it."),
            Anywhere.cause("The issuer's key is old: 1024 bits were usual for RSA once."),
        ],
        fix: "Have the issuer sign with a key that is published for signatures, with 2048 to 4096 \
            bits for RSA.",
        example: Language::Json.change(
            r#"{"kty": "RSA", "kid": "2026-01", "use": "enc", "n": "...", "e": "AQAB"}"#,
            r#"{"kty": "RSA", "kid": "2026-01", "use": "sig", "n": "...", "e": "AQAB"}"#,
        ),
        by_hand: ByHand {
            words: "Show what the key set says of each key, and the length of its modulus in bytes:",
            command: r#"ISSUER=https://gitlab.acme.test  # the token's iss
curl -sS "$(curl -sS "$ISSUER/.well-known/openid-configuration" | jq -r .jwks_uri)" |
  jq -c '.keys[] | {kid, kty, use, key_ops, alg, bytes: ((.n // "") | length * 3 / 4 | floor)}'"#,
        },
        related: &[Code::SigningKeyNotFound, Code::AlgorithmUnsupported],
        link: links::JWK,
    },
    Entry {
        code: Code::SignatureInvalid,
        category: Category::Issuer,
        severity: Severity::Error,
        title: "The signature does not verify",
        meaning: "The key is there, and the signature is not one that it made for this token: the \
            token was altered.",
        detection: "The key that kid names is in the set, the signature has the right length, and \
            it does not verify.",
        causes: &[
            Anywhere.cause(
                "A claim was changed by hand, to try a policy: use doctor policy test for that.",
            ),
            Anywhere.cause(
                "Something on the way changed the token: a template, an editor, a change of \
                encoding.",
            ),
            Anywhere.cause("The registered keys are another instance's with the same kid."),
        ],
        fix: "Pass the token exactly as the platform issued it.",
        example: Language::Sh.change(
            "doctor --oidc-org acme --policy policy.yaml file://edited.jwt",
            "doctor policy test --policy policy.yaml --oidc-org acme file://claims.json",
        ),
        by_hand: ByHand {
            words: "Verify it with openssl (RS256 with a key of 2048 bits, and an issuer that \
                publishes x5c):",
            command: r#"# token.jwt holds the token
KID=ID  # kid in the token's header
JWKS_URI=https://gitlab.acme.test/oauth/discovery/keys  # from the discovery document
cut -d. -f1,2 token.jwt | tr -d '\n' >signed.txt
printf '%s==' "$(cut -d. -f3 token.jwt | tr '_-' '/+')" | base64 -d >signature.bin
curl -sS "$JWKS_URI" | jq -r --arg kid "$KID" '.keys[] | select(.kid == $kid) | .x5c[0]' |
  base64 -d | openssl x509 -inform der -noout -pubkey >key.pem
openssl dgst -sha256 -verify key.pem -signature signature.bin signed.txt"#,
        },
        related: &[Code::TokenTruncated, Code::TokenMalformed, Code::SigningKeyNotFound],
        link: links::JWS,
    },
];
