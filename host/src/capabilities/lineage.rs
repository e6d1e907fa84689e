//! The `lineage` capability: questions about processes, and marks on them.

use crate::{
    bindings::sandtrap::analytic::lineage::{Host, Mark, MarkError, NewMark, ProcessInfo, Subject},
    instance::{Scene, State},
    lineage,
    lineage::AsOf,
    marks,
};

impl Host for State {
    fn processes(
        &mut self,
        as_of: u64,
        processes: Vec<u64>,
    ) -> wasmtime::Result<Vec<Option<ProcessInfo>>> {
        let (scene, as_of) = self.as_of(as_of, processes.len())?;
        let lineage = &scene.world.lineage;
        Ok(processes
            .into_iter()
            .map(|process| lineage.process(&as_of, process).map(info))
            .collect())
    }

    fn ancestors(
        &mut self,
        as_of: u64,
        processes: Vec<u64>,
        limit: u32,
    ) -> wasmtime::Result<Vec<Vec<ProcessInfo>>> {
        let cost = cost(&processes, limit.min(lineage::MAX_ANCESTORS));
        let (scene, as_of) = self.as_of(as_of, cost)?;
        let lineage = &scene.world.lineage;
        Ok(processes
            .into_iter()
            .map(|process| infos(lineage.ancestors(&as_of, process, limit)))
            .collect())
    }

    fn children(
        &mut self,
        as_of: u64,
        processes: Vec<u64>,
        limit: u32,
    ) -> wasmtime::Result<Vec<Vec<ProcessInfo>>> {
        let cost = cost(&processes, limit.min(lineage::MAX_CHILDREN));
        let (scene, as_of) = self.as_of(as_of, cost)?;
        let lineage = &scene.world.lineage;
        Ok(processes
            .into_iter()
            .map(|process| infos(lineage.children(&as_of, process, limit)))
            .collect())
    }

    fn descendants(
        &mut self,
        as_of: u64,
        processes: Vec<u64>,
        limit: u32,
    ) -> wasmtime::Result<Vec<Vec<ProcessInfo>>> {
        let cost = cost(&processes, limit.min(lineage::MAX_DESCENDANTS));
        let (scene, as_of) = self.as_of(as_of, cost)?;
        let lineage = &scene.world.lineage;
        Ok(processes
            .into_iter()
            .map(|process| infos(lineage.descendants(&as_of, process, limit)))
            .collect())
    }

    fn find(&mut self, as_of: u64, queries: Vec<(u32, i64)>) -> wasmtime::Result<Vec<Option<u64>>> {
        let (scene, as_of) = self.as_of(as_of, queries.len())?;
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
        let (scene, as_of) = self.as_of(as_of, marks.len())?;
        let mut put = Vec::with_capacity(marks.len());
        for mark in marks {
            let evidence = if mark.event <= as_of.sequence {
                scene.desk.evidence(mark.event)
            } else {
                None
            };
            let held = || scene.memory.marks.evidence(&as_of, mark.event);
            let Some(evidence) = evidence.or_else(held) else {
                return Ok(Err(MarkError::UnknownEvent));
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
        Ok(scene
            .memory
            .marks
            .put(&as_of, put)
            .map_err(|error| match error {
                marks::MarkError::Full => MarkError::Full,
                marks::MarkError::TooLong => MarkError::TooLong,
            }))
    }

    fn marks(&mut self, as_of: u64, subjects: Vec<Subject>) -> wasmtime::Result<Vec<Vec<Mark>>> {
        let (scene, as_of) = self.as_of(as_of, subjects.len())?;
        Ok(subjects
            .into_iter()
            .map(|subject| marks_of(scene, &as_of, subject))
            .collect())
    }
}

/// The marks of a subject, under whatever handles a process has been known.
fn marks_of(scene: &Scene, as_of: &AsOf, subject: Subject) -> Vec<Mark> {
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
    scene
        .memory
        .marks
        .get(as_of, &subjects)
        .into_iter()
        .map(|mark| Mark {
            stage: mark.stage.to_string(),
            score: mark.score,
            note: mark.note.to_string(),
            event: mark.evidence.sequence,
            time: mark.evidence.time,
        })
        .collect()
}

/// What a bulk question costs: as many answers as it may have.
fn cost(processes: &[u64], limit: u32) -> usize {
    processes.len().saturating_mul(limit as usize)
}

fn canonical(lineage: &lineage::Lineage, as_of: &AsOf, subject: Subject) -> marks::Subject {
    match subject {
        Subject::Process(process) => {
            let handles = lineage.handles_of(as_of, process);
            marks::Subject::Process(handles.first().copied().unwrap_or(process))
        }
        Subject::Item(item) => marks::Subject::Item(item.into()),
    }
}

fn infos<'a>(found: impl IntoIterator<Item = lineage::ProcessInfo<'a>>) -> Vec<ProcessInfo> {
    found.into_iter().map(info).collect()
}

fn info(process: lineage::ProcessInfo<'_>) -> ProcessInfo {
    ProcessInfo {
        process: process.process,
        parent: process.parent,
        pid: process.pid,
        started: process.started,
        ended: process.ended,
        image: process.image.to_owned(),
        original_file_name: process.original_file_name.to_owned(),
        command_line: process.command_line.to_owned(),
        working_directory: process.working_directory.to_owned(),
        user: process.user.to_owned(),
        integrity: process.integrity.to_owned(),
        sha256: process.sha256.to_owned(),
        start_event: process.start_event,
    }
}
