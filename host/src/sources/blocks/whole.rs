//! Cuts what is in memory whole.

use super::{BLOCK, Fault, Piece, cut::Cutter};
use crate::sources::{json::Malformed, shape::Shape};

/// Hands every record of `bytes` to `take`, in order, until it refuses one.
/// Records longer than `max_record` come with that as their fault.
pub(crate) fn cut_whole<E>(
    bytes: &[u8],
    shape: Shape,
    max_record: usize,
    mut take: impl FnMut(Piece) -> Result<(), E>,
) -> Result<(), E> {
    let is_array = bytes.trim_ascii_start().starts_with(b"[");
    let mut cutter = Cutter::new(shape, is_array);
    let mut pieces = Vec::new();
    let (mut at, mut window) = (0, BLOCK);
    while at < bytes.len() {
        // A window at a time, so that tiny records do not pile up as pieces.
        let end = bytes.len().min(at.saturating_add(window));
        let is_end = end == bytes.len();
        let used = cutter.cut(bytes.get(at..end).unwrap_or_default(), is_end, &mut pieces);
        for mut piece in pieces.drain(..) {
            piece.start += at;
            piece.end += at;
            if piece.end - piece.start > max_record {
                piece.fault = Some(Fault::Malformed(Malformed::TooLong));
            }
            take(piece)?;
        }
        if is_end {
            break;
        }
        at += used;
        if used > 0 {
            window = BLOCK;
        } else if window > max_record {
            take(Piece {
                start: at,
                end,
                fault: Some(Fault::Malformed(Malformed::TooLong)),
            })?;
            cutter.skip_record();
            (at, window) = (end, BLOCK);
        } else {
            window = window.saturating_mul(2);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(text: &str, shape: Shape, max_record: usize) -> Vec<(usize, bool)> {
        let mut records = Vec::new();
        cut_whole::<()>(text.as_bytes(), shape, max_record, |piece| {
            records.push((piece.end - piece.start, piece.fault.is_none()));
            Ok(())
        })
        .unwrap();
        records
    }

    #[test]
    fn a_record_beyond_the_limit_costs_itself_only() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(3 * BLOCK));
        let text = format!("{{}}\n{long}\n{{}}\n");
        let lines = cut(&text, Shape::JsonLines, BLOCK);
        let whole: Vec<bool> = lines.iter().map(|(_, whole)| *whole).collect();
        assert_eq!(whole, [true, false, true]);
        assert_eq!(cut(&text, Shape::JsonLines, text.len()).len(), 3);
        let last = cut(&long, Shape::JsonLines, BLOCK);
        assert!(last.iter().all(|(_, whole)| !whole), "{last:?}");
    }

    proptest! {
        #[test]
        fn windows_make_no_difference(lengths in prop::collection::vec(1_usize..200_000, 0..12)) {
            let text: String = lengths
                .iter()
                .map(|length| format!("{{\"a\":\"{}\"}}\n", "x".repeat(*length)))
                .collect();
            for shape in [Shape::JsonLines, Shape::Json] {
                let found = cut(&text, shape, usize::MAX);
                let expected: Vec<_> = lengths.iter().map(|length| (length + 8, true)).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
