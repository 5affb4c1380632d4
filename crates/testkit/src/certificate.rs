use rcgen::{CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair};

/// A certificate for `127.0.0.1` and `localhost`, with the authority that signed it, made afresh.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The authority's certificate, PEM: what a client must trust.
    pub authority: String,
    /// The server's certificate, PEM.
    pub certificate: String,
    /// The server's private key, PKCS #8 PEM.
    pub key: String,
}

impl Certificate {
    /// Makes an authority and a server certificate for the loopback interface.
    ///
    /// # Panics
    /// When the system's generator gives no keys.
    #[must_use]
    pub fn for_loopback() -> Self {
        Self::make().expect("a certificate can be made")
    }

    fn make() -> Result<Self, rcgen::Error> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        authority.distinguished_name = named("Stanchion test authority");
        let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

        let key = KeyPair::generate()?;
        let mut server = CertificateParams::new(["127.0.0.1".into(), "localhost".into()])?;
        server.distinguished_name = named("Stanchion test server");
        let certificate = server.signed_by(&key, &issuer)?;
        Ok(Self {
            authority: issuer.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}
