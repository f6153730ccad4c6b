//! Proxies from the environment: which requests use them, and when they are to blame.
//!
//! The rules are those of Go's HTTP client, which pulumi uses.

use std::net::TcpListener;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use doctor::loopback::Server;
use serde_json::json;

use crate::support::{
    Authority, CAPABILITIES, Doctor, EXCHANGE, Proxy, ProxyAction, ProxyRequest, Response, Run,
    WHOAMI, World, platforms,
};

const ISSUER: &str = "https://idp.test";
const CLOUD: &str = "https://cloud.test";

/// An issuer and a Pulumi Cloud that only a proxy reaches.
fn world() -> World {
    World::new(&platforms::GITHUB).behind_proxy()
}

/// A diagnosis there, without a proxy.
fn without_proxy(world: &World) -> Doctor {
    world.doctor().option("--cloud-url", CLOUD)
}

/// A diagnosis there, through a proxy.
fn with_proxy(world: &World, proxy: &str) -> Doctor {
    without_proxy(world).env("HTTPS_PROXY", proxy)
}

/// A value of the finding's evidence, and its place.
fn evidence<'a>(run: &'a Run, code: &str, what: &str) -> Option<(&'a str, &'a str)> {
    let all = run.finding(code)["evidence"].as_array().unwrap();
    let found = all.iter().find(|one| one["what"] == what)?;
    Some((found["value"].as_str()?, found["where"].as_str()?))
}

/// Whether a finding has this command.
fn has_command(run: &Run, code: &str, command: &str) -> bool {
    let commands = run.finding(code)["remediation"]["commands"].as_array().unwrap();
    commands.iter().any(|one| one == command)
}

/// The URL of a port of this machine on which nothing listens.
fn closed_port_url() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

// ------------------------------------------------------------------------------- honoured

#[test]
fn all_requests_use_the_proxy() {
    let world = world();
    for variable in ["HTTPS_PROXY", "https_proxy"] {
        let proxy = Proxy::start(world.tunnels());
        let run = without_proxy(&world).env(variable, proxy.url()).json();
        run.assert_healthy();
        for host in ["idp.test:443", "cloud.test:443"] {
            assert!(proxy.was_asked_for(host), "{host}");
        }
        assert!(proxy.requests().iter().all(|asked| asked.method == "CONNECT"));
        assert!(proxy.requests().iter().all(|asked| asked.authorization.is_none()));
        let way = format!("through the proxy {} ({variable})", proxy.url());
        for check in ["issuer", "cloud"] {
            let summary = run.check(check)["summary"].as_str().unwrap();
            assert!(summary.ends_with(&way), "{check}: {summary}");
        }
        let verbose = without_proxy(&world).env(variable, proxy.url()).arg("-v").human();
        let words = verbose.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words.matches(&way).count(), 2, "{}", verbose.stdout);
    }
}

#[test]
fn proxy_credentials_go_only_to_proxy() {
    let world = world();
    let (written, meant) = ("joe%40acme:p%40ss%2Fw0rd%3A100%25", "joe@acme:p@ss/w0rd:100%");
    let encoded = STANDARD.encode(meant);
    let secrets = ["p%40ss%2Fw0rd%3A100%25", "p@ss/w0rd:100%", &encoded];
    let expected = format!("Basic {encoded}");
    let proxy = Proxy::start(world.tunnels());
    let doctor = || {
        secrets
            .iter()
            .fold(with_proxy(&world, &proxy.url_with_credentials(written)), |doctor, secret| {
                doctor.secret(secret)
            })
    };
    doctor().json().assert_healthy();
    assert_eq!(doctor().arg("-v").human().status, 0);
    assert!(!proxy.requests().is_empty());
    for asked in proxy.requests() {
        assert_eq!(asked.authorization.as_ref(), Some(&expected));
    }

    // A proxy that refuses the credentials and repeats them in its answer.
    let echo = format!("<title>{expected} {meant} {written}</title>");
    let headers = "content-type: text/html\r\nlocation: http://portal.test/?";
    let headers = format!("{headers}{encoded}\r\nproxy-authenticate: Basic\r\n");
    for status in ["407 No", "403 No", "302 No"] {
        let proxy = Proxy::always(ProxyAction::status(status, &headers, &echo));
        let doctor = || {
            let doctor = with_proxy(&world, &proxy.url_with_credentials(written));
            secrets.iter().fold(doctor, |doctor, secret| doctor.secret(secret))
        };
        let run = doctor().json();
        assert_eq!(run.root_cause(), Some("backend-unreachable"), "{status}");
        let asked = proxy.requests();
        assert!(asked.iter().all(|asked| asked.authorization.as_ref() == Some(&expected)));
        for format in ["human", "markdown", "azure", "github", "junit"] {
            assert_eq!(doctor().args(["-v", "--format", format]).run().status, 1);
        }
    }
}

#[test]
fn https_proxy_is_used() {
    let world = world();
    let proxy = Proxy::secure(world.authority.issue(&["127.0.0.1"]).unwrap(), world.tunnels());
    with_proxy(&world, &proxy.url_with_credentials("joe:hidden")).json().assert_healthy();
    assert!(proxy.requests().iter().all(|asked| asked.authorization.is_some()));

    let stranger = Authority::new().unwrap();
    let proxy = Proxy::secure(stranger.issue(&["127.0.0.1"]).unwrap(), world.tunnels());
    let run = with_proxy(&world, &proxy.url()).json();
    assert_proxy_is_to_blame(&run, &["TLS handshake with the proxy", &proxy.url()]);
    run.assert_finding_contains("backend-unreachable", &["export SSL_CERT_FILE="]);
    assert!(proxy.requests().is_empty());
    // The remedy works.
    let both = format!("{}{}", world.authority.pem(), stranger.pem());
    with_proxy(&world, &proxy.url()).file("ca.pem", both).json().assert_healthy();

    // Its refusal is read through its TLS connection.
    let identity = world.authority.issue(&["127.0.0.1"]).unwrap();
    let proxy = Proxy::secure(identity, |_| ProxyAction::page("403 Forbidden", "Blocked"));
    let run = with_proxy(&world, &proxy.url()).json();
    assert_proxy_is_to_blame(&run, &["status 403", "Blocked"]);
}

#[test]
fn socks_proxy_resolves_names() {
    let world = world();
    let proxy = Proxy::socks(world.tunnels());
    with_proxy(&world, &proxy.url()).json().assert_healthy();
    assert!(proxy.was_asked_for("idp.test:443") && proxy.was_asked_for("cloud.test:443"));

    let proxy = Proxy::socks(|_| ProxyAction::Answer(String::new()));
    let run = with_proxy(&world, &proxy.url()).json();
    assert_proxy_is_to_blame(&run, &["did not let the request", &proxy.url(), "not allowed"]);
}

#[test]
fn http_urls_use_http_proxy() {
    let world = world();
    let capabilities =
        |_: &ProxyRequest| ProxyAction::status("200 OK", "", r#"{"capabilities": []}"#);
    let proxy = Proxy::start(capabilities);
    let doctor =
        || without_proxy(&world).option("--cloud-url", "http://cloud.test").arg("--no-exchange");
    let secret = STANDARD.encode("joe:hunter22");
    let run = doctor()
        .env("HTTP_PROXY", proxy.url_with_credentials("joe:hunter22"))
        .secret("hunter22")
        .json();
    assert!(run.check("cloud")["summary"].as_str().unwrap().contains("(HTTP_PROXY)"));
    let asked = proxy.requests();
    assert_eq!(asked[0].method, "GET");
    assert_eq!(asked[0].target, "http://cloud.test/api/capabilities");
    assert_eq!(asked[0].authorization, Some(format!("Basic {secret}")));

    // In a CGI program, a client could have set the variable, so Go and pulumi refuse to use it.
    let run = doctor().env("HTTP_PROXY", proxy.url()).env("REQUEST_METHOD", "GET").json();
    run.assert_finding_contains("backend-unreachable", &["HTTP_PROXY", "CGI", "REQUEST_METHOD"]);

    for (say, words) in [
        (
            ProxyAction::status("407 No", "proxy-authenticate: Basic realm=x\r\n", ""),
            "asks for credentials",
        ),
        (ProxyAction::Answer(String::new()), "does not answer in HTTP"),
        (ProxyAction::Answer("SSH-2.0-OpenSSH_9\r\n".to_owned()), "does not answer in HTTP"),
    ] {
        let proxy = Proxy::always(say);
        let run = doctor().env("HTTP_PROXY", proxy.url()).json();
        run.assert_finding_contains("backend-unreachable", &[words, "HTTP_PROXY", &proxy.url()]);
    }
}

#[test]
fn loopback_bypasses_proxy() {
    let world = World::new(&platforms::GITHUB);
    let proxy = Proxy::always(ProxyAction::status("502 Bad Gateway", "", ""));
    world.doctor().env("HTTPS_PROXY", proxy.url()).json().assert_healthy();
    assert!(proxy.requests().is_empty());
}

// ------------------------------------------------------------------------------- NO_PROXY

#[test]
fn no_proxy_matches_like_go() {
    let world = world();
    for (exceptions, issuer, cloud) in [
        ("idp.test", true, false),
        (" IDP.test , other.test", true, false),
        ("test", true, true),
        (".test,x", true, true),
        ("*.test", true, true),
        ("idp.test:443,cloud.test:8443", true, false),
        ("*", true, true),
        (".idp.test", false, false),
        ("idp.test cloud.test", false, false),
        ("idp.test;cloud.test", false, false),
        ("https://idp.test", false, false),
        ("10.0.0.0/8,[::1]", false, false),
    ] {
        let proxy = Proxy::start(world.tunnels());
        let run = with_proxy(&world, &proxy.url()).env("NO_PROXY", exceptions).json();
        let exempt = (!proxy.was_asked_for("idp.test"), !proxy.was_asked_for("cloud.test"));
        assert_eq!(exempt, (issuer, cloud), "{exceptions}");
        // Only the proxy can resolve the names.
        for (code, exempt) in [("issuer-unreachable", issuer), ("backend-unreachable", cloud)] {
            assert_eq!(run.codes().contains(&code), exempt, "{exceptions}: {:?}", run.codes());
        }
    }
}

#[test]
fn no_proxy_applies_per_host() {
    let world = world();
    let proxy = Proxy::start(world.tunnels());
    // Loopback addresses always bypass the proxy; the variable adds another host.
    let doctor = with_proxy(&world, &proxy.url()).option("--cloud-url", world.cloud.url());
    let run = doctor.env("no_proxy", "api.pulumi.com").json();
    run.assert_healthy();
    assert!(proxy.was_asked_for("idp.test") && !proxy.was_asked_for("127.0.0.1"));
    assert!(run.check("issuer")["summary"].as_str().unwrap().contains("(HTTPS_PROXY)"));
    assert!(!run.check("cloud")["summary"].as_str().unwrap().contains("proxy"));
}

#[test]
fn near_no_proxy_entry_is_reported() {
    let world = world();
    let proxy = Proxy::always(ProxyAction::status("403 Forbidden", "", ""));
    let run = with_proxy(&world, &proxy.url()).env("NO_PROXY", ".cloud.test idp.test").json();
    for (code, entry) in
        [("backend-unreachable", ".cloud.test"), ("issuer-unreachable", "idp.test")]
    {
        assert_eq!(evidence(&run, code, "does not match"), Some((entry, "NO_PROXY")));
        run.assert_finding_contains(code, &["commas between entries"]);
    }
}

#[test]
fn ignored_proxy_variables_are_reported() {
    let world = world();
    let proxy = Proxy::start(world.tunnels());
    for (variable, value, words) in [
        ("ALL_PROXY", proxy.url(), "pulumi does not look at it"),
        ("HTTP_PROXY", proxy.url(), "it is for http:// URLs only"),
        ("HTTPS_PROXY", format!("{}\n", proxy.url()), "a control character or a line break"),
        ("HTTPS_PROXY", "joe@10.0.0.1:hunter22".to_owned(), "its port is not a number"),
    ] {
        let run = without_proxy(&world).env(variable, value).secret("hunter22").json();
        for code in ["backend-unreachable", "issuer-unreachable"] {
            let (reason, place) = evidence(&run, code, "not used as a proxy").unwrap();
            assert!(reason.contains(words) && place == variable, "{variable}: {reason}");
            run.assert_finding_contains(code, &["cannot be resolved", "export HTTPS_PROXY="]);
        }
    }
    assert!(proxy.requests().is_empty());
}

// ------------------------------------------------------------------------------- to blame

/// Holds a run to blame the proxy, in the backend's and the issuer's finding, and nothing else.
#[track_caller]
fn assert_proxy_is_to_blame(run: &Run, words: &[&str]) {
    assert_eq!((run.status, run.root_cause()), (1, Some("backend-unreachable")), "{words:?}");
    assert_eq!(run.codes(), ["backend-unreachable", "issuer-unreachable"]);
    // pulumi uses that proxy for the backend, but Pulumi Cloud does not use it for the issuer.
    assert_eq!(run.classification("backend-unreachable"), ["backend", "error", "cloud"]);
    assert_eq!(run.classification("issuer-unreachable"), ["issuer", "warning", "issuer"]);
    run.assert_finding_contains(
        "issuer-unreachable",
        &["Pulumi Cloud does not go through this proxy"],
    );
    for (code, host) in [("backend-unreachable", "cloud.test"), ("issuer-unreachable", "idp.test")]
    {
        run.assert_finding_contains(code, words);
        run.assert_finding_contains(code, &["proxy", "HTTPS_PROXY", &format!("{host}:443")]);
        let exception = format!("export NO_PROXY=\"${{NO_PROXY:-${{no_proxy:-}}}}\",{host}");
        assert!(has_command(run, code, &exception), "{}", run.finding_text(code));
    }
}

#[test]
fn missing_proxy_is_blamed() {
    let world = world();
    let address = closed_port_url();
    let url = format!("http://joe:hunter22@{address}");
    let run = with_proxy(&world, &url).secret("hunter22").json();
    let shown = format!("http://…@{address}");
    assert_proxy_is_to_blame(&run, &["Nothing accepts connections at the proxy", &shown]);
    for code in ["backend-unreachable", "issuer-unreachable"] {
        let way = evidence(&run, code, "through the proxy");
        assert_eq!(way, Some((shown.as_str(), "HTTPS_PROXY")));
        assert!(has_command(&run, code, "unset HTTPS_PROXY"));
    }
    let run = without_proxy(&world).env("https_proxy", "proxy.invalid:3128").json();
    run.assert_finding_contains(
        "backend-unreachable",
        &["name of the proxy http://proxy.invalid:3128"],
    );
    run.assert_finding_contains(
        "backend-unreachable",
        &["cannot be resolved", "unset https_proxy"],
    );
}

#[test]
fn proxy_demanding_credentials_is_blamed() {
    let world = world();
    let basic = "proxy-authenticate: Negotiate\r\nproxy-authenticate: Basic realm=\"a, b\"\r\n";
    for headers in ["", basic] {
        let proxy =
            Proxy::always(ProxyAction::status("407 Proxy Authentication Required", headers, ""));
        let line = proxy.url().replace("//", "//USER:PASSWORD@");
        let run = with_proxy(&world, &proxy.url()).json();
        assert_proxy_is_to_blame(&run, &["asks for credentials", "407", "HTTPS_PROXY holds none"]);
        let offered = evidence(&run, "backend-unreachable", "it takes");
        let expected = ("Basic, Negotiate", "Proxy-Authenticate");
        assert_eq!(offered, Some(expected).filter(|_| !headers.is_empty()));
        assert!(has_command(&run, "backend-unreachable", &format!("export HTTPS_PROXY={line}")));

        let run = with_proxy(&world, &proxy.url_with_credentials("joe:hunter22"))
            .secret("hunter22")
            .json();
        assert_proxy_is_to_blame(&run, &["does not accept the credentials in HTTPS_PROXY", "407"]);
        assert!(has_command(&run, "backend-unreachable", &format!("export HTTPS_PROXY={line}")));
    }
    // An authentication scheme that pulumi does not support.
    let windows = "proxy-authenticate: Negotiate\r\nproxy-authenticate: NTLM\r\n";
    let proxy = Proxy::always(ProxyAction::status("407 No", windows, ""));
    let run =
        with_proxy(&world, &proxy.url_with_credentials("joe:hunter22")).secret("hunter22").json();
    assert_proxy_is_to_blame(&run, &["takes NTLM and Negotiate, and pulumi knows Basic only"]);
    assert!(!run.finding_text("backend-unreachable").contains("USER:PASSWORD"));
}

#[test]
fn refusing_proxy_is_blamed() {
    let world = world();
    for (status, advice) in [
        ("403 Forbidden", "allow CONNECT to cloud.test:443"),
        ("502 Bad Gateway", "does not reach cloud.test:443 itself"),
        ("503 Service Unavailable", "does not reach cloud.test:443 itself"),
    ] {
        let proxy = Proxy::always(ProxyAction::page(status, "Access \u{1b}[31mdenied - Company"));
        let run = with_proxy(&world, &proxy.url()).json();
        let number = format!("status {}", &status[..3]);
        assert_proxy_is_to_blame(&run, &["does not connect to", &number, "denied - Company"]);
        run.assert_finding_contains("backend-unreachable", &[advice]);
        assert!(!with_proxy(&world, &proxy.url()).human().stdout.contains('\u{1b}'));
        let proxy = Proxy::always(ProxyAction::status(status, "", "no"));
        assert_proxy_is_to_blame(&with_proxy(&world, &proxy.url()).json(), &[&number]);
    }
}

#[test]
fn disconnecting_proxy_is_blamed() {
    let world = world();
    for (answer, words) in [
        ("", "hung up when it was asked for"),
        ("SSH-2.0-OpenSSH_9\r\n", "does not answer in HTTP"),
        ("\u{0}\u{1}\u{2}", "does not answer in HTTP"),
        ("HTTP/1.1 abc\r\n\r\n", "does not answer in HTTP"),
    ] {
        let proxy = Proxy::always(ProxyAction::Answer(answer.to_owned()));
        let run = with_proxy(&world, &proxy.url()).json();
        assert_proxy_is_to_blame(&run, &[words, &proxy.url()]);
        assert!(has_command(&run, "backend-unreachable", "unset HTTPS_PROXY"), "{answer:?}");
    }
}

#[test]
fn hanging_proxy_is_blamed() {
    let world = world();
    let proxy = Proxy::always(ProxyAction::Hang);
    let run = with_proxy(&world, &proxy.url()).args(["--timeout", "2s"]).json();
    assert!(run.elapsed < Duration::from_millis(2500), "{:?}", run.elapsed);
    assert_proxy_is_to_blame(&run, &["gave no connection to", "in time", &proxy.url()]);
}

#[test]
fn hanging_server_is_not_blamed_on_proxy() {
    let world = world();
    let proxy = Proxy::start(world.tunnels());
    let late = Response::json(200, &json!({"capabilities": []})).after(Duration::from_secs(60));
    world.cloud.answer(CAPABILITIES, late);
    let run = with_proxy(&world, &proxy.url()).args(["--no-exchange", "--timeout", "2s"]).json();
    run.assert_finding_contains("backend-unreachable", &["no answer in time from cloud.test:443"]);
    assert!(!run.finding_text("backend-unreachable").contains("export NO_PROXY"));
}

#[test]
fn invalid_proxy_url_is_blamed() {
    let world = world();
    for (value, name) in [
        ("http://proxy.test:3128 ", "http"),
        ("\"https://proxy.test:3128\"", "\"https"),
        ("http://joe:hunter22#x@proxy.test:3128", "http"),
        ("http://joe:1/hunter22@proxy.test:3128", ""),
        ("joe:hunter22/x@proxy.test:3128", ""),
    ] {
        let run = with_proxy(&world, value).secret("hunter22").json();
        assert_proxy_is_to_blame(&run, &["HTTPS_PROXY is no URL", "percent-encode"]);
        let says = evidence(&run, "backend-unreachable", "pulumi says").map(|(says, _)| says);
        let expected = format!("proxyconnect tcp: dial tcp: lookup {name}: no such host");
        assert_eq!(says, Some(expected.as_str()).filter(|_| !name.is_empty()), "{value}");
    }
}

// ------------------------------------------------------------- in the middle of the traffic

#[test]
fn inspecting_proxy_may_serve_any_host() {
    let world = world();
    let company = Authority::new().unwrap();
    let identity = company.issue(&["idp.test", "cloud.test"]).unwrap();
    let server = Server::start(identity, |_| Response::json(200, &json!({}))).unwrap();
    let address = server.url().strip_prefix("https://").unwrap().parse().unwrap();
    let proxy = Proxy::always(ProxyAction::Tunnel(address));
    let run = with_proxy(&world, &proxy.url()).json();
    assert_eq!((run.status, run.root_cause()), (1, Some("backend-tls-untrusted")));
    for code in ["backend-tls-untrusted", "issuer-tls-untrusted"] {
        let words =
            ["signed by CN=doctor loopback authority", "may open connections and sign anew"];
        run.assert_finding_contains(code, &words);
        let way = evidence(&run, code, "through the proxy");
        assert_eq!(way, Some((proxy.url().as_str(), "HTTPS_PROXY")));
    }
    run.assert_finding_contains(
        "backend-tls-untrusted",
        &["export SSL_CERT_FILE=", "company's proxy"],
    );
    assert!(server.requests().is_empty(), "the token was sent to nobody");
}

/// A captive portal's answer to every request.
fn login_page() -> Response {
    let page = "<!DOCTYPE html><html><head><title>Guest Wi-Fi - Sign in</title></head></html>";
    Response::new(200, "text/html", page)
}

#[test]
fn login_page_instead_of_answers() {
    let words = ["login page", "Guest Wi-Fi - Sign in"];
    type Change = fn(&World);
    let cases: [(&str, Change); 5] = [
        ("discovery-not-found", |w| w.issuer.answer(&w.issuer.discovery_path(), login_page())),
        ("jwks-invalid", |w| w.issuer.answer(&w.issuer.jwks_path(), login_page())),
        ("backend-not-pulumi", |w| w.cloud.answer(CAPABILITIES, login_page())),
        ("exchange-malformed", |w| w.cloud.answer(EXCHANGE, login_page())),
        ("whoami-malformed", |w| w.cloud.answer(WHOAMI, login_page())),
    ];
    for (code, change) in cases {
        let world = world();
        change(&world);
        let proxy = Proxy::start(world.tunnels());
        let run = with_proxy(&world, &proxy.url()).json();
        assert_eq!(run.codes(), [code]);
        run.assert_finding_contains(code, &words);
    }
}

#[test]
fn redirect_to_login_page_is_named() {
    // Its query, which may hold a code or a session, is not shown.
    let (location, portal) = ("http://portal.test/login?next=1", "http://portal.test/login?next=…");
    // A redirect as the answer to CONNECT.
    let world = world();
    let headers = format!("location: {location}\r\n");
    let proxy = Proxy::always(ProxyAction::status("302 Found", &headers, ""));
    let run = with_proxy(&world, &proxy.url()).json();
    assert_proxy_is_to_blame(&run, &["login page", "302", portal]);
    let place = proxy.url();
    let to = evidence(&run, "backend-unreachable", "redirects to");
    assert_eq!(to, Some((portal, place.as_str())));

    // A redirect as the answer to a request in a tunnel that the proxy intercepts.
    let redirect = || Response::new(302, "text/plain", "").header("location", location);
    world.issuer.answer(&world.issuer.discovery_path(), redirect());
    world.cloud.answer(CAPABILITIES, redirect());
    let proxy = Proxy::start(world.tunnels());
    let run = with_proxy(&world, &proxy.url()).arg("--no-exchange").json();
    assert_eq!(run.codes(), ["backend-not-pulumi", "discovery-not-found"]);
    for code in run.codes() {
        run.assert_finding_contains(code, &["302", portal, "login page"]);
    }
}

// ---------------------------------------------------------------------------- the guard

/// A name other than `localhost` that this machine resolves to itself, if there is one.
fn own_name() -> Option<String> {
    let hosts = std::fs::read_to_string("/etc/hosts").ok()?;
    let lines = hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
    let names = lines.filter(|line| line.starts_with("127.") || line.starts_with("::1"));
    let mut names = names.flat_map(|line| line.split_whitespace().skip(1));
    names.find(|name| !name.starts_with("localhost")).map(str::to_owned)
}

#[test]
fn address_guard_works_with_proxy() {
    let mut world = world();
    let proxy = Proxy::start(world.tunnels());
    let own = own_name().map(|name| format!("https://{name}"));
    let literal = ["https://10.0.0.1", "https://169.254.169.254", "https://[fd00::1]"];
    for issuer in literal.into_iter().chain(own.as_deref()) {
        world.shape.claims["iss"] = json!(issuer);
        let doctor = with_proxy(&world, &proxy.url()).without("--policy");
        let run = doctor.without("--allow-private-issuer").json();
        assert_eq!(run.classification("issuer-address-refused")[1], "warning", "{issuer}");
        let host = issuer.strip_prefix("https://").unwrap();
        assert!(!proxy.was_asked_for(host), "{issuer}");
    }
    // The proxy must handle names that this machine cannot resolve.
    world.shape.claims["iss"] = json!(ISSUER);
    let doctor = with_proxy(&world, &proxy.url()).without("--policy");
    let run = doctor.without("--allow-private-issuer").json();
    assert!(proxy.was_asked_for("idp.test") && !run.codes().contains(&"issuer-address-refused"));
}
