//! Times as people read them.

use jiff::Timestamp;

/// A time in UTC with its milliseconds.
pub(super) fn moment(milliseconds: i64) -> String {
    match Timestamp::from_millisecond(milliseconds) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S%.3f UTC").to_string(),
        // Further from now than a calendar reaches.
        Err(_) => format!("{milliseconds} ms"),
    }
}

/// How long before or after `first`, in the largest units that fit.
pub(super) fn offset(time: i64, first: i64) -> String {
    let sign = if time < first { '-' } else { '+' };
    format!("{sign}{}", length(time.abs_diff(first)))
}

/// A length of time.
pub(super) fn length(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match milliseconds {
        1..100 => format!("{milliseconds}ms"),
        0..60_000 => format!("{seconds}.{}s", milliseconds % 1_000 / 100),
        _ if hours == 0 => format!("{minutes}m{:02}s", seconds % 60),
        _ if days == 0 => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d{:02}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        assert_eq!(moment(1_772_615_702_120), "2026-03-04 09:15:02.120 UTC");
        assert_eq!(moment(i64::MAX), "9223372036854775807 ms");
    }

    #[test]
    fn offsets() {
        assert_eq!(offset(5, 5), "+0.0s");
        assert_eq!(offset(17, 5), "+12ms");
        assert_eq!(offset(812, 0), "+0.8s");
        assert_eq!(offset(0, 64_020), "-1m04s");
        assert_eq!(offset(7_834_000, 0), "+2h10m");
        assert_eq!(offset(i64::MAX, i64::MIN), "+213503982334d14h");
    }
}
