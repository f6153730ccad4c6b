//! nginx in front of a self-hosted Pulumi Cloud.

use crate::Test;
use crate::nginx::{Certificate, Nginx};
use crate::support::platforms::GITHUB;
use crate::support::{Authority, EXCHANGE, WHOAMI, World};

/// How it is served, and what is to be found.
struct Case {
    name: &'static str,
    certificate: fn(&Authority) -> Certificate,
    /// What the backend's URL begins and ends with.
    url: (&'static str, &'static str),
    /// How it listens.
    listen: &'static str,
    /// Of the server; `$cloud` stands for Pulumi Cloud's own address.
    directives: &'static str,
    found: Found,
}

enum Found {
    /// Nothing; and the requests that Pulumi Cloud got.
    Healthy(&'static [&'static str]),
    /// This root cause, of this check, and what it says.
    Root(&'static str, [&'static str; 2], &'static [&'static str]),
}

const GOOD: Case = Case {
    name: "",
    certificate: |authority| Certificate::alone(&authority.issue(&["127.0.0.1"]).unwrap()),
    url: ("https", ""),
    listen: "ssl",
    directives: "location / { proxy_pass $cloud; }",
    found: Found::Healthy(&[EXCHANGE, WHOAMI]),
};

const CASES: &[Case] = &[
    Case { name: "it_passes_everything_on", ..GOOD },
    Case { name: "http_2", listen: "ssl http2", ..GOOD },
    Case {
        name: "two_slashes_are_made_one",
        url: ("https", "/"),
        directives: "location / { proxy_pass $cloud$uri; }",
        ..GOOD
    },
    Case {
        name: "two_slashes_are_passed_on",
        url: ("https", "/"),
        found: Found::Root("exchange-rejected", ["exchange", "exchange"], &["//api/oauth/token"]),
        ..GOOD
    },
    Case {
        name: "its_certificate_has_expired",
        certificate: |authority| {
            Certificate::alone(&authority.issue_expired(&["127.0.0.1"]).unwrap())
        },
        found: Found::Root("backend-tls-untrusted", ["backend", "cloud"], &["has expired"]),
        ..GOOD
    },
    Case {
        name: "the_intermediate_is_not_served",
        certificate: |authority| {
            let identity = authority.subordinate().unwrap().issue(&["127.0.0.1"]);
            Certificate::alone(&identity.unwrap())
        },
        found: Found::Root(
            "backend-tls-untrusted",
            ["backend", "cloud"],
            &["doctor loopback intermediate"],
        ),
        ..GOOD
    },
    Case {
        name: "http_where_it_speaks_tls",
        url: ("http", ""),
        found: Found::Root(
            "backend-not-pulumi",
            ["backend", "cloud"],
            &["400 The plain HTTP request was sent to HTTPS port"],
        ),
        ..GOOD
    },
    Case {
        name: "it_serves_the_console",
        directives: "location / { default_type text/html; return 200 '<!doctype html>\
                     <title>Pulumi Console</title>'; }",
        found: Found::Root("backend-not-pulumi", ["backend", "cloud"], &["Pulumi Console"]),
        ..GOOD
    },
    Case {
        name: "it_serves_the_api_elsewhere",
        directives: "location / { return 404; } location /pulumi/ { proxy_pass $cloud/; }",
        found: Found::Root("backend-not-pulumi", ["backend", "cloud"], &["404 Not Found"]),
        ..GOOD
    },
    Case {
        name: "a_login_is_asked_for",
        directives: "auth_basic ci; auth_basic_user_file users; \
                     location / { proxy_pass $cloud; }",
        found: Found::Root(
            "backend-not-pulumi",
            ["backend", "cloud"],
            &["401 Authorization Required"],
        ),
        ..GOOD
    },
    Case {
        name: "what_is_behind_it_is_down",
        directives: "location / { proxy_pass http://127.0.0.1:1; }",
        found: Found::Root(
            "exchange-server-error",
            ["exchange", "exchange"],
            &["502", "502 Bad Gateway"],
        ),
        ..GOOD
    },
    Case {
        name: "what_is_behind_it_takes_too_long",
        directives: "location / { proxy_pass $cloud; } \
                     location = /api/oauth/token { return 504; }",
        found: Found::Root(
            "exchange-server-error",
            ["exchange", "exchange"],
            &["504", "504 Gateway Time-out"],
        ),
        ..GOOD
    },
    Case {
        name: "it_limits_requests",
        directives: "location / { proxy_pass $cloud; } \
                     location = /api/oauth/token { add_header Retry-After 7 always; return 429; }",
        found: Found::Root("exchange-rate-limited", ["exchange", "exchange"], &["429", "wait 7 s"]),
        ..GOOD
    },
    Case {
        name: "it_takes_no_large_requests",
        directives: "client_max_body_size 100; location / { proxy_pass $cloud; }",
        found: Found::Root(
            "exchange-rejected",
            ["exchange", "exchange"],
            &["413", "413 Request Entity Too Large"],
        ),
        ..GOOD
    },
    Case {
        name: "it_takes_only_get",
        directives: "location / { limit_except GET { deny all; } proxy_pass $cloud; }",
        found: Found::Root("exchange-rejected", ["exchange", "exchange"], &["403 Forbidden"]),
        ..GOOD
    },
    Case {
        name: "it_drops_the_access_token",
        directives: "location / { proxy_pass $cloud; proxy_set_header Authorization ''; }",
        found: Found::Root("whoami-unauthorized", ["whoami", "whoami"], &["401"]),
        ..GOOD
    },
];

pub fn tests() -> Vec<Test> {
    let of = |case: &'static Case| (case.name.to_owned(), Box::new(|| case.check()) as _);
    CASES.iter().map(of).collect()
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
        match self.found {
            Found::Healthy(paths) => {
                run.assert_healthy();
                let requests = world.cloud.requests();
                for path in paths {
                    assert!(requests.iter().any(|request| request.path() == *path), "{path}");
                }
                // What is offered is taken, as pulumi takes it.
                let version = if listen.contains("http2") { "HTTP/2.0" } else { "HTTP/1.1" };
                let answers = nginx.answers();
                assert!(answers.iter().all(|answer| answer.contains(version)), "{answers:#?}");
            }
            Found::Root(code, [category, check], telling) => {
                run.assert_root_cause(code, category, check);
                run.assert_finding_contains(code, telling);
            }
        }
    }
}
