//! What is too long to be written down: its file in the folder holds the
//! header and whatever is not repeated.

use std::fmt::Write as _;

use anyhow::bail;

/// Functions that belong to the guest's own.
pub fn fields(generator: &str, size: u64) -> Option<String> {
    match generator {
        "nested-blocks" => Some(nested_blocks(size)),
        "many-functions" => Some(many_functions(size)),
        "live-values" => Some(live_values(size)),
        _ => None,
    }
}

/// A component made of the guest's, or in its place.
pub fn whole(generator: &str, size: u64, component: &[u8]) -> anyhow::Result<Vec<u8>> {
    match generator {
        "padding" => Ok(padded(component, size)),
        "nested-types" => Ok(wat::parse_str(nested_types(size))?),
        "wide-types" => Ok(wat::parse_str(wide_types(size))?),
        "instances" => accompanied(component, "", size),
        "memories" => accompanied(component, "(memory 1)", size),
        "tables" => accompanied(component, "(table 1 funcref)", size),
        _ => bail!("there is no generator `{generator}`"),
    }
}

/// A custom section that nobody reads makes it so large.
fn padded(component: &[u8], size: u64) -> Vec<u8> {
    let mut padded = component.to_vec();
    // An empty name, and zeros.
    let content = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
    section(&mut padded, 0, &content);
    padded
}

/// Blocks within blocks, each with a jump table over all around it.
fn nested_blocks(depth: u64) -> String {
    let mut text = String::from("(func $slow (param i32)\n");
    for _ in 0..depth {
        text.push_str("(block ");
    }
    for inner in 0..depth {
        text.push_str("(local.get 0) br_table");
        for label in 0..depth - inner {
            let _ = write!(text, " {label}");
        }
        text.push_str(")\n");
    }
    text.push(')');
    text
}

/// As many functions.
fn many_functions(count: u64) -> String {
    let mut text = String::new();
    for number in 0..count {
        let _ = writeln!(
            text,
            "(func (param i64) (result i64) (i64.mul (local.get 0) (i64.const {number})))"
        );
    }
    text
}

/// A function that keeps as many values alive over loops that mix them: what
/// allocating registers takes the longest for.
fn live_values(count: u64) -> String {
    let mut text = String::from("(func $slow (param i64) (result i64)\n");
    for number in 0..count {
        let _ = writeln!(text, "(local $v{number} i64)");
    }
    for number in 0..count {
        let (one, other) = (number * 7 % count, number * 13 % count);
        let _ = writeln!(
            text,
            "(loop $l{number} (local.set $v{number} (i64.add (local.get $v{one}) \
             (i64.mul (local.get $v{other}) (local.get 0)))) \
             (br_if $l{number} (i64.eqz (local.get $v{one}))))"
        );
    }
    text.push_str("(local.get 0)\n");
    for number in 0..count {
        let _ = writeln!(text, "(i64.xor (local.get $v{number}))");
    }
    text.push(')');
    text
}

/// A list of a list of a list.
fn nested_types(depth: u64) -> String {
    let mut text = String::from("(component (type $t0 (list u8))\n");
    for number in 1..=depth {
        let _ = writeln!(text, "(type $t{number} (list $t{}))", number - 1);
    }
    let _ = write!(
        text,
        "(import \"deep\" (func (param \"value\" $t{depth}))))"
    );
    text
}

/// Tuples of two of the one before: few types, and values without end.
fn wide_types(depth: u64) -> String {
    let mut text = String::from("(component (type $t0 (tuple u8 u8))\n");
    for number in 1..=depth {
        let before = number - 1;
        let _ = writeln!(text, "(type $t{number} (tuple $t{before} $t{before}))");
    }
    let _ = write!(
        text,
        "(import \"wide\" (func (param \"value\" $t{depth}))))"
    );
    text
}

/// As many instances of a module with this in it, beside the guest's own.
fn accompanied(component: &[u8], content: &str, count: u64) -> anyhow::Result<Vec<u8>> {
    let module = wat::parse_str(format!("(module {content})"))?;
    let mut accompanied = component.to_vec();
    section(&mut accompanied, 1, &module);
    let mut instances = Vec::new();
    leb(&mut instances, count);
    for _ in 0..count {
        // Instantiated, the module of that number, without arguments.
        instances.push(0);
        leb(&mut instances, modules(component));
        instances.push(0);
    }
    section(&mut accompanied, 2, &instances);
    Ok(accompanied)
}

/// How many core modules a component holds.
fn modules(component: &[u8]) -> u64 {
    let mut rest = component.get(8..).unwrap_or_default();
    let mut count = 0;
    while let Some((kind, after)) = rest.split_first() {
        let (mut size, mut shift) = (0_usize, 0);
        let mut bytes = after.iter();
        for byte in bytes.by_ref() {
            size |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        count += u64::from(*kind == 1);
        rest = bytes.as_slice().get(size..).unwrap_or_default();
    }
    count
}

fn section(component: &mut Vec<u8>, kind: u8, content: &[u8]) {
    component.push(kind);
    leb(component, content.len() as u64);
    component.extend_from_slice(content);
}

fn leb(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}
