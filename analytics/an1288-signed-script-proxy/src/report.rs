//! When a chain is worth reporting, and how it is told.

use sandtrap_sdk::{Caps, Finding, Severity, Tally, Verdict};

use crate::settings::Tuning;

/// Longest title, in bytes.
const MAX_TITLE: usize = 320;
/// Most of a detail that is reported, in bytes.
const MAX_DETAIL: usize = 4096;

/// What a finding is told with besides its stages.
#[derive(Debug, Default)]
pub struct Story {
    /// Name of the utility.
    pub utility: String,
    /// Name of what started it; empty if unknown.
    pub starter: String,
    /// The utility's command line.
    pub command_line: String,
    /// The script, assembly, library or project it ran.
    pub target: String,
    /// What a child's command line held in base64.
    pub decoded: String,
}

/// How much each class of stages may add.
pub fn caps() -> Caps {
    Caps::new([
        ("abuse", 50),
        ("invocation", 45),
        ("payload", 45),
        ("child", 60),
        ("effect", 45),
        ("lineage", 25),
    ])
}

/// How bad a chain is, if it is worth reporting.
///
/// An abuse that has no other explanation is enough. Everything else takes two classes of
/// stages, one of which says what was run or started.
pub fn judge(tally: &Tally, tuning: &Tuning) -> Option<Severity> {
    let score = tally.score();
    let has = |class: &str| tally.score_of(class) > 0;
    let has_subject = ["abuse", "invocation", "payload", "child"]
        .into_iter()
        .any(has);
    let is_corroborated = has("abuse") || tally.classes() >= 2;
    if score < tuning.alert_score || !has_subject || !is_corroborated {
        return None;
    }
    let has_effect = has("child") || has("effect");
    if tally.has("effect.lsass") && score >= tuning.high_score + 20 {
        return Some(Severity::Critical);
    }
    if score >= tuning.high_score || (has("abuse") && has_effect) {
        return Some(Severity::High);
    }
    Some(Severity::Medium)
}

/// The finding of a verdict.
pub fn tell(verdict: Verdict, story: &Story) -> Finding {
    let title = title(&verdict.tally, story);
    verdict
        .finding(title)
        .detail("command line", clip(&story.command_line, MAX_DETAIL))
        .detail("what it ran", clip(&story.target, MAX_DETAIL))
        .detail("decoded payload", clip(&story.decoded, MAX_DETAIL))
}

/// One sentence: the utility, who started it, the weightiest of what it ran, and the weightiest
/// of what came of it or, for want of that, of how it was told to.
fn title(tally: &Tally, story: &Story) -> String {
    let weightiest = |classes: &[&str]| {
        let stages = tally.stages().iter().filter(|stage| {
            let class = stage.name.split('.').next().unwrap_or_default();
            classes.contains(&class) && stage.score > 0
        });
        // The first of equals, so that the title does not depend on what follows.
        stages
            .rev()
            .max_by_key(|stage| stage.score)
            .map(|stage| stage.summary.as_str())
    };
    let told = weightiest(&["abuse"]).or_else(|| weightiest(&["payload"]));
    let how = weightiest(&["invocation"]);
    let came = weightiest(&["child"]).or_else(|| weightiest(&["effect"]));
    let (told, came) = match (told, came) {
        (Some(told), None) => (Some(told), how),
        (told, came) => (told.or(how), came),
    };
    let what = match (told, came) {
        (Some(told), Some(came)) => format!("{told}, and {came}"),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => "ran somebody else's code".to_owned(),
    };
    let starter = match story.starter.as_str() {
        "" => String::new(),
        starter => format!(", started by {starter},"),
    };
    let title = format!("{}{starter} {what}", story.utility);
    clip(&title, MAX_TITLE).to_owned()
}

fn clip(text: &str, length: usize) -> &str {
    text.get(..text.floor_char_boundary(length)).unwrap_or(text)
}
