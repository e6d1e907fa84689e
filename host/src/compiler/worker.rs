//! The host's side: a process is started, given a component, and ended.

use std::{
    ffi::OsString,
    io::{self, ErrorKind, Read, Write},
    os::{fd::AsFd, unix::process::ExitStatusExt},
    path::PathBuf,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::ioctl_fionbio,
    process::Signal,
};

use super::{Artifact, OUT_OF_MEMORY, REFUSED};
use crate::{
    budget::{ARTIFACT, COMPILE_MEMORY, COMPILE_TIME, TEXT},
    error::LoadError,
    text::clean,
};

/// How often is looked whether a process ended that has closed its pipes, which
/// it does as it ends.
const END: Duration = Duration::from_millis(2);

/// Exit status of a Rust program that panicked.
const PANICKED: i32 = 101;

/// How components are compiled in a process of their own.
#[derive(Debug, Clone)]
pub struct Worker {
    /// What is started: this same program.
    pub program: PathBuf,
    /// What makes it a worker.
    pub arguments: Vec<OsString>,
    /// How long compiling a component may take.
    pub time: Duration,
    /// Address space it may take, in bytes.
    pub memory: u64,
}

impl From<PathBuf> for Worker {
    fn from(program: PathBuf) -> Self {
        Self {
            program,
            arguments: vec!["compile-worker".into()],
            time: COMPILE_TIME,
            memory: COMPILE_MEMORY,
        }
    }
}

impl Worker {
    /// Compiles a component. Whatever comes of it, the process has ended.
    pub(super) fn compile(&self, component: &[u8]) -> Result<Artifact, LoadError> {
        let deadline = Instant::now() + self.time;
        let mut process = self
            .start()
            .map_err(|error| unusable(format!("does not start ({error})")))?;
        let ended = process
            .exchange(component, deadline)
            .map_err(|error| unusable(format!("cannot be talked to ({error})")))?;
        match ended {
            Ended::Late => Err(self.too_slow()),
            Ended::TooMuch => Err(LoadError::CompileOutput {
                mebibytes: ARTIFACT >> 20,
            }),
            Ended::Itself {
                status,
                output,
                words,
            } => self.judge(status, output, &clean(&String::from_utf8_lossy(&words))),
        }
    }

    fn start(&self) -> io::Result<Process> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .arg("--memory")
            .arg(self.memory.to_string())
            .arg("--seconds")
            .arg(self.time.as_secs().to_string())
            // The environment may hold secrets, and steers libraries.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(Process {
            input: child.stdin.take(),
            output: child.stdout.take(),
            words: child.stderr.take(),
            child,
        })
    }

    /// What the end of a process says of the component.
    fn judge(
        &self,
        status: ExitStatus,
        output: Vec<u8>,
        words: &str,
    ) -> Result<Artifact, LoadError> {
        // The allocator says so and aborts; where the compiler counts on an
        // allocation, it panics.
        let is_memory = ["memory allocation of", "out of memory"]
            .iter()
            .any(|says| words.contains(says));
        match status.code() {
            Some(0) => Ok(Artifact::of_worker(output)),
            Some(code) if code == i32::from(REFUSED) => Err(LoadError::Invalid(words.to_owned())),
            Some(code) if code == i32::from(OUT_OF_MEMORY) => Err(self.too_large()),
            None if status.signal() == Some(Signal::XCPU.as_raw()) => Err(self.too_slow()),
            None | Some(PANICKED) if is_memory => Err(self.too_large()),
            None | Some(PANICKED) => Err(LoadError::CompileCrash {
                how: with(status, words),
            }),
            Some(_) => Err(unusable(format!("failed ({})", with(status, words)))),
        }
    }

    fn too_slow(&self) -> LoadError {
        LoadError::CompileTime {
            seconds: self.time.as_secs(),
        }
    }

    fn too_large(&self) -> LoadError {
        LoadError::CompileMemory {
            mebibytes: self.memory >> 20,
        }
    }
}

fn unusable(reason: String) -> LoadError {
    LoadError::CompileWorker { reason }
}

fn with(status: ExitStatus, words: &str) -> String {
    if words.is_empty() {
        status.to_string()
    } else {
        format!("{status}: {words}")
    }
}

/// A process that is killed and reaped with its handle.
struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: Option<ChildStdout>,
    words: Option<ChildStderr>,
}

/// How a process ended.
enum Ended {
    /// By itself, with what it said.
    Itself {
        status: ExitStatus,
        output: Vec<u8>,
        words: Vec<u8>,
    },
    /// It took too long.
    Late,
    /// It said more than it may.
    TooMuch,
}

impl Process {
    /// Writes the component, reads what comes back, and waits for the end, all
    /// of it before the deadline. Nothing here can block: a worker may have been
    /// taken over by what it compiles.
    fn exchange(&mut self, component: &[u8], deadline: Instant) -> io::Result<Ended> {
        self.make_pipes_prompt()?;
        let mut left = component;
        let (mut output, mut words) = (Vec::new(), Vec::new());
        let mut buffer = vec![0; 64 * 1024];
        while self.output.is_some() || self.words.is_some() {
            let time = deadline.saturating_duration_since(Instant::now());
            if time.is_zero() {
                return Ok(Ended::Late);
            }
            self.wait(time)?;
            if let Some(input) = &mut self.input {
                match input.write(left) {
                    Ok(count) => left = left.get(count..).unwrap_or_default(),
                    Err(error) if is_not_yet(&error) => {}
                    // It reads no further; how it ends says why.
                    Err(_) => left = &[],
                }
                if left.is_empty() {
                    self.input = None;
                }
            }
            read(&mut self.output, &mut buffer, |part| output.extend(part))?;
            if output.len() as u64 > ARTIFACT {
                return Ok(Ended::TooMuch);
            }
            read(&mut self.words, &mut buffer, |part| {
                let room = TEXT.saturating_sub(words.len());
                words.extend(part.iter().take(room));
            })?;
        }
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Ended::Itself {
                    status,
                    output,
                    words,
                });
            }
            if Instant::now() >= deadline {
                return Ok(Ended::Late);
            }
            std::thread::sleep(END);
        }
    }

    fn make_pipes_prompt(&self) -> io::Result<()> {
        let input = self.input.as_ref().map(AsFd::as_fd);
        let output = self.output.as_ref().map(AsFd::as_fd);
        let words = self.words.as_ref().map(AsFd::as_fd);
        for pipe in [input, output, words].into_iter().flatten() {
            ioctl_fionbio(pipe, true)?;
        }
        Ok(())
    }

    /// Waits until a pipe is ready, or the time is over.
    fn wait(&self, time: Duration) -> io::Result<()> {
        let mut pipes = Vec::new();
        if let Some(input) = &self.input {
            pipes.push(PollFd::new(input, PollFlags::OUT));
        }
        if let Some(output) = &self.output {
            pipes.push(PollFd::new(output, PollFlags::IN));
        }
        if let Some(words) = &self.words {
            pipes.push(PollFd::new(words, PollFlags::IN));
        }
        let time = Timespec::try_from(time).map_err(io::Error::other)?;
        match poll(&mut pipes, Some(&time)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Reads once what is there, and closes the pipe at its end.
fn read(
    pipe: &mut Option<impl Read>,
    buffer: &mut [u8],
    take: impl FnOnce(&[u8]),
) -> io::Result<()> {
    let Some(source) = pipe else {
        return Ok(());
    };
    match source.read(buffer) {
        Ok(0) => *pipe = None,
        Ok(count) => take(buffer.get(..count).unwrap_or_default()),
        Err(error) if is_not_yet(&error) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

fn is_not_yet(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

impl Drop for Process {
    fn drop(&mut self) {
        // Killing fails only if it has ended, and then it is reaped at once.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
