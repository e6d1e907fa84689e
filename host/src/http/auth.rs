//! Who may do what. There are two tokens: one that shippers send, which lets
//! events in and nothing out, and one for everything.

use std::{fmt, path::PathBuf};

use axum::http::{HeaderMap, header::AUTHORIZATION};

use super::problem::Problem;

/// A token and where an operator finds it. Only its hash is kept: comparing
/// hashes takes the same time however much of a guess is right.
#[derive(Clone)]
pub struct Token {
    hash: blake3::Hash,
    file: PathBuf,
}

/// The tokens of a server.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Opens everything.
    pub api: Token,
    /// Opens ingestion and the calls that shippers make before it.
    pub ingest: Token,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Ingestion.
    Ingest,
    /// The API and the metrics.
    Api,
}

impl Token {
    /// A token and the file it came from, which refusals name.
    pub fn new(token: &str, file: impl Into<PathBuf>) -> Self {
        Self {
            hash: blake3::hash(token.trim().as_bytes()),
            file: file.into(),
        }
    }

    fn is(&self, offered: &[u8]) -> bool {
        // The comparison of these hashes is constant in time.
        blake3::hash(offered) == self.hash
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.file.display())
    }
}

impl Tokens {
    /// Refuses a request that does not show the token it needs.
    pub(super) fn check(&self, headers: &HeaderMap, scope: Scope) -> Result<(), Problem> {
        let offered = offered(headers);
        let shows = |token: &Token| offered.iter().any(|offer| token.is(offer));
        if shows(&self.api) || scope == Scope::Ingest && shows(&self.ingest) {
            return Ok(());
        }
        let file = match scope {
            Scope::Ingest => self.ingest.file.display(),
            Scope::Api => self.api.file.display(),
        };
        if shows(&self.ingest) {
            return Err(Problem::forbidden(format!(
                "the ingest token opens ingestion only; this needs the token in {file}"
            )));
        }
        let what = if offered.is_empty() {
            "a token is missing"
        } else {
            "the token is wrong"
        };
        Err(Problem::unauthorized(format!(
            "{what}; send the header \"Authorization: Bearer TOKEN\" with the token in {file} \
             on the host, or the token as the password of any user or as API key"
        )))
    }
}

/// What may be meant as token. Elasticsearch's shippers cannot send a bearer
/// token: they know users with passwords, and keys with identifiers.
fn offered(headers: &HeaderMap) -> Vec<Vec<u8>> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Vec::new();
    };
    let value = value.as_bytes().trim_ascii();
    let end = value.iter().position(|byte| *byte == b' ');
    let (scheme, rest) = value.split_at(end.unwrap_or(value.len()));
    let rest = rest.trim_ascii();
    let mut offers = Vec::new();
    if scheme.eq_ignore_ascii_case(b"bearer") || scheme.eq_ignore_ascii_case(b"apikey") {
        offers.push(rest.to_vec());
    }
    if scheme.eq_ignore_ascii_case(b"basic") || scheme.eq_ignore_ascii_case(b"apikey") {
        let pair = base64(rest).unwrap_or_default();
        if let Some(colon) = pair.iter().position(|byte| *byte == b':') {
            offers.push(pair.get(colon + 1..).unwrap_or_default().to_vec());
        }
    }
    offers
}

/// Decodes base64 of either alphabet, padded or not.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii_end();
    let end = text.iter().rposition(|byte| *byte != b'=');
    let digits = text.get(..end.map_or(0, |last| last + 1))?;
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    let (mut bits, mut count) = (0_u32, 0);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap_or_default());
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded_in_both_alphabets() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("aWQ6VA==", Some(b"id:T")),
            ("aWQ6VA", Some(b"id:T")),
            ("+/-_", Some(&[0xfb, 0xff, 0xbf])),
            ("a b", None),
            ("aWQ=6VA", None),
        ] {
            assert_eq!(base64(text.as_bytes()).as_deref(), bytes, "{text}");
        }
    }

    #[test]
    fn tokens_do_not_show_in_logs() {
        let token = Token::new("secret", "/state/token");
        assert_eq!(format!("{token:?}"), "Token(/state/token)");
    }
}
