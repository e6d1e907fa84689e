use std::{fs, path::PathBuf, sync::LazyLock, time::Duration};

use sandtrap::{catalog::components, compiler::Worker, engine::Engine, error::LoadError};
use sandtrap_tests::{ANALYTICS, ENGINE, sandtrap_binary};
use wasm_encoder::{
    BlockType, CodeSection, Component, ComponentTypeSection, ComponentValType, Function,
    FunctionSection, Module, ModuleSection, PrimitiveValType, TypeSection, ValType,
};

static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| sandtrap_binary().unwrap());

/// The smallest component there is.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

fn worker() -> Worker {
    Worker::from(PROGRAM.clone())
}

/// A worker that does what a shell is told.
fn shell(script: &str) -> Worker {
    Worker {
        arguments: vec!["-c".into(), script.into()],
        ..Worker::from(PathBuf::from("/bin/sh"))
    }
}

fn refused(worker: Worker, component: &[u8]) -> LoadError {
    let engine = Engine::start().unwrap().with_worker(worker);
    engine.compile(component).expect_err("it is refused")
}

/// One function as large as a function may be, all of it branches: minutes and
/// gigabytes to compile.
fn slow() -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut body = Function::new([(4, ValType::I32)]);
    for number in 0..440_000_u32 {
        let local = |offset| (number + offset) % 4;
        let mut code = body.instructions();
        code.local_get(local(0)).local_get(local(1)).i32_add();
        code.local_tee(local(2)).if_(BlockType::Empty);
        code.local_get(local(0)).i32_const(1).i32_add();
        code.local_set(local(3)).end();
    }
    body.instructions().end();
    let mut code = CodeSection::new();
    code.function(&body);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    let mut component = Component::new();
    component.section(&ModuleSection(&module));
    component.finish()
}

/// A list of lists of lists.
fn nested(depth: u32) -> Vec<u8> {
    let mut types = ComponentTypeSection::new();
    types.defined_type().primitive(PrimitiveValType::U8);
    for inner in 0..depth {
        types.defined_type().list(ComponentValType::Type(inner));
    }
    let mut component = Component::new();
    component.section(&types);
    component.finish()
}

/// In whichever process: the same machine code, byte for byte.
#[test]
fn a_worker_compiles_as_this_process_does() {
    let engine = Engine::start().unwrap().with_worker(worker());
    for file in components(&ANALYTICS).unwrap() {
        let bytes = fs::read(&file).unwrap();
        let there = engine.compile(&bytes).unwrap().serialize().unwrap();
        let here = ENGINE.compile(&bytes).unwrap().serialize().unwrap();
        assert!(there == here, "{}", file.display());
    }
}

/// What is made to harm whoever compiles it costs a process, and the reason is
/// told.
#[test]
fn a_component_made_to_harm_the_compiler_is_given_up() {
    let slow = slow();
    let quick = Worker {
        time: Duration::from_secs(1),
        ..worker()
    };
    let error = refused(quick, &slow);
    assert!(
        matches!(error, LoadError::CompileTime { seconds: 1 }),
        "{error}"
    );
    let small = Worker {
        memory: 128 << 20,
        ..worker()
    };
    let error = refused(small, &slow);
    assert!(
        matches!(error, LoadError::CompileMemory { mebibytes: 128 }),
        "{error}"
    );
    let error = refused(worker(), &nested(1_000));
    assert!(matches!(error, LoadError::Invalid(_)), "{error}");
    assert!(error.to_string().contains("nest"), "{error}");
}

/// Whatever a worker does, the error tells who is to blame.
#[test]
fn a_worker_that_misbehaves_is_told_apart_from_its_component() {
    let crash = |error: &LoadError| matches!(error, LoadError::CompileCrash { .. });
    let unusable = |error: &LoadError| matches!(error, LoadError::CompileWorker { .. });
    let invalid = |error: &LoadError| matches!(error, LoadError::Invalid(_));
    let memory = |error: &LoadError| matches!(error, LoadError::CompileMemory { .. });
    let time = |error: &LoadError| matches!(error, LoadError::CompileTime { .. });
    for (script, is_expected, words) in [
        (
            "kill -SEGV $$",
            &crash as &dyn Fn(&LoadError) -> bool,
            "signal: 11",
        ),
        ("echo boom >&2; kill -ABRT $$", &crash, "boom"),
        ("echo boom >&2; exit 101", &crash, "boom"),
        (
            "echo memory allocation of 9 bytes failed >&2; kill -ABRT $$",
            &memory,
            "2048 MiB",
        ),
        ("echo out of memory >&2; exit 101", &memory, "2048 MiB"),
        ("exit 11", &memory, "2048 MiB"),
        ("kill -XCPU $$", &time, "60 s"),
        ("echo what >&2; exit 2", &unusable, "what"),
        ("printf nonsense", &unusable, "cannot use"),
        ("exit 0", &unusable, "cannot use"),
        ("cat >&2; exit 10", &invalid, "not a valid component"),
        // Its words are cut, and neither wake nor steer a terminal.
        (
            "yes '\x1b[31m' | head -c 1000000 >&2; exit 10",
            &invalid,
            "[31m",
        ),
    ] {
        let error = refused(shell(script), EMPTY);
        let text = error.to_string();
        assert!(is_expected(&error), "{script}: {text}");
        assert!(text.contains(words), "{script}: {text}");
        assert!(text.len() < 5_000, "{script}: {}", text.len());
        assert!(!text.contains('\x1b'), "{script}: {text}");
    }
    let nowhere = Worker::from(PathBuf::from("/no/such/program"));
    assert!(unusable(&refused(nowhere, EMPTY)));
}

/// It is not there afterwards, not even as a zombie.
#[test]
#[cfg(target_os = "linux")]
fn a_worker_without_end_is_killed_and_reaped() {
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("pid");
    let script = format!("echo $$ > '{}'; exec yes", note.display());
    let error = refused(shell(&script), EMPTY);
    assert!(matches!(error, LoadError::CompileOutput { .. }), "{error}");
    let id = fs::read_to_string(note).unwrap();
    assert!(!PathBuf::from("/proc").join(id.trim()).exists());
}

#[test]
#[cfg(target_os = "linux")]
fn a_worker_has_no_environment() {
    let error = refused(shell("cat /proc/$$/environ >&2; exit 10"), EMPTY);
    assert!(
        matches!(&error, LoadError::Invalid(words) if words.is_empty()),
        "{error}"
    );
}

/// It gives everything up before it takes the first byte.
#[test]
#[cfg(target_os = "linux")]
fn a_worker_is_confined_before_it_reads() {
    use std::{io::Write as _, process};
    let mut child = process::Command::new(&*PROGRAM)
        .args(["compile-worker", "--memory", "1073741824", "--seconds", "7"])
        .stdin(process::Stdio::piped())
        .stdout(process::Stdio::null())
        .stderr(process::Stdio::null())
        .spawn()
        .unwrap();
    // More than the pipe holds, so part of it was read.
    let mut input = child.stdin.take().unwrap();
    input.write_all(&vec![0; 1 << 20]).unwrap();
    let of = |name: &str| {
        let path = format!("/proc/{}/{name}", child.id());
        let text = fs::read_to_string(path).unwrap();
        let words: Vec<String> = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        words.join("\n")
    };
    let (status, limits) = (of("status"), of("limits"));
    for line in ["NoNewPrivs: 1", "Seccomp: 2", "Threads: 1"] {
        assert!(status.contains(line), "{status}");
    }
    for line in [
        "Max address space 1073741824 1073741824",
        "Max cpu time 7 7",
        "Max open files 0 0",
        "Max file size 0 0",
        "Max core file size 0 0",
    ] {
        assert!(limits.contains(line), "{limits}");
    }
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(10));
}
