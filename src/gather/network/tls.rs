//! TLS: the trust roots, and a verifier that records presented certificates even if the handshake
//! fails.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use aws_lc_rs::digest;
use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::console::descriptors;
use crate::evidence::address::normalize_host_name;
use crate::evidence::{Certificate, CertificateProblem, Chain};
use crate::text::hex;
use crate::text::secret::Scrubber;

/// The trust roots for server certificates. Loading reads files: do it once, and only before a
/// connection.
pub struct Roots {
    store: Arc<RootCertStore>,
    certificates: Arc<Vec<CertificateDer<'static>>>,
}

impl Roots {
    /// Loads the machine's store (or the files in `SSL_CERT_FILE` and `SSL_CERT_DIR`), else
    /// Mozilla's list, and adds the certificates of `--ca-cert`. A store that cannot be read within
    /// `limit` (a pipe, a network file system) counts as missing.
    ///
    /// # Errors
    /// `extra_pem` holds no certificate, or one that cannot be a trust root.
    pub fn load(extra_pem: Option<&[u8]>, limit: Duration) -> Result<Self, String> {
        // Stores often hold a few unreadable roots. Skip them.
        let (send, receive) = mpsc::channel();
        thread::spawn(move || {
            let loaded = rustls_native_certs::load_native_certs();
            for error in &loaded.errors {
                if let rustls_native_certs::ErrorKind::Io { inner, .. } = &error.kind {
                    descriptors::note(inner);
                }
            }
            send.send(loaded.certs)
        });
        let mut certificates = receive.recv_timeout(limit).unwrap_or_default();
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(certificates.iter().cloned());
        if store.is_empty() {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        if let Some(pem) = extra_pem {
            let extra = CertificateDer::pem_slice_iter(pem)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| format!("it is not valid PEM: {error}"))?;
            if extra.is_empty() {
                return Err("it holds no PEM certificate (BEGIN CERTIFICATE)".into());
            }
            for (index, certificate) in extra.into_iter().enumerate() {
                store.add(certificate.clone()).map_err(|error| {
                    format!("certificate {} in it cannot be a trust root: {error}", index + 1)
                })?;
                certificates.push(certificate);
            }
        }
        Ok(Self { store: Arc::new(store), certificates: Arc::new(certificates) })
    }
}

/// The client's TLS settings, and the recorder of presented certificates.
///
/// `insecure` accepts every certificate, as `pulumi login --insecure` does, and still records it.
pub(crate) fn client_config(
    roots: &Roots,
    insecure: bool,
) -> Result<(ClientConfig, Arc<Recorder>), String> {
    let provider = Arc::new(provider::default_provider());
    let recorder = Arc::new(Recorder {
        local: verifier(Arc::clone(&roots.store), &provider)?,
        public: verifier(
            Arc::new(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()),
            &provider,
        )?,
        pinned: Arc::clone(&roots.certificates),
        insecure,
        seen: Mutex::default(),
    });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&recorder) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((config, recorder))
}

fn verifier(
    roots: Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, String> {
    WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider))
        .build()
        .map_err(|error| error.to_string())
}

/// A certificate verifier that records every presented chain.
#[derive(Debug)]
pub(crate) struct Recorder {
    local: Arc<WebPkiServerVerifier>,
    public: Arc<WebPkiServerVerifier>,
    pinned: Arc<Vec<CertificateDer<'static>>>,
    insecure: bool,
    seen: Mutex<HashMap<String, RecordedChain>>,
}

#[derive(Debug)]
struct RecordedChain {
    certificates: Vec<CertificateDer<'static>>,
    publicly_trusted: bool,
}

impl Recorder {
    /// The chain that a host (in [`super::guard::host_of`]'s spelling) presented last.
    pub(crate) fn chain(&self, host: &str) -> Option<Chain> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(host).map(|seen| Chain {
            certificates: seen.certificates.iter().map(|der| outline_certificate(der)).collect(),
            publicly_trusted: seen.publicly_trusted,
        })
    }

    /// Accepts a server certificate that is itself a trust root, as Go and OpenSSL do. webpki
    /// rejects one with `CA:TRUE`, which `openssl req -x509` writes. webpki checks the validity
    /// period first, so it need not be checked again.
    fn accept_pinned(
        &self,
        error: Error,
        leaf: &CertificateDer<'_>,
        name: &ServerName<'_>,
    ) -> Result<ServerCertVerified, Error> {
        let about_trust = match &error {
            Error::InvalidCertificate(e) => {
                matches!(
                    certificate_problem(e),
                    CertificateProblem::UnknownIssuer | CertificateProblem::Other
                )
            }
            _ => false,
        };
        if !about_trust || !self.pinned.iter().any(|root| root == leaf) {
            return Err(error);
        }
        verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
        Ok(ServerCertVerified::assertion())
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let publicly_trusted =
            self.public.verify_server_cert(leaf, intermediates, name, ocsp, now).is_ok();
        let certificates = std::iter::once(leaf)
            .chain(intermediates)
            .map(|der| der.clone().into_owned())
            .collect();
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(
            normalize_host_name(&name.to_str()),
            RecordedChain { certificates, publicly_trusted },
        );
        if self.insecure {
            return Ok(ServerCertVerified::assertion());
        }
        self.local
            .verify_server_cert(leaf, intermediates, name, ocsp, now)
            .or_else(|error| self.accept_pinned(error, leaf, name))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.local.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.local.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.local.supported_verify_schemes()
    }
}

/// Classifies a certificate error by the error alone.
fn certificate_problem(error: &CertificateError) -> CertificateProblem {
    use CertificateError as E;
    match error {
        E::Expired | E::ExpiredContext { .. } => CertificateProblem::Expired,
        E::NotValidYet | E::NotValidYetContext { .. } => CertificateProblem::NotYetValid,
        E::NotValidForName | E::NotValidForNameContext { .. } => CertificateProblem::WrongHost,
        // A trusted authority has the issuer's name, but another key.
        E::UnknownIssuer | E::BadSignature => CertificateProblem::UnknownIssuer,
        _ => CertificateProblem::Other,
    }
}

/// Classifies a certificate error with the chain, and describes the certificate's fault.
pub(crate) fn explain(
    error: &CertificateError,
    chain: Option<&Chain>,
) -> (CertificateProblem, String) {
    use {CertificateError as E, CertificateProblem as P};
    let Some(leaf) = chain.and_then(|chain| chain.certificates.first()) else {
        return (certificate_problem(error), error.to_string());
    };
    let problem = match certificate_problem(error) {
        P::UnknownIssuer | P::Other if leaf.subject == leaf.issuer => P::SelfSigned,
        other => other,
    };
    let detail = match (problem, error) {
        (P::Expired, E::ExpiredContext { not_after, .. }) => {
            format!("a certificate of the chain expired {}", format_time(*not_after))
        }
        (P::NotYetValid, E::NotValidYetContext { not_before, .. }) => {
            format!("a certificate of the chain is valid from {}", format_time(*not_before))
        }
        (P::WrongHost, _) if leaf.names.is_empty() => "the certificate names no host".into(),
        (P::WrongHost, _) => format!("the certificate is for {}", first_names(&leaf.names)),
        (P::UnknownIssuer, _) => {
            format!("issued by \"{}\", which is not trusted here", leaf.issuer)
        }
        (P::SelfSigned, _) => format!("\"{}\" signed itself", leaf.subject),
        _ => error.to_string(),
    };
    (problem, detail)
}

/// Lists the first few names: a certificate may hold thousands.
fn first_names(names: &[String]) -> String {
    const SHOWN: usize = 8;
    match names.split_at_checked(SHOWN) {
        Some((first, rest)) if !rest.is_empty() => {
            format!("{} and {} more", first.join(", "), rest.len())
        }
        _ => names.join(", "),
    }
}

fn format_time(time: UnixTime) -> String {
    i64::try_from(time.as_secs())
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map_or_else(|| "at an impossible time".into(), |time| time.to_string())
}

impl Chain {
    /// Removes secrets from the chain: a server controls the text in its certificates.
    pub(crate) fn scrubbed(mut self, scrubber: &Scrubber) -> Self {
        for certificate in &mut self.certificates {
            let Certificate { subject, issuer, names, .. } = certificate;
            for text in names.iter_mut().chain([subject, issuer]) {
                *text = scrubber.scrub(text);
            }
        }
        self
    }
}

/// The outline of a certificate. If it cannot be parsed, it has only the digests.
fn outline_certificate(der: &[u8]) -> Certificate {
    let mut outline = Certificate {
        subject: String::new(),
        issuer: String::new(),
        names: Vec::new(),
        not_after: None,
        sha256: hex(digest::digest(&digest::SHA256, der).as_ref()),
        sha1: hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der).as_ref()),
    };
    if let Ok((_, parsed)) = X509Certificate::from_der(der) {
        outline.subject = parsed.subject().to_string();
        outline.issuer = parsed.issuer().to_string();
        outline.not_after = Timestamp::from_second(parsed.validity().not_after.timestamp()).ok();
        if let Ok(Some(names)) = parsed.subject_alternative_name() {
            outline.names = names.value.general_names.iter().filter_map(host_name).collect();
        }
    }
    outline
}

fn host_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => <[u8; 4]>::try_from(*bytes)
            .map(IpAddr::from)
            .or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from))
            .ok()
            .map(|address| address.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[test]
    fn invalid_extra_roots_are_refused() {
        assert!(Roots::load(Some(b"nothing"), LIMIT).err().unwrap().contains("no PEM certificate"));
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(Roots::load(Some(broken), LIMIT).err().unwrap().contains("certificate 1"));
        assert!(!Roots::load(None, LIMIT).unwrap().store.is_empty());
    }

    #[test]
    fn long_name_lists_are_cut() {
        let names: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        assert_eq!(first_names(&names), "0, 1, 2, 3, 4, 5, 6, 7 and 2 more");
        assert_eq!(first_names(&names[..8]), "0, 1, 2, 3, 4, 5, 6, 7");
        assert_eq!(first_names(&names[..1]), "0");
    }

    #[test]
    fn unreadable_certificate_has_digests() {
        let outline = outline_certificate(b"abc");
        assert_eq!(outline.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(
            outline.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(outline.subject, "");
    }
}
