//! The settings of TLS, and its failures told so that users know what to do.

use crate::{
    alarm::Alarm,
    error::Error,
    failure::{failure, transfer},
    options::{ClientCertificate, Options},
    shard::Shard,
    wire::{ReadResult, Want, Wire},
};
use loadgen_engine::{ErrorKind, Failure, HttpVersion};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, ConfigBuilder,
    InvalidMessage, RootCertStore, WantsVerifier,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{
        CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature,
        verify_tls13_signature,
    },
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use std::{
    fmt,
    sync::{Arc, OnceLock},
};
use tokio::time::Instant;

/// How TLS is spoken. The certificates of the system are read when they are first needed: there are hundreds of files of
/// them, and most runs against plain HTTP need none.
pub(crate) struct TlsSettings {
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    configs: OnceLock<Configs>,
}

/// One configuration for each set of protocols that is offered.
struct Configs {
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
    auto: Arc<ClientConfig>,
    /// Whether the system has no certificates at all.
    rootless: bool,
}

impl TlsSettings {
    pub(crate) fn new(options: &Options) -> Result<Self, Error> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let configs = OnceLock::new();
        let (own, authority) = (&options.client_certificate, &options.authority);
        if own.is_some() || authority.is_some() || options.insecure {
            // What is wrong with what was given is told before the run.
            let roots = roots(options)?;
            let rootless = roots.is_empty() && !options.insecure;
            let builder = builder.clone().with_root_certificates(roots);
            let mut config = match own {
                Some(own) => {
                    let (chain, key) = read_client_certificate(own)?;
                    builder
                        .with_client_auth_cert(chain, key)
                        .map_err(|error| Error::ClientCertificate(error.to_string()))?
                }
                None => builder.with_no_client_auth(),
            };
            if options.insecure {
                config
                    .dangerous()
                    .set_certificate_verifier(Arc::new(AnyCertificate::new(&provider)));
            }
            // Nobody else has it yet.
            let _ = configs.set(Configs::of(&config, rootless));
        }
        Ok(Self { builder, configs })
    }

    /// Reads the certificates of the system now, where they are needed and were not read yet.
    pub(crate) fn prepare(&self) {
        self.configs();
    }

    fn configs(&self) -> &Configs {
        self.configs.get_or_init(|| {
            let roots = system_roots();
            let rootless = roots.is_empty();
            let builder = self.builder.clone().with_root_certificates(roots);
            Configs::of(&builder.with_no_client_auth(), rootless)
        })
    }
}

impl Configs {
    fn of(config: &ClientConfig, rootless: bool) -> Self {
        let offering = |protocols: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
            Arc::new(config)
        };
        Self {
            http1: offering(&[b"http/1.1"]),
            http2: offering(&[b"h2"]),
            auto: offering(&[b"h2", b"http/1.1"]),
            rootless,
        }
    }

    fn config(&self, version: HttpVersion) -> Arc<ClientConfig> {
        Arc::clone(match version {
            HttpVersion::Http1 => &self.http1,
            HttpVersion::Http2 => &self.http2,
            HttpVersion::Auto => &self.auto,
        })
    }
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSettings").finish_non_exhaustive()
    }
}

/// What a handshake came to.
pub(crate) enum Shaken {
    /// TLS is spoken; whether HTTP/2 was agreed on.
    Done { http2: bool },
    /// The deadline passed.
    TimedOut,
}

/// Shakes hands over a fresh connection.
pub(crate) async fn shake_hands(
    wire: &mut Wire,
    host: &str,
    version: HttpVersion,
    shard: &Shard,
    alarm: &mut Alarm,
    deadline: Instant,
) -> Result<Shaken, Failure> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| {
        failure(
            ErrorKind::Tls,
            format!("{host} is no name that TLS can verify"),
        )
    })?;
    let settings = shard.shared.tls.configs();
    let tls = ClientConnection::new(settings.config(version), name)
        .map_err(|error| failure(ErrorKind::Tls, format!("TLS cannot begin: {error}")))?;
    wire.tls = Some(Box::new(tls));
    loop {
        let flushed = wire.flush().map_err(|error| closed(&error))?;
        let shaking = wire.tls.as_ref().is_some_and(|tls| tls.is_handshaking());
        if flushed && !shaking {
            break;
        }
        let want = if flushed {
            Want::Read
        } else {
            Want::ReadOrWrite
        };
        if wire.wait(want, alarm, deadline).await.is_err() {
            return Ok(Shaken::TimedOut);
        }
        read(wire, shard).map_err(|failure| rootless_hint(failure, settings.rootless))?;
    }
    let agreed = wire.tls.as_ref().and_then(|tls| tls.alpn_protocol());
    Ok(Shaken::Done {
        http2: agreed == Some(b"h2"),
    })
}

/// Tells what went wrong; `bytes` is what the peer sent.
pub(crate) fn failed(error: &rustls::Error, bytes: &[u8]) -> Failure {
    let message = match error {
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)
            if bytes.starts_with(b"HTTP/") =>
        {
            "the server speaks plain HTTP, not TLS: the URL should begin with http://".to_owned()
        }
        rustls::Error::InvalidMessage(_) => "the server does not speak TLS, or not well".to_owned(),
        rustls::Error::InvalidCertificate(reason) => certificate(reason),
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the server demands a client certificate".to_owned()
        }
        rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)
        | rustls::Error::NoApplicationProtocol => {
            "the server offers no version of HTTP that was asked for".to_owned()
        }
        rustls::Error::AlertReceived(alert) => format!("the server ended TLS: {alert:?}"),
        other => format!("TLS failed: {other}"),
    };
    failure(ErrorKind::Tls, message)
}

fn read(wire: &mut Wire, shard: &Shard) -> Result<(), Failure> {
    let mut early = Vec::new();
    let result = wire.read(shard, &mut |_, bytes| {
        early.extend_from_slice(bytes);
        Ok(())
    });
    wire.keep_early(&early);
    match result {
        Ok(ReadResult::Closed { .. }) => Err(failure(
            ErrorKind::Tls,
            "the peer closed the connection in the TLS handshake",
        )),
        Ok(_) => Ok(()),
        Err(failed) if failed.kind == ErrorKind::Reset => Err(failure(
            ErrorKind::Tls,
            "the peer reset the connection in the TLS handshake",
        )),
        Err(failed) => {
            // The peer is told why, as far as it still listens.
            let _ = wire.flush();
            Err(failed)
        }
    }
}

fn closed(error: &std::io::Error) -> Failure {
    match transfer(error) {
        Failure {
            kind: ErrorKind::Reset,
            ..
        } => failure(
            ErrorKind::Tls,
            "the peer reset the connection in the TLS handshake",
        ),
        other => other,
    }
}

fn rootless_hint(mut failure: Failure, rootless: bool) -> Failure {
    if rootless {
        failure
            .message
            .push_str("; this system has no root certificates");
    }
    failure
}

fn certificate(reason: &CertificateError) -> String {
    let what = match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "is for another name"
        }
        CertificateError::UnknownIssuer => "is not trusted: its issuer is unknown",
        CertificateError::BadSignature => "is not trusted: its signature is wrong",
        CertificateError::Revoked => "is revoked",
        other => return format!("the server's certificate is not valid: {other:?}"),
    };
    format!("the server's certificate {what}")
}

fn roots(options: &Options) -> Result<RootCertStore, Error> {
    let mut roots = match options.insecure {
        true => RootCertStore::empty(),
        false => system_roots(),
    };
    let Some(authority) = &options.authority else {
        return Ok(roots);
    };
    let mut found = false;
    for certificate in CertificateDer::pem_slice_iter(authority) {
        let certificate = certificate.map_err(|error| Error::Authority(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| Error::Authority(error.to_string()))?;
        found = true;
    }
    if found {
        Ok(roots)
    } else {
        Err(Error::Authority("the file holds none".to_owned()))
    }
}

/// Broken certificates among those of the system are left out, as browsers do.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn read_client_certificate(own: &ClientCertificate) -> Result<Identity, Error> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&own.chain).collect();
    let chain = chain.map_err(|error| Error::ClientCertificate(error.to_string()))?;
    if chain.is_empty() {
        return Err(Error::ClientCertificate(
            "the file holds no certificate".to_owned(),
        ));
    }
    let key = PrivateKeyDer::from_pem_slice(&own.key);
    Ok((
        chain,
        key.map_err(|_| Error::ClientCertificate("the file holds no private key".to_owned()))?,
    ))
}

/// Takes any certificate, as `--insecure` asks for; signatures are still verified.
#[derive(Debug)]
struct AnyCertificate {
    algorithms: WebPkiSupportedAlgorithms,
}

impl AnyCertificate {
    fn new(provider: &CryptoProvider) -> Self {
        Self {
            algorithms: provider.signature_verification_algorithms,
        }
    }
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
