//! nginx in front of an issuer: its documents are files, as they are for many issuers in the world.
//!
//! What Pulumi Cloud makes of it is seen with another HTTP client than the program's.

use serde_json::{Map, json};

use crate::Test;
use crate::nginx::{Certificate, Nginx};
use crate::registered::Registered;
use crate::support::{Authority, Identity, KID, Run, SigningKey, object};

/// What is served, and what is to be found.
struct Case {
    name: &'static str,
    /// The host in the issuer's URL.
    host: &'static str,
    certificate: fn(&Authority) -> Certificate,
    /// What follows the port of `listen`.
    listen: &'static str,
    directives: &'static str,
    found: Found,
}

enum Found {
    /// Nothing; and what the log of nginx says of each answer to the program.
    Healthy(&'static [&'static str]),
    /// This root cause, of this check, and what it says.
    Root(&'static str, &'static str, &'static [&'static str]),
}

const GOOD: Case = Case {
    name: "",
    host: "127.0.0.1",
    certificate: |authority| good(authority),
    listen: "ssl",
    directives: "$certificate",
    found: Found::Healthy(&[]),
};

fn good(authority: &Authority) -> Certificate {
    Certificate::alone(&authority.issue(&["127.0.0.1", "localhost"]).unwrap())
}

fn intermediate(authority: &Authority, is_complete: bool) -> Certificate {
    let intermediate = authority.subordinate().unwrap();
    let certificate = good(&intermediate);
    if is_complete { certificate.with(&intermediate) } else { certificate }
}

const CASES: &[Case] = &[
    Case { name: "its_certificate_is_right", ..GOOD },
    Case {
        name: "its_certificate_has_expired",
        certificate: |authority| {
            Certificate::alone(&authority.issue_expired(&["127.0.0.1"]).unwrap())
        },
        found: Found::Root("issuer-tls-untrusted", "issuer", &["has expired", "2020-01-01"]),
        ..GOOD
    },
    Case {
        name: "its_certificate_is_for_another_host",
        certificate: |authority| {
            Certificate::alone(&authority.issue(&["ci.example.test"]).unwrap())
        },
        found: Found::Root(
            "issuer-tls-untrusted",
            "issuer",
            &["is not for 127.0.0.1", "ci.example.test"],
        ),
        ..GOOD
    },
    Case {
        name: "its_certificate_is_signed_by_itself",
        certificate: |_| Certificate::alone(&Identity::self_signed(&["127.0.0.1"]).unwrap()),
        found: Found::Root("issuer-tls-untrusted", "issuer", &["signed by itself"]),
        ..GOOD
    },
    Case {
        name: "its_certificate_is_signed_by_an_authority_that_nobody_knows",
        certificate: |_| good(&Authority::new().unwrap()),
        found: Found::Root("issuer-tls-untrusted", "issuer", &["No authority that is trusted"]),
        ..GOOD
    },
    Case {
        name: "the_intermediate_is_not_served",
        certificate: |authority| intermediate(authority, false),
        found: Found::Root(
            "issuer-tls-untrusted",
            "issuer",
            &["doctor loopback intermediate", "has to send the authority's certificate too"],
        ),
        ..GOOD
    },
    Case {
        name: "the_intermediate_is_served",
        certificate: |authority| intermediate(authority, true),
        ..GOOD
    },
    Case {
        name: "the_intermediate_is_served_and_nobody_knows_the_authority",
        certificate: |_| intermediate(&Authority::new().unwrap(), true),
        found: Found::Root("issuer-tls-untrusted", "issuer", &["CN=doctor loopback authority"]),
        ..GOOD
    },
    Case {
        name: "the_host_says_which_certificate",
        host: "localhost",
        directives: "$certificate server_name localhost;",
        ..GOOD
    },
    Case {
        name: "only_tls_1_2",
        directives: "$certificate ssl_protocols TLSv1.2;",
        found: Found::Healthy(&["TLSv1.2"]),
        ..GOOD
    },
    Case {
        name: "only_tls_1_3",
        directives: "$certificate ssl_protocols TLSv1.3;",
        found: Found::Healthy(&["TLSv1.3"]),
        ..GOOD
    },
    Case {
        name: "only_tls_before_1_2",
        directives: "$certificate ssl_protocols TLSv1 TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;",
        found: Found::Root("issuer-unreachable", "issuer", &["TLS handshake", "TLS 1.2"]),
        ..GOOD
    },
    Case {
        name: "a_client_certificate_is_asked_for",
        directives: "$certificate ssl_verify_client on; ssl_client_certificate certificate.pem;",
        found: Found::Root(
            "discovery-not-found",
            "issuer",
            &["status 400", "400 No required SSL certificate was sent"],
        ),
        ..GOOD
    },
    Case {
        name: "no_tls_at_all",
        listen: "",
        directives: "",
        found: Found::Root("issuer-unreachable", "issuer", &["TLS handshake", "is not TLS"]),
        ..GOOD
    },
    Case { name: "http_1_1", found: Found::Healthy(&["HTTP/1.1"]), ..GOOD },
    // An issuer could be anybody's: it is not given the frames of HTTP/2 to play with.
    Case {
        name: "http_2_is_offered",
        listen: "ssl http2",
        found: Found::Healthy(&["HTTP/1.1"]),
        ..GOOD
    },
    Case {
        name: "compressed",
        directives: "$certificate gzip on; gzip_types application/json; gzip_min_length 1;",
        found: Found::Healthy(&["encoding=gzip", "transfer=chunked"]),
        ..GOOD
    },
    Case {
        name: "in_chunks",
        directives: "$certificate sub_filter_types application/json; sub_filter absent absent;",
        found: Found::Healthy(&["encoding=- transfer=chunked"]),
        ..GOOD
    },
    Case {
        name: "a_connection_per_request",
        directives: "$certificate keepalive_timeout 0;",
        ..GOOD
    },
    Case {
        name: "files_without_a_content_type_of_their_own",
        directives: "$certificate default_type application/octet-stream;",
        ..GOOD
    },
    Case {
        name: "a_byte_order_mark",
        directives: "$certificate sub_filter_types application/json; \
                     sub_filter '{\"issuer' '\u{feff}{\"issuer';",
        found: Found::Root("discovery-invalid", "issuer", &["byte order mark"]),
        ..GOOD
    },
    Case {
        name: "a_byte_order_mark_before_the_keys",
        directives: "$certificate sub_filter_types application/json; \
                     sub_filter '{\"keys' '\u{feff}{\"keys';",
        found: Found::Root("jwks-invalid", "keys", &["JSON"]),
        ..GOOD
    },
    Case {
        name: "a_login_is_asked_for",
        directives: "$certificate auth_basic ci; auth_basic_user_file users;",
        found: Found::Root("discovery-not-found", "issuer", &["status 401"]),
        ..GOOD
    },
    Case {
        name: "nobody_may_read_it",
        directives: "$certificate deny all;",
        found: Found::Root("discovery-not-found", "issuer", &["status 403", "403 Forbidden"]),
        ..GOOD
    },
    Case {
        name: "what_is_behind_it_is_down",
        directives: "$certificate location / { proxy_pass http://127.0.0.1:1; }",
        found: Found::Root("discovery-not-found", "issuer", &["status 502", "502 Bad Gateway"]),
        ..GOOD
    },
    Case {
        name: "it_hangs_up",
        directives: "$certificate return 444;",
        found: Found::Root("issuer-unreachable", "issuer", &["broke off"]),
        ..GOOD
    },
    Case {
        name: "moved_on_the_same_host",
        directives: "$certificate \
                     location = /.well-known/openid-configuration { return 301 /moved; } \
                     location = /moved { alias root/.well-known/openid-configuration; }",
        ..GOOD
    },
    Case {
        name: "moved_to_another_host",
        directives: "$certificate location /.well-known/ { return 302 https://login.example.test/; }",
        found: Found::Root(
            "discovery-not-found",
            "issuer",
            &["status 302", "https://login.example.test/"],
        ),
        ..GOOD
    },
    Case {
        name: "the_keys_are_gone",
        directives: "$certificate location = /keys { return 410; }",
        found: Found::Root("jwks-unreachable", "keys", &["status 410"]),
        ..GOOD
    },
    Case {
        name: "the_keys_are_larger_than_they_look",
        directives: "$certificate location = /keys { alias root/large; gzip on; \
                     gzip_types application/json; }",
        found: Found::Root("jwks-invalid", "keys", &["1 MiB"]),
        ..GOOD
    },
];

pub fn tests() -> Vec<Test> {
    let of = |case: &'static Case| (case.name.to_owned(), Box::new(|| case.check()) as _);
    CASES.iter().map(of).collect()
}

impl Case {
    fn check(&self) {
        let authority = Authority::new().unwrap();
        let wrong = Authority::new().unwrap();
        let wrong = Certificate::alone(&wrong.issue(&["elsewhere.test"]).unwrap());
        let certificates = [("certificate", &(self.certificate)(&authority)), ("wrong", &wrong)];
        let (listen, directives) = (self.listen, self.directives);
        let nginx = Nginx::start(&certificates, |port| {
            // Who names no host, or another one, gets the first server.
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
            nginx.file(path, document.to_string());
        }
        let now = jiff::Timestamp::now().as_second();
        let claims = json!({
            "iss": issuer, "aud": "urn:pulumi:org:acme", "sub": "job:1", "iat": now, "exp": now + 600,
        });
        let header = Map::from_iter([("kid".to_owned(), json!(KID))]);
        let token = key.sign(&header, &object(claims)).unwrap();
        let rules = json!({"aud": "urn:pulumi:org:acme", "sub": "job:*"});
        let login = Registered::new(authority, &issuer, rules);
        self.judge(&login.doctor(&token).json(), &nginx.answers());
    }

    fn judge(&self, run: &Run, answers: &[String]) {
        match self.found {
            Found::Healthy(how) => {
                run.assert_healthy();
                run.assert_check("signature", "pass", None);
                let is_so = |answer: &String| how.iter().all(|how| answer.contains(how));
                assert!(answers.iter().all(is_so), "{how:?}: {answers:#?}");
                assert!(answers.iter().any(|answer| answer.contains("/keys 200")), "{answers:#?}");
            }
            Found::Root(code, check, telling) => {
                run.assert_root_cause(code, "issuer", check);
                run.assert_finding_contains(code, telling);
            }
        }
    }
}
