//! Options of how connections are made.

use clap::Args;
use std::{net::IpAddr, path::PathBuf};

/// How connections are made.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Connections")]
pub(crate) struct NetworkArgs {
    /// Do not verify certificates
    #[arg(long, short = 'k')]
    pub(crate) insecure: bool,
    /// Trust the certificates of this file (PEM) as well
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Show this client certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// The private key of the client certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Connect to another address than the URL says; an empty part stands for any, or for the same (repeatable)
    #[arg(long, value_name = "HOST:PORT:ADDRESS:PORT")]
    pub(crate) connect_to: Vec<String>,
    /// Connect from this address of this machine; users take several in turn (repeatable). Without it the system chooses,
    /// and connections to 127.0.0.0/8 come from as many of its addresses as it takes
    #[arg(long, value_name = "IP")]
    pub(crate) source_address: Vec<IpAddr>,
    /// Connect to this Unix socket, whatever the URL says
    #[arg(long, value_name = "PATH")]
    pub(crate) unix_socket: Option<PathBuf>,
    /// Open a new connection for every request
    #[arg(long)]
    pub(crate) disable_keepalive: bool,
}
