//! Runs a command, and leaves nothing of it behind: it is killed with all it started, if it has not ended by itself.

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use std::{
    collections::HashSet,
    io,
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
};

/// The longest output that is read.
const LONGEST: u64 = 64 << 10;
/// The longest message of a command that is told.
const TOLD: usize = 120;

/// The commands of probes and of tokens that run now: known to whoever ends the program at once, so that they end with it.
#[derive(Clone, Debug, Default)]
pub struct Commands(Arc<Mutex<Running>>);

#[derive(Debug, Default)]
struct Running {
    groups: HashSet<Pid>,
    over: bool,
}

impl Commands {
    /// Kills them with all that they started; from now on none can be started.
    pub fn end(&self) {
        let mut running = self.running();
        running.over = true;
        running.groups.drain().for_each(kill);
    }

    /// Starts one. Nothing ends them meanwhile, so that none is started unnoticed.
    fn start(&self, command: &mut Command) -> io::Result<Group> {
        let mut running = self.running();
        if running.over {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let child = command.spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let id = id.map(Pid::from_raw);
        running.groups.extend(id);
        Ok(Group {
            id,
            child,
            commands: self.clone(),
        })
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        // It is whole, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a command wrote to its standard output.
pub(crate) async fn output(words: &[String], commands: &Commands) -> Result<Vec<u8>, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("no command".to_owned());
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // So that whatever it starts can be killed with it.
        .process_group(0)
        .kill_on_drop(true);
    let group = commands.start(&mut command);
    let mut group = group.map_err(|error| format!("cannot start {program}: {error}"))?;
    let (out, err) = (group.child.stdout.take(), group.child.stderr.take());
    let (out, err) = tokio::join!(read(out), read(err));
    if out.len() as u64 > LONGEST {
        return Err(format!("it wrote more than {} KiB", LONGEST >> 10));
    }
    match group.child.wait().await {
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
    id: Option<Pid>,
    commands: Commands,
}

/// Also a command that ended by itself may have left something behind. The number of a group whose members are all gone
/// was given to nobody else in the instant since.
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.id
            && self.commands.running().groups.remove(&id)
        {
            kill(id);
        }
    }
}

fn kill(group: Pid) {
    // One that has ended already is no trouble.
    let _ = killpg(group, Signal::SIGKILL);
}
