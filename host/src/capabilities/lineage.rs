//! The `lineage` capability: questions about processes, and marks on them.

use crate::{
    bindings::sandtrap::analytic::lineage::{Host, Mark, MarkError, NewMark, ProcessInfo, Subject},
    capabilities::HostFunction,
    instance::State,
    lineage,
    lineage::{AsOf, Lineage},
    marks::{self, NoLooks},
    scene::{Allowance, LOOKS_EXCEEDED, Scene},
};

/// What an answer takes beside its text, in bytes.
const ANSWER: usize = 256;

impl Host for State {
    fn processes(
        &mut self,
        as_of: u64,
        processes: Vec<u64>,
    ) -> wasmtime::Result<Vec<Option<ProcessInfo>>> {
        let told = self.told();
        let (scene, as_of) = self.as_of(HostFunction::Processes, as_of, processes.len())?;
        let Scene { world, answers, .. } = scene;
        processes
            .into_iter()
            .map(|process| {
                let known = world.lineage.process(&as_of, process);
                if known.is_none() {
                    answers.take(ANSWER)?;
                }
                known.map(|known| info(told.of(known), answers)).transpose()
            })
            .collect()
    }

    fn ancestors(
        &mut self,
        as_of: u64,
        processes: Vec<u64>,
        limit: u32,
    ) -> wasmtime::Result<Vec<Vec<ProcessInfo>>> {
        let limit = limit.min(lineage::MAX_ANCESTORS);
        relatives(
            self,
            HostFunction::Ancestors,
            as_of,
            processes,
            limit,
            Lineage::ancestors,
        )
    }

    fn children(
        &mut self,
        as_of: u64,
        processes: Vec<u64>,
        limit: u32,
    ) -> wasmtime::Result<Vec<Vec<ProcessInfo>>> {
        let limit = limit.min(lineage::MAX_CHILDREN);
        relatives(
            self,
            HostFunction::Children,
            as_of,
            processes,
            limit,
            Lineage::children,
        )
    }

    fn descendants(
        &mut self,
        as_of: u64,
        processes: Vec<u64>,
        limit: u32,
    ) -> wasmtime::Result<Vec<Vec<ProcessInfo>>> {
        let limit = limit.min(lineage::MAX_DESCENDANTS);
        relatives(
            self,
            HostFunction::Descendants,
            as_of,
            processes,
            limit,
            Lineage::descendants,
        )
    }

    fn find(&mut self, as_of: u64, queries: Vec<(u32, i64)>) -> wasmtime::Result<Vec<Option<u64>>> {
        let (scene, as_of) = self.as_of(HostFunction::Find, as_of, queries.len())?;
        scene
            .answers
            .take(queries.len() * size_of::<Option<u64>>())?;
        let lineage = &scene.world.lineage;
        Ok(queries
            .into_iter()
            .map(|(pid, time)| lineage.find(&as_of, pid, time))
            .collect())
    }

    fn put_marks(
        &mut self,
        as_of: u64,
        marks: Vec<NewMark>,
    ) -> wasmtime::Result<Result<(), MarkError>> {
        let (scene, as_of) = self.as_of(HostFunction::PutMarks, as_of, marks.len())?;
        let mut put = Vec::with_capacity(marks.len());
        for mark in marks {
            let evidence = match scene.cite(&as_of, mark.event) {
                Ok(Some(evidence)) => evidence,
                Ok(None) => return Ok(Err(MarkError::UnknownEvent)),
                Err(NoLooks) => return Err(self.breach(LOOKS_EXCEEDED)),
            };
            put.push(marks::NewMark {
                subject: canonical(&scene.world.lineage, &as_of, mark.subject),
                stage: mark.stage.into(),
                score: mark.score,
                note: mark.note.into(),
                evidence,
                lifetime: mark.lifetime,
            });
        }
        let error = match scene.memory.marks.put(&as_of, put) {
            Ok(()) => return Ok(Ok(())),
            Err(marks::MarkError::Full) => MarkError::Full,
            Err(marks::MarkError::TooLong) => MarkError::TooLong,
            Err(error @ marks::MarkError::TooMany) => {
                return Err(self.breach(&error.to_string()));
            }
        };
        Ok(Err(error))
    }

    fn marks(&mut self, as_of: u64, subjects: Vec<Subject>) -> wasmtime::Result<Vec<Vec<Mark>>> {
        let (scene, as_of) = self.as_of(HostFunction::Marks, as_of, subjects.len())?;
        subjects
            .into_iter()
            .map(|subject| marks_of(scene, &as_of, subject))
            .collect()
    }
}

/// The marks of a subject, under whatever handles a process has been known.
fn marks_of(scene: &mut Scene, as_of: &AsOf, subject: Subject) -> wasmtime::Result<Vec<Mark>> {
    let subjects = match subject {
        Subject::Process(process) => scene
            .world
            .lineage
            .handles_of(as_of, process)
            .into_iter()
            .map(marks::Subject::Process)
            .collect(),
        Subject::Item(item) => vec![marks::Subject::Item(item.into())],
    };
    let Scene {
        memory, answers, ..
    } = scene;
    answers.take(size_of::<Vec<Mark>>())?;
    let found = memory.marks.get(as_of, &subjects);
    found
        .into_iter()
        .map(|mark| {
            answers.take(ANSWER + mark.stage.len() + mark.note.len())?;
            Ok(Mark {
                stage: mark.stage.to_string(),
                score: mark.score,
                note: mark.note.to_string(),
                event: mark.evidence.sequence,
                time: mark.evidence.time,
            })
        })
        .collect()
}

/// Finds the relatives of each process. A bulk question costs as many answers
/// as it may have.
fn relatives(
    state: &mut State,
    function: HostFunction,
    as_of: u64,
    processes: Vec<u64>,
    limit: u32,
    find: for<'a> fn(&'a Lineage, &AsOf, u64, u32) -> Vec<lineage::ProcessInfo<'a>>,
) -> wasmtime::Result<Vec<Vec<ProcessInfo>>> {
    let cost = processes.len().saturating_mul(limit.max(1) as usize);
    let told = state.told();
    let (scene, as_of) = state.as_of(function, as_of, cost)?;
    let Scene { world, answers, .. } = scene;
    processes
        .into_iter()
        .map(|process| {
            answers.take(size_of::<Vec<ProcessInfo>>())?;
            let found = find(&world.lineage, &as_of, process, limit);
            infos(found.into_iter().map(|process| told.of(process)), answers)
        })
        .collect()
}

fn canonical(lineage: &Lineage, as_of: &AsOf, subject: Subject) -> marks::Subject {
    match subject {
        Subject::Process(process) => {
            let handles = lineage.handles_of(as_of, process);
            marks::Subject::Process(handles.first().copied().unwrap_or(process))
        }
        Subject::Item(item) => marks::Subject::Item(item.into()),
    }
}

fn infos<'a>(
    found: impl IntoIterator<Item = lineage::ProcessInfo<'a>>,
    answers: &mut Allowance,
) -> wasmtime::Result<Vec<ProcessInfo>> {
    found
        .into_iter()
        .map(|process| info(process, answers))
        .collect()
}

fn info(
    process: lineage::ProcessInfo<'_>,
    answers: &mut Allowance,
) -> wasmtime::Result<ProcessInfo> {
    let texts = [
        process.image,
        process.original_file_name,
        process.command_line,
        process.working_directory,
        process.user,
        process.integrity,
        process.sha256,
    ];
    answers.take(ANSWER + texts.iter().map(|text| text.len()).sum::<usize>())?;
    let [
        image,
        original_file_name,
        command_line,
        working_directory,
        user,
        integrity,
        sha256,
    ] = texts.map(str::to_owned);
    Ok(ProcessInfo {
        process: process.process,
        parent: process.parent,
        pid: process.pid,
        started: process.started,
        ended: process.ended,
        image,
        original_file_name,
        command_line,
        working_directory,
        user,
        integrity,
        sha256,
        start_event: process.start_event,
    })
}
