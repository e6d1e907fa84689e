//! From a hostile guest's file to the component an attacker would hand in.

use std::{collections::BTreeSet, sync::LazyLock};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{
    Resolve, WorldId, WorldItem,
    abi::{AbiVariant, WasmType},
};

use super::{generated, header::Header, value::Writer};
use crate::root;

/// What every guest begins with.
const PRELUDE: &str = include_str!("prelude.wat");

/// Where a guest's values begin; what lies before is for the prelude.
const VALUES: u32 = 4_096;

/// The interface a guest exports.
const DETECTOR: &str = "sandtrap:analytic/detector@0.1.0";

/// The contract.
static CONTRACT: LazyLock<(Resolve, WorldId)> = LazyLock::new(|| {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root().join("wit")).unwrap();
    let world = resolve.select_world(&[package], Some("analytic")).unwrap();
    (resolve, world)
});

/// Makes the component of a guest. Most files hold the functions of a core
/// module and nothing else; some are a whole component, or a module.
pub fn build(name: &str, header: &Header, text: &str) -> anyhow::Result<Vec<u8>> {
    let body = text
        .lines()
        .find(|line| !line.is_empty() && !line.starts_with(";;"))
        .unwrap_or_default();
    let is_whole = body.starts_with("(component") || body.starts_with("(module");
    match &header.generate {
        Some((generator, size)) => {
            let fields = generated::fields(generator, *size);
            match fields {
                Some(fields) => encode(name, header, &format!("{text}\n{fields}")),
                None => generated::whole(generator, *size, &encode(name, header, text)?),
            }
        }
        None if is_whole => Ok(wat::parse_str(text)?),
        None => encode(name, header, text),
    }
}

/// Wraps functions as a component: imports as they are used, values, the
/// prelude, and the exports that the guest does not define itself.
fn encode(name: &str, header: &Header, fields: &str) -> anyhow::Result<Vec<u8>> {
    let (resolve, world) = &*CONTRACT;
    let mut values = Writer::new(resolve, VALUES)?;
    let mut globals = String::new();
    let standard = [
        ("description", "description", describe(name, header)),
        ("held", "finding", json!({ "title": "held" })),
        ("escaped", "finding", json!({ "title": "escaped" })),
    ];
    let standard = standard.map(|(name, ty, value)| (name.to_owned(), ty.to_owned(), value));
    for (name, ty, value) in standard.iter().chain(&header.values) {
        let (address, length) = values
            .put(ty, value)
            .with_context(|| format!("the value `{name}`"))?;
        globals += &format!(
            "(global ${name} i32 (i32.const {address}))\n\
             (global ${name}.length i32 (i32.const {length}))\n"
        );
    }
    let data: String = values
        .bytes()
        .iter()
        .map(|byte| format!("\\{byte:02x}"))
        .collect();
    let free = (VALUES + values.bytes().len() as u32).next_multiple_of(16);
    let used = names(fields);
    let unless = |name: &str, default: &str| {
        if used.contains(name) {
            String::new()
        } else {
            format!("{default}\n")
        }
    };
    let module = format!(
        "(module\n{imports}\n{memory}{globals}\
         (global $free i32 (i32.const {free}))\n\
         (global $next (mut i32) (i32.const {free}))\n\
         (data (i32.const {VALUES}) \"{data}\")\n\
         {PRELUDE}\n{fields}\n{realloc}{describe}{configure}{inspect}{after}\
         (export \"cabi_realloc\" (func $realloc))\n\
         (export \"{DETECTOR}#describe\" (func $describe))\n\
         (export \"{DETECTOR}#configure\" (func $configure))\n\
         (export \"{DETECTOR}#inspect\" (func $inspect))\n\
         (export \"cabi_post_{DETECTOR}#inspect\" (func $after_call))\n)",
        imports = imports(resolve, *world, &used)?,
        memory = unless(
            "$memory",
            &format!("(memory $memory (export \"memory\") {})", free / 65_536 + 2)
        ),
        realloc = unless(
            "$realloc",
            "(func $realloc (param i32 i32 i32 i32) (result i32)
               (call $allocate (local.get 2) (local.get 3)))"
        ),
        describe = unless(
            "$describe",
            "(func $describe (result i32) (global.get $description))"
        ),
        configure = unless(
            "$configure",
            "(func $configure (param i32 i32 i32 i32) (result i32) (i32.const 32))"
        ),
        inspect = unless(
            "$inspect",
            "(func $inspect (param i32 i32) (result i32) (call $silence))"
        ),
        after = unless(
            "$after_call",
            "(func $after_call (param i32) (global.set $next (global.get $free)))"
        ),
    );
    let mut bytes = wat::parse_str(&module)?;
    embed_component_metadata(&mut bytes, resolve, *world, StringEncoding::UTF8, false)?;
    ComponentEncoder::default().module(&bytes)?.encode()
}

/// The description of a guest: the ordinary one, but for what its header says.
fn describe(name: &str, header: &Header) -> Value {
    let mut description = json!({
        "id": name,
        "name": "A hostile guest",
        "version": "1.0.0",
        "summary": "Does harm.",
        "technique": { "id": "T0000", "name": "None" },
        "tactics": ["none"],
        "platforms": ["Windows"],
        "subscriptions": [{
            "class": "process.launch",
            "fields": ["process.pid", "process.handle"],
        }],
    });
    if let (Value::Object(known), Some(Value::Object(other))) = (&mut description, &header.describe)
    {
        known.extend(other.clone());
    }
    description
}

/// The identifiers that stand in functions, comments left out.
fn names(fields: &str) -> BTreeSet<&str> {
    fields
        .lines()
        .filter_map(|line| line.split(";;").next())
        .flat_map(|line| line.split([' ', '(', ')']))
        .filter(|word| word.starts_with('$'))
        .collect()
}

/// Imports of the functions that are called, as `$lineage.put-marks`.
fn imports(resolve: &Resolve, world: WorldId, used: &BTreeSet<&str>) -> anyhow::Result<String> {
    let mut imports = String::new();
    let mut known = BTreeSet::new();
    for item in resolve.worlds[world].imports.values() {
        let WorldItem::Interface { id, .. } = item else {
            continue;
        };
        let interface = &resolve.interfaces[*id];
        let name = interface.name.as_deref().context("a named interface")?;
        let module = resolve.id_of(*id).context("a full name")?;
        for function in interface.functions.values() {
            let call = format!("${name}.{}", function.name);
            if used.contains(call.as_str()) {
                let signature = resolve.wasm_signature(AbiVariant::GuestImport, function);
                let params: Vec<&str> = signature.params.iter().map(core).collect();
                let results: Vec<&str> = signature.results.iter().map(core).collect();
                imports += &format!(
                    "(import \"{module}\" \"{}\" (func {call} (param {}) (result {})))\n",
                    function.name,
                    params.join(" "),
                    results.join(" "),
                );
            }
            known.insert(call);
        }
    }
    let imported = ["$lineage.", "$signatures.", "$baselines.", "$log."];
    for name in used {
        let is_import = imported.iter().any(|prefix| name.starts_with(prefix));
        ensure!(
            !is_import || known.contains(*name),
            "the contract has no {name}"
        );
    }
    Ok(imports)
}

fn core(ty: &WasmType) -> &'static str {
    match ty {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
    }
}
