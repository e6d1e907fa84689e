//! Turns `wit/vocabulary.toml` into constants: a number for every field and
//! every class, in the order of their names in the file's tables. Besides,
//! says which libraries this is built from.

#![allow(
    clippy::disallowed_methods,
    reason = "cargo speaks to build scripts through the environment"
)]

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::Path,
    time::SystemTime,
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::var("CARGO_MANIFEST_DIR")?;
    let folder = Path::new(&folder);
    println!("cargo::rustc-env=SANDTRAP_LIBRARIES={}", libraries(folder)?);
    let source = folder.join("../wit/vocabulary.toml");
    println!("cargo::rerun-if-changed={}", source.display());
    let vocabulary: toml::Table = fs::read_to_string(source)?.parse()?;
    let fields = vocabulary
        .get("fields")
        .and_then(toml::Value::as_table)
        .ok_or("no [fields]")?;
    let classes = vocabulary
        .get("class")
        .and_then(toml::Value::as_array)
        .ok_or("no [[class]]")?;

    let mut code = String::new();
    for (number, (name, field)) in fields.iter().enumerate() {
        constant(&mut code, name, "FieldId", number, doc(field)?)?;
    }
    let mut names = Vec::new();
    for class in classes {
        let name = class
            .get("name")
            .and_then(toml::Value::as_str)
            .ok_or("class without a name")?;
        names.push((name, doc(class)?));
    }
    let mut code_classes = String::new();
    for (number, (name, doc)) in names.into_iter().enumerate() {
        constant(&mut code_classes, name, "ClassId", number, doc)?;
    }
    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("fields.rs"), code)?;
    fs::write(Path::new(&out).join("classes.rs"), code_classes)?;
    Ok(())
}

/// Stands for the exact versions of all libraries: a hash of `Cargo.lock`.
fn libraries(folder: &Path) -> Result<String, Box<dyn Error>> {
    let mut hasher = DefaultHasher::new();
    match folder
        .ancestors()
        .map(|above| above.join("Cargo.lock"))
        .find(|lock| lock.is_file())
    {
        Some(lock) => {
            println!("cargo::rerun-if-changed={}", lock.display());
            fs::read(lock)?.hash(&mut hasher);
        }
        // Without one nobody knows, so this build is like no other.
        None => SystemTime::now().hash(&mut hasher),
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn doc(entry: &toml::Value) -> Result<&str, Box<dyn Error>> {
    Ok(entry
        .get("doc")
        .and_then(toml::Value::as_str)
        .ok_or("entry without a doc")?)
}

fn constant(
    code: &mut String,
    name: &str,
    kind: &str,
    number: usize,
    doc: &str,
) -> Result<(), Box<dyn Error>> {
    let constant = name.replace('.', "_").to_uppercase();
    writeln!(
        code,
        "/// `{name}`: {doc}\npub const {constant}: {kind} = {kind}({number});"
    )?;
    Ok(())
}
