//! Which system calls a thread can make, with seccomp.
//!
//! What is refused fails with `EPERM` rather than ending the process: the C
//! library copes with calls that fail, and an intruder gains as little.

use std::{collections::BTreeMap, env::consts::ARCH};

use libc::{c_int, c_long};
use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

use super::Degree;

/// What the daemon never does, and an intruder who wants more than this
/// process would: look into other processes, change the kernel, the machine or
/// what of it is visible, and reach the parts of the kernel where most of its
/// defects were found.
const DENIED: &[c_long] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    // What of the machine is visible.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    // The kernel.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_fanotify_init,
    libc::SYS_syslog,
    libc::SYS_personality,
    libc::SYS_vmsplice,
    // The machine.
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_vhangup,
];

/// Namespaces that a new process could have of its own, in which it would be
/// root and reach what root reaches in the kernel.
const NAMESPACES: &[c_int] = &[
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// What computing between two pipes takes.
const COMPUTING: &[c_long] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_lseek,
    // Memory, but none that holds code: see below for `mmap` and `mprotect`.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // Locks, time and randomness.
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_getrandom,
    // Ending, well or badly: abort sends a signal to itself.
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_restart_syscall,
];

/// Takes from this thread, and those it starts, what the daemon never needs.
pub fn take_from_daemon() -> Result<Degree, Error> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> =
        DENIED.iter().map(|call| (*call, Vec::new())).collect();
    let with_namespace = NAMESPACES.iter().map(|flag| {
        let flag = u64::from(flag.unsigned_abs());
        only_if(
            0,
            SeccompCmpArgLen::Qword,
            SeccompCmpOp::MaskedEq(flag),
            flag,
        )
    });
    rules.insert(libc::SYS_clone, with_namespace.collect::<Result<_, _>>()?);
    apply(rules, SeccompAction::Allow, refuse())?;
    // Its flags lie in memory, which a filter cannot read. The C library takes
    // the older call where this one is not there.
    let is_not_there = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let newer = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    apply(newer, SeccompAction::Allow, is_not_there)
}

/// Leaves this thread what computing takes.
pub fn leave_computing() -> Result<Degree, Error> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> =
        COMPUTING.iter().map(|call| (*call, Vec::new())).collect();
    // The third argument of both says what the memory is for.
    let is_executable = u64::from(libc::PROT_EXEC.unsigned_abs());
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        let is_data = only_if(
            2,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::MaskedEq(is_executable),
            0,
        )?;
        rules.insert(call, vec![is_data]);
    }
    // A signal to itself and nobody else.
    let own = only_if(
        0,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::Eq,
        std::process::id().into(),
    )?;
    rules.insert(libc::SYS_tgkill, vec![own]);
    apply(rules, refuse(), SeccompAction::Allow)
}

/// Applies if an argument compares so with a value.
fn only_if(
    argument: u8,
    length: SeccompCmpArgLen,
    comparison: SeccompCmpOp,
    value: u64,
) -> Result<SeccompRule, seccompiler::BackendError> {
    let condition = SeccompCondition::new(argument, length, comparison, value)?;
    SeccompRule::new(vec![condition])
}

fn refuse() -> SeccompAction {
    SeccompAction::Errno(libc::EPERM.unsigned_abs())
}

fn apply(
    rules: BTreeMap<c_long, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    listed: SeccompAction,
) -> Result<Degree, Error> {
    let filter = SeccompFilter::new(rules, otherwise, listed, TargetArch::try_from(ARCH)?)?;
    apply_filter(&BpfProgram::try_from(filter)?)?;
    Ok(Degree::Full)
}
