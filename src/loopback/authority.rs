//! A certificate authority that clients trust only if a test or the demo adds it.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::Error;

/// A certificate authority. Its key exists only in memory.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A server's certificate and its key.
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Authority {
    /// Creates an authority with a new key.
    ///
    /// # Errors
    /// The cryptographic library fails.
    pub fn new() -> Result<Self, Error> {
        let params = authority_params("doctor loopback authority")?;
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// Creates an intermediate authority, signed by this one. Clients that trust this one trust its
    /// certificates if servers send the intermediate certificate too.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn subordinate(&self) -> Result<Self, Error> {
        let mut params = authority_params("doctor loopback intermediate")?;
        params.use_authority_key_identifier_extension = true;
        Ok(Self(CertifiedIssuer::signed_by(params, KeyPair::generate()?, &self.0)?))
    }

    /// The authority's certificate in PEM (RFC 7468), for `--ca-cert` and `SSL_CERT_FILE`.
    pub fn pem(&self) -> String {
        pem("CERTIFICATE", self.0.der())
    }

    /// Issues a certificate for host names and IP addresses.
    ///
    /// # Errors
    /// A name is not ASCII, or the cryptographic library fails.
    pub fn issue(&self, names: &[&str]) -> Result<Identity, Error> {
        self.sign(certificate_params("doctor loopback server", names)?)
    }

    /// Issues a certificate that expired in 2020.
    ///
    /// # Errors
    /// As [`Self::issue`].
    pub fn issue_expired(&self, names: &[&str]) -> Result<Identity, Error> {
        let mut params = certificate_params("doctor loopback server", names)?;
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
        self.sign(params)
    }

    fn sign(&self, mut params: CertificateParams) -> Result<Identity, Error> {
        // RFC 5280 section 4.2.1.1 and strict clients require it.
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.0)?;
        Ok(Identity::new(certificate.der().clone(), &key))
    }
}

impl Identity {
    /// Creates a self-signed certificate.
    ///
    /// # Errors
    /// As [`Authority::issue`].
    pub fn self_signed(names: &[&str]) -> Result<Self, Error> {
        let key = KeyPair::generate()?;
        let certificate = certificate_params("doctor loopback server", names)?.self_signed(&key)?;
        Ok(Self::new(certificate.der().clone(), &key))
    }

    /// The certificate in DER, from which thumbprints are computed.
    pub fn der(&self) -> &[u8] {
        &self.certificate
    }

    /// The certificate in PEM, for other servers.
    pub fn pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    /// The private key in PEM (PKCS #8), for other servers.
    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", self.key.secret_der())
    }

    /// The configuration of a TLS server with this certificate.
    ///
    /// # Errors
    /// Certificate and key do not match.
    pub fn server_config(self) -> Result<Arc<ServerConfig>, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate], self.key)?;
        Ok(Arc::new(config))
    }

    fn new(certificate: CertificateDer<'static>, key: &KeyPair) -> Self {
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        Self { certificate, key }
    }
}

/// The contents of an authority's own certificate.
fn authority_params(common_name: &str) -> Result<CertificateParams, Error> {
    let mut params = certificate_params(common_name, &[])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    Ok(params)
}

fn certificate_params(common_name: &str, names: &[&str]) -> Result<CertificateParams, Error> {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, common_name);
    Ok(params)
}

/// Encodes DER as PEM (RFC 7468), 64 characters to a line.
fn pem(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text + &format!("-----END {label}-----\n")
}
