//! The program's surroundings: arguments, variables, files, output, signals and the wall clock.
//!
//! Nothing else in loadgen touches them, so a test may put others in their place.

use indicatif::ProgressDrawTarget;
use jiff::Timestamp;
use loadgen_engine::Stop;
use loadgen_host::Commands;
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs::{self, File, Metadata, OpenOptions},
    io::{self, IsTerminal, Read, Seek as _, SeekFrom, Write},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// The program's surroundings.
pub(crate) struct Environment {
    /// The arguments; the first is the program's own name.
    pub(crate) args: Vec<OsString>,
    /// The variables whose names and values are text.
    pub(crate) vars: BTreeMap<String, String>,
    /// Where relative paths begin.
    pub(crate) folder: PathBuf,
    /// What is asked for goes here: results.
    pub(crate) out: Output,
    /// What is told on the way goes here: progress, errors, hints.
    pub(crate) err: Output,
    /// Gives the signals that end a run.
    pub(crate) signals: Box<dyn Fn() -> io::Result<watch::Receiver<Stop>> + Send + Sync>,
    /// Tells the time of day.
    pub(crate) now: fn() -> Timestamp,
    /// Draws a seed for a run that was given none.
    pub(crate) draw_seed: fn() -> u64,
    /// Files that were made for what is still to be written.
    pub(crate) fresh: Fresh,
    /// Commands of probes and of tokens that run now.
    pub(crate) commands: Commands,
}

/// Files that were made and hold nothing yet. What ends without writing them leaves none behind.
#[derive(Clone, Default)]
pub(crate) struct Fresh(Arc<Mutex<BTreeSet<PathBuf>>>);

/// A stream that text is written to.
pub(crate) struct Output {
    writer: Mutex<Box<dyn Write + Send>>,
    /// Whether a person looks at it.
    pub(crate) terminal: bool,
}

/// Which outputs are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colours {
    pub(crate) out: bool,
    pub(crate) err: bool,
}

impl Environment {
    /// The surroundings of this process.
    pub(crate) fn of_process() -> Self {
        process::environment()
    }

    /// The value of a variable; absent where it is unset or empty.
    pub(crate) fn var(&self, name: &str) -> Option<&str> {
        self.vars
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Which outputs are coloured: terminals, unless someone wants none.
    pub(crate) fn colours(&self, no_color: bool) -> Colours {
        let wanted =
            !no_color && self.var("NO_COLOR").is_none() && self.var("TERM") != Some("dumb");
        Colours {
            out: wanted && self.out.terminal,
            err: wanted && self.err.terminal,
        }
    }

    /// The text of a file.
    pub(crate) fn read_text(&self, path: &Path) -> io::Result<String> {
        fs::read_to_string(self.folder.join(path))
    }

    /// The bytes of a file, or of the standard input for `-`.
    pub(crate) fn read_bytes(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new("-") {
            let mut bytes = Vec::new();
            process::input().read_to_end(&mut bytes)?;
            return Ok(bytes);
        }
        fs::read(self.folder.join(path))
    }

    /// Opens a file to be read.
    pub(crate) fn open_for_reading(&self, path: &Path) -> io::Result<File> {
        File::open(self.folder.join(path))
    }

    /// The identity of a regular file. It is not opened: a pipe would lose what it holds.
    pub(crate) fn identity(&self, path: &Path) -> Option<FileId> {
        identity_in(&fs::metadata(self.folder.join(path)).ok()?)
    }

    /// The files of a folder with this extension, by name; none where it is no folder.
    pub(crate) fn files_of(
        &self,
        folder: &Path,
        extension: &str,
    ) -> io::Result<Option<Vec<PathBuf>>> {
        let whole = self.folder.join(folder);
        if !whole.is_dir() {
            return Ok(None);
        }
        let mut files = Vec::new();
        for entry in fs::read_dir(whole)? {
            let name = PathBuf::from(entry?.file_name());
            if name.extension().is_some_and(|found| found == extension) {
                files.push(folder.join(name));
            }
        }
        files.sort();
        Ok(Some(files))
    }

    /// Where a link leads; else the path itself.
    pub(crate) fn followed(&self, path: &Path) -> io::Result<PathBuf> {
        let whole = self.folder.join(path);
        match whole.is_symlink() && whole.exists() {
            true => whole.canonicalize(),
            false => Ok(path.to_owned()),
        }
    }

    /// Whether anything is there, be it a link that leads nowhere.
    pub(crate) fn is_there(&self, path: &Path) -> bool {
        self.folder.join(path).symlink_metadata().is_ok()
    }

    /// Opens a file to be written later. What it holds stays until then; one that was not there is removed again unless
    /// [`Self::begin_writing`] follows.
    pub(crate) fn open_for_writing(&self, path: &Path) -> io::Result<File> {
        let whole = self.folder.join(path);
        let made = OpenOptions::new().write(true).create_new(true).open(&whole);
        if made.is_ok() {
            self.fresh.made(whole);
            return made;
        }
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(whole)
    }

    /// Notes that a file that was opened is being written.
    pub(crate) fn begin_writing(&self, path: &Path) {
        self.fresh.written(&self.folder.join(path));
    }

    /// Makes a file that must not have been there, and the folders above it.
    pub(crate) fn create_new(&self, path: &Path) -> io::Result<File> {
        let path = self.folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        OpenOptions::new().write(true).create_new(true).open(path)
    }

    /// Makes a file, empty whatever stood there before, and the folders above it.
    pub(crate) fn create_anew(&self, path: &Path) -> io::Result<File> {
        let path = self.folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        File::create(path)
    }

    /// Gives a file another name, in place of what had it before.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(self.folder.join(from), self.folder.join(to))
    }

    /// Removes a file.
    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(self.folder.join(path))
    }

    /// The file of a folder that was written last among those with this extension.
    pub(crate) fn latest(&self, folder: &Path, extension: &str) -> io::Result<Option<PathBuf>> {
        let mut latest = None;
        for entry in fs::read_dir(self.folder.join(folder))? {
            let entry = entry?;
            let name = PathBuf::from(entry.file_name());
            if name.extension().is_some_and(|found| found == extension) {
                latest = latest.max(Some((entry.metadata()?.modified()?, name)));
            }
        }
        Ok(latest.map(|(_, name)| folder.join(name)))
    }
}

impl Fresh {
    fn made(&self, path: PathBuf) {
        self.lock().insert(path);
    }

    fn written(&self, path: &Path) {
        self.lock().remove(path);
    }

    /// Removes those that are still empty. That one cannot be removed harms nobody.
    pub(crate) fn sweep(&self) {
        for path in std::mem::take(&mut *self.lock()) {
            if fs::metadata(&path).is_ok_and(|found| found.is_file() && found.len() == 0) {
                let _ = fs::remove_file(path);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Output {
    /// An output over any writer.
    pub(crate) fn new(writer: Box<dyn Write + Send>, terminal: bool) -> Self {
        Self {
            writer: Mutex::new(writer),
            terminal,
        }
    }

    /// Writes text. That nobody reads any more is no error: the reader has seen what it wanted.
    pub(crate) fn print(&self, text: &str) -> io::Result<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        match writer
            .write_all(text.as_bytes())
            .and_then(|()| writer.flush())
        {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    /// Where a progress bar is drawn.
    pub(crate) fn draw_target(&self) -> ProgressDrawTarget {
        if self.terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        }
    }

    /// Writes a line. Where even that fails there is no one left to tell.
    pub(crate) fn say(&self, line: &str) {
        let _ = self.print(&format!("{line}\n"));
    }
}

/// Replaces what a file holds. What is no regular file (a pipe, a device) is written to as it is.
pub(crate) fn overwrite(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    file.write_all(bytes)
}

/// Adds to what a file holds.
pub(crate) fn append(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    if file.metadata()?.is_file() {
        file.seek(SeekFrom::End(0))?;
    }
    file.write_all(bytes)
}

/// What tells a file from every other, by whatever names they go: its device and its number there.
pub(crate) type FileId = (u64, u64);

/// The identity of a regular file that is open.
pub(crate) fn identity(file: &File) -> Option<FileId> {
    identity_in(&file.metadata().ok()?)
}

/// Pipes and devices may be written to twice.
fn identity_in(metadata: &Metadata) -> Option<FileId> {
    metadata.is_file().then(|| (metadata.dev(), metadata.ino()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the place where the process is touched"
)]
mod process {
    use super::*;
    use std::{
        env,
        hash::{BuildHasher, RandomState},
        thread,
    };
    use tokio::signal::unix::{SignalKind, signal};

    /// SIGXFSZ, the same number on every system that this runs on.
    const FILE_TOO_LARGE: i32 = 25;

    pub(super) fn environment() -> Environment {
        let text = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let (fresh, commands) = (Fresh::default(), Commands::default());
        let (swept, ended) = (fresh.clone(), commands.clone());
        Environment {
            args: env::args_os().collect(),
            vars: env::vars_os().filter_map(text).collect(),
            // Relative paths work from an empty one as well as they can.
            folder: env::current_dir().unwrap_or_default(),
            out: Output::new(Box::new(io::stdout()), io::stdout().is_terminal()),
            err: Output::new(Box::new(io::stderr()), io::stderr().is_terminal()),
            signals: Box::new(move || listen(swept.clone(), ended.clone())),
            now: Timestamp::now,
            draw_seed,
            fresh,
            commands,
        }
    }

    pub(super) fn input() -> impl Read {
        io::stdin()
    }

    /// A number that no other run is likely to have; short enough to type and exact in any JSON reader.
    fn draw_seed() -> u64 {
        RandomState::new().hash_one(()) >> 32
    }

    /// Begins to listen, on a thread of its own: the third signal must work even where all else hangs.
    fn listen(fresh: Fresh, commands: Commands) -> io::Result<watch::Receiver<Stop>> {
        let (sender, receiver) = watch::channel(Stop::Run);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let (mut interrupt, mut terminate) = {
            let _inside = runtime.enter();
            // Once it is listened to, a file that may not grow (`ulimit -f`) is an error of the write, and ends nothing.
            drop(signal(SignalKind::from_raw(FILE_TOO_LARGE))?);
            (
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
            )
        };
        let mut asked = 0;
        let body = move || {
            runtime.block_on(async {
                loop {
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                    }
                    asked += 1;
                    match asked {
                        1 => drop(sender.send_replace(Stop::Drain)),
                        2 => drop(sender.send_replace(Stop::Cut)),
                        _ => leave(&fresh, &commands),
                    }
                }
            });
        };
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(body)?;
        Ok(receiver)
    }

    #[expect(
        clippy::exit,
        reason = "who asks three times wants out; the run log is whole up to the last window"
    )]
    fn leave(fresh: &Fresh, commands: &Commands) -> ! {
        commands.end();
        fresh.sweep();
        std::process::exit(130)
    }
}

#[cfg(test)]
pub(crate) mod fake {
    //! Surroundings for tests: a folder of their own, output that can be read.

    use super::*;

    /// What was written to an output.
    #[derive(Clone, Default)]
    pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Surroundings, and what a test sees of them.
    pub(crate) struct Stage {
        pub(crate) environment: Environment,
        pub(crate) out: Written,
        pub(crate) err: Written,
        pub(crate) stop: watch::Sender<Stop>,
        pub(crate) folder: tempfile::TempDir,
    }

    impl Stage {
        /// An empty folder, no variables, and these words after the program's name.
        pub(crate) fn new(words: &[&str]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (out, err) = (Written::default(), Written::default());
            let (stop, receiver) = watch::channel(Stop::Run);
            let environment = Environment {
                args: ["loadgen"]
                    .iter()
                    .chain(words)
                    .map(OsString::from)
                    .collect(),
                vars: BTreeMap::new(),
                folder: folder.path().to_owned(),
                out: Output::new(Box::new(out.clone()), false),
                err: Output::new(Box::new(err.clone()), false),
                signals: Box::new(move || Ok(receiver.clone())),
                now: || Timestamp::UNIX_EPOCH,
                draw_seed: || 7,
                fresh: Fresh::default(),
                commands: Commands::default(),
            };
            Self {
                environment,
                out,
                err,
                stop,
                folder,
            }
        }

        pub(crate) fn var(mut self, name: &str, value: &str) -> Self {
            self.environment
                .vars
                .insert(name.to_owned(), value.to_owned());
            self
        }

        pub(crate) fn file(self, path: &str, text: &str) -> Self {
            let path = self.folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{fake::Stage, *};

    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_left_is_no_error() {
        for (kind, fails) in [
            (io::ErrorKind::BrokenPipe, false),
            (io::ErrorKind::StorageFull, true),
        ] {
            let output = Output::new(Box::new(Failing(kind)), false);
            assert_eq!(output.print("text").is_err(), fails, "{kind:?}");
        }
    }

    #[test]
    fn colours_are_for_terminals() {
        for (terminal, no_color, variables, expected) in [
            (true, false, &[][..], true),
            (false, false, &[], false),
            (true, true, &[], false),
            (true, false, &[("NO_COLOR", "1")], false),
            (true, false, &[("NO_COLOR", "")], true),
            (true, false, &[("TERM", "dumb")], false),
            (true, false, &[("TERM", "xterm")], true),
        ] {
            let mut stage = Stage::new(&[]);
            stage.environment.err.terminal = terminal;
            for &(name, value) in variables {
                stage = stage.var(name, value);
            }
            let colours = stage.environment.colours(no_color);
            assert_eq!(
                colours,
                Colours {
                    out: false,
                    err: expected
                },
                "{terminal} {no_color} {variables:?}"
            );
        }
    }

    #[test]
    fn an_empty_variable_is_an_unset_one() {
        let stage = Stage::new(&[]).var("A", "1").var("B", "");
        assert_eq!(stage.environment.var("A"), Some("1"));
        assert_eq!(stage.environment.var("B"), None);
        assert_eq!(stage.environment.var("C"), None);
    }

    #[test]
    fn what_a_file_holds_stays_until_it_is_overwritten() {
        let stage = Stage::new(&[]).file("out.json", "a long old text");
        let path = Path::new("out.json");
        let file = stage.environment.open_for_writing(path).unwrap();
        assert_eq!(
            stage.environment.read_text(path).unwrap(),
            "a long old text"
        );
        overwrite(&file, b"new").unwrap();
        assert_eq!(stage.environment.read_text(path).unwrap(), "new");
    }

    #[test]
    fn what_was_made_and_not_written_is_removed() {
        let stage = Stage::new(&[]).file("held", "text").file("empty", "");
        let environment = &stage.environment;
        for path in [
            "held",
            "empty",
            "unwritten",
            "written",
            "by-another",
            "gone",
        ] {
            drop(environment.open_for_writing(Path::new(path)).unwrap());
        }
        environment.begin_writing(Path::new("written"));
        fs::write(stage.folder.path().join("by-another"), "text").unwrap();
        environment.remove(Path::new("gone")).unwrap();
        environment.fresh.sweep();
        for (path, stays) in [
            ("held", true),
            ("empty", true),
            ("unwritten", false),
            ("written", true),
            ("by-another", true),
            ("gone", false),
        ] {
            assert_eq!(environment.is_there(Path::new(path)), stays, "{path}");
        }
    }

    #[test]
    fn a_new_file_gets_its_folders_and_replaces_nothing() {
        let environment = Stage::new(&[]).environment;
        let stage = Stage::new(&[]);
        assert!(
            stage
                .environment
                .create_new(Path::new("a/b/c.jsonl"))
                .is_ok()
        );
        let again = stage.environment.create_new(Path::new("a/b/c.jsonl"));
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(environment.latest(Path::new("a/b"), "jsonl").is_err());
        let latest = stage.environment.latest(Path::new("a/b"), "jsonl").unwrap();
        assert_eq!(latest, Some(PathBuf::from("a/b/c.jsonl")));
        assert_eq!(
            stage.environment.latest(Path::new("a/b"), "json").unwrap(),
            None
        );
    }
}
