//! Turns `wit/vocabulary.toml` into a constant for every field and class.

#![expect(
    clippy::disallowed_methods,
    reason = "Cargo tells build scripts where they are through the environment"
)]

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let source = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../wit/vocabulary.toml");
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

    let mut code = format!(
        "/// How many fields the vocabulary has.\npub(crate) const COUNT: usize = {};\n",
        fields.len()
    );
    let mut all = String::new();
    for (number, (name, field)) in fields.iter().enumerate() {
        let kind = match text(field, "type")? {
            "text" => "Text",
            "unsigned" => "Unsigned",
            other => return Err(format!("`{name}` is of the unknown type `{other}`").into()),
        };
        let arguments = format!("{number}, \"{name}\"");
        constant(&mut code, name, text(field, "doc")?, kind, &arguments)?;
        write!(all, "Field::{kind}({}), ", constant_name(name))?;
    }
    writeln!(
        code,
        "/// All of them.\npub const ALL: [Field; COUNT] = [{all}];"
    )?;
    let mut code_classes = String::new();
    for class in classes {
        let name = text(class, "name")?;
        let arguments = format!("\"{name}\"");
        constant(
            &mut code_classes,
            name,
            text(class, "doc")?,
            "Class",
            &arguments,
        )?;
    }
    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("field.rs"), code)?;
    fs::write(Path::new(&out).join("class.rs"), code_classes)?;
    Ok(())
}

fn text<'t>(entry: &'t toml::Value, key: &str) -> Result<&'t str, Box<dyn Error>> {
    Ok(entry
        .get(key)
        .and_then(toml::Value::as_str)
        .ok_or_else(|| format!("an entry without `{key}`"))?)
}

fn constant(
    code: &mut String,
    name: &str,
    doc: &str,
    kind: &str,
    arguments: &str,
) -> Result<(), Box<dyn Error>> {
    let constant = constant_name(name);
    writeln!(
        code,
        "/// `{name}`: {doc}\npub const {constant}: {kind} = {kind}::known({arguments});"
    )?;
    Ok(())
}

fn constant_name(name: &str) -> String {
    name.replace('.', "_").to_uppercase()
}
