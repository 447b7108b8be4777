//! Makes connectors: what the engine is given to reach the network.

use crate::{
    connection::HttpConnection, error::Error, options::Options, ports::OpenPorts, proxy::Proxy,
    shard::Shard, socket::keep_stamping, sources::Seats, tls::TlsSettings,
};
use loadgen_engine::{Connect, Connector, HttpVersion, Origin};
use std::{io, net::UdpSocket, rc::Rc, sync::Arc};

/// Makes the connectors of a run.
#[derive(Clone, Debug)]
pub struct HttpConnect {
    shared: Arc<Shared>,
}

/// Makes the connections of one shard's users.
pub struct HttpConnector {
    shard: Rc<Shard>,
}

/// What all shards share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) tls: TlsSettings,
    pub(crate) ports: OpenPorts,
    pub(crate) seats: Seats,
    _stamping: Option<UdpSocket>,
}

impl HttpConnect {
    /// Takes the options over. The system's certificates are read when they are needed, once.
    ///
    /// # Errors
    /// When a certificate or key among the options cannot be used.
    pub fn new(options: Options) -> Result<Self, Error> {
        let tls = TlsSettings::new(&options)?;
        // A kernel that does not stamp is no failure: arrivals are then dated by the reads.
        let stamping = options
            .kernel_stamps
            .then(keep_stamping)
            .and_then(Result::ok);
        Ok(Self {
            shared: Arc::new(Shared {
                options,
                tls,
                ports: OpenPorts::default(),
                seats: Seats::default(),
                _stamping: stamping,
            }),
        })
    }

    /// Reads the system's certificates now, so that the first connection under TLS does not wait for that.
    pub fn prepare_tls(&self) {
        self.shared.tls.prepare();
    }

    /// The local ports that connections hold.
    #[must_use]
    pub fn ports(&self) -> OpenPorts {
        self.shared.ports.clone()
    }
}

impl Connect for HttpConnect {
    type Connector = HttpConnector;

    fn connector(&self, _shard: usize) -> io::Result<HttpConnector> {
        Ok(HttpConnector {
            shard: Rc::new(Shard::new(Arc::clone(&self.shared))),
        })
    }
}

impl Connector for HttpConnector {
    type Connection = HttpConnection;

    fn connection(&self) -> HttpConnection {
        HttpConnection::new(Rc::clone(&self.shard))
    }
}

impl Shared {
    /// The proxy that a request for this origin goes through, if any.
    pub(crate) fn proxy(&self, origin: &Origin) -> Option<&Proxy> {
        if self.options.unix_socket.is_some() {
            return None;
        }
        self.options
            .proxies
            .of(origin.tls, &origin.host, origin.port)
    }

    /// The proxy that is asked to pass requests of HTTP/1.1 on.
    pub(crate) fn forwarding_proxy(&self, origin: &Origin) -> Option<&Proxy> {
        self.proxy(origin).filter(|_| !origin.tls)
    }

    /// The proxy that is asked for a tunnel: one that passes requests on understands neither TLS nor HTTP/2 in them.
    pub(crate) fn tunnel_proxy(&self, origin: &Origin, version: HttpVersion) -> Option<&Proxy> {
        self.proxy(origin)
            .filter(|_| origin.tls || version == HttpVersion::Http2)
    }
}
