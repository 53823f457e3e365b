//! TLS, as libpq's `sslmode` names it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

/// What of the server's certificate is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// Nothing: the connection is encrypted, with whoever answers.
    Nothing,
    /// That an authority has signed it.
    Chain,
    /// That an authority has signed it for this host.
    ChainAndHost,
}

/// How to encrypt.
#[derive(Debug, Clone)]
pub struct Tls {
    /// What is verified.
    pub verify: Verify,
    /// The file of authorities that are trusted; `system` stands for those of the system.
    pub roots: Option<PathBuf>,
    /// The files of the client's certificate and of its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl Tls {
    /// What makes connections.
    ///
    /// # Errors
    /// What is wrong with a file.
    pub fn connector(&self) -> Result<MakeRustlsConnect, String> {
        let provider = Arc::new(ring::default_provider());
        let inner = match self.verify {
            Verify::Nothing => None,
            Verify::Chain | Verify::ChainAndHost => {
                let roots = Arc::new(self.trusted()?);
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
                Some(verifier.map_err(|error| format!("sslrootcert: {error}"))?)
            }
        };
        let verifier =
            Verifier { inner, host: self.verify == Verify::ChainAndHost, provider: Arc::clone(&provider) };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let config = match &self.identity {
            Some((certificate, key)) => {
                let key = PrivateKeyDer::from_pem_file(key).map_err(|error| format!("{key:?}: {error}"))?;
                let config = config.with_client_auth_cert(certificates(certificate)?, key);
                config.map_err(|error| format!("{certificate:?}: {error}"))?
            }
            None => config.with_no_client_auth(),
        };
        Ok(MakeRustlsConnect::new(config))
    }

    fn trusted(&self) -> Result<RootCertStore, String> {
        let mut trusted = RootCertStore::empty();
        match &self.roots {
            Some(path) if path.as_os_str() != "system" => {
                for certificate in certificates(path)? {
                    trusted.add(certificate).map_err(|error| format!("{path:?}: {error}"))?;
                }
            }
            Some(_) => {
                trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            None => {
                let why = "verifying needs the certificates of authorities: give sslrootcert=FILE, or \
                           sslrootcert=system, or put them into ~/.postgresql/root.crt";
                return Err(why.into());
            }
        }
        Ok(trusted)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error| format!("{path:?}: {error}");
    CertificateDer::pem_file_iter(path).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)
}

/// Verifies as much as [`Verify`] says.
#[derive(Debug)]
struct Verifier {
    inner: Option<Arc<WebPkiServerVerifier>>,
    host: bool,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn known(&self) -> &WebPkiSupportedAlgorithms {
        &self.provider.signature_verification_algorithms
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(inner) = &self.inner else { return Ok(ServerCertVerified::assertion()) };
        match inner.verify_server_cert(certificate, intermediates, name, response, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.host => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, self.known())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, self.known())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.known().supported_schemes()
    }
}
