//! Which files are read.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::ReadError;

/// How the names of files in a folder end that are read.
const ENDINGS: [&str; 6] = [".evtx", ".json", ".jsonl", ".ndjson", ".xml", ".log"];

/// How many levels of folders are gone through, lest links go in a circle.
const MAX_DEPTH: usize = 32;

/// Something to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its path; nothing for standard input.
    pub path: Option<PathBuf>,
    /// Whether it was named itself, and not found in a folder.
    pub is_explicit: bool,
}

impl Input {
    /// Standard input.
    pub fn stdin() -> Self {
        Self {
            path: None,
            is_explicit: true,
        }
    }

    /// Its name for people.
    pub fn name(&self) -> String {
        match &self.path {
            Some(path) => path.display().to_string(),
            None => "standard input".to_owned(),
        }
    }

    /// Its name without the folders it lies in, which differ between machines.
    pub(super) fn file_name(&self) -> String {
        self.path.as_deref().and_then(Path::file_name).map_or_else(
            || "stdin".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        )
    }
}

/// The inputs that paths stand for: files, the files in folders and below them,
/// sorted by name, and `-` for standard input.
pub fn find_inputs(paths: &[PathBuf]) -> Result<Vec<Input>, ReadError> {
    let mut inputs = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            inputs.push(Input::stdin());
            continue;
        }
        let metadata = fs::metadata(path).map_err(|error| open_error(path, error))?;
        if metadata.is_dir() {
            let before = inputs.len();
            add_folder(path, 0, &mut inputs)?;
            if inputs.len() == before {
                return Err(ReadError::EmptyFolder { path: path.clone() });
            }
        } else {
            inputs.push(Input {
                path: Some(path.clone()),
                is_explicit: true,
            });
        }
    }
    Ok(inputs)
}

fn add_folder(folder: &Path, depth: usize, inputs: &mut Vec<Input>) -> Result<(), ReadError> {
    if depth > MAX_DEPTH {
        return Ok(());
    }
    let error = |error| open_error(folder, error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(error)? {
        let entry = entry.map_err(error)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    for path in paths {
        // A dangling link is nothing to read.
        let Ok(metadata) = fs::metadata(&path) else {
            continue;
        };
        if metadata.is_dir() {
            add_folder(&path, depth + 1, inputs)?;
        } else if metadata.is_file() && is_telemetry(&path) {
            inputs.push(Input {
                path: Some(path),
                is_explicit: false,
            });
        }
    }
    Ok(())
}

fn is_telemetry(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_ascii_lowercase();
    let name = name
        .strip_suffix(".gz")
        .or_else(|| name.strip_suffix(".zst"))
        .unwrap_or(&name);
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

pub(super) fn open_error(path: &Path, error: std::io::Error) -> ReadError {
    ReadError::Open {
        path: path.to_owned(),
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_gone_through_by_name_and_hidden_files_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("b")).unwrap();
        for name in [
            "c.evtx",
            "b/x.ndjson.gz",
            "a.XML",
            ".hidden.json",
            "readme.txt",
        ] {
            fs::write(path(name), "").unwrap();
        }
        let inputs = find_inputs(&[folder.path().to_owned(), path("readme.txt")]).unwrap();
        let found: Vec<PathBuf> = inputs.into_iter().filter_map(|input| input.path).collect();
        let expected = ["a.XML", "b/x.ndjson.gz", "c.evtx", "readme.txt"];
        assert_eq!(found, expected.map(path));
        let error = find_inputs(&[path("missing")]).unwrap_err().to_string();
        assert!(error.contains("missing"), "{error}");
    }
}
