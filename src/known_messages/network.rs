//! Messages of Go, Node, curl, PowerShell and Python about servers that cannot be reached or
//! trusted. They count only if the line shows that the server was Pulumi Cloud, an issuer or a CI
//! platform's token service.

use super::Message;
use super::ServerFailure::{Unreachable, Untrusted};

const UNRESOLVED: &str = "The name could not be resolved.";
const REFUSED: &str = "Nothing listens at that address, or a firewall refuses the connection.";
const NO_ROUTE: &str = "This machine has no route to that address.";
const TIMED_OUT: &str = "No answer came within the time: a firewall that drops, a proxy that is needed, or a server that is slow.";
const BROKEN: &str = "The connection broke before an answer came.";
const PROXY_FAILED: &str = "The proxy in between refused or could not be reached.";
const NO_TUNNEL: &str = "The proxy in between did not connect, and this is the status of its own answer: Pulumi Cloud was not asked.";
const WRITE_URL: &str = "Write HTTPS_PROXY as http://USER:PASSWORD@HOST:PORT without quotes and spaces, the password percent-encoded.";
const ASK_PROXY: &str = "Ask those who run the proxy to let this host through, or add the host to NO_PROXY where it is reached without the proxy.";
const INVALID_PROXY_URL: &str = "HTTPS_PROXY is no URL that Go can read (quotes, a space, a password that is not percent-encoded), so it takes http for the proxy's name.";
const NO_TLS: &str = "The port does not speak TLS.";
const UNTRUSTED_AUTHORITY: &str = "The certificate is signed by an authority that this machine does not trust: often a proxy that inspects TLS, or a private authority.";
const EXPIRED: &str = "The certificate has expired, or this machine's clock is wrong.";
const WRONG_HOST: &str = "The certificate is for another name.";
const HANDSHAKE_FAILED: &str = "The TLS handshake failed.";

const TRUST_AUTHORITY: &str = "Put the certificate of that authority into a PEM file, and name the file in SSL_CERT_FILE for every step that runs pulumi (in NODE_EXTRA_CA_CERTS for actions).";
const RENEW_CERTIFICATE: &str = "Renew the server's certificate, or correct this machine's clock.";
const USE_CERTIFIED_HOST: &str =
    "Use the host name that the certificate is for, or have it reissued for this one.";

pub(super) const MESSAGES: &[Message] = &[
    // -------------------------------------------------------------------------------- Go
    Message::network(
        "proxyconnect tcp: dial tcp: lookup http on {server}:",
        Unreachable,
        INVALID_PROXY_URL,
    )
    .fix(WRITE_URL),
    Message::network("proxyconnect tcp: dial tcp: lookup http:", Unreachable, INVALID_PROXY_URL)
        .fix(WRITE_URL),
    Message::network(
        "proxyconnect tcp: dial tcp: lookup https on {server}:",
        Unreachable,
        INVALID_PROXY_URL,
    )
    .fix(WRITE_URL),
    Message::network("proxyconnect tcp: dial tcp: lookup https:", Unreachable, INVALID_PROXY_URL)
        .fix(WRITE_URL),
    Message::network("dial tcp: lookup {host}: no such host", Unreachable, UNRESOLVED),
    Message::network("dial tcp: lookup {host}: server misbehaving", Unreachable, UNRESOLVED),
    Message::network(
        "dial tcp: lookup {host}: Temporary failure in name resolution",
        Unreachable,
        UNRESOLVED,
    ),
    Message::network("dial tcp: lookup {host}: i/o timeout", Unreachable, UNRESOLVED),
    Message::network("getaddrinfow: No such host is known", Unreachable, UNRESOLVED),
    Message::network("nodename nor servname provided", Unreachable, UNRESOLVED),
    Message::network("proxyconnect tcp: {problem}", Unreachable, PROXY_FAILED),
    Message::network("Proxy Authentication Required", Unreachable, "The proxy wants credentials."),
    Message::network("\": Forbidden", Unreachable, NO_TUNNEL).fix(ASK_PROXY),
    Message::network("\": Bad Gateway", Unreachable, NO_TUNNEL).fix(ASK_PROXY),
    Message::network("\": Service Unavailable", Unreachable, NO_TUNNEL).fix(ASK_PROXY),
    Message::network("\": Gateway Timeout", Unreachable, NO_TUNNEL).fix(ASK_PROXY),
    Message::network("\": Found", Unreachable, NO_TUNNEL).fix(ASK_PROXY),
    Message::network("connect: connection refused", Unreachable, REFUSED),
    Message::network("connect: network is unreachable", Unreachable, NO_ROUTE),
    Message::network("connect: no route to host", Unreachable, NO_ROUTE),
    Message::network("connect: connection timed out", Unreachable, TIMED_OUT),
    Message::network("connect: operation timed out", Unreachable, TIMED_OUT),
    Message::network("target machine actively refused it", Unreachable, REFUSED),
    Message::network(
        "connected party did not properly respond after a period of time",
        Unreachable,
        TIMED_OUT,
    ),
    Message::network(
        "A socket operation was attempted to an unreachable network",
        Unreachable,
        NO_ROUTE,
    ),
    Message::network("net/http: TLS handshake timeout", Unreachable, TIMED_OUT),
    Message::network("Client.Timeout exceeded while awaiting headers", Unreachable, TIMED_OUT),
    Message::network("context deadline exceeded", Unreachable, TIMED_OUT),
    Message::network(": i/o timeout", Unreachable, TIMED_OUT),
    Message::network("connection reset by peer", Unreachable, BROKEN),
    Message::network("forcibly closed by the remote host", Unreachable, BROKEN),
    Message::network("unexpected EOF", Unreachable, BROKEN),
    Message::network("\": EOF", Unreachable, BROKEN),
    Message::network("malformed HTTP response", Unreachable, "What answered does not speak HTTP."),
    Message::network("server gave HTTP response to HTTPS client", Unreachable, NO_TLS),
    Message::network("first record does not look like a TLS handshake", Unreachable, NO_TLS),
    Message::network(
        "x509: certificate signed by unknown authority",
        Untrusted,
        UNTRUSTED_AUTHORITY,
    )
    .fix(TRUST_AUTHORITY),
    Message::network("x509: certificate has expired or is not yet valid", Untrusted, EXPIRED)
        .fix(RENEW_CERTIFICATE),
    Message::network(
        "x509: certificate is valid for {names}, not {host}",
        Untrusted,
        "The certificate is for {names}, and {host} was asked.",
    )
    .fix(USE_CERTIFIED_HOST),
    Message::network("x509: certificate is not valid for any names", Untrusted, WRONG_HOST)
        .fix(USE_CERTIFIED_HOST),
    Message::network("because it doesn't contain any IP SANs", Untrusted, WRONG_HOST)
        .fix(USE_CERTIFIED_HOST),
    Message::network("certificate relies on legacy Common Name field", Untrusted, WRONG_HOST)
        .fix(USE_CERTIFIED_HOST),
    Message::network("certificate name does not match input", Untrusted, WRONG_HOST)
        .fix(USE_CERTIFIED_HOST),
    Message::network("certificate is not trusted", Untrusted, UNTRUSTED_AUTHORITY)
        .fix(TRUST_AUTHORITY),
    Message::network("certificate is not standards compliant", Untrusted, UNTRUSTED_AUTHORITY)
        .fix(TRUST_AUTHORITY),
    Message::network(
        "terminated in a root certificate which is not trusted",
        Untrusted,
        UNTRUSTED_AUTHORITY,
    )
    .fix(TRUST_AUTHORITY),
    Message::network(
        "tls: failed to verify certificate: {problem}",
        Untrusted,
        "The certificate is not accepted: {problem}.",
    )
    .fix(TRUST_AUTHORITY),
    Message::network(
        "remote error: tls: {alert}",
        Untrusted,
        "The server ended the TLS handshake: {alert}.",
    ),
    // ------------------------------------------------------------------------------ Node
    Message::network("getaddrinfo ENOTFOUND {host}", Unreachable, UNRESOLVED),
    Message::network("getaddrinfo EAI_AGAIN {host}", Unreachable, UNRESOLVED),
    Message::network("connect ECONNREFUSED {address}", Unreachable, REFUSED),
    Message::network("connect ETIMEDOUT", Unreachable, TIMED_OUT),
    Message::network("connect EHOSTUNREACH", Unreachable, NO_ROUTE),
    Message::network("connect ENETUNREACH", Unreachable, NO_ROUTE),
    Message::network("read ECONNRESET", Unreachable, BROKEN),
    Message::network("socket hang up", Unreachable, BROKEN),
    Message::network("Connect Timeout Error", Unreachable, TIMED_OUT),
    Message::network("timeout of {}ms exceeded", Unreachable, TIMED_OUT),
    Message::network("tunneling socket could not be established", Unreachable, PROXY_FAILED),
    Message::network("unable to verify the first certificate", Untrusted, UNTRUSTED_AUTHORITY)
        .fix(TRUST_AUTHORITY),
    Message::network("UNABLE_TO_VERIFY_LEAF_SIGNATURE", Untrusted, UNTRUSTED_AUTHORITY)
        .fix(TRUST_AUTHORITY),
    Message::network("self-signed certificate", Untrusted, UNTRUSTED_AUTHORITY)
        .fix(TRUST_AUTHORITY),
    Message::network("self signed certificate", Untrusted, UNTRUSTED_AUTHORITY)
        .fix(TRUST_AUTHORITY),
    Message::network("unable to get local issuer certificate", Untrusted, UNTRUSTED_AUTHORITY)
        .fix(TRUST_AUTHORITY),
    Message::network("Hostname/IP does not match certificate's altnames", Untrusted, WRONG_HOST)
        .fix(USE_CERTIFIED_HOST),
    // ------------------------------------------------------------------------------ curl
    Message::network("curl: (5) {problem}", Unreachable, PROXY_FAILED),
    Message::network("curl: (6) Could not resolve host: {host}", Unreachable, UNRESOLVED),
    Message::network("curl: (7) Failed to connect to {host} port", Unreachable, REFUSED),
    Message::network("curl: (28) {problem}", Unreachable, TIMED_OUT),
    Message::network("from proxy after CONNECT", Unreachable, PROXY_FAILED),
    Message::network("CONNECT tunnel failed, response {status}", Unreachable, PROXY_FAILED),
    Message::network("curl: (35) schannel: {problem}", Untrusted, UNTRUSTED_AUTHORITY),
    Message::network("curl: (35) {problem}", Untrusted, HANDSHAKE_FAILED),
    Message::network("curl: (52) Empty reply from server", Unreachable, BROKEN),
    Message::network("curl: (56) {problem}", Unreachable, BROKEN),
    Message::network(
        "SSL certificate problem: {problem}",
        Untrusted,
        "The certificate is not accepted: {problem}.",
    )
    .fix(TRUST_AUTHORITY),
    Message::network(
        "no alternative certificate subject name matches target host name",
        Untrusted,
        WRONG_HOST,
    )
    .fix(USE_CERTIFIED_HOST),
    Message::network(
        "curl: (77) {problem}",
        Untrusted,
        "The file with the trust roots cannot be read: {problem}.",
    ),
    // ------------------------------------------------------------------ PowerShell, Python
    Message::network("The remote name could not be resolved", Unreachable, UNRESOLVED),
    Message::network("No such host is known", Unreachable, UNRESOLVED),
    Message::network("The SSL connection could not be established", Untrusted, UNTRUSTED_AUTHORITY)
        .fix(TRUST_AUTHORITY),
    Message::network("The remote certificate is invalid", Untrusted, UNTRUSTED_AUTHORITY)
        .fix(TRUST_AUTHORITY),
    Message::network("certificate verify failed", Untrusted, UNTRUSTED_AUTHORITY)
        .fix(TRUST_AUTHORITY),
    Message::network("Max retries exceeded with url", Unreachable, TIMED_OUT),
    Message::network("certificate has expired", Untrusted, EXPIRED).fix(RENEW_CERTIFICATE),
];
