//! Maintenance windows in the site's own time.

use serde::Deserialize;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60;

/// A stretch of time that returns on given days of the week.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Raw")]
pub(super) struct Window {
    /// Which days it begins on, Monday first.
    days: [bool; 7],
    /// Minutes after midnight.
    from: i64,
    /// Minutes it lasts, at most a day.
    length: i64,
    /// Minutes that the site is ahead of UTC.
    ahead: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    days: Option<Vec<String>>,
    from: String,
    to: String,
    utc_offset: Option<String>,
}

impl TryFrom<Raw> for Window {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let mut days = [raw.days.is_none(); 7];
        for day in raw.days.into_iter().flatten() {
            let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
            let number = names.iter().position(|name| day.eq_ignore_ascii_case(name));
            match number.and_then(|number| days.get_mut(number)) {
                Some(slot) => *slot = true,
                None => {
                    return Err(format!("`{}` is none of {names:?}", day.escape_default()));
                }
            }
        }
        let from = clock(&raw.from)?;
        let length = (clock(&raw.to)? - from).rem_euclid(DAY);
        let length = if length == 0 { DAY } else { length };
        let ahead = raw.utc_offset.as_deref().map_or(Ok(0), offset)?;
        Ok(Self {
            days,
            from,
            length,
            ahead,
        })
    }
}

impl Window {
    /// Whether a time in milliseconds since 1970 UTC is in the window.
    pub fn contains(&self, time: i64) -> bool {
        let minute = time.div_euclid(MINUTE) + self.ahead;
        let into = (minute - self.from).rem_euclid(DAY);
        if into >= self.length {
            return false;
        }
        // The day it began on; 1970 began on a Thursday.
        let began = (minute - into).div_euclid(DAY) + 3;
        let weekday = usize::try_from(began.rem_euclid(7)).unwrap_or_default();
        self.days.get(weekday).copied().unwrap_or(false)
    }
}

/// Minutes after midnight of `22:00`; `24:00` is midnight.
fn clock(text: &str) -> Result<i64, String> {
    let parsed = text.split_once(':').and_then(|(hours, minutes)| {
        let two = |part: &str| -> Option<i64> {
            let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten()
        };
        Some(two(hours)? * 60 + two(minutes).filter(|minutes| *minutes < 60)?)
    });
    let minutes = parsed.filter(|minutes| *minutes <= DAY);
    minutes.ok_or_else(|| format!("`{}` is no time such as 22:00", text.escape_default()))
}

/// Minutes of `+02:00`, `-03:30` or `Z`.
fn offset(text: &str) -> Result<i64, String> {
    let minutes = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(ahead), _) => clock(ahead)?,
        (_, Some(behind)) => -clock(behind)?,
        _ if text.eq_ignore_ascii_case("z") => 0,
        _ => {
            return Err(format!(
                "`{}` is no offset such as +02:00",
                text.escape_default()
            ));
        }
    };
    Ok(minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(json: &str) -> Result<Window, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// Milliseconds of an hour in the week that began on Monday, 2024-01-01.
    fn hour(day: i64, hour: i64) -> i64 {
        (1_704_067_200 + day * 86_400 + hour * 3_600) * 1_000
    }

    #[test]
    fn a_window_belongs_to_the_day_it_begins_on() {
        let saturday = window(r#"{"days": ["Sat"], "from": "22:00", "to": "04:00"}"#).unwrap();
        assert!(saturday.contains(hour(5, 22)));
        assert!(saturday.contains(hour(6, 3)));
        assert!(!saturday.contains(hour(6, 4)));
        assert!(!saturday.contains(hour(5, 3)));
        assert!(!saturday.contains(hour(6, 22)));
    }

    #[test]
    fn the_offset_is_the_sites() {
        let text = r#"{"days": ["mon"], "from": "00:00", "to": "01:00", "utc_offset": "+02:00"}"#;
        let ahead = window(text).unwrap();
        assert!(ahead.contains(hour(-1, 22)) && !ahead.contains(hour(0, 0)));
        let behind = window(&text.replace("+02:00", "-02:00")).unwrap();
        assert!(behind.contains(hour(0, 2)) && !behind.contains(hour(0, 0)));
    }

    #[test]
    fn without_days_it_is_every_day_and_equal_ends_are_a_whole_day() {
        let always = window(r#"{"from": "06:00", "to": "06:00"}"#).unwrap();
        assert!((0..168).all(|h| always.contains(hour(0, h))));
        let sunday = window(r#"{"days": ["sun"], "from": "00:00", "to": "24:00"}"#).unwrap();
        assert!(sunday.contains(hour(6, 23)) && !sunday.contains(hour(7, 0)));
        assert!(!always.contains(i64::MAX) || always.contains(i64::MIN));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in [
            r#"{"from": "25:00", "to": "01:00"}"#,
            r#"{"from": "1:00", "to": "02:00"}"#,
            r#"{"from": "01:60", "to": "02:00"}"#,
            r#"{"from": "01:00", "to": "02:00", "days": ["someday"]}"#,
            r#"{"from": "01:00", "to": "02:00", "utc_offset": "02:00"}"#,
            r#"{"from": "01:00", "to": "02:00", "until": "x"}"#,
            r#"{"from": "01:00"}"#,
        ] {
            assert!(window(text).is_err(), "{text}");
        }
    }
}
