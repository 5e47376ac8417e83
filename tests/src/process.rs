//! Child processes that end with the test, together with what they started.

use std::fs::File;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Long enough for a thread that has work to be given a processor.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// A process and its children, in a process group of their own. Killed on drop.
#[derive(Debug)]
pub struct Group {
    name: String,
    child: Child,
}

impl Group {
    /// Starts `command` as the leader of a new group.
    ///
    /// # Errors
    ///
    /// When the program is missing or cannot be started.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.process_group(0).spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child })
    }

    /// The leader's process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The pipe from the leader's standard output, once.
    ///
    /// # Errors
    ///
    /// When it was not piped, or was taken before.
    pub fn stdout(&mut self) -> Result<ChildStdout> {
        self.child.stdout.take().with_context(|| format!("{} has no piped output", self.name))
    }

    /// Fails when the leader has ended.
    ///
    /// # Errors
    ///
    /// With the program's name and its exit status.
    pub fn check_running(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended: {status}", self.name);
        }
        Ok(())
    }

    /// The exit status, when the leader has ended.
    ///
    /// # Errors
    ///
    /// When the process cannot be waited for.
    pub fn ended(&mut self) -> Result<Option<std::process::ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Ends the whole group at once, with no chance to tidy up.
    pub fn kill(&mut self) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // Fails only when everybody in the group is gone already.
            kill_process_group(group, Signal::KILL).ok();
        }
        self.child.wait().ok();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends SIGKILL to one process.
///
/// # Errors
///
/// When there is no such process.
pub fn kill(id: u32) -> Result<()> {
    signal(id, Signal::KILL)
}

/// Asks one process to end, the way a session that logs out does.
///
/// # Errors
///
/// When there is no such process.
pub fn terminate(id: u32) -> Result<()> {
    signal(id, Signal::TERM)
}

/// Asks one process to end, the way Ctrl-C does.
///
/// # Errors
///
/// When there is no such process.
pub fn interrupt(id: u32) -> Result<()> {
    signal(id, Signal::INT)
}

/// The processes that run `program` with `argument` among their arguments.
///
/// # Errors
///
/// When `/proc` cannot be read.
pub fn find(program: &Path, argument: &str) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process may end while it is looked at.
        let Ok(line) = std::fs::read(entry.path().join("cmdline")) else { continue };
        let mut arguments = line.split(|byte| *byte == 0);
        let is_program = arguments.next().is_some_and(|first| first == program.as_os_str().as_encoded_bytes());
        if is_program && arguments.any(|one| one == argument.as_bytes()) {
            found.push(id);
        }
    }
    Ok(found)
}

/// Whether a process has still to end. One that nobody has waited for yet has ended, but not before the last of its threads:
/// until then its files are open and its locks are held.
pub fn is_running(id: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    threads.into_iter().any(|thread| {
        // "23 (name) S …": the name may hold anything, so the state is looked for from the end.
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
    })
}

/// `Some` when a process has used no processor between two looks at it, a good while apart: it waits for somebody else.
///
/// # Errors
///
/// When there is no such process.
pub fn is_idle(id: u32) -> Result<Option<()>> {
    let before = ticks_of(id)?;
    std::thread::sleep(BETWEEN_LOOKS);
    Ok((ticks_of(id)? == before).then_some(()))
}

/// How long the threads of a process that have not ended have had a processor.
///
/// # Errors
///
/// When there is no such process.
pub fn processor_time(id: u32) -> Result<std::time::Duration> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir(format!("/proc/{id}/task"))? {
        // A thread may end while it is looked at.
        let Ok(schedule) = std::fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        nanoseconds += schedule.split(' ').next().context("a short schedstat")?.parse::<u64>()?;
    }
    Ok(std::time::Duration::from_nanos(nanoseconds))
}

/// What a process has used of the processors.
fn ticks_of(id: u32) -> Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    let (_, fields) = stat.rsplit_once(") ").context("another form of stat")?;
    let ticks = |field| fields.split(' ').nth(field).context("a short stat")?.parse::<u64>().context("no number");
    Ok(ticks(11)? + ticks(12)?)
}

/// A file that takes a program's output.
///
/// # Errors
///
/// When the file cannot be made.
pub fn log_file(path: &Path) -> Result<(PathBuf, Stdio)> {
    let file = File::options().create(true).append(true).open(path)?;
    Ok((path.to_owned(), Stdio::from(file)))
}

/// Runs a command to its end and returns what it printed.
///
/// # Errors
///
/// When it cannot be started or does not end with status 0; the message has its standard error.
pub fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot start {name}"))?;
    if !output.status.success() {
        bail!("{name} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    let mut text = String::new();
    output.stdout.as_slice().read_to_string(&mut text)?;
    Ok(text)
}

fn signal(id: u32, signal: Signal) -> Result<()> {
    let id = i32::try_from(id).ok().and_then(Pid::from_raw).context("not a process id")?;
    Ok(kill_process(id, signal)?)
}
