//! nginx as an issuer that serves its documents as files, as many issuers do.
//!
//! The test's Pulumi Cloud reads them with another HTTP client than the program's.

use serde_json::{Map, json};

use crate::Test;
use crate::nginx::{Certificate, Nginx};
use crate::registered::Registered;
use crate::support::{Authority, Identity, KID, Run, SigningKey, object};

/// A configuration of nginx, and the expected result.
struct Case {
    name: &'static str,
    /// The host in the issuer's URL.
    host: &'static str,
    certificate: fn(&Authority) -> Certificate,
    /// The options of `listen`.
    listen: &'static str,
    directives: &'static str,
    expected: Expected,
}

enum Expected {
    /// A healthy login, with these texts in nginx's log of each answer to the program.
    Healthy(&'static [&'static str]),
    /// A root cause, its check, and texts of the finding.
    RootCause(&'static str, &'static str, &'static [&'static str]),
}

const GOOD: Case = Case {
    name: "",
    host: "127.0.0.1",
    certificate: |authority| good(authority),
    listen: "ssl",
    directives: "$certificate",
    expected: Expected::Healthy(&[]),
};

fn good(authority: &Authority) -> Certificate {
    Certificate::alone(&authority.issue(&["127.0.0.1", "localhost"]).unwrap())
}

fn intermediate(authority: &Authority, is_complete: bool) -> Certificate {
    let intermediate = authority.subordinate().unwrap();
    let certificate = good(&intermediate);
    if is_complete { certificate.with_intermediate(&intermediate) } else { certificate }
}

const CASES: &[Case] = &[
    Case { name: "certificate_is_valid", ..GOOD },
    Case {
        name: "certificate_has_expired",
        certificate: |authority| {
            Certificate::alone(&authority.issue_expired(&["127.0.0.1"]).unwrap())
        },
        expected: Expected::RootCause(
            "issuer-tls-untrusted",
            "issuer",
            &["has expired", "2020-01-01"],
        ),
        ..GOOD
    },
    Case {
        name: "certificate_is_for_other_host",
        certificate: |authority| {
            Certificate::alone(&authority.issue(&["ci.example.test"]).unwrap())
        },
        expected: Expected::RootCause(
            "issuer-tls-untrusted",
            "issuer",
            &["is not for 127.0.0.1", "ci.example.test"],
        ),
        ..GOOD
    },
    Case {
        name: "certificate_is_self_signed",
        certificate: |_| Certificate::alone(&Identity::self_signed(&["127.0.0.1"]).unwrap()),
        expected: Expected::RootCause("issuer-tls-untrusted", "issuer", &["signed by itself"]),
        ..GOOD
    },
    Case {
        name: "authority_is_unknown",
        certificate: |_| good(&Authority::new().unwrap()),
        expected: Expected::RootCause(
            "issuer-tls-untrusted",
            "issuer",
            &["No authority that is trusted"],
        ),
        ..GOOD
    },
    Case {
        name: "intermediate_is_not_sent",
        certificate: |authority| intermediate(authority, false),
        expected: Expected::RootCause(
            "issuer-tls-untrusted",
            "issuer",
            &["doctor loopback intermediate", "has to send the authority's certificate too"],
        ),
        ..GOOD
    },
    Case {
        name: "intermediate_is_sent",
        certificate: |authority| intermediate(authority, true),
        ..GOOD
    },
    Case {
        name: "intermediate_is_sent_but_authority_unknown",
        certificate: |_| intermediate(&Authority::new().unwrap(), true),
        expected: Expected::RootCause(
            "issuer-tls-untrusted",
            "issuer",
            &["CN=doctor loopback authority"],
        ),
        ..GOOD
    },
    Case {
        name: "server_name_selects_certificate",
        host: "localhost",
        directives: "$certificate server_name localhost;",
        ..GOOD
    },
    Case {
        name: "only_tls_1_2",
        directives: "$certificate ssl_protocols TLSv1.2;",
        expected: Expected::Healthy(&["TLSv1.2"]),
        ..GOOD
    },
    Case {
        name: "only_tls_1_3",
        directives: "$certificate ssl_protocols TLSv1.3;",
        expected: Expected::Healthy(&["TLSv1.3"]),
        ..GOOD
    },
    Case {
        name: "only_tls_before_1_2",
        directives: "$certificate ssl_protocols TLSv1 TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;",
        expected: Expected::RootCause(
            "issuer-unreachable",
            "issuer",
            &["TLS handshake", "TLS 1.2"],
        ),
        ..GOOD
    },
    Case {
        name: "client_certificate_is_required",
        directives: "$certificate ssl_verify_client on; ssl_client_certificate certificate.pem;",
        expected: Expected::RootCause(
            "discovery-not-found",
            "issuer",
            &["status 400", "400 No required SSL certificate was sent"],
        ),
        ..GOOD
    },
    Case {
        name: "port_speaks_no_tls",
        listen: "",
        directives: "",
        expected: Expected::RootCause(
            "issuer-unreachable",
            "issuer",
            &["TLS handshake", "is not TLS"],
        ),
        ..GOOD
    },
    Case { name: "http_1_1", expected: Expected::Healthy(&["HTTP/1.1"]), ..GOOD },
    // An issuer may be hostile, so the doctor does not expose its HTTP/2 implementation to it.
    Case {
        name: "http_2_is_offered",
        listen: "ssl http2",
        expected: Expected::Healthy(&["HTTP/1.1"]),
        ..GOOD
    },
    Case {
        name: "documents_are_compressed",
        directives: "$certificate gzip on; gzip_types application/json; gzip_min_length 1;",
        expected: Expected::Healthy(&["encoding=gzip", "transfer=chunked"]),
        ..GOOD
    },
    Case {
        name: "documents_are_chunked",
        directives: "$certificate sub_filter_types application/json; sub_filter absent absent;",
        expected: Expected::Healthy(&["encoding=- transfer=chunked"]),
        ..GOOD
    },
    Case {
        name: "one_connection_per_request",
        directives: "$certificate keepalive_timeout 0;",
        ..GOOD
    },
    Case {
        name: "content_type_is_generic",
        directives: "$certificate default_type application/octet-stream;",
        ..GOOD
    },
    Case {
        name: "discovery_has_byte_order_mark",
        directives: "$certificate sub_filter_types application/json; \
                     sub_filter '{\"issuer' '\u{feff}{\"issuer';",
        expected: Expected::RootCause("discovery-invalid", "issuer", &["byte order mark"]),
        ..GOOD
    },
    Case {
        name: "keys_have_byte_order_mark",
        directives: "$certificate sub_filter_types application/json; \
                     sub_filter '{\"keys' '\u{feff}{\"keys';",
        expected: Expected::RootCause("jwks-invalid", "keys", &["JSON"]),
        ..GOOD
    },
    Case {
        name: "basic_authentication_is_required",
        directives: "$certificate auth_basic ci; auth_basic_user_file users;",
        expected: Expected::RootCause("discovery-not-found", "issuer", &["status 401"]),
        ..GOOD
    },
    Case {
        name: "access_is_forbidden",
        directives: "$certificate deny all;",
        expected: Expected::RootCause(
            "discovery-not-found",
            "issuer",
            &["status 403", "403 Forbidden"],
        ),
        ..GOOD
    },
    Case {
        name: "upstream_is_down",
        directives: "$certificate location / { proxy_pass http://127.0.0.1:1; }",
        expected: Expected::RootCause(
            "discovery-not-found",
            "issuer",
            &["status 502", "502 Bad Gateway"],
        ),
        ..GOOD
    },
    Case {
        name: "server_closes_connection",
        directives: "$certificate return 444;",
        expected: Expected::RootCause("issuer-unreachable", "issuer", &["broke off"]),
        ..GOOD
    },
    Case {
        name: "redirect_on_same_host",
        directives: "$certificate \
                     location = /.well-known/openid-configuration { return 301 /moved; } \
                     location = /moved { alias root/.well-known/openid-configuration; }",
        ..GOOD
    },
    Case {
        name: "redirect_to_other_host",
        directives: "$certificate location /.well-known/ { return 302 https://login.example.test/; }",
        expected: Expected::RootCause(
            "discovery-not-found",
            "issuer",
            &["status 302", "https://login.example.test/"],
        ),
        ..GOOD
    },
    Case {
        name: "keys_are_gone",
        directives: "$certificate location = /keys { return 410; }",
        expected: Expected::RootCause("jwks-unreachable", "keys", &["status 410"]),
        ..GOOD
    },
    Case {
        name: "compressed_keys_are_too_large",
        directives: "$certificate location = /keys { alias root/large; gzip on; \
                     gzip_types application/json; }",
        expected: Expected::RootCause("jwks-invalid", "keys", &["1 MiB"]),
        ..GOOD
    },
];

pub fn tests() -> Vec<Test> {
    let test = |case: &'static Case| (case.name.to_owned(), Box::new(|| case.check()) as _);
    CASES.iter().map(test).collect()
}

impl Case {
    fn check(&self) {
        let authority = Authority::new().unwrap();
        let wrong = Authority::new().unwrap();
        let wrong = Certificate::alone(&wrong.issue(&["elsewhere.test"]).unwrap());
        let certificates = [("certificate", &(self.certificate)(&authority)), ("wrong", &wrong)];
        let (listen, directives) = (self.listen, self.directives);
        let nginx = Nginx::start(&certificates, |port| {
            // nginx uses the first server for clients that name no host, or another one.
            let other = match self.host {
                "localhost" => {
                    format!("server {{ listen 127.0.0.1:{port} ssl; $wrong return 421; }}")
                }
                _ => String::new(),
            };
            format!("{other} server {{ listen 127.0.0.1:{port} {listen}; {directives} }}")
        });

        let issuer = format!("https://{}:{}", self.host, nginx.port());
        let key = SigningKey::generate("ES256").unwrap();
        let documents = [
            (
                "/.well-known/openid-configuration",
                json!({
                    "issuer": issuer,
                    "jwks_uri": format!("{issuer}/keys"),
                    "id_token_signing_alg_values_supported": ["ES256"],
                }),
            ),
            ("/keys", json!({"keys": [key.jwk(KID).unwrap()]})),
            ("/large", json!({"keys": [], "padding": "x".repeat(2 << 20)})),
        ];
        for (path, document) in documents {
            nginx.write_file(path, document.to_string());
        }
        let now = jiff::Timestamp::now().as_second();
        let claims = json!({
            "iss": issuer, "aud": "urn:pulumi:org:acme", "sub": "job:1", "iat": now, "exp": now + 600,
        });
        let header = Map::from_iter([("kid".to_owned(), json!(KID))]);
        let token = key.sign(&header, &object(claims)).unwrap();
        let rules = json!({"aud": "urn:pulumi:org:acme", "sub": "job:*"});
        let login = Registered::new(authority, &issuer, rules);
        self.assert_expected(&login.doctor(&token).json(), &nginx.answers());
    }

    fn assert_expected(&self, run: &Run, answers: &[String]) {
        match self.expected {
            Expected::Healthy(texts) => {
                run.assert_healthy();
                run.assert_check("signature", "pass", None);
                let matches = |answer: &String| texts.iter().all(|text| answer.contains(text));
                assert!(answers.iter().all(matches), "{texts:?}: {answers:#?}");
                assert!(answers.iter().any(|answer| answer.contains("/keys 200")), "{answers:#?}");
            }
            Expected::RootCause(code, check, texts) => {
                run.assert_root_cause(code, "issuer", check);
                run.assert_finding_contains(code, texts);
            }
        }
    }
}
