//! The search for the names, all of them in one pass.

use super::names::{ANYWHERE, MODULO, PAIRS, WORDS};
use super::{Trait, Traits};

/// What finding a name means.
#[derive(Clone, Copy)]
enum Meaning {
    Anywhere(Trait),
    Word(Trait),
    Modulo,
}

/// The traits of a normalised text.
pub(super) fn search(text: &str) -> Traits {
    // Names by their first byte, so that a position is compared with a few of them only.
    let mut by_first: [Vec<(&[u8], Meaning)>; 128] = [const { Vec::new() }; 128];
    let mut add = |names: &[&'static str], meaning| {
        for name in names {
            let first = name.bytes().next().map(usize::from);
            if let Some(list) = first.and_then(|first| by_first.get_mut(first)) {
                list.push((name.as_bytes(), meaning));
            }
        }
    };
    for (found, names) in ANYWHERE {
        add(names, Meaning::Anywhere(*found));
    }
    for (found, names) in WORDS {
        add(names, Meaning::Word(*found));
    }
    add(MODULO, Meaning::Modulo);

    let bytes = text.as_bytes();
    let mut traits = Traits::default();
    let mut has_modulo = false;
    for (at, byte) in bytes.iter().enumerate() {
        let Some(names) = by_first.get(usize::from(*byte)) else {
            continue;
        };
        for (name, meaning) in names {
            let Some(after) = bytes.get(at..).and_then(|rest| rest.strip_prefix(*name)) else {
                continue;
            };
            match meaning {
                Meaning::Anywhere(found) => traits.insert(*found),
                Meaning::Modulo => has_modulo = true,
                Meaning::Word(found) => {
                    let before = at.checked_sub(1).and_then(|at| bytes.get(at));
                    let ends_open = name.last().is_some_and(u8::is_ascii_alphanumeric)
                        && after.first().copied().is_some_and(is_word);
                    if !before.copied().is_some_and(is_word) && !ends_open {
                        traits.insert(*found);
                    }
                }
            }
        }
    }
    if has_modulo && traits.has(Trait::Xor) {
        traits.insert(Trait::Rc4Loop);
    }
    for (found, first, second) in PAIRS {
        if text.contains(first) && text.contains(second) {
            traits.insert(*found);
            traits.insert(Trait::SymmetricCipher);
        }
    }
    traits
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$' | b'/' | b'\\')
}
