//! What a process gives up for good before it touches anything untrusted, so
//! that whoever takes it over has little to reach for: files it has no business
//! with (Landlock) and system calls it never makes (seccomp).
//!
//! Best effort: what the kernel lacks is reported and gone without. Both bind
//! the calling thread and those it starts later, so they come before any other
//! thread.

#[cfg(target_os = "linux")]
mod files;
mod places;
#[cfg(target_os = "linux")]
mod syscalls;

pub use places::Places;

/// How much of a restriction is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Degree {
    /// All of it.
    Full,
    /// Some of it; the kernel does not know the rest.
    Partial,
    /// None of it.
    Missing,
}

impl Degree {
    /// One word for the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::Missing => "missing",
        }
    }
}

/// What is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hardened {
    /// Which files can be reached.
    pub landlock: Degree,
    /// Which system calls can be made.
    pub seccomp: Degree,
}

/// Leaves the daemon the files and folders it was configured with, and takes
/// from it the system calls that only an intruder would make.
pub fn daemon(places: &Places) -> Hardened {
    #[cfg(target_os = "linux")]
    let hardened = Hardened {
        landlock: told("Landlock", files::leave(places)),
        seccomp: told("seccomp", syscalls::take_from_daemon()),
    };
    #[cfg(not(target_os = "linux"))]
    let hardened = {
        let _ = places;
        Hardened {
            landlock: Degree::Missing,
            seccomp: Degree::Missing,
        }
    };
    if hardened.landlock != Degree::Full || hardened.seccomp != Degree::Full {
        tracing::warn!(
            "this kernel cannot enforce all of --harden; the service unit, a container or a newer \
             kernel can make up for it"
        );
    }
    tracing::info!(
        landlock = hardened.landlock.name(),
        seccomp = hardened.seccomp.name(),
        "hardened"
    );
    hardened
}

/// Leaves this process the pipes it holds: no file, no socket, no other
/// process, and the few system calls that computing takes. `between` runs when
/// no further file is needed and limits can still be set.
pub(crate) fn nothing_but_pipes<E>(between: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
    // A worker has nobody to tell; the host's own limits hold without these.
    #[cfg(target_os = "linux")]
    let _ = files::leave_nothing();
    between()?;
    #[cfg(target_os = "linux")]
    let _ = syscalls::leave_computing();
    Ok(())
}

/// Reports why something is not in force.
#[cfg(target_os = "linux")]
fn told(what: &str, result: Result<Degree, impl std::fmt::Display>) -> Degree {
    result.unwrap_or_else(|error| {
        tracing::warn!("{what} is not in force: {error}");
        Degree::Missing
    })
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
