//! Reads `resolve`: the addresses that names are given.

use super::{
    node::{Kind, Located, Node},
    reader::Reader,
};
use crate::{plan::Pinned, problem::Problem};
use std::net::IpAddr;

impl Reader {
    /// The names with their addresses, in the order of the file.
    pub(super) fn resolve(&mut self, node: Option<&Node>) -> Vec<Pinned> {
        let entries = node
            .and_then(|node| self.entries(node, "`resolve`"))
            .unwrap_or_default();
        entries
            .iter()
            .filter_map(|(name, node)| self.pinned(name, node))
            .collect()
    }

    fn pinned(&mut self, name: &Located<String>, node: &Node) -> Option<Pinned> {
        let (host, port) = match name.value.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (name.value.as_str(), None),
        };
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let port = port.map(str::parse::<u16>).transpose();
        let (true, Ok(port)) = (!host.is_empty() && host.chars().all(known), port) else {
            let message = format!("`{}` is no name of a host", name.value);
            let problem = Problem::new(&name.place, message);
            self.tell(problem.help("write \"api.example.com\", or \"api.example.com:443\""));
            return None;
        };
        if host.parse::<IpAddr>().is_ok() {
            let message = format!("`{host}` is an address already: it is never looked up");
            let problem = Problem::new(&name.place, message);
            self.tell(
                problem.help("give the name that stands in URLs, such as \"api.example.com\""),
            );
            return None;
        }
        let nodes = match &node.kind {
            Kind::List(list) if !list.is_empty() => list.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let addresses: Vec<_> = nodes.iter().map(|node| self.address(node)).collect();
        Some(Pinned {
            host: host.to_ascii_lowercase(),
            port,
            addresses: addresses.into_iter().collect::<Option<_>>()?,
        })
    }

    fn address(&mut self, node: &Node) -> Option<IpAddr> {
        let Kind::Text(text) = &node.kind else {
            return self.wrong_type(node, "an address", "a string such as \"10.0.0.5\"");
        };
        let address = text.parse().ok();
        if address.is_none() {
            let problem = Problem::new(&node.place, format!("`{text}` is no IP address"));
            self.tell(problem.help("write for example \"10.0.0.5\" or \"::1\""));
        }
        address
    }
}
