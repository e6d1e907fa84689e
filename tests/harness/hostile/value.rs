//! Values of the contract as they lie in a guest's memory, so that a hostile
//! guest says in one line what it tells and can then break it by hand.

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use wit_parser::{Resolve, SizeAlign, Type, TypeDefKind};

/// Lays values out one after the other from an address on.
pub struct Writer<'a> {
    resolve: &'a Resolve,
    sizes: SizeAlign,
    base: u32,
    bytes: Vec<u8>,
}

impl<'a> Writer<'a> {
    pub fn new(resolve: &'a Resolve, base: u32) -> anyhow::Result<Self> {
        let mut sizes = SizeAlign::default();
        sizes.fill(resolve)?;
        Ok(Self {
            resolve,
            sizes,
            base,
            bytes: Vec::new(),
        })
    }

    /// What was laid out.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Lays out a value of the named type, such as `finding`, `string` or
    /// `list<new-mark>`. Returns its address and, of a text or a list, its
    /// length. What the JSON leaves out is empty, zero or the first case.
    pub fn put(&mut self, type_name: &str, value: &Value) -> anyhow::Result<(u32, u32)> {
        if type_name == "string" {
            return self.text(value);
        }
        if let Some(element) = type_name
            .strip_prefix("list<")
            .and_then(|rest| rest.strip_suffix('>'))
        {
            let element = self.named(element)?;
            return self.list(&element, value);
        }
        let ty = self.named(type_name)?;
        let address = self.reserve(&ty, 1);
        self.write(address, &ty, value)?;
        Ok((address, 1))
    }

    fn named(&self, name: &str) -> anyhow::Result<Type> {
        let mut found = self.resolve.types.iter().filter(|(_, known)| {
            known.name.as_deref() == Some(name) && !matches!(known.kind, TypeDefKind::Type(_))
        });
        let (id, _) = found
            .next()
            .with_context(|| format!("the contract has no type `{name}`"))?;
        Ok(Type::Id(id))
    }

    /// Room for so many values.
    fn reserve(&mut self, ty: &Type, count: usize) -> u32 {
        let align = self.sizes.align(ty).align_wasm32();
        let start = self.bytes.len().next_multiple_of(align);
        let size = self.sizes.size(ty).size_wasm32();
        self.bytes.resize(start + size * count, 0);
        self.base + start as u32
    }

    fn store(&mut self, address: u32, bytes: &[u8]) {
        let start = (address - self.base) as usize;
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
    }

    /// Text; as a list of numbers, bytes that need not be text.
    fn text(&mut self, value: &Value) -> anyhow::Result<(u32, u32)> {
        let bytes = match value {
            Value::Null => Vec::new(),
            Value::String(text) => text.clone().into_bytes(),
            Value::Array(_) => serde_json::from_value(value.clone())?,
            _ => bail!("{value} is no text"),
        };
        let address = self.reserve(&Type::U8, bytes.len());
        self.store(address, &bytes);
        Ok((address, bytes.len() as u32))
    }

    fn list(&mut self, element: &Type, value: &Value) -> anyhow::Result<(u32, u32)> {
        let values = match value {
            Value::Null => &[][..],
            Value::Array(values) => values,
            _ => bail!("{value} is no list"),
        };
        let address = self.reserve(element, values.len());
        let size = self.sizes.size(element).size_wasm32() as u32;
        for (place, value) in (0..).zip(values) {
            self.write(address + place * size, element, value)?;
        }
        Ok((address, values.len() as u32))
    }

    fn write(&mut self, at: u32, ty: &Type, value: &Value) -> anyhow::Result<()> {
        match ty {
            Type::Bool => self.store(at, &[u8::from(value.as_bool().unwrap_or_default())]),
            Type::U32 => self.store(at, &(whole(value)? as u32).to_le_bytes()),
            Type::S32 => self.store(at, &(whole(value)? as i32).to_le_bytes()),
            Type::U64 => self.store(at, &(whole(value)? as u64).to_le_bytes()),
            Type::String => {
                let place = self.text(value)?;
                self.point(at, place);
            }
            Type::Id(id) => {
                let resolve = self.resolve;
                self.write_defined(at, &resolve.types[*id].kind, value)?;
            }
            other => bail!("values of type {other:?} are not written yet"),
        }
        Ok(())
    }

    fn point(&mut self, at: u32, (address, length): (u32, u32)) {
        self.store(at, &address.to_le_bytes());
        self.store(at + 4, &length.to_le_bytes());
    }

    fn write_defined(
        &mut self,
        at: u32,
        kind: &'a TypeDefKind,
        value: &Value,
    ) -> anyhow::Result<()> {
        match kind {
            TypeDefKind::Type(ty) => self.write(at, ty, value),
            TypeDefKind::List(element) => {
                let place = self.list(element, value)?;
                self.point(at, place);
                Ok(())
            }
            TypeDefKind::Record(record) => {
                expect_known(value, record.fields.iter().map(|field| &*field.name))?;
                let offsets = self
                    .sizes
                    .field_offsets(record.fields.iter().map(|field| &field.ty));
                for (field, (offset, ty)) in record.fields.iter().zip(offsets) {
                    let of_field = value.get(&field.name).unwrap_or(&Value::Null);
                    self.write(at + offset.size_wasm32() as u32, ty, of_field)?;
                }
                Ok(())
            }
            TypeDefKind::Option(_) if value.is_null() => Ok(()),
            TypeDefKind::Option(ty) => {
                self.store(at, &[1]);
                let offset = self
                    .sizes
                    .payload_offset(wit_parser::Int::U8, [None, Some(ty)]);
                self.write(at + offset.size_wasm32() as u32, ty, value)
            }
            TypeDefKind::Enum(cases) => {
                let place = match value {
                    Value::Null => Some(0),
                    Value::String(name) => cases.cases.iter().position(|case| case.name == *name),
                    _ => None,
                };
                let place = place.with_context(|| format!("there is no case {value}"))?;
                self.store(at, &[place as u8]);
                Ok(())
            }
            TypeDefKind::Variant(variant) => {
                // `"negate"`, or `{"present": "process.pid"}`.
                let (name, payload) = match value {
                    Value::String(name) => (name, &Value::Null),
                    Value::Object(map) if map.len() == 1 => {
                        map.iter().next().context("one case")?
                    }
                    _ => bail!("{value} is no case with its content"),
                };
                let place = variant.cases.iter().position(|case| case.name == *name);
                let place = place.with_context(|| format!("there is no case {name}"))?;
                self.store(at, &[place as u8]);
                let types = variant.cases.iter().map(|case| case.ty.as_ref());
                let offset = self.sizes.payload_offset(variant.tag(), types);
                match &variant.cases[place].ty {
                    Some(ty) => self.write(at + offset.size_wasm32() as u32, ty, payload),
                    None => Ok(()),
                }
            }
            other => bail!("values of type {other:?} are not written yet"),
        }
    }
}

/// A misspelt field would leave the attack out.
fn expect_known<'n>(value: &Value, names: impl Iterator<Item = &'n str>) -> anyhow::Result<()> {
    let names: Vec<&str> = names.collect();
    match value {
        Value::Null => Ok(()),
        Value::Object(map) => {
            for key in map.keys() {
                ensure!(names.contains(&key.as_str()), "there is no field `{key}`");
            }
            Ok(())
        }
        _ => bail!("{value} is no record"),
    }
}

fn whole(value: &Value) -> anyhow::Result<i64> {
    match value {
        Value::Null => Ok(0),
        _ => value
            .as_i64()
            .with_context(|| format!("{value} is no whole number")),
    }
}
