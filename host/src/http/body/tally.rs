//! Counts the records of a body that is dropped.

/// Looks at every byte and keeps none. Where the body is broken the count is
/// close, not exact.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    lines: u64,
    in_line: bool,
    is_array: Option<bool>,
    objects: u64,
    depth: u64,
    in_string: bool,
    is_escaped: bool,
}

impl Tally {
    /// Takes in the next bytes.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.byte(*byte);
        }
    }

    /// Lines that are not blank.
    pub(crate) fn lines(&self) -> u64 {
        self.lines
    }

    /// Records: objects of an array, or else lines.
    pub(crate) fn records(&self) -> u64 {
        if self.is_array == Some(true) {
            self.objects
        } else {
            self.lines
        }
    }

    fn byte(&mut self, byte: u8) {
        if byte == b'\n' {
            // No string of JSON goes beyond its line.
            (self.in_line, self.in_string, self.is_escaped) = (false, false, false);
            return;
        }
        if !self.in_line && !byte.is_ascii_whitespace() {
            self.in_line = true;
            self.lines += 1;
            self.is_array.get_or_insert(byte == b'[');
        }
        if self.is_array != Some(true) {
            return;
        }
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' => self.is_escaped = self.in_string,
            b'"' => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'{' => {
                self.objects += u64::from(self.depth == 0);
                self.depth += 1;
            }
            b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_both_layouts_are_counted() {
        for (text, records) in [
            ("", 0),
            ("{\"a\":{}}\n\n  \r\n{\"b\":1}", 2),
            ("[{\"a\":\"}{\\\"{\"},\n {\"b\":[{}]},{\n}]", 3),
            ("[]", 0),
        ] {
            let mut tally = Tally::default();
            for byte in text.as_bytes() {
                tally.add(&[*byte]);
            }
            assert_eq!(tally.records(), records, "{text}");
        }
    }
}
