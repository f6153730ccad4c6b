//! Proxies from the environment: which one caused a failure, and the remedy.

use crate::catalogue::Severity;
use crate::evidence::{Failure, FailureKind, ProxyFault, Route};
use crate::judge::finding::list;
use crate::report::Finding;
use crate::text;
use crate::text::command::{Command, power_shell};

/// Describes a proxy fault, as a sentence without a capital and full stop.
pub(crate) fn describe_fault(fault: &ProxyFault, failure: &Failure) -> String {
    let Failure { host, route, .. } = failure;
    let variable = variable(route);
    let proxy = match &route.proxy {
        Some(proxy) => format!("the proxy {proxy} ({variable})"),
        None => format!("the proxy of {variable}"),
    };
    match fault {
        ProxyFault::Misread { name: Some(name) } => {
            format!("the value of {variable} is no URL: pulumi takes {name} for the proxy's name")
        }
        ProxyFault::Misread { name: None } => {
            format!("the value of {variable} is no URL, or none that pulumi reads as it is meant")
        }
        ProxyFault::Cgi => format!("pulumi refuses to use {variable} in a CGI program"),
        ProxyFault::Dns => format!("the name of {proxy} cannot be resolved"),
        ProxyFault::Connect => format!("nothing accepts connections at {proxy}"),
        ProxyFault::Tls => format!("the TLS handshake with {proxy} itself failed"),
        ProxyFault::Timeout => format!("{proxy} gave no connection to {host} in time"),
        ProxyFault::Closed => format!("{proxy} hung up when it was asked for {host}"),
        ProxyFault::Protocol => format!("{proxy} does not answer in HTTP"),
        ProxyFault::Credentials { sent: true, .. } => {
            format!("{proxy} does not accept the credentials in {variable} (status 407)")
        }
        ProxyFault::Credentials { sent: false, .. } => {
            format!("{proxy} asks for credentials, and {variable} holds none (status 407)")
        }
        ProxyFault::Refused { status, location: Some(_), .. } => format!(
            "{proxy} sends to a login page instead of {host} (status {status} and a redirect)"
        ),
        ProxyFault::Refused { status, title: Some(title), .. } => format!(
            "{proxy} does not connect to {host}: status {status} and a web page titled \"{title}\""
        ),
        ProxyFault::Refused { status, .. } => {
            format!("{proxy} does not connect to {host}: status {status}")
        }
        ProxyFault::Other => format!("{proxy} did not let the request to {host} through"),
    }
}

fn variable(route: &Route) -> &str {
    route.proxy_variable.as_deref().unwrap_or("HTTPS_PROXY")
}

/// Adds the proxy that a failed request used, the remedy, and proxy settings that had no effect.
pub(crate) fn add_route(mut finding: Finding, failure: &Failure) -> Finding {
    let Failure { host, route, kind, .. } = failure;
    if let Some(proxy) = &route.proxy {
        finding = finding.proof("through the proxy", proxy, variable(route));
    }
    if let FailureKind::Proxy { fault } = kind {
        finding = add_proxy_answer(finding, fault, route);
        finding = add_remedy(finding, fault, failure);
    }
    if let Some(passed_over) = &route.passed_over {
        finding = finding
            .proof("not used as a proxy", &passed_over.reason, &passed_over.variable)
            .announce(format!(
                "The request went without a proxy, since of {} {}. If {host} is reached through \
                 one only, name it in HTTPS_PROXY:",
                passed_over.variable, passed_over.reason
            ))
            .command(Command::set("HTTPS_PROXY", "http://PROXY_HOST:PORT"));
    }
    if let Some(entry) = &route.near_exception {
        finding = finding.proof("does not match", entry, "NO_PROXY").step(format!(
            "If the entry in NO_PROXY is meant for {host}: pulumi takes commas between entries, \
             exact names or names of parents, .NAME and *.NAME for what is under NAME only, and \
             no scheme."
        ));
    }
    finding
}

/// Adds details of the proxy's answer.
fn add_proxy_answer(mut finding: Finding, fault: &ProxyFault, route: &Route) -> Finding {
    let place = route.proxy.as_deref().unwrap_or("the proxy");
    match fault {
        ProxyFault::Misread { name: Some(name) } => {
            let message = format!("proxyconnect tcp: dial tcp: lookup {name}: no such host");
            finding = finding.proof("pulumi says", message, "pulumi login");
        }
        ProxyFault::Credentials { schemes, .. } if !schemes.is_empty() => {
            finding = finding.proof("it takes", schemes.join(", "), "Proxy-Authenticate");
        }
        ProxyFault::Refused { title, location, .. } => {
            for (what, value) in [("web page", title), ("redirects to", location)] {
                if let Some(value) = value {
                    finding = finding.proof(what, value, place);
                }
            }
        }
        _ => {}
    }
    finding
}

/// Adds the remedy for a proxy fault.
fn add_remedy(finding: Finding, fault: &ProxyFault, failure: &Failure) -> Finding {
    let Failure { host, port, route, .. } = failure;
    let variable = variable(route);
    let scheme_and_host = route.proxy.as_deref().unwrap_or("http://PROXY_HOST:PORT");
    let scheme_and_host = &scheme_and_host.replacen("…@", "", 1);
    let unset = |finding: Finding| {
        finding
            .announce("Correct it, or leave it out where no proxy is needed:")
            .command(Command::unset(variable))
    };
    let finding = match fault {
        ProxyFault::Misread { .. } => finding
            .fix(format!("Write a URL into {variable}, and in it percent-encode the password."))
            .announce(
                "No quotes and no spaces around it; in a password @ is %40, : %3A, / %2F, # %23:",
            )
            .command(Command::set(variable, "http://USER:PASSWORD@PROXY_HOST:PORT")),
        ProxyFault::Cgi => {
            unset(finding.fix("Unset REQUEST_METHOD, which makes it a CGI program."))
        }
        ProxyFault::Dns | ProxyFault::Connect => {
            unset(finding.fix(format!("Name a proxy in {variable} that this machine reaches.")))
        }
        ProxyFault::Protocol | ProxyFault::Closed => {
            unset(finding.fix(format!(
                "Check that {variable} names an HTTP proxy that this machine may use."
            )))
        }
        ProxyFault::Tls => unset(
            finding
                .fix("Make this machine trust the authority that signed the proxy's certificate.")
                .announce("Put that authority's certificate into a PEM file and name it:")
                .command(Command::set("SSL_CERT_FILE", "/path/to/authority.pem")),
        ),
        ProxyFault::Credentials { schemes, .. }
            if !schemes.is_empty() && !schemes.iter().any(|scheme| scheme == "Basic") =>
        {
            finding.fix(format!(
                "The proxy takes {}, and pulumi knows Basic only: let the host through without \
                 credentials, or go through a relay on this machine that signs in.",
                list(schemes)
            ))
        }
        ProxyFault::Credentials { .. } => {
            let (scheme, authority) =
                scheme_and_host.split_once("://").unwrap_or(("http", scheme_and_host));
            finding
                .fix(format!("Put the proxy's credentials into {variable}."))
                .announce(
                    "Percent-encode them (@ is %40, : %3A, / %2F, # %23) and keep them secret:",
                )
                .command(Command::set(variable, &format!("{scheme}://USER:PASSWORD@{authority}")))
        }
        ProxyFault::Refused { location: Some(_), .. } => finding.fix(format!(
            "A pipeline cannot fill in a login page: ask for {host}:{port} to be let through \
             without one."
        )),
        ProxyFault::Refused { status: 502..=504, .. } => finding.fix(format!(
            "The proxy does not reach {host}:{port} itself: ask those who run it for a way there."
        )),
        ProxyFault::Refused { .. } => finding.fix(format!(
            "Ask those who run the proxy to allow CONNECT to {host}:{port}. If the page is a login \
             page: a pipeline cannot fill one in."
        )),
        ProxyFault::Timeout | ProxyFault::Other => finding.fix(format!(
            "Ask those who run the proxy whether it lets this machine reach {host}:{port}."
        )),
    };
    let in_power_shell = power_shell(host).map(|_| format!("$env:NO_PROXY += ',{host}'"));
    let entry = text::shell(host);
    finding
        .announce(format!("Or, if {host} is reached without the proxy too, make it an exception:"))
        .command(Command::each(
            format!("export NO_PROXY=\"${{NO_PROXY:-${{no_proxy:-}}}}\",{entry}"),
            in_power_shell,
        ))
}

/// Turns a proxy's failure into a warning: Pulumi Cloud reaches the issuer without this machine's
/// proxy.
pub(crate) fn downgrade_if_proxy_failed(finding: Finding, failure: &Failure) -> Finding {
    if !matches!(failure.kind, FailureKind::Proxy { .. }) {
        return finding;
    }
    let finding = finding.severity(Severity::Warning);
    let detail = format!(
        "{} Pulumi Cloud does not go through this proxy, so this is no obstacle to the login.",
        finding.detail
    );
    Finding { detail, ..finding }
}

/// The end of a summary that names the proxy of an answer.
pub(crate) fn proxy_suffix(route: &Route) -> String {
    route.proxy.as_ref().map_or_else(String::new, |proxy| {
        format!(", through the proxy {proxy} ({})", variable(route))
    })
}
