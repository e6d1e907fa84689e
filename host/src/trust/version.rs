//! Which of two versions is the older one.

use semver::Version;

/// Whether `new` is older than `known`, as semantic versioning orders them:
/// `1.0.0-rc.1` before `1.0.0`, and what stands behind a `+` counts for
/// nothing. What is no semantic version is older than anything that is, so that
/// nobody gets around the order by leaving it.
pub fn is_older(new: &str, known: &str) -> bool {
    match (Version::parse(new), Version::parse(known)) {
        (Ok(new), Ok(known)) => new.cmp_precedence(&known).is_lt(),
        (Err(_), Ok(_)) => true,
        (_, Err(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_older;

    #[test]
    fn versions_are_ordered_as_semver_says() {
        for (new, known, expected) in [
            ("1.0.0", "1.0.1", true),
            ("1.9.0", "1.10.0", true),
            ("1.0.0-rc.1", "1.0.0", true),
            ("1.0.0-rc.2", "1.0.0-rc.10", true),
            ("1.0.0", "1.0.0", false),
            ("1.0.0+b", "1.0.0+c", false),
            ("2.0.0", "1.99.99", false),
            ("18446744073709551615.0.0", "1.0.0", false),
            ("latest", "1.0.0", true),
            ("1.0", "1.0.0", true),
            ("1.0.0", "latest", false),
            ("b", "a", false),
        ] {
            assert_eq!(is_older(new, known), expected, "{new} after {known}");
        }
    }
}
