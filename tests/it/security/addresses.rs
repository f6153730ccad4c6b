//! The addresses that the doctor connects to, and the issuer URLs that it accepts.

use std::net::TcpListener;

use serde_json::json;

use crate::support::{Doctor, Issuer, Proxy, ProxyAction, Response, Run, World, platforms};

fn world() -> World {
    World::with_algorithm(&platforms::GITLAB, "ES256")
}

/// A world whose token has this issuer, and whose policy has another.
fn world_with_issuer(iss: &str) -> World {
    let mut world = world();
    world.shape.claims.insert("iss".to_owned(), json!(iss));
    world
}

/// A diagnosis of a pasted token, without an option that opens the guard.
fn doctor_for_pasted(world: &World) -> Doctor {
    world.doctor().without("--allow-private-issuer").arg("--no-exchange")
}

/// A policy document whose only issuer has this URL.
fn policy_for_issuer(world: &World, url: &str) -> String {
    let mut policy = world.policy();
    policy["issuers"][0]["issuer"] = json!(url);
    policy["issuers"][0]["url"] = json!(url);
    policy.to_string()
}

fn assert_no_request(world: &World, name: &str) {
    assert!(world.issuer.requests().is_empty(), "{name}: connected");
}

// ------------------------------------------------------------------------ spellings of a URL

/// Spellings of the issuer's URL, where `{}` is its host and port, and a word of the finding. The
/// `url` crate normalises most of them to the plain URL.
const INVALID: [(&str, &str); 26] = [
    ("https:/{}", "two slashes"),
    ("https:{}", "two slashes"),
    ("https:\\\\{}", "backslash"),
    ("https:/\\{}", "backslash"),
    ("https://{}\\x", "backslash"),
    ("https:///{}", "no host"),
    ("https://@{}", "credentials"),
    ("https://:@{}", "credentials"),
    ("https://jane:word@{}", "credentials"),
    ("https://gitlab.com@{}", "credentials"),
    ("https://{}?", "query"),
    ("https://{}?a=b", "query"),
    ("https://{}#", "fragment"),
    ("https://{}#part", "fragment"),
    (" https://{}", "space"),
    ("https://{} ", "space"),
    ("https://{}/a b", "space"),
    ("https://{}/\t", "control character"),
    ("ht\ntps://{}", "control character"),
    ("https://{}\u{200b}", "invisible"),
    ("http://{}", "not https"),
    ("https://%31{}", "characters"),
    ("https://\u{ff11}{}", "characters"),
    ("https://{}0000", "port"),
    ("//{}", "not a URL"),
    ("{}", "not a URL"),
];

#[test]
fn unusual_spellings_are_not_repaired() {
    let mut world = world();
    let url = world.issuer.url().to_owned();
    let authority = url.strip_prefix("https://").unwrap();
    for (index, (spelling, why)) in INVALID.into_iter().enumerate() {
        let iss = spelling.replace("{}", authority);
        world.shape.claims.insert("iss".to_owned(), json!(iss));
        // The finding is the same whether the issuer is registered or not.
        let registered = if index % 2 == 0 { iss.as_str() } else { "https://gitlab.com" };
        let policy = policy_for_issuer(&world, registered);
        let run = world.doctor().arg("--no-exchange").file("policy.json", policy).json();
        assert_no_request(&world, spelling);
        assert_eq!((run.root_cause(), run.status), (Some("issuer-url-invalid"), 1));
        assert_eq!(run.classification("issuer-url-invalid"), ["issuer", "error", "issuer"]);
        run.assert_finding_contains("issuer-url-invalid", &[why]);
        assert_no_registration_advised(&run, &iss);
        run.assert_check("keys", "skip", Some("issuer"));
    }
    // Controls: correct spellings of the same host and port.
    for iss in [url.clone(), format!("{url}/"), url.replace("https", "HTTPS")] {
        world.shape.claims.insert("iss".to_owned(), json!(iss));
        let run = world.doctor().arg("--no-exchange").json();
        assert!(!run.codes().contains(&"issuer-url-invalid"), "{iss}");
        assert!(!world.issuer.requests().is_empty(), "{iss}");
    }
}

/// Asserts that no remedy says to register the token's issuer.
#[track_caller]
fn assert_no_registration_advised(run: &Run, iss: &str) {
    for finding in run.report["findings"].as_array().unwrap() {
        let remedy = &finding["remediation"];
        let text = remedy.to_string();
        assert!(!text.contains("register an issuer with the URL"), "{iss}: {text}");
        assert_eq!(remedy["commands"], json!([]), "{iss}");
    }
}

#[test]
fn invalid_issuer_gets_no_policy() {
    for (iss, status) in [("https://gitlab.com", 0), ("https:/gitlab.com", 3)] {
        let claims = json!({"iss": iss, "sub": "project_path:acme/web:ref_type:branch:ref:main"});
        let run = Doctor::bare().args(["policy", "suggest"]).arg(claims.to_string()).run();
        assert_eq!(run.status, status, "{iss}: {}", run.stderr);
        assert_eq!(run.stdout.is_empty(), status == 3, "{iss}");
    }
}

#[test]
fn key_set_url_is_not_repaired() {
    let cases = INVALID.into_iter().filter(|(_, why)| *why != "query");
    for (spelling, why) in cases {
        let world = world();
        let authority = world.issuer.url().strip_prefix("https://").unwrap().to_owned();
        let mut document = world.issuer.discovery();
        document["jwks_uri"] = json!(spelling.replace("{}", &authority));
        world.issuer.answer(&world.issuer.discovery_path(), Response::json(200, &document));
        let run = world.doctor().arg("--no-exchange").json();
        assert_eq!(run.root_cause(), Some("discovery-invalid"), "{spelling}");
        run.assert_finding_contains("discovery-invalid", &[why]);
        assert_eq!(world.issuer.requests().len(), 1, "{spelling}");
    }
    // Control: a key set's URL may have a query.
    let world = world();
    let mut document = world.issuer.discovery();
    let uri = document["jwks_uri"].as_str().unwrap().to_owned();
    document["jwks_uri"] = json!(format!("{uri}?appid=1"));
    world.issuer.answer(&world.issuer.discovery_path(), Response::json(200, &document));
    let run = world.doctor().arg("--no-exchange").json();
    assert_eq!(run.codes(), [""; 0]);
    run.assert_check("signature", "pass", None);
}

// ------------------------------------------------------------------- what a policy opens

#[test]
fn policy_opens_only_exact_origin() {
    let other = world();
    let world = world();
    let own = world.issuer.url().to_owned();
    let port = own.rsplit(':').next().unwrap();
    for url in [
        other.issuer.url().to_owned(),
        own.replace("https", "http"),
        own.replace("127.0.0.1", "localhost"),
        own.replace("127.0.0.1", "127.0.0.2"),
        own.replace(&format!(":{port}"), ""),
        own.replace("https://", "https:/"),
        own.replace("https://", "https://jane@"),
    ] {
        let run =
            doctor_for_pasted(&world).file("policy.json", policy_for_issuer(&world, &url)).json();
        assert_no_request(&world, &url);
        assert!(run.codes().contains(&"issuer-address-refused"), "{url}: {:?}", run.codes());
    }
    // Control: the path may differ.
    for url in [own.clone(), format!("{own}/group")] {
        let run =
            doctor_for_pasted(&world).file("policy.json", policy_for_issuer(&world, &url)).json();
        assert!(!run.codes().contains(&"issuer-address-refused"), "{url}");
    }
    assert_eq!(world.issuer.requests().len(), 4);
}

#[test]
fn key_set_on_other_port_is_guarded() {
    let world = world();
    for host in ["127.0.0.1", "localhost"] {
        let identity = world.authority.issue(&[host]).unwrap();
        let other = Issuer::start(identity, "", "ES256");
        let elsewhere = other.url().replace("127.0.0.1", host);
        let mut document = world.issuer.discovery();
        document["jwks_uri"] = json!(format!("{elsewhere}{}", other.jwks_path()));
        world.issuer.answer(&world.issuer.discovery_path(), Response::json(200, &document));
        let run = doctor_for_pasted(&world).json();
        assert_eq!(
            run.classification("issuer-address-refused"),
            ["issuer", "warning", "keys"],
            "{host}"
        );
        assert!(other.requests().is_empty(), "{host}: connected");
        // Control: with the option the keys are fetched there.
        let run = world.doctor().arg("--no-exchange").json();
        run.assert_check("signature", "pass", None);
        assert_eq!(other.requests().len(), 1, "{host}");
    }
}

// ------------------------------------------------------------------ what no option opens

#[test]
fn no_option_allows_metadata_service() {
    for host in [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "[fd00:ec2::254]",
        "[fd00:ec2::23]",
        "[fd20:ce::254]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1::a9fe:a9fe]",
        "[64:ff9b:1:a9fe:a9:fe00::]",
        "[2002:a9fe:a9fe::]",
        "metadata.google.internal",
        "METADATA.google.internal.",
    ] {
        let iss = format!("https://{host}");
        let world = world_with_issuer(&iss);
        // Everything that could open the guard at once: job, option, policy and backend.
        let doctor = world.doctor().arg("--no-exchange").env("TF_BUILD", "True");
        let doctor = doctor.file("policy.json", policy_for_issuer(&world, &iss));
        let run = doctor.option("--cloud-url", &iss).json();
        run.assert_finding_contains("issuer-address-refused", &["a metadata service", "No option"]);
        run.assert_finding_contains("backend-unreachable", &["a metadata service"]);
    }
}

/// A proxy resolves the name itself, so only the name can be checked.
#[test]
fn proxy_gets_no_metadata_request() {
    let proxy = Proxy::always(ProxyAction::status("403 Forbidden", "", ""));
    let run = |iss: &str| {
        let world = world_with_issuer(iss);
        world.doctor().arg("--no-exchange").env("HTTPS_PROXY", proxy.url()).json()
    };
    for iss in ["https://metadata.google.internal", "https://169.254.169.254"] {
        run(iss).assert_finding_contains("issuer-address-refused", &["a metadata service"]);
        assert!(!proxy.was_asked_for(iss.strip_prefix("https://").unwrap()), "{iss}");
    }
    run("https://idp.test");
    assert!(proxy.was_asked_for("idp.test"), "the control");
}

// ------------------------------------------------------------------ the job's own token

#[test]
fn link_local_issuer_needs_option() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let world = world_with_issuer(&format!("https://169.254.7.7:{closed}"));
    let own = || {
        let doctor =
            world.doctor().env("TF_BUILD", "True").args(["--no-exchange", "--timeout", "2s"]);
        doctor.without("--policy")
    };
    let run = own().without("--allow-private-issuer").json();
    run.assert_finding_contains(
        "issuer-address-refused",
        &["link-local", "--allow-private-issuer"],
    );
    let run = own().json();
    assert!(!run.codes().contains(&"issuer-address-refused"), "{:?}", run.codes());
    assert!(run.codes().contains(&"issuer-not-public"), "{:?}", run.codes());

    // The job's own token opens loopback, however it is given; a pasted one does not.
    let world = self::world();
    let token = world.token();
    let without_token = || {
        let doctor =
            world.doctor_without_token().without("--allow-private-issuer").without("--policy");
        doctor.arg("--no-exchange")
    };
    let variable = without_token().env("T", &token).args(["--token-env", "T"]).secret(&token);
    let pasted = without_token().arg(&token).secret(&token);
    assert!(!variable.json().codes().contains(&"issuer-address-refused"));
    assert!(pasted.json().codes().contains(&"issuer-address-refused"));
}

// ------------------------------------------------------------------ judged all the same

/// Hosts, and the severity of `issuer-not-public` with a hosted and with a self-hosted backend.
const NOT_PUBLIC: [(&str, Option<&str>, Option<&str>); 7] = [
    ("10.1.2.3", Some("error"), Some("warning")),
    ("[fd12::1]", Some("error"), Some("warning")),
    ("169.254.7.7", Some("error"), Some("warning")),
    ("[64:ff9b:1::10.1.2.3]", Some("error"), Some("warning")),
    ("127.0.0.1:1", Some("error"), None),
    ("localhost:1", Some("error"), None),
    ("8.8.8.8", None, None),
];

#[test]
fn private_address_is_judged_without_connection() {
    for (host, hosted, own) in NOT_PUBLIC {
        let world = world_with_issuer(&format!("https://{host}"));
        for (backend, severity) in
            [("https://api.pulumi.com", hosted), ("https://pulumi.corp.test", own)]
        {
            let pasted =
                || doctor_for_pasted(&world).without("--policy").option("--cloud-url", backend);
            let refused = pasted().env("HTTPS_PROXY", "http://127.0.0.1:1").json();
            let offline = pasted().arg("--offline").json();
            for (name, run) in [("refused", refused), ("offline", offline)] {
                let codes = run.codes();
                let found = codes.contains(&"issuer-not-public");
                assert_eq!(found, severity.is_some(), "{name} {host} {backend}: {codes:?}");
                let is_refused = name == "refused" && host != "8.8.8.8";
                assert_eq!(codes.contains(&"issuer-address-refused"), is_refused, "{name} {host}");
                if let Some(severity) = severity {
                    assert_eq!(
                        run.classification("issuer-not-public"),
                        ["issuer", severity, "issuer"]
                    );
                }
            }
        }
    }
}

/// Pulumi Cloud cannot connect to the address at all, so a missing answer here is no second
/// failure.
#[test]
fn silent_private_issuer_is_one_finding() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let world = world_with_issuer(&format!("https://{closed}"));
    let doctor = || {
        let doctor = world.doctor().arg("--no-exchange").env("HTTPS_PROXY", "http://127.0.0.1:1");
        doctor.without("--policy")
    };
    let run = doctor().option("--cloud-url", "https://api.pulumi.com").json();
    assert!(run.codes().contains(&"issuer-not-public"), "{:?}", run.codes());
    assert!(!run.codes().contains(&"issuer-unreachable"), "{:?}", run.codes());
    run.assert_finding_contains("issuer-not-public", &[&closed.to_string()]);
    // Control: a self-hosted backend may reach loopback, so the missing answer is a failure.
    let run = doctor().json();
    assert!(run.codes().contains(&"issuer-unreachable"), "{:?}", run.codes());
}

#[test]
fn registered_keys_allow_private_address() {
    let world = world_with_issuer("https://10.1.2.3");
    world.cloud.change_registration(|registration| {
        registration["issuer"] = json!("https://10.1.2.3");
        registration["url"] = json!("https://10.1.2.3");
        registration["jwks"] = world.issuer.jwks();
    });
    let run = doctor_for_pasted(&world).json();
    assert_eq!(run.codes(), [""; 0]);
}
