//! Runs a command, and leaves nothing of it behind: it is killed with all it started, if it has not ended by itself.

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use std::process::Stdio;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
};

/// The longest output that is read.
const LONGEST: u64 = 64 << 10;
/// The longest message of a command that is told.
const TOLD: usize = 120;

/// What a command wrote to its standard output.
pub(super) async fn output(words: &[String]) -> Result<Vec<u8>, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("no command".to_owned());
    };
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // So that whatever it starts can be killed with it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot start {program}: {error}"))?;
    let mut group = Group::of(child);
    let (out, err) = (group.child.stdout.take(), group.child.stderr.take());
    let (out, err) = tokio::join!(read(out), read(err));
    if out.len() as u64 > LONGEST {
        return Err(format!("it wrote more than {} KiB", LONGEST >> 10));
    }
    let status = group.child.wait().await;
    group.id = None;
    match status {
        Ok(status) if status.success() => Ok(out),
        Ok(status) => {
            let said = String::from_utf8_lossy(&err);
            let said = said.lines().map(str::trim).find(|line| !line.is_empty());
            let said: String = said.unwrap_or_default().chars().take(TOLD).collect();
            match said.as_str() {
                "" => Err(status.to_string()),
                said => Err(format!("{status}: {said}")),
            }
        }
        Err(error) => Err(format!("cannot wait for {program}: {error}")),
    }
}

async fn read(from: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // What could not be read is missing in the number, which is told.
        let _ = from.take(LONGEST + 1).read_to_end(&mut bytes).await;
    }
    bytes
}

/// A command with all that it started.
struct Group {
    child: Child,
    /// The group, while it may still run.
    id: Option<Pid>,
}

impl Group {
    fn of(child: Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self {
            id: id.map(Pid::from_raw),
            child,
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            // One that has ended already is no trouble.
            let _ = killpg(id, Signal::SIGKILL);
        }
    }
}
