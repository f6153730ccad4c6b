//! A certificate authority that nobody trusts until told to.

use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::Error;

/// A certificate authority that lives as long as the value.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A server's certificate and its key.
pub struct Identity {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Authority {
    /// A new authority with a key of its own.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn new() -> Result<Self, Error> {
        let mut params = named("doctor loopback authority", &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// The authority's certificate in PEM (RFC 7468), as `--ca-cert` and `SSL_CERT_FILE` take it.
    #[must_use]
    pub fn pem(&self) -> String {
        let encoded = STANDARD.encode(self.0.der());
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(64));
            pem.push_str(line);
            pem.push('\n');
            rest = after;
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        pem
    }

    /// A certificate for these host names and IP addresses.
    ///
    /// # Errors
    /// When a name is not ASCII, or the cryptographic library fails.
    pub fn issue(&self, names: &[&str]) -> Result<Identity, Error> {
        self.sign(named("doctor loopback server", names)?)
    }

    /// A certificate whose validity ended in 2020.
    ///
    /// # Errors
    /// As [`Self::issue`].
    pub fn issue_expired(&self, names: &[&str]) -> Result<Identity, Error> {
        let mut params = named("doctor loopback server", names)?;
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Result<Identity, Error> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.0)?;
        Ok(Identity::new(certificate.der().clone(), &key))
    }
}

impl Identity {
    /// A certificate that vouches for itself.
    ///
    /// # Errors
    /// As [`Authority::issue`].
    pub fn self_signed(names: &[&str]) -> Result<Self, Error> {
        let key = KeyPair::generate()?;
        let certificate = named("doctor loopback server", names)?.self_signed(&key)?;
        Ok(Self::new(certificate.der().clone(), &key))
    }

    /// The certificate in DER: what thumbprints are made of.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.certificate
    }

    fn new(certificate: CertificateDer<'static>, key: &KeyPair) -> Self {
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        Self { certificate, key }
    }
}

fn named(common_name: &str, names: &[&str]) -> Result<CertificateParams, Error> {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, common_name);
    Ok(params)
}
