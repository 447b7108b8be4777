//! Is the machine: precise timer, limits, CPU and memory of this process, probes of the target.
//!
//! [`PreciseTiming`] is the engine's timer over a timer descriptor of the kernel, [`Monitor`] watches what the
//! generator itself uses, [`Probes`] ask what the target uses, [`Credentials`] keep tokens fresh, [`Facts`] says what machine a result comes from.

#[cfg(target_os = "linux")]
mod affinity;
mod credentials;
mod error;
mod facts;
mod limits;
mod memory;
mod monitor;
mod probe;
mod proc;
#[cfg(target_os = "linux")]
mod timer;
#[cfg(target_os = "linux")]
mod waiters;
#[cfg(target_os = "linux")]
mod waits;

/// Elsewhere than on Linux there is only tokio's timer.
#[cfg(not(target_os = "linux"))]
pub use loadgen_engine::TokioTiming as PreciseTiming;

#[cfg(target_os = "linux")]
pub use affinity::{cpu_of_threads, keep_threads_to, keep_to, processors};
pub use credentials::Credentials;
pub use error::Error;
pub use facts::{Facts, clock_source, cpus, has_address, local_ports, memory_bytes, stolen};
pub use limits::{FileLimit, file_limit, raise_file_limit};
pub use memory::available_memory;
pub use monitor::Monitor;
pub use probe::{Commands, Probes, Questions};
#[cfg(target_os = "linux")]
pub use timer::{PreciseTimer, PreciseTiming};
