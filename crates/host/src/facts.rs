//! What this machine is: facts that a result must carry to be compared with another.

use crate::{Error, proc};
use nix::sys::utsname::uname;
use std::{
    net::{IpAddr, UdpSocket},
    num::NonZero,
    thread,
};

/// What this machine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The name of the machine; empty where it has none.
    pub hostname: String,
    /// The operating system, as it calls itself: `Linux`.
    pub system: String,
    /// The release of its kernel.
    pub kernel: String,
    /// The architecture of the processor.
    pub arch: String,
    /// Processors that this process may use.
    pub cpus: usize,
    /// Memory of the machine in bytes; absent where it cannot be told.
    pub memory_bytes: Option<u64>,
    /// The first and the last port that outgoing connections get; absent where it cannot be told.
    pub local_ports: Option<(u16, u16)>,
}

impl Facts {
    /// Asks the machine. What it does not tell is left empty.
    #[must_use]
    pub fn read() -> Self {
        let name = uname().ok();
        let text =
            |part: Option<&std::ffi::OsStr>| part.map(|text| text.to_string_lossy().into_owned());
        let of = |part: fn(&nix::sys::utsname::UtsName) -> &std::ffi::OsStr| {
            text(name.as_ref().map(part)).unwrap_or_default()
        };
        Self {
            hostname: of(|name| name.nodename()),
            system: of(|name| name.sysname()),
            kernel: of(|name| name.release()),
            arch: std::env::consts::ARCH.to_owned(),
            cpus: cpus(),
            memory_bytes: memory_bytes().ok(),
            local_ports: local_ports().ok(),
        }
    }
}

/// Processors that this process may use, by affinity and quota; 1 where it cannot be told.
#[must_use]
pub fn cpus() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Memory of the machine in bytes.
pub fn memory_bytes() -> Result<u64, Error> {
    proc::read("/proc/meminfo", |text| proc::kib_line(text, "MemTotal:"))
}

/// The first and the last port that outgoing connections get.
pub fn local_ports() -> Result<(u16, u16), Error> {
    proc::read("/proc/sys/net/ipv4/ip_local_port_range", proc::port_range)
}

/// What the kernel reads its clock from: `tsc` is quick, `hpet` and `acpi_pm` are not.
pub fn clock_source() -> Result<String, Error> {
    const FILE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    proc::read(FILE, |text| Some(text.trim().to_owned()))
}

/// Processor time of the machine that a hypervisor gave to others, and all of it, in ticks since the start.
pub fn stolen() -> Result<(u64, u64), Error> {
    proc::read("/proc/stat", proc::stolen)
}

/// Whether connections can come from this address.
#[must_use]
pub fn has_address(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn all_of_loopback_is_of_this_machine() {
        // The second network is one of those that are for documentation.
        for (address, expected) in [
            ("127.0.0.1", true),
            ("127.3.2.1", true),
            ("192.0.2.1", false),
        ] {
            assert_eq!(has_address(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn linux_tells_everything() {
        let facts = Facts::read();
        assert_eq!(facts.system, "Linux");
        assert!(!facts.kernel.is_empty() && !facts.arch.is_empty());
        assert!(facts.cpus >= 1);
        assert!(facts.memory_bytes.is_some_and(|bytes| bytes > 1 << 20));
        assert!(facts.local_ports.is_some_and(|(first, last)| first < last));
    }
}
