//! Which processors threads run on, and how much of them the threads of one name used.

use crate::{Error, proc};
use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};
use std::{fs, io, time::Duration};

/// The processors that the calling thread may use, in ascending order.
pub fn processors() -> Result<Vec<usize>, Error> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).map_err(failed)?;
    let all = 0..CpuSet::count();
    Ok(all
        .filter(|cpu| allowed.is_set(*cpu).unwrap_or(false))
        .collect())
}

/// Keeps the calling thread, and those that it starts from then on, to these processors.
pub fn keep_to(processors: &[usize]) -> Result<(), Error> {
    sched_setaffinity(Pid::from_raw(0), &set(processors)?).map_err(failed)
}

/// Keeps the threads of this process whose names begin so to these processors.
pub fn keep_threads_to(name: &str, processors: &[usize]) -> Result<(), Error> {
    let set = set(processors)?;
    for thread in named(name)? {
        sched_setaffinity(Pid::from_raw(thread), &set).map_err(failed)?;
    }
    Ok(())
}

/// The processor time that the running threads whose names begin so have used.
pub fn cpu_of_threads(name: &str) -> Result<Duration, Error> {
    let of = |thread: i32| {
        let path = format!("/proc/self/task/{thread}/schedstat");
        proc::read(&path, proc::schedstat).map_or(Duration::ZERO, |(used, _)| used)
    };
    Ok(named(name)?.into_iter().map(of).sum())
}

fn named(prefix: &str) -> Result<Vec<i32>, Error> {
    let threads = proc::threads().map_err(Error::Affinity)?;
    let is_named = |thread: &String| {
        fs::read_to_string(format!("/proc/self/task/{thread}/comm"))
            .is_ok_and(|name| name.starts_with(prefix))
    };
    Ok(threads
        .filter(is_named)
        .filter_map(|thread| thread.parse().ok())
        .collect())
}

fn set(processors: &[usize]) -> Result<CpuSet, Error> {
    let mut set = CpuSet::new();
    for cpu in processors {
        set.set(*cpu).map_err(failed)?;
    }
    Ok(set)
}

fn failed(errno: nix::errno::Errno) -> Error {
    Error::Affinity(io::Error::from(errno))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{hint::black_box, sync::mpsc, thread};

    #[test]
    fn threads_keep_to_their_processors() {
        let all = processors().unwrap();
        let last = *all.last().unwrap();
        let (tell, told) = mpsc::sync_channel(1);
        let (go, wait) = mpsc::sync_channel::<()>(1);
        let other = thread::Builder::new().name("kept-apart".to_owned());
        let other = other
            .spawn(move || {
                let before = processors().unwrap();
                tell.send(before).unwrap();
                wait.recv().unwrap();
                let sum: u64 = (0..3_000_000_u64).map(black_box).sum();
                tell.send(vec![usize::try_from(black_box(sum) % 2).unwrap()])
                    .unwrap();
                wait.recv().unwrap();
                processors().unwrap()
            })
            .unwrap();
        assert_eq!(told.recv().unwrap(), all);
        keep_threads_to("kept-apart", &[last]).unwrap();
        let before = cpu_of_threads("kept-apart").unwrap();
        go.send(()).unwrap();
        told.recv().unwrap();
        assert!(cpu_of_threads("kept-apart").unwrap() > before);
        go.send(()).unwrap();
        assert_eq!(other.join().unwrap(), [last]);
        assert_eq!(processors().unwrap(), all, "only the named one");
        let kept = thread::spawn(move || {
            keep_to(&[last]).unwrap();
            thread::spawn(|| processors().unwrap()).join().unwrap()
        });
        assert_eq!(kept.join().unwrap(), [last], "what it starts is kept too");
        assert!(keep_to(&[CpuSet::count()]).is_err());
    }
}
