//! Limits of this process: how many files (and so connections) it may have open.

use crate::Error;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::io;

/// The limit of open files before and after it was raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileLimit {
    /// The soft limit as this process found it.
    pub before: u64,
    /// The soft limit now; equal to the hard one where the system allows it.
    pub after: u64,
}

/// Raises the soft limit of open files to the hard one, as far as the system allows.
pub fn raise_file_limit() -> Result<FileLimit, Error> {
    let (before, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(failed)?;
    if before >= hard {
        return Ok(FileLimit {
            before,
            after: before,
        });
    }
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(failed)?;
    // Asked again: some systems grant less than they were asked for.
    let after = file_limit()?;
    Ok(FileLimit { before, after })
}

/// The soft limit of open files.
pub fn file_limit() -> Result<u64, Error> {
    getrlimit(Resource::RLIMIT_NOFILE)
        .map(|(soft, _)| soft)
        .map_err(failed)
}

fn failed(errno: nix::errno::Errno) -> Error {
    Error::FileLimit(io::Error::from(errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_to_the_hard_one() {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let lowered = soft.min(256);
        setrlimit(Resource::RLIMIT_NOFILE, lowered, hard).unwrap();
        assert_eq!(
            raise_file_limit().unwrap(),
            FileLimit {
                before: lowered,
                after: hard
            }
        );
        assert_eq!(
            raise_file_limit().unwrap(),
            FileLimit {
                before: hard,
                after: hard
            }
        );
        assert_eq!(file_limit().unwrap(), hard);
    }
}
