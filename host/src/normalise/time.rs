//! When an event happened: which of a record's times to believe.

use crate::sources::{Keys, Record, Slot};

/// How far Sysmon's own time may lie from the log's and still be taken for the
/// finer one. Beyond it, the capture was rewritten or the clock was set.
const TRUSTED: i64 = 10_000;

/// Time zones differ by multiples of this.
const QUARTER: i64 = 15 * 60 * 1000;

/// The slots of a record's times.
#[derive(Debug)]
pub(super) struct Times {
    created: [Slot; 4],
    timestamp: Slot,
    local: Slot,
    generated: Slot,
    utc: Slot,
    epoch: Slot,
}

impl Times {
    pub(super) fn new(keys: &mut Keys) -> Self {
        Self {
            created: [
                keys.path("TimeCreated"),
                keys.path("Event.System.TimeCreated.#attributes.SystemTime"),
                keys.path("Event.System.TimeCreated.SystemTime"),
                keys.path("Event.System.TimeCreated"),
            ],
            timestamp: keys.path("@timestamp"),
            local: keys.path("EventTime"),
            generated: keys.path("TimeGenerated"),
            utc: keys.data("UtcTime"),
            epoch: keys.path("time"),
        }
    }

    /// The slot of Sysmon's own time.
    pub(super) fn utc(&self) -> Slot {
        self.utc
    }

    /// The time of a record, milliseconds since 1970 UTC.
    pub(super) fn of(&self, record: &Record<'_>) -> Option<i64> {
        let utc = parse(record.raw(self.utc)).map(|stamp| stamp.time);
        match (self.base(record, utc), utc) {
            (Some(base), Some(utc)) if (base - utc).abs() <= TRUSTED => Some(utc),
            (base, utc) => base.or(utc),
        }
    }

    /// The log's own time.
    fn base(&self, record: &Record<'_>, utc: Option<i64>) -> Option<i64> {
        let created = self
            .created
            .iter()
            .find_map(|slot| parse(record.raw(*slot)));
        if let Some(created) = created {
            return Some(created.time);
        }
        let timestamp = parse(record.raw(self.timestamp)).map(|stamp| stamp.time);
        if let Some(local) = parse(record.raw(self.local)) {
            return match (local.is_zoned, timestamp, utc) {
                (true, _, _) => Some(local.time),
                // The collector's clock tells the zone, its delay is rounded off.
                (false, Some(timestamp), _) => {
                    let offset = timestamp - local.time + QUARTER / 2;
                    let time = local.time + offset.div_euclid(QUARTER) * QUARTER;
                    // Known to the second only, it stands at the second's end:
                    // what a process did is logged beside finer records of its
                    // start, and must not come before them.
                    Some(time + if local.is_whole { 999 } else { 0 })
                }
                (false, None, Some(_)) => None,
                (false, None, None) => Some(local.time),
            };
        }
        timestamp
            .or_else(|| parse(record.raw(self.generated)).map(|stamp| stamp.time))
            .or_else(|| {
                let digits = str::from_utf8(record.raw(self.epoch)).ok()?;
                digits
                    .parse()
                    .ok()
                    .filter(|time: &i64| time.abs() < MAX_EPOCH)
            })
    }
}

/// Year 9999 in milliseconds. What lies beyond would overflow in arithmetic
/// that an analytic does.
const MAX_EPOCH: i64 = 253_402_300_800_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    time: i64,
    is_zoned: bool,
    /// Whether there is no fraction of a second.
    is_whole: bool,
}

/// Reads `2020-09-04T20:09:42.845Z` and its like: a space for the `T`, any or no
/// fraction, `Z`, an offset or no zone at all, which is taken for UTC.
fn parse(text: &[u8]) -> Option<Stamp> {
    let (
        [
            y0,
            y1,
            y2,
            y3,
            b'-',
            m0,
            m1,
            b'-',
            d0,
            d1,
            b'T' | b' ',
            h0,
            h1,
            b':',
            n0,
            n1,
            b':',
            s0,
            s1,
        ],
        rest,
    ) = text.split_first_chunk::<19>()?
    else {
        return None;
    };
    let year = number(&[*y0, *y1, *y2, *y3])?;
    let month = number(&[*m0, *m1])?;
    let day = number(&[*d0, *d1])?;
    let hour = number(&[*h0, *h1])?;
    let minute = number(&[*n0, *n1])?;
    let second = number(&[*s0, *s1])?;
    let is_valid = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        // 60 is a leap second.
        && second <= 60;
    if !is_valid {
        return None;
    }
    let (millis, zone) = fraction(rest)?;
    let offset = offset(zone)?;
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(Stamp {
        time: seconds * 1000 + millis - offset.unwrap_or(0) * 60_000,
        is_zoned: offset.is_some(),
        is_whole: zone.len() == rest.len(),
    })
}

/// The milliseconds of a fraction, if there is one, and what follows.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.' | b',', rest)) = text.split_first() else {
        return Some((0, text));
    };
    let length = rest
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(rest.len());
    let (digits, after) = rest.split_at_checked(length)?;
    let mut millis = 0;
    for position in 0..3 {
        let digit = digits
            .get(position)
            .map_or(0, |digit| i64::from(digit - b'0'));
        millis = millis * 10 + digit;
    }
    Some((millis, after))
}

/// The minutes a zone is ahead of UTC; nothing within if no zone is given.
fn offset(zone: &[u8]) -> Option<Option<i64>> {
    let (sign, hours, minutes) = match zone {
        [] => return Some(None),
        b"Z" | b"z" => return Some(Some(0)),
        [sign, h0, h1, b':', m0, m1] | [sign, h0, h1, m0, m1] => {
            (sign, number(&[*h0, *h1])?, number(&[*m0, *m1])?)
        }
        [sign, h0, h1] => (sign, number(&[*h0, *h1])?, 0),
        _ => return None,
    };
    let ahead = hours * 60 + minutes;
    match sign {
        b'+' => Some(Some(ahead)),
        b'-' => Some(Some(-ahead)),
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + i64::from(digit - b'0'))
    })
}

/// Days from 1970-01-01, by counting years from March so that the leap day
/// comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::{Decoder, Encoding};

    fn millis(text: &str) -> Option<i64> {
        parse(text.as_bytes()).map(|stamp| stamp.time)
    }

    #[test]
    fn formats_of_the_wild_are_read() {
        assert_eq!(millis("1970-01-01 00:00:00"), Some(0));
        assert_eq!(
            millis("2020-02-29T23:59:59.9999999Z"),
            Some(1_583_020_799_999)
        );
        assert_eq!(millis("2020-09-04T20:09:42.8Z"), Some(1_599_250_182_800));
        assert_eq!(millis("2020-09-04T16:09:42-04:00"), Some(1_599_250_182_000));
        assert_eq!(millis("2020-09-04T22:09:42+0200"), Some(1_599_250_182_000));
        assert_eq!(millis("1601-01-01T00:00:00Z"), Some(-11_644_473_600_000));
        for wrong in [
            "",
            "-",
            "2020-13-01T00:00:00Z",
            "2020-09-04T20:09:42 UTC",
            "/Date(1)/",
        ] {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_most_trustworthy_time_wins() {
        let mut keys = Keys::new();
        let times = Times::new(&mut keys);
        let mut decoder = Decoder::new(keys);
        for (record, expected) in [
            // Sysmon's time is finer than NXLog's local seconds.
            (
                r#"{"EventTime":"2020-09-04 16:09:40","@timestamp":"2020-09-04T20:09:42.845Z",
                   "UtcTime":"2020-09-04 20:09:39.150"}"#,
                "2020-09-04T20:09:39.150Z",
            ),
            (
                r#"{"EventTime":"2020-09-04 16:09:40","@timestamp":"2020-09-04T20:09:42.845Z"}"#,
                "2020-09-04T20:09:40.999Z",
            ),
            // It was shifted by hours: the log's own time holds.
            (
                r#"{"TimeCreated":"2022-08-08T01:55:39.098Z","UtcTime":"2022-08-08 20:55:24.685"}"#,
                "2022-08-08T01:55:39.098Z",
            ),
            (
                r##"{"Event":{"System":{"TimeCreated":{"#attributes":
                   {"SystemTime":"2019-07-29T21:33:20.711067Z"}}}}}"##,
                "2019-07-29T21:33:20.711Z",
            ),
            (
                r#"{"TimeCreated":"2022-09-22T12:31:14.280Z","TimeGenerated":"2022-09-22T04:31:14Z"}"#,
                "2022-09-22T12:31:14.280Z",
            ),
            (
                r#"{"TimeGenerated":"2022-09-22T04:31:14Z"}"#,
                "2022-09-22T04:31:14Z",
            ),
            (
                r#"{"UtcTime":"2018-12-04 00:36:43.063"}"#,
                "2018-12-04T00:36:43.063Z",
            ),
        ] {
            let record = decoder.decode(record.as_bytes(), Encoding::Json).unwrap();
            assert_eq!(times.of(&record), millis(expected), "{expected}");
        }
        let record = decoder.decode(b"{}", Encoding::Json).unwrap();
        assert_eq!(times.of(&record), None);
    }
}
