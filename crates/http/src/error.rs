//! What can be wrong with the options.

/// Why no connection can be made with these options.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The value of a proxy variable has another scheme than `http`.
    #[error("use the proxy: only http:// proxies are supported")]
    ProxyScheme,
    /// The value of a proxy variable holds no host, or a port that is none.
    #[error("use the proxy: its address cannot be read")]
    ProxyAddress,
    /// A `--connect-to` cannot be read.
    #[error("read {0:?} as HOST:PORT:HOST:PORT")]
    ConnectTo(String),
    /// A certificate authority file holds no certificate, or a broken one.
    #[error("read the certificates of the authority: {0}")]
    Authority(String),
    /// The client's certificate or key cannot be used.
    #[error("use the client certificate: {0}")]
    ClientCertificate(String),
    /// The TLS library refuses its own settings.
    #[error("set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}
