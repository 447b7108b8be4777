//! How much memory this process may still take: of the machine, and of the control groups that it is in.

use crate::{Error, proc};
use std::{fs, path::Path};

/// Where control groups are mounted, and the names of their files.
struct Hierarchy {
    /// The folder below `/sys/fs/cgroup`; empty for that itself.
    folder: &'static str,
    limit: &'static str,
    usage: &'static str,
    /// The line of `memory.stat` that counts what can be given back: files that were read and are not in use.
    idle_files: &'static str,
}

const SECOND: Hierarchy = Hierarchy {
    folder: "",
    limit: "memory.max",
    usage: "memory.current",
    idle_files: "inactive_file",
};
const FIRST: Hierarchy = Hierarchy {
    folder: "memory",
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    idle_files: "total_inactive_file",
};

/// Memory that this process may still take, in bytes: what the machine has available, or less where a control group
/// (such as a container's) allows less.
pub fn available_memory() -> Result<u64, Error> {
    let machine = proc::read("/proc/meminfo", |text| {
        proc::kib_line(text, "MemAvailable:")
    })?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let allowed = allowed(Path::new("/sys/fs/cgroup"), &groups);
    Ok(allowed.map_or(machine, |allowed| allowed.min(machine)))
}

/// What the groups named in a `/proc/self/cgroup` still allow, all of those above them included; absent where none of
/// them has a limit.
fn allowed(root: &Path, groups: &str) -> Option<u64> {
    let of_line = |line: &str| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let hierarchy = match controllers {
            "" => &SECOND,
            _ if controllers.split(',').any(|one| one == "memory") => &FIRST,
            _ => return None,
        };
        let top = root.join(hierarchy.folder);
        // Inside a container the path may be one of the host's: then only the top is there.
        let own = top.join(path.trim_start_matches('/'));
        let groups = own.ancestors().take_while(|group| group.starts_with(&top));
        groups.filter_map(|group| room(group, hierarchy)).min()
    };
    groups.lines().filter_map(of_line).min()
}

/// What one group still allows.
fn room(group: &Path, hierarchy: &Hierarchy) -> Option<u64> {
    let number = |name: &str| -> Option<u64> {
        fs::read_to_string(group.join(name))
            .ok()?
            .trim()
            .parse()
            .ok()
    };
    // Without a limit there is no number: "max".
    let (limit, usage) = (number(hierarchy.limit)?, number(hierarchy.usage)?);
    let stat = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
    let idle = stat.lines().find_map(|line| {
        let (name, bytes) = line.split_once(' ')?;
        (name == hierarchy.idle_files).then(|| bytes.parse::<u64>().ok())?
    });
    Some(limit.saturating_sub(usage.saturating_sub(idle.unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is allowed where these files (path below the mount, text) exist.
    #[track_caller]
    fn check(groups: &str, files: &[(&str, &str)], expected: Option<u64>) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        assert_eq!(
            allowed(root.path(), groups),
            expected,
            "{groups:?} {files:?}"
        );
    }

    #[test]
    fn the_narrowest_group_decides() {
        check("", &[], None);
        check("0::/\n", &[], None);
        check(
            "0::/a\n",
            &[("a/memory.max", "max\n"), ("a/memory.current", "5\n")],
            None,
        );
        check(
            "0::/a\n",
            &[("a/memory.max", "100\n"), ("a/memory.current", "30\n")],
            Some(70),
        );
        // Files that are only kept because there is room count as free.
        let stat = (
            "a/memory.stat",
            "anon 10\ninactive_file 20\nactive_file 5\n",
        );
        check(
            "0::/a\n",
            &[
                ("a/memory.max", "100\n"),
                ("a/memory.current", "30\n"),
                stat,
            ],
            Some(90),
        );
        // A group above allows less.
        check(
            "0::/a/b/c\n",
            &[
                ("a/memory.max", "50\n"),
                ("a/memory.current", "40\n"),
                ("a/b/c/memory.max", "100\n"),
                ("a/b/c/memory.current", "30\n"),
            ],
            Some(10),
        );
        // More in use than allowed.
        check(
            "0::/a\n",
            &[("a/memory.max", "10\n"), ("a/memory.current", "30\n")],
            Some(0),
        );
    }

    #[test]
    fn both_kinds_of_groups_are_known() {
        let files = [
            ("memory/x/memory.limit_in_bytes", "1000\n"),
            ("memory/x/memory.usage_in_bytes", "400\n"),
            (
                "memory/x/memory.stat",
                "inactive_file 1\ntotal_inactive_file 100\n",
            ),
        ];
        check(
            "4:cpu,memory:/x\n1:name=systemd:/y\n0::/x\n",
            &files,
            Some(700),
        );
        check("4:cpu:/x\n", &files, None);
        // The path is the host's, and only the top is mounted.
        let top = [
            ("memory/memory.limit_in_bytes", "1000\n"),
            ("memory/memory.usage_in_bytes", "400\n"),
        ];
        check("4:memory:/docker/0123\n", &top, Some(600));
        check("nonsense\n4\n::\n", &files, None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_has_some() {
        let available = available_memory().unwrap();
        assert!(available > 1 << 20, "{available}");
        assert!(available <= crate::memory_bytes().unwrap());
    }
}
