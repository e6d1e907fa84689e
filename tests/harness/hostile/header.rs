//! The comment a hostile guest begins with: what it attacks, in words, and
//! what must happen, for the harness. Read strictly, because a guest whose
//! expectation is misread proves nothing.
//!
//! ```text
//! ;; Never comes back from `inspect`.
//! ;;
//! ;; group: time
//! ;; expect: faults deadline "inspect: ran longer than"
//! ```

use std::{collections::BTreeMap, fmt, time::Duration};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

/// What a guest says of itself.
#[derive(Debug, Clone)]
pub struct Header {
    /// What it attacks, in words.
    pub attack: String,
    /// What kind of thing it attacks.
    pub group: Group,
    /// What must happen.
    pub expect: Expectation,
    /// How long its calls may take together until it is contained.
    pub contained: Duration,
    /// What is different from the description of the others.
    pub describe: Option<Value>,
    /// Values in its memory: name, type, content.
    pub values: Vec<(String, String, Value)>,
    /// The capabilities it is granted; all it imports, if absent.
    pub grants: Option<Vec<String>>,
    /// Its settings.
    pub settings: Option<Value>,
    /// Its budget for a call, where its work takes more than the others'.
    pub call: Option<Duration>,
    /// The generator that makes it, and how much of it.
    pub generate: Option<(String, u64)>,
    /// A function of the host of which calls must have been denied.
    pub denied: Option<String>,
    /// Whether evidence it cites must have been dropped.
    pub is_evidence_dropped: bool,
}

/// What kind of thing a guest attacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The time of the others.
    Time,
    /// The memory of the node.
    Memory,
    /// What the host makes of its answers.
    Results,
    /// The functions of the host.
    HostCalls,
    /// What it was not given.
    Access,
    /// What it says of itself.
    Description,
    /// The compiler.
    Compiler,
    /// Other batches and other analytics.
    Isolation,
    /// The operator's patience.
    Faults,
}

/// What must happen to a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// It is not loaded.
    Refused(Reason),
    /// Every call fails, and it is stopped.
    Faults(Reason),
    /// So many events cannot be handled, and the others are.
    Loses(u64, Reason),
    /// It runs, gets nowhere, and says so: each of its findings is titled
    /// `held`.
    Held,
    /// It runs, and what it says is cut or dropped, so that nothing remains.
    Silenced,
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The word for it.
    pub name: String,
    /// Part of the message.
    pub text: String,
}

impl Group {
    const ALL: [(&'static str, Self); 9] = [
        ("time", Self::Time),
        ("memory", Self::Memory),
        ("results", Self::Results),
        ("host-calls", Self::HostCalls),
        ("access", Self::Access),
        ("description", Self::Description),
        ("compiler", Self::Compiler),
        ("isolation", Self::Isolation),
        ("faults", Self::Faults),
    ];

    /// All of them, in the order of the list.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().map(|(_, group)| group)
    }

    /// Its name in a header.
    pub fn name(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find_map(|(name, group)| (group == self).then_some(name))
            .unwrap_or_default()
    }
}

/// How long containing a guest takes at most, if it does not say: ample, since
/// other tests run at the same time.
const CONTAINED: Duration = Duration::from_secs(10);

impl Header {
    /// Reads the comment at the beginning of a guest.
    pub fn read(text: &str) -> anyhow::Result<Self> {
        let mut attack = Vec::new();
        let mut lines: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let comment = text.lines().map_while(|line| line.strip_prefix(";;"));
        let mut comment = comment.map(str::trim);
        attack.extend(comment.by_ref().take_while(|line| !line.is_empty()));
        for line in comment {
            let (key, value) = line
                .split_once(": ")
                .with_context(|| format!("`{line}` is not `key: value`"))?;
            lines.entry(key).or_default().push(value.trim());
        }
        ensure!(!attack.is_empty(), "it does not say what it attacks");
        let mut values = Vec::new();
        for value in lines.remove("value").unwrap_or_default() {
            let mut parts = value.splitn(3, ' ');
            let mut part = || parts.next().context("a value has a name, a type and JSON");
            values.push((
                part()?.to_owned(),
                part()?.to_owned(),
                serde_json::from_str(part()?)?,
            ));
        }
        let mut one = |key: &str| match lines.remove(key).as_deref() {
            None => Ok(None),
            Some([value]) => Ok(Some((*value).to_owned())),
            Some(_) => bail!("`{key}` stands there twice"),
        };
        let group = one("group")?.context("it has no `group`")?;
        let (_, group) = Group::ALL
            .into_iter()
            .find(|(name, _)| *name == group)
            .with_context(|| format!("there is no group `{group}`"))?;
        let expect = one("expect")?.context("it does not say what to `expect`")?;
        let json = |text: Option<String>| {
            text.map(|text| serde_json::from_str(&text).with_context(|| text.clone()))
                .transpose()
        };
        let time = |text: Option<String>| {
            text.map(|text| Ok::<_, anyhow::Error>(Duration::from_millis(text.parse()?)))
                .transpose()
        };
        let header = Self {
            attack: attack.join(" "),
            group,
            expect: Expectation::read(&expect).with_context(|| expect.clone())?,
            contained: time(one("contained-ms")?)?.unwrap_or(CONTAINED),
            describe: json(one("describe")?)?,
            values,
            grants: one("grants")?.map(|text| text.split_whitespace().map(str::to_owned).collect()),
            settings: json(one("settings")?)?,
            call: time(one("call-ms")?)?,
            generate: one("generate")?
                .map(|text| {
                    let (name, size) = text.split_once(' ').context("a generator and a number")?;
                    Ok::<_, anyhow::Error>((name.to_owned(), size.parse()?))
                })
                .transpose()?,
            denied: one("denied")?,
            is_evidence_dropped: match one("dropped")?.as_deref() {
                None => false,
                Some("evidence") => true,
                Some(other) => bail!("`{other}` cannot be dropped"),
            },
        };
        if let Some(unknown) = lines.keys().next() {
            bail!("there is no key `{unknown}`");
        }
        Ok(header)
    }
}

impl Expectation {
    fn read(text: &str) -> anyhow::Result<Self> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        Ok(match (word, rest) {
            ("held", "") => Self::Held,
            ("silenced", "") => Self::Silenced,
            ("refused", rest) => Self::Refused(Reason::read(rest)?),
            ("faults", rest) => Self::Faults(Reason::read(rest)?),
            ("loses", rest) => {
                let (count, reason) = rest.split_once(' ').context("how many, and why")?;
                Self::Loses(count.parse()?, Reason::read(reason)?)
            }
            _ => bail!("neither refused, faults, loses, held nor silenced"),
        })
    }

    /// The reason, where something must fail.
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Refused(reason) | Self::Faults(reason) | Self::Loses(_, reason) => Some(reason),
            Self::Held | Self::Silenced => None,
        }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) => write!(to, "refused: {}", reason.name),
            Self::Faults(reason) => write!(to, "stopped: {}", reason.name),
            Self::Loses(count, reason) => {
                write!(to, "loses {count} of the events: {}", reason.name)
            }
            Self::Held => to.write_str("gets nowhere"),
            Self::Silenced => to.write_str("is not heard"),
        }
    }
}

impl Reason {
    fn read(text: &str) -> anyhow::Result<Self> {
        let (name, quoted) = text.split_once(' ').context("a reason and its text")?;
        let text: String = serde_json::from_str(quoted)?;
        ensure!(!text.is_empty(), "an empty text fits everything");
        Ok(Self {
            name: name.to_owned(),
            text,
        })
    }
}
