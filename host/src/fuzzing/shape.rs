//! Values made of bytes, so that every input is one.

/// What is left of an input. Past its end everything is zero.
#[derive(Debug, Clone)]
pub struct Shape<'a>(&'a [u8]);

impl<'a> Shape<'a> {
    /// Values made of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left.
    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// A number below `limit`, which is at most 256.
    pub fn below(&mut self, limit: usize) -> usize {
        let [byte] = self.array();
        usize::from(byte) % limit.max(1)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    /// So many bytes, as far as there are any.
    pub fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    /// A text of less than 256 bytes.
    pub fn text(&mut self) -> String {
        let length = self.below(256);
        String::from_utf8_lossy(self.bytes(length)).into_owned()
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let bytes = self.bytes(N);
        let mut array = [0; N];
        for (to, from) in array.iter_mut().zip(bytes) {
            *to = *from;
        }
        array
    }
}
