//! Which files a command reads and writes: none may serve two ends, by whatever names it goes.

use crate::{
    environment::{Environment, FileId, identity},
    error::Error,
};
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// The files that a command reads and writes.
#[derive(Default)]
pub(crate) struct Taken {
    all: Vec<(PathBuf, End, FileId)>,
}

/// What a file is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Read as the scenario.
    Scenario,
    /// Read to be compared with.
    Baseline,
    /// Read as the result of an earlier run.
    Result,
    /// Written as `--out` says.
    Output,
    /// Replaced by a run log that is kept as a baseline.
    Kept,
}

impl End {
    const fn name(self) -> &'static str {
        match self {
            Self::Scenario => "the scenario",
            Self::Baseline => "the baseline",
            Self::Result => "what is read",
            Self::Output => "another output",
            Self::Kept => "what --save-baseline keeps",
        }
    }
}

impl Taken {
    /// Notes a file that is read. One that is not there is told by whoever reads it.
    pub(crate) fn read(&mut self, path: &Path, end: End, environment: &Environment) {
        self.note(path, end, environment.identity(path));
    }

    /// Opens a file to be written once the run begins or ends. What it holds stays until then.
    pub(crate) fn open(&mut self, path: &Path, environment: &Environment) -> Result<File, Error> {
        let file = environment
            .open_for_writing(path)
            .map_err(|error| unwritable(path, error))?;
        self.take(path, End::Output, identity(&file), &[])?;
        Ok(file)
    }

    /// Takes the place of a file that a baseline is put into; where it really is. An older baseline may be there, even
    /// the one that is compared with; nothing else that is used, and nothing that is no file.
    pub(crate) fn keep(
        &mut self,
        path: &Path,
        environment: &Environment,
    ) -> Result<PathBuf, Error> {
        let place = environment
            .followed(path)
            .map_err(|error| unwritable(path, error))?;
        match environment.identity(&place) {
            Some(id) => self.take(path, End::Kept, Some(id), &[End::Baseline])?,
            None if environment.is_there(&place) => {
                let message = format!("`{}` cannot be written: it is no file", path.display());
                return Err(Error::usage(message).hint("a run log is kept in a file of its own"));
            }
            None => {}
        }
        Ok(place)
    }

    fn take(
        &mut self,
        path: &Path,
        end: End,
        id: Option<FileId>,
        shared: &[End],
    ) -> Result<(), Error> {
        let same = |(_, other, taken): &&(PathBuf, End, FileId)| {
            Some(*taken) == id && !shared.contains(other)
        };
        let Some((other, of, _)) = self.all.iter().find(same) else {
            self.note(path, end, id);
            return Ok(());
        };
        let told = match other == path {
            true => of.name().to_owned(),
            false => format!("the same file as {}, `{}`", of.name(), other.display()),
        };
        let path = path.display();
        let message = format!("`{path}` cannot be written: it is {told}");
        Err(Error::usage(message))
    }

    /// Pipes and devices may be used twice.
    fn note(&mut self, path: &Path, end: End, id: Option<FileId>) {
        self.all.extend(id.map(|id| (path.to_owned(), end, id)));
    }
}

/// A file cannot be written.
pub(crate) fn unwritable(path: &Path, error: io::Error) -> Error {
    Error::failed(format!("write `{}`", path.display()), error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::fake::Stage;
    use std::os::unix::{fs::symlink, net::UnixListener};

    #[test]
    fn no_file_serves_two_ends() {
        let stage = Stage::new(&[])
            .file("sc.toml", "")
            .file("base.jsonl", "")
            .file("held.json", "");
        let folder = stage.folder.path();
        symlink("sc.toml", folder.join("link")).unwrap();
        symlink("nowhere", folder.join("dangling")).unwrap();
        let _socket = UnixListener::bind(folder.join("socket")).unwrap();
        let environment = &stage.environment;
        let check = |outs: &[&str], kept: &str, says: &str| {
            let mut taken = Taken::default();
            taken.read(Path::new("sc.toml"), End::Scenario, environment);
            taken.read(Path::new("base.jsonl"), End::Baseline, environment);
            let opened = outs
                .iter()
                .try_for_each(|path| taken.open(Path::new(path), environment).map(drop));
            let found = opened.and_then(|()| taken.keep(Path::new(kept), environment));
            match found {
                Ok(_) => assert_eq!(says, "", "{outs:?} {kept}"),
                Err(Error::Usage(told)) if !says.is_empty() => {
                    assert_eq!(told.to_string(), says, "{outs:?} {kept}");
                }
                Err(error) => panic!("{outs:?} {kept}: {error:?}"),
            }
        };
        check(&["a.json", "held.json"], "new.jsonl", "");
        check(&["a.json"], "held.json", "");
        // A baseline that follows what it is compared with.
        check(&[], "base.jsonl", "");
        for (outs, kept, says) in [
            (
                &["sc.toml"][..],
                "k",
                "`sc.toml` cannot be written: it is the scenario",
            ),
            (
                &["./sc.toml"],
                "k",
                "`./sc.toml` cannot be written: it is the same file as the scenario, `sc.toml`",
            ),
            (
                &["base.jsonl"],
                "k",
                "`base.jsonl` cannot be written: it is the baseline",
            ),
            (
                &[],
                "sc.toml",
                "`sc.toml` cannot be written: it is the scenario",
            ),
            (
                &[],
                "link",
                "`link` cannot be written: it is the same file as the scenario, `sc.toml`",
            ),
            (
                &["a.json"],
                "a.json",
                "`a.json` cannot be written: it is another output",
            ),
            (
                &["a.json"],
                "./a.json",
                "`./a.json` cannot be written: it is the same file as another output, `a.json`",
            ),
            (&[], "socket", "`socket` cannot be written: it is no file"),
            (
                &[],
                "dangling",
                "`dangling` cannot be written: it is no file",
            ),
        ] {
            check(outs, kept, says);
        }
    }

    #[test]
    fn a_link_leads_to_what_is_replaced() {
        let stage = Stage::new(&[]).file("kept/base.jsonl", "");
        symlink("kept/base.jsonl", stage.folder.path().join("link")).unwrap();
        for (path, place) in [("link", "kept/base.jsonl"), ("new", "new")] {
            let found = Taken::default().keep(Path::new(path), &stage.environment);
            let whole = |path: &str| stage.folder.path().canonicalize().unwrap().join(path);
            let found = stage.folder.path().join(found.unwrap());
            assert!(
                [whole(place), stage.folder.path().join(place)].contains(&found),
                "{found:?}"
            );
        }
    }
}
