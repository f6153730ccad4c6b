//! nginx in front of a self-hosted Pulumi Cloud.

use crate::Test;
use crate::nginx::{Certificate, Nginx};
use crate::support::platforms::GITHUB;
use crate::support::{Authority, EXCHANGE, WHOAMI, World};

/// A configuration of nginx, and the expected result.
struct Case {
    name: &'static str,
    certificate: fn(&Authority) -> Certificate,
    /// The scheme of the backend's URL, and the text after its port.
    url: (&'static str, &'static str),
    /// The options of `listen`.
    listen: &'static str,
    /// The directives of the server; `$cloud` stands for Pulumi Cloud's own address.
    directives: &'static str,
    expected: Expected,
}

enum Expected {
    /// A healthy login, with these requests to Pulumi Cloud.
    Healthy(&'static [&'static str]),
    /// A root cause, its category and check, and texts of the finding.
    RootCause(&'static str, [&'static str; 2], &'static [&'static str]),
}

const GOOD: Case = Case {
    name: "",
    certificate: |authority| Certificate::alone(&authority.issue(&["127.0.0.1"]).unwrap()),
    url: ("https", ""),
    listen: "ssl",
    directives: "location / { proxy_pass $cloud; }",
    expected: Expected::Healthy(&[EXCHANGE, WHOAMI]),
};

const CASES: &[Case] = &[
    Case { name: "all_requests_are_passed_on", ..GOOD },
    Case { name: "http_2", listen: "ssl http2", ..GOOD },
    Case {
        name: "two_slashes_are_merged",
        url: ("https", "/"),
        directives: "location / { proxy_pass $cloud$uri; }",
        ..GOOD
    },
    Case {
        name: "two_slashes_are_passed_on",
        url: ("https", "/"),
        expected: Expected::RootCause(
            "exchange-rejected",
            ["exchange", "exchange"],
            &["//api/oauth/token"],
        ),
        ..GOOD
    },
    Case {
        name: "certificate_has_expired",
        certificate: |authority| {
            Certificate::alone(&authority.issue_expired(&["127.0.0.1"]).unwrap())
        },
        expected: Expected::RootCause(
            "backend-tls-untrusted",
            ["backend", "cloud"],
            &["has expired"],
        ),
        ..GOOD
    },
    Case {
        name: "intermediate_is_not_sent",
        certificate: |authority| {
            let identity = authority.subordinate().unwrap().issue(&["127.0.0.1"]);
            Certificate::alone(&identity.unwrap())
        },
        expected: Expected::RootCause(
            "backend-tls-untrusted",
            ["backend", "cloud"],
            &["doctor loopback intermediate"],
        ),
        ..GOOD
    },
    Case {
        name: "http_to_tls_port",
        url: ("http", ""),
        expected: Expected::RootCause(
            "backend-not-pulumi",
            ["backend", "cloud"],
            &["400 The plain HTTP request was sent to HTTPS port"],
        ),
        ..GOOD
    },
    Case {
        name: "console_is_served",
        directives: "location / { default_type text/html; return 200 '<!doctype html>\
                     <title>Pulumi Console</title>'; }",
        expected: Expected::RootCause(
            "backend-not-pulumi",
            ["backend", "cloud"],
            &["Pulumi Console"],
        ),
        ..GOOD
    },
    Case {
        name: "api_is_at_other_path",
        directives: "location / { return 404; } location /pulumi/ { proxy_pass $cloud/; }",
        expected: Expected::RootCause(
            "backend-not-pulumi",
            ["backend", "cloud"],
            &["404 Not Found"],
        ),
        ..GOOD
    },
    Case {
        name: "basic_authentication_is_required",
        directives: "auth_basic ci; auth_basic_user_file users; \
                     location / { proxy_pass $cloud; }",
        expected: Expected::RootCause(
            "backend-not-pulumi",
            ["backend", "cloud"],
            &["401 Authorization Required"],
        ),
        ..GOOD
    },
    Case {
        name: "upstream_is_down",
        directives: "location / { proxy_pass http://127.0.0.1:1; }",
        expected: Expected::RootCause(
            "exchange-server-error",
            ["exchange", "exchange"],
            &["502", "502 Bad Gateway"],
        ),
        ..GOOD
    },
    Case {
        name: "upstream_times_out",
        directives: "location / { proxy_pass $cloud; } \
                     location = /api/oauth/token { return 504; }",
        expected: Expected::RootCause(
            "exchange-server-error",
            ["exchange", "exchange"],
            &["504", "504 Gateway Time-out"],
        ),
        ..GOOD
    },
    Case {
        name: "request_rate_is_limited",
        directives: "location / { proxy_pass $cloud; } \
                     location = /api/oauth/token { add_header Retry-After 7 always; return 429; }",
        expected: Expected::RootCause(
            "exchange-rate-limited",
            ["exchange", "exchange"],
            &["429", "wait 7 s"],
        ),
        ..GOOD
    },
    Case {
        name: "request_size_is_limited",
        directives: "client_max_body_size 100; location / { proxy_pass $cloud; }",
        expected: Expected::RootCause(
            "exchange-rejected",
            ["exchange", "exchange"],
            &["413", "413 Request Entity Too Large"],
        ),
        ..GOOD
    },
    Case {
        name: "only_get_is_allowed",
        directives: "location / { limit_except GET { deny all; } proxy_pass $cloud; }",
        expected: Expected::RootCause(
            "exchange-rejected",
            ["exchange", "exchange"],
            &["403 Forbidden"],
        ),
        ..GOOD
    },
    Case {
        name: "access_token_is_dropped",
        directives: "location / { proxy_pass $cloud; proxy_set_header Authorization ''; }",
        expected: Expected::RootCause("whoami-unauthorized", ["whoami", "whoami"], &["401"]),
        ..GOOD
    },
];

pub fn tests() -> Vec<Test> {
    let test = |case: &'static Case| (case.name.to_owned(), Box::new(|| case.check()) as _);
    CASES.iter().map(test).collect()
}

impl Case {
    fn check(&self) {
        let world = World::new(&GITHUB);
        let certificate = (self.certificate)(&world.authority);
        let listen = self.listen;
        let directives = self.directives.replace("$cloud", world.cloud.url());
        let nginx = Nginx::start(&[("certificate", &certificate)], |port| {
            format!("server {{ listen 127.0.0.1:{port} {listen}; $certificate {directives} }}")
        });

        let (scheme, end) = self.url;
        let url = format!("{scheme}://127.0.0.1:{}{end}", nginx.port());
        let run = world.doctor().option("--cloud-url", url).json();
        match self.expected {
            Expected::Healthy(paths) => {
                run.assert_healthy();
                let requests = world.cloud.requests();
                for path in paths {
                    assert!(requests.iter().any(|request| request.path() == *path), "{path}");
                }
                // Like pulumi, the doctor uses HTTP/2 if the server offers it.
                let version = if listen.contains("http2") { "HTTP/2.0" } else { "HTTP/1.1" };
                let answers = nginx.answers();
                assert!(answers.iter().all(|answer| answer.contains(version)), "{answers:#?}");
            }
            Expected::RootCause(code, [category, check], texts) => {
                run.assert_root_cause(code, category, check);
                run.assert_finding_contains(code, texts);
            }
        }
    }
}
