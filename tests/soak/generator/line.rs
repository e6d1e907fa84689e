//! Writes an event as a line of flat JSON, without detours: the generator must
//! be faster than the daemon.

use super::guid::Guid;

/// The time of the next event, also as text.
#[derive(Debug, Clone)]
pub struct Clock {
    milliseconds: i64,
    /// `2026-03-05 06:00:00.000`.
    text: [u8; 23],
    /// The second that the text says.
    second: i64,
}

impl Clock {
    pub fn new(milliseconds: i64) -> Self {
        let mut clock = Self {
            milliseconds,
            text: *b"0000-00-00 00:00:00.000",
            second: i64::MIN,
        };
        clock.advance(0);
        clock
    }

    pub fn advance(&mut self, milliseconds: i64) {
        self.milliseconds += milliseconds;
        let second = self.milliseconds.div_euclid(1_000);
        if second != self.second {
            self.second = second;
            let (year, month, day) = date(second.div_euclid(86_400));
            let within = second.rem_euclid(86_400);
            for (start, digits, number) in [
                (0, 4, year),
                (5, 2, month),
                (8, 2, day),
                (11, 2, within / 3_600),
                (14, 2, within / 60 % 60),
                (17, 2, within % 60),
            ] {
                decimal(&mut self.text, start, digits, number);
            }
        }
        let rest = self.milliseconds.rem_euclid(1_000);
        decimal(&mut self.text, 20, 3, rest);
    }

    pub fn seconds(&self) -> u32 {
        u32::try_from(self.second).unwrap_or(0)
    }
}

fn decimal(text: &mut [u8], start: usize, digits: usize, mut number: i64) {
    for place in text.iter_mut().skip(start).take(digits).rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Year, month and day of a day since 1970, after Howard Hinnant.
fn date(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// An event that is being written.
pub struct Line<'a>(&'a mut Vec<u8>);

impl<'a> Line<'a> {
    /// Begins an event of Sysmon.
    pub fn sysmon(
        body: &'a mut Vec<u8>,
        event: &str,
        host: &str,
        record: u64,
        clock: &Clock,
    ) -> Self {
        let line = Self(body);
        let (day, time) = clock.text.split_at(10);
        line.put(b"{\"EventID\":")
            .put(event.as_bytes())
            .put(b",\"RecordNumber\":")
            .digits(record)
            .put(
                b",\"SourceName\":\"Microsoft-Windows-Sysmon\",\
                  \"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"Hostname\":\"",
            )
            .put(host.as_bytes())
            .put(b"\",\"EventTime\":\"")
            .put(&clock.text[..19])
            .put(b"\",\"@timestamp\":\"")
            .put(day)
            .put(b"T")
            .put(time.get(1..).unwrap_or_default())
            .put(b"Z\",\"UtcTime\":\"")
            .put(&clock.text)
            .put(b"\"")
    }

    /// A value that needs no escapes, or has them.
    pub fn text(self, key: &str, value: &str) -> Self {
        self.key(key).put(value.as_bytes()).put(b"\"")
    }

    /// A number, as a text.
    pub fn number(self, key: &str, value: u64) -> Self {
        self.key(key).digits(value).put(b"\"")
    }

    pub fn guid(self, key: &str, value: &Guid) -> Self {
        self.key(key).put(value).put(b"\"")
    }

    /// Texts and numbers that make up one value.
    pub fn joined(self, key: &str, parts: &[Part<'_>]) -> Self {
        let mut line = self.key(key);
        for part in parts {
            line = match part {
                Part::Text(text) => line.put(text.as_bytes()),
                Part::Number(number) => line.digits(*number),
            };
        }
        line.put(b"\"")
    }

    pub fn end(self) {
        self.0.extend_from_slice(b"}\n");
    }

    fn key(self, key: &str) -> Self {
        self.put(b",\"").put(key.as_bytes()).put(b"\":\"")
    }

    fn put(self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn digits(self, mut number: u64) -> Self {
        let mut digits = [b'0'; 20];
        let mut count = 0;
        for place in digits.iter_mut().rev() {
            *place = b'0' + (number % 10) as u8;
            number /= 10;
            count += 1;
            if number == 0 {
                break;
            }
        }
        self.put(digits.get(20 - count..).unwrap_or_default())
    }
}

/// A part of a value.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    Text(&'a str),
    Number(u64),
}
