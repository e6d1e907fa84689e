//! What MSBuild was told to build.
//!
//! A project may hold tasks in C#, which MSBuild compiles and runs. Developers build in
//! their profiles all day, so a project there says little unless it is not called one.

use sandtrap_sdk::windows::{ProcessName, command_line, path};

use crate::{
    origin::Origin,
    stage::{Stage, brief},
    utility,
};

const MAX_ARGUMENTS: usize = 64;

/// What a build is worth, and the project. `image` is MSBuild's own path.
pub fn build(line: &str, directory: &str, image: &str) -> (String, Vec<Stage>) {
    let project = command_line::arguments_after_executable(line)
        .take(MAX_ARGUMENTS)
        .map(|argument| argument.text.into_owned())
        .find(|text| !text.starts_with(['/', '-', '@']));
    let Some(project) = project else {
        return (String::new(), Vec::new());
    };
    let mut stages = Vec::new();
    let is_odd = !is_project(&project);
    let origin = Origin::of(&project, directory);
    if is_odd {
        let note = format!(
            "built a project that is not called one: {}",
            brief(&project)
        );
        stages.push(Stage::new("invocation.disguised-project", 20, note));
    }
    // The copy in the Framework is nobody's tool any more: Visual Studio brings its own.
    let is_tool_of_developers = !utility::is_framework_copy(image);
    let user_writable = if is_tool_of_developers && !is_odd {
        5
    } else {
        20
    };
    stages.extend(origin.stage("a project", &project, user_writable));
    (project, stages)
}

/// Whether a child is a compiler that builds code which its parent made up at run time:
/// the arguments come from a response file in a random directory below `Temp`.
pub fn is_run_time_compiler(name: &ProcessName, line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    name.is_any(&["csc.exe", "vbc.exe", "jsc.exe"])
        && lower.contains(".cmdline")
        && lower.contains("\\temp\\")
}

fn is_project(path: &str) -> bool {
    let extension = path::extension(path).to_ascii_lowercase();
    extension.ends_with("proj")
        || matches!(
            extension.as_str(),
            "sln" | "slnx" | "slnf" | "props" | "targets" | "tasks" | "user" | "metaproj"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMEWORK: &str = "C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\MSBuild.exe";
    const STUDIO: &str = "C:\\Program Files\\Microsoft Visual Studio\\MSBuild\\MSBuild.exe";

    fn score(line: &str, image: &str) -> i32 {
        let (_, stages) = build(line, "", image);
        stages.iter().map(|stage| stage.score).sum()
    }

    #[test]
    fn a_disguised_project_counts_and_a_developers_does_not() {
        assert_eq!(
            score("MSBuild.exe C:\\ProgramData\\salaries.xml", FRAMEWORK),
            40
        );
        assert_eq!(score("MSBuild.exe C:\\Users\\dev\\a\\a.csproj", STUDIO), 5);
        assert_eq!(score("MSBuild.exe /m /t:Build a.sln", STUDIO), 0);
    }

    #[test]
    fn compilers_at_run_time_read_their_arguments_from_temp() {
        let name = ProcessName::of("csc.exe", "");
        let line =
            "csc.exe /noconfig /fullpaths @\"C:\\Users\\a\\AppData\\Local\\Temp\\x\\x.cmdline\"";
        assert!(is_run_time_compiler(&name, line));
        assert!(!is_run_time_compiler(
            &name,
            "csc.exe /noconfig @C:\\src\\obj\\a.rsp"
        ));
    }
}
