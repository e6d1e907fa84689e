//! Asks every capability that the component was built with about an event.

use sandtrap_sdk::{Finding, Row, lineage::Process};

#[cfg(feature = "baselines")]
use sandtrap_sdk::field;

#[allow(unused_mut, unused_variables, reason = "depends on the features")]
pub fn ask(row: &Row<'_>, process: Option<Process>, mut finding: Finding) -> Finding {
    #[cfg(feature = "lineage")]
    if let Some(process) = process {
        finding = about_lineage(row, process, finding);
    }
    #[cfg(feature = "signatures")]
    if let Some(process) = process {
        let found = sandtrap_sdk::signatures::of_process(row, process);
        let text = format!("{:?} {:?} by {:?}", found.state, found.signer, found.source);
        finding = finding.detail("signature", text);
    }
    #[cfg(feature = "baselines")]
    {
        finding = about_baselines(row, finding);
    }
    #[cfg(feature = "log")]
    sandtrap_sdk::log::debug(format_args!("saw event {}", row.event()));
    finding
}

/// Lineage, and a mark that counts the events of the process.
#[cfg(feature = "lineage")]
fn about_lineage(row: &Row<'_>, process: Process, mut finding: Finding) -> Finding {
    use sandtrap_sdk::lineage::{self, NewMark, ProcessInfo};

    let images = |processes: Vec<ProcessInfo>| {
        let images: Vec<String> = processes.into_iter().map(|process| process.image).collect();
        images.join(" < ")
    };
    if let Some(info) = lineage::process(row, process) {
        finding = finding.detail("lineage", format!("{info:?}"));
        if let (Some(pid), Some(parent)) = (info.pid, info.parent) {
            let is_self = lineage::find(row, pid, row.time()) == Some(process);
            finding = finding.detail("found", is_self.to_string());
            let siblings = lineage::children(row, parent, 16);
            finding = finding.detail("siblings", images(siblings));
        }
    }
    finding = finding
        .detail("ancestors", images(lineage::ancestors(row, process, 8)))
        .detail(
            "descendants",
            images(lineage::descendants(row, process, 16)),
        );

    let marks = lineage::marks_on(row, process);
    let score = marks.iter().map(|mark| mark.score).max().unwrap_or(0);
    let events: Vec<u64> = marks.iter().map(|mark| mark.event).collect();
    let day = std::time::Duration::from_secs(86_400);
    let mark = NewMark::new(row, process, "echo.seen", score + 1, "was seen", day);
    let put = lineage::mark(row, mark);
    finding
        .detail("marks", format!("{score} of {events:?}"))
        .detail("marked", put.map_or_else(|error| error.name(), |()| "yes"))
}

/// The image of the event, counted.
#[cfg(feature = "baselines")]
fn about_baselines(row: &Row<'_>, finding: Finding) -> Finding {
    use sandtrap_sdk::baselines;

    let image = [field::PROCESS_FILE_PATH, field::ACTOR_PROCESS_FILE_PATH]
        .into_iter()
        .find(|field| row.has(*field))
        .map_or("", |field| row.text(field));
    let observed = baselines::observe(row, &[("images", image)]);
    let known = baselines::lookup_one(row, "images", image);
    let rate = baselines::rate(row, "images", image, 5);
    finding
        .detail(
            "observed",
            observed.map_or_else(|error| error.name(), |()| "yes"),
        )
        .detail(
            "baseline",
            format!(
                "{} here, {} in all, {} devices",
                known.device.count, known.fleet.count, known.devices
            ),
        )
        .detail("learning", format!("{:?}", known.device.learning_for(row)))
        .detail(
            "rate",
            format!(
                "{} after {} windows of {}",
                rate.current, rate.windows, rate.mean
            ),
        )
}
