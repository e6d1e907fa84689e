//! Recognising raw deflate, which has no magic number.

/// The largest number of code lengths (RFC 1951, section 3.2.7).
const MAX_LENGTHS: usize = 19;

/// Whether the bytes begin like a deflate block with its own codes.
///
/// Such a block opens with the block type, three counts and the lengths of a Huffman
/// code that must be complete (RFC 1951, section 3.2.7): the sum of `2^-length` is
/// exactly one. Few other data pass that test.
pub(super) fn is_deflate(bytes: &[u8]) -> bool {
    let bits = |at: usize, count: usize| {
        (0..count).try_fold(0u32, |value, offset| {
            let position = at + offset;
            let byte = bytes.get(position / 8)?;
            Some(value | u32::from(byte >> (position % 8) & 1) << offset)
        })
    };
    let header = || {
        // A final-block bit, then type 2 for codes of the block's own.
        let is_dynamic = bits(1, 2)? == 2;
        let literals = bits(3, 5)?;
        let distances = bits(8, 5)?;
        let lengths = usize::try_from(bits(13, 4)?).ok()? + 4;
        if !is_dynamic || literals > 29 || distances > 29 || lengths > MAX_LENGTHS {
            return None;
        }
        // Lengths have three bits, so count in units of 2^-7.
        (0..lengths).try_fold(0u32, |sum, index| {
            let length = bits(17 + 3 * index, 3)?;
            Some(if length == 0 {
                sum
            } else {
                sum + (128 >> length)
            })
        })
    };
    header() == Some(128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complete_code_is_needed() {
        // Final block, type 2, 257 literals, 1 distance, 4 lengths: 1, 1, 0, 0.
        let header: u32 = 0b1 | 2 << 1 | 1 << 17 | 1 << 20;
        assert!(is_deflate(&header.to_le_bytes()));
        // A second code of length 2 leaves a quarter of the code unused.
        let incomplete = header & !(0b111 << 20) | 2 << 20;
        assert!(!is_deflate(&incomplete.to_le_bytes()));
        assert!(!is_deflate(b""));
        assert!(!is_deflate(b"plain text, nothing else"));
    }
}
