//! Who may depend on whom, as data, and the rule that holds the workspace to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// What one package may name in its manifest.
struct Room {
    package: &'static str,
    ours: &'static [&'static str],
    outside: &'static [&'static str],
    /// For its tests, beside [`FOR_TESTS`].
    dev: &'static [&'static str],
}

/// The table of edges of docs/architecture.md. A new line is a decision; say why in the commit.
const ROOMS: &[Room] = &[
    Room {
        package: "loadgen-stats",
        ours: &[],
        outside: &["hdrhistogram", "rand", "rand_pcg"],
        dev: &[],
    },
    Room {
        package: "loadgen-scenario",
        ours: &["loadgen-stats"],
        outside: &[
            "base64",
            "csv",
            "flate2",
            "memchr",
            "minijinja",
            "percent-encoding",
            "rand",
            "rand_pcg",
            "regex",
            "schemars",
            "serde",
            "serde_json",
            "serde_json_path",
            "sha2",
            "strsim",
            "thiserror",
            "toml",
        ],
        dev: &["jsonschema"],
    },
    Room {
        package: "loadgen-engine",
        ours: &["loadgen-scenario", "loadgen-stats"],
        outside: &["rand", "rand_distr", "rand_pcg", "thiserror", "tokio"],
        dev: &[],
    },
    Room {
        package: "loadgen-host",
        ours: &["loadgen-engine"],
        outside: &["nix", "thiserror", "tokio"],
        dev: &["tempfile"],
    },
    Room {
        package: "loadgen-http",
        ours: &["loadgen-engine"],
        outside: &[
            "brotli-decompressor",
            "bytes",
            "flate2",
            "foldhash",
            "http",
            "http-body-util",
            "httparse",
            "hyper",
            "memchr",
            "nix",
            "reqwest",
            "rustls",
            "rustls-native-certs",
            "zstd",
            "serde_json",
            "thiserror",
            "tokio",
        ],
        dev: &[
            "eventsource-stream",
            "futures-util",
            "hyper-util",
            "loadgen-mock",
            "rcgen",
            "tokio-rustls",
        ],
    },
    Room {
        package: "loadgen-capacity",
        ours: &["loadgen-stats"],
        outside: &["levenberg-marquardt", "nalgebra"],
        dev: &[],
    },
    Room {
        package: "loadgen-report",
        ours: &["loadgen-capacity", "loadgen-stats"],
        outside: &[
            "base64",
            "flate2",
            "hdrhistogram",
            "minijinja",
            "schemars",
            "serde",
            "serde_json",
            "thiserror",
        ],
        dev: &["jsonschema", "roxmltree"],
    },
    Room {
        package: "loadgen-mock",
        ours: &[],
        outside: &[
            "base64",
            "bytes",
            "http-body-util",
            "hyper",
            "hyper-util",
            "rand",
            "rand_pcg",
            "serde",
            "serde_json",
            "thiserror",
            "tokio",
        ],
        dev: &[],
    },
    Room {
        package: "loadgen",
        ours: &[
            "loadgen-capacity",
            "loadgen-engine",
            "loadgen-host",
            "loadgen-http",
            "loadgen-mock",
            "loadgen-report",
            "loadgen-scenario",
            "loadgen-stats",
        ],
        outside: &[
            "base64",
            "clap",
            "clap_complete",
            "indicatif",
            "jiff",
            "miette",
            "serde_json",
            "tokio",
        ],
        dev: &["jsonschema", "nix", "rcgen", "rustls"],
    },
    Room {
        package: "loadgen-testkit",
        ours: &[],
        outside: &["tokio"],
        dev: &["cargo_metadata", "toml"],
    },
    Room {
        package: "loadgen-benches",
        ours: &[
            "loadgen-capacity",
            "loadgen-engine",
            "loadgen-host",
            "loadgen-http",
            "loadgen-mock",
            "loadgen-report",
            "loadgen-scenario",
            "loadgen-stats",
        ],
        outside: &[
            "hdrhistogram",
            "nix",
            "rand",
            "rand_pcg",
            "serde_json",
            "tokio",
        ],
        dev: &["divan"],
    },
];

/// What any package may use in its tests.
const FOR_TESTS: &[&str] = &[
    "insta",
    "loadgen-testkit",
    "proptest",
    "serde_json",
    "tempfile",
    "tokio",
];

/// Packages that no runtime may come near: they compute, and their tests need no clock.
pub(crate) const PURE: [&str; 4] = [
    "loadgen-stats",
    "loadgen-scenario",
    "loadgen-capacity",
    "loadgen-report",
];

/// One line of a manifest: who depends on whom, and for what.
pub(crate) struct Edge {
    pub from: String,
    pub to: String,
    pub kind: DependencyKind,
}

/// For each package, those it needs at run time.
pub(crate) type Graph = BTreeMap<String, BTreeSet<String>>;

pub(crate) fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    command
        .exec()
        .expect("cargo metadata runs wherever cargo test does")
}

/// Every dependency that a manifest of the workspace names.
pub(crate) fn of_workspace(metadata: &Metadata) -> Vec<Edge> {
    let packages = metadata.workspace_packages();
    let edges = packages.iter().flat_map(|package| {
        package.dependencies.iter().map(|dependency| Edge {
            from: package.name.to_string(),
            to: dependency.name.clone(),
            kind: dependency.kind,
        })
    });
    edges.collect()
}

/// The edges that the table does not hold.
pub(crate) fn unlisted(edges: &[Edge]) -> Vec<String> {
    edges.iter().filter_map(complaint).collect()
}

fn complaint(Edge { from, to, kind }: &Edge) -> Option<String> {
    let Some(room) = ROOMS.iter().find(|room| room.package == from) else {
        return Some(format!(
            "{from} has no line in the table of edges (crates/testkit/tests/house/edges.rs)"
        ));
    };
    let to_name = to.as_str();
    let named = room.ours.contains(&to_name) || room.outside.contains(&to_name);
    match kind {
        DependencyKind::Normal if !named => Some(format!("{from} may not depend on {to}")),
        DependencyKind::Development
            if !(named || room.dev.contains(&to_name) || FOR_TESTS.contains(&to_name)) =>
        {
            Some(format!(
                "{from} may not depend on {to}, not in its tests either"
            ))
        }
        DependencyKind::Normal | DependencyKind::Development => None,
        _ => Some(format!(
            "{from} builds with {to}: no package here has a build script"
        )),
    }
}

/// The resolved packages by name, each with what it needs at run time on any platform.
pub(crate) fn normal_graph(metadata: &Metadata) -> Graph {
    let names: BTreeMap<_, _> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.to_string()))
        .collect();
    let mut graph = Graph::new();
    for node in &metadata
        .resolve
        .as_ref()
        .expect("cargo metadata resolves")
        .nodes
    {
        let needed = node.deps.iter().filter(|needed| {
            needed.dep_kinds.is_empty()
                || needed
                    .dep_kinds
                    .iter()
                    .any(|info| info.kind == DependencyKind::Normal)
        });
        // Several versions of one package are one node here: good enough to ask what is reachable.
        graph
            .entry(names[&node.id].clone())
            .or_default()
            .extend(needed.map(|needed| names[&needed.pkg].clone()));
    }
    graph
}

/// The shortest way from one package to another, if there is one.
pub(crate) fn path(graph: &Graph, from: &str, to: &str) -> Option<String> {
    let mut ways = VecDeque::from([vec![from]]);
    let mut seen = BTreeSet::from([from]);
    while let Some(way) = ways.pop_front() {
        let last = way.last().copied().unwrap_or(from);
        if last == to {
            return Some(way.join(" → "));
        }
        for next in graph.get(last).into_iter().flatten() {
            if seen.insert(next) {
                ways.push_back([way.as_slice(), &[next.as_str()]].concat());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(from: &str, to: &str, kind: DependencyKind) -> Edge {
        Edge {
            from: from.into(),
            to: to.into(),
            kind,
        }
    }

    #[test]
    fn an_edge_outside_the_table_is_a_complaint() {
        use DependencyKind::{Build, Development, Normal};
        let check = |from, to, kind, expected: Option<&str>| {
            let found = unlisted(&[edge(from, to, kind)]);
            match expected {
                None => assert_eq!(found, [""; 0], "{from} → {to}"),
                Some(part) => assert!(
                    found.len() == 1 && found[0].contains(part),
                    "{from} → {to}: {found:?}"
                ),
            }
        };
        check("loadgen-engine", "loadgen-scenario", Normal, None);
        check(
            "loadgen-engine",
            "loadgen-http",
            Normal,
            Some("may not depend on loadgen-http"),
        );
        check(
            "loadgen-stats",
            "serde",
            Normal,
            Some("may not depend on serde"),
        );
        check("loadgen-stats", "proptest", Development, None);
        check(
            "loadgen-stats",
            "proptest",
            Normal,
            Some("may not depend on proptest"),
        );
        check("loadgen-http", "loadgen-mock", Development, None);
        check(
            "loadgen-http",
            "loadgen-mock",
            Normal,
            Some("may not depend on loadgen-mock"),
        );
        check(
            "loadgen-engine",
            "loadgen-mock",
            Development,
            Some("not in its tests either"),
        );
        check(
            "loadgen-report",
            "loadgen-engine",
            Normal,
            Some("may not depend"),
        );
        check(
            "loadgen-mock",
            "loadgen-stats",
            Normal,
            Some("may not depend"),
        );
        check("loadgen", "cc", Build, Some("build script"));
        check(
            "loadgen-news",
            "serde",
            Normal,
            Some("no line in the table"),
        );
    }

    #[test]
    fn a_way_to_tokio_is_found_however_long() {
        let graph = |pairs: &[(&str, &str)]| {
            let mut graph = Graph::new();
            for (from, to) in pairs {
                graph
                    .entry((*from).to_owned())
                    .or_default()
                    .insert((*to).to_owned());
            }
            graph
        };
        let long = graph(&[("a", "b"), ("b", "a"), ("b", "c"), ("c", "tokio")]);
        assert_eq!(
            path(&long, "a", "tokio").as_deref(),
            Some("a → b → c → tokio")
        );
        assert_eq!(
            path(
                &graph(&[("a", "b"), ("b", "a"), ("tokio", "a")]),
                "a",
                "tokio"
            ),
            None
        );
    }

    #[test]
    fn the_graph_is_the_real_one() {
        let graph = normal_graph(&metadata());
        assert!(
            path(&graph, "loadgen-engine", "tokio").is_some(),
            "the engine runs on tokio"
        );
        for pure in PURE {
            assert!(graph.contains_key(pure), "{pure} is not in the graph");
        }
    }
}
