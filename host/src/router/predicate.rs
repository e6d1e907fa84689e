//! Predicates: small expressions over the fields of one event.

use aho_corasick::AhoCorasick;

use crate::{
    event::Fields,
    text::clean,
    vocabulary::{FieldId, FieldNames},
};

/// How deep a predicate may stack and how many steps it may have. Both bound
/// what a component can make the host do for every event.
const MAX_STEPS: usize = 256;
const MAX_VALUES: usize = 4096;
const MAX_VALUE_LENGTH: usize = 1024;

/// What the predicates of one analytic may have together. They are tested on
/// every event of their class before anyone knows whose it is, so no other
/// budget covers them. The five that come with Sandtrap stay below a tenth.
const ALL_STEPS: usize = 1024;
const ALL_SEARCHES: usize = 64;
const ALL_VALUES: usize = 8192;
const ALL_BYTES: usize = 128 * 1024;

/// What the predicates of an analytic have together.
#[derive(Debug, Default)]
pub struct Tally {
    steps: usize,
    /// Tests for values anywhere in a text, which may have megabytes.
    searches: usize,
    values: usize,
    bytes: usize,
}

impl Tally {
    /// Counts one more predicate, unless it is too much with those before.
    pub fn add(&mut self, steps: &[Step]) -> Result<(), PredicateError> {
        limit("steps", steps.len(), MAX_STEPS)?;
        self.steps += steps.len();
        for step in steps {
            match step {
                Step::Text {
                    comparison, values, ..
                } => {
                    self.searches += usize::from(*comparison == Comparison::Contains);
                    self.values += values.len();
                    self.bytes += values.iter().map(String::len).sum::<usize>();
                }
                Step::Number { ranges, .. } => self.values += ranges.len(),
                _ => {}
            }
        }
        for (what, count, most) in [
            ("steps", self.steps, ALL_STEPS),
            ("`contains` tests", self.searches, ALL_SEARCHES),
            ("values", self.values, ALL_VALUES),
            ("bytes in values", self.bytes, ALL_BYTES),
        ] {
            if count > most {
                let what = format!("{count} {what} together with those before it");
                return Err(too_large(what, most));
            }
        }
        Ok(())
    }
}

/// How a text is compared, ignoring ASCII case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The whole value.
    Equals,
    /// Its beginning.
    StartsWith,
    /// Its end.
    EndsWith,
    /// Anywhere in it.
    Contains,
}

/// One step of a predicate in postfix order, its fields still names.
#[derive(Debug, Clone)]
pub enum Step {
    /// Compares a text with several values.
    Text {
        /// The field's name.
        field: String,
        /// How it is compared.
        comparison: Comparison,
        /// With what.
        values: Vec<String>,
    },
    /// Tests a number against inclusive ranges.
    Number {
        /// The field's name.
        field: String,
        /// Lowest and highest value of each range.
        ranges: Vec<(u64, u64)>,
    },
    /// Whether the field has a value.
    Present(String),
    /// Whether all of the last so many values are true.
    AllOf(u32),
    /// Whether any of the last so many values is true.
    AnyOf(u32),
    /// The opposite of the last value.
    Negate,
}

/// Why a predicate was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PredicateError {
    /// It names a field that is not in the vocabulary.
    #[error("unknown field `{0}`")]
    UnknownField(String),
    /// It takes more values off the stack than there are.
    #[error("step {0} takes more values than there are")]
    Underflow(usize),
    /// It leaves more or fewer than one value.
    #[error("leaves {0} values, not one")]
    Leftover(usize),
    /// It is larger than it may be.
    #[error("has {what}, more than {limit}")]
    TooLarge {
        /// What there is too much of.
        what: String,
        /// How much there may be.
        limit: usize,
    },
}

/// A predicate ready to run.
#[derive(Debug, Clone)]
pub struct Predicate {
    root: Option<Node>,
}

#[derive(Debug, Clone)]
enum Node {
    Text(FieldId, Anchor, Vec<String>),
    Automaton(FieldId, Box<AhoCorasick>),
    Number(FieldId, Vec<(u64, u64)>),
    Present(FieldId),
    AllOf(Vec<Node>),
    AnyOf(Vec<Node>),
    Negate(Box<Node>),
}

/// Where in a text a value must stand.
#[derive(Debug, Clone, Copy)]
enum Anchor {
    Whole,
    Start,
    End,
}

impl Predicate {
    /// Compiles postfix steps; no steps match every event.
    pub fn compile(steps: &[Step], names: &mut FieldNames) -> Result<Self, PredicateError> {
        limit("steps", steps.len(), MAX_STEPS)?;
        let mut stack: Vec<Node> = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            let mut take = |count: usize| {
                let from = stack
                    .len()
                    .checked_sub(count)
                    .ok_or(PredicateError::Underflow(number))?;
                Ok(stack.split_off(from))
            };
            let node = match step {
                Step::Text {
                    field,
                    comparison,
                    values,
                } => text(resolve(field, names)?, *comparison, values)?,
                Step::Number { field, ranges } => {
                    limit("ranges", ranges.len(), MAX_VALUES)?;
                    Node::Number(resolve(field, names)?, ranges.clone())
                }
                Step::Present(field) => Node::Present(resolve(field, names)?),
                Step::AllOf(count) => Node::AllOf(take(*count as usize)?),
                Step::AnyOf(count) => Node::AnyOf(take(*count as usize)?),
                Step::Negate => match take(1)?.pop() {
                    Some(node) => Node::Negate(Box::new(node)),
                    None => return Err(PredicateError::Underflow(number)),
                },
            };
            stack.push(node);
        }
        match stack.len() {
            0 if steps.is_empty() => Ok(Self { root: None }),
            1 => Ok(Self { root: stack.pop() }),
            left => Err(PredicateError::Leftover(left)),
        }
    }

    /// Whether an event with these fields matches.
    pub fn matches(&self, fields: &Fields) -> bool {
        self.root.as_ref().is_none_or(|node| node.holds(fields))
    }

    /// The fields it tests.
    pub fn fields(&self) -> Vec<FieldId> {
        let mut found = Vec::new();
        if let Some(node) = &self.root {
            node.collect(&mut found);
        }
        found
    }
}

impl Node {
    fn holds(&self, fields: &Fields) -> bool {
        match self {
            Self::Text(field, anchor, values) => {
                let text = fields.text(*field).as_bytes();
                values
                    .iter()
                    .any(|value| stands(*anchor, text, value.as_bytes()))
            }
            Self::Automaton(field, automaton) => automaton.is_match(fields.text(*field)),
            Self::Number(field, ranges) => fields.number(*field).is_some_and(|number| {
                ranges
                    .iter()
                    .any(|(low, high)| (*low..=*high).contains(&number))
            }),
            Self::Present(field) => fields.has(*field),
            Self::AllOf(nodes) => nodes.iter().all(|node| node.holds(fields)),
            Self::AnyOf(nodes) => nodes.iter().any(|node| node.holds(fields)),
            Self::Negate(node) => !node.holds(fields),
        }
    }

    fn collect(&self, found: &mut Vec<FieldId>) {
        match self {
            Self::Text(field, ..)
            | Self::Automaton(field, _)
            | Self::Number(field, _)
            | Self::Present(field) => found.push(*field),
            Self::AllOf(nodes) | Self::AnyOf(nodes) => {
                for node in nodes {
                    node.collect(found);
                }
            }
            Self::Negate(node) => node.collect(found),
        }
    }
}

fn resolve(name: &str, names: &mut FieldNames) -> Result<FieldId, PredicateError> {
    names
        .resolve(name)
        .ok_or_else(|| PredicateError::UnknownField(clean(name)))
}

fn text(field: FieldId, comparison: Comparison, values: &[String]) -> Result<Node, PredicateError> {
    limit("values", values.len(), MAX_VALUES)?;
    for value in values {
        limit("bytes in a value", value.len(), MAX_VALUE_LENGTH)?;
    }
    let anchor = match comparison {
        Comparison::Equals => Anchor::Whole,
        Comparison::StartsWith => Anchor::Start,
        Comparison::EndsWith => Anchor::End,
        Comparison::Contains => {
            // Linear in the text, however hostile: scripts have megabytes.
            let automaton = AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .build(values)
                .map_err(|_| too_large("values".to_owned(), MAX_VALUES))?;
            return Ok(Node::Automaton(field, Box::new(automaton)));
        }
    };
    Ok(Node::Text(field, anchor, values.to_vec()))
}

fn limit(what: &str, count: usize, limit: usize) -> Result<(), PredicateError> {
    if count > limit {
        return Err(too_large(format!("{count} {what}"), limit));
    }
    Ok(())
}

fn too_large(what: String, limit: usize) -> PredicateError {
    PredicateError::TooLarge { what, limit }
}

fn stands(anchor: Anchor, text: &[u8], value: &[u8]) -> bool {
    let part = match anchor {
        Anchor::Whole => Some(text),
        Anchor::Start => text.get(..value.len()),
        Anchor::End => text
            .len()
            .checked_sub(value.len())
            .and_then(|from| text.get(from..)),
    };
    part.is_some_and(|part| part.eq_ignore_ascii_case(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::fields;

    fn text(comparison: Comparison, value: &str) -> Step {
        Step::Text {
            field: "process.cmd_line".to_owned(),
            comparison,
            values: vec![value.to_owned()],
        }
    }

    fn holds(steps: &[Step]) -> bool {
        let mut event = Fields::default();
        event.set_text(fields::PROCESS_CMD_LINE, "PowerShell -Enc AAAA");
        event.set_number(fields::PROCESS_PID, 7);
        let predicate = Predicate::compile(steps, &mut FieldNames::default()).unwrap();
        predicate.matches(&event)
    }

    #[test]
    fn comparisons_ignore_case_and_steps_are_postfix() {
        use Comparison::{Contains, EndsWith, Equals, StartsWith};
        assert!(holds(&[]));
        assert!(holds(&[text(StartsWith, "powershell")]));
        assert!(holds(&[text(EndsWith, "aaaa")]));
        assert!(holds(&[text(Contains, "-ENC ")]));
        assert!(holds(&[text(Equals, "POWERSHELL -enc aaaa")]));
        assert!(!holds(&[text(Equals, "powershell")]));
        assert!(!holds(&[text(StartsWith, "powershell -enc aaaa and more")]));
        let pid = |low, high| Step::Number {
            field: "process.pid".to_owned(),
            ranges: vec![(low, high)],
        };
        assert!(holds(&[pid(7, 7)]) && !holds(&[pid(8, 9)]));
        let absent = Step::Present("process.uid".to_owned());
        assert!(holds(&[absent, Step::Negate, pid(0, 10), Step::AllOf(2)]));
        assert!(!holds(&[pid(8, 9), text(Equals, "x"), Step::AnyOf(2)]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let refused =
            |steps: &[Step]| Predicate::compile(steps, &mut FieldNames::default()).unwrap_err();
        let unknown = Step::Present("process.nonsense".to_owned());
        assert!(refused(&[unknown]).to_string().contains("process.nonsense"));
        let known = || Step::Present("process.uid".to_owned());
        assert_eq!(refused(&[Step::Negate]), PredicateError::Underflow(0));
        assert_eq!(
            refused(&[known(), Step::AllOf(2)]),
            PredicateError::Underflow(1)
        );
        assert_eq!(refused(&[known(), known()]), PredicateError::Leftover(2));
    }
}
