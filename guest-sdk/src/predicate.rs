//! Predicates: which events of a class an analytic wants, as an expression
//! that the host evaluates before anything crosses into the sandbox.
//!
//! ```
//! use sandtrap_sdk::{all, any, field, not};
//!
//! let wanted = any([
//!     field::PROCESS_FILE_PATH.ends_with(["\\powershell.exe", "\\pwsh.exe"]),
//!     all([
//!         field::PROCESS_CMD_LINE.contains(["-enc"]),
//!         not(field::PROCESS_PARENT_PROCESS_PID.in_range(0..=4)),
//!     ]),
//! ]);
//! # let _ = wanted;
//! ```
//!
//! Text is compared without regard to ASCII case. A field without a value
//! equals, contains and is in the range of nothing; only [`not`] makes an
//! absent field match. The host takes 256 steps, 4,096 values a step and 1,024
//! bytes a value.

use std::ops::RangeInclusive;

use crate::{
    bindings::exports::sandtrap::analytic::detector::{Comparison, NumberTest, Step, TextTest},
    vocabulary::{Text, Unsigned},
};

/// Which events an analytic wants.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicate {
    /// In postfix order, as the contract has it.
    steps: Vec<Step>,
}

/// True if all of the predicates are, also if there are none.
pub fn all(predicates: impl IntoIterator<Item = Predicate>) -> Predicate {
    Predicate::join(predicates, Step::AllOf)
}

/// True if any of the predicates is; false if there are none.
pub fn any(predicates: impl IntoIterator<Item = Predicate>) -> Predicate {
    Predicate::join(predicates, Step::AnyOf)
}

/// True if the predicate is not.
pub fn not(mut predicate: Predicate) -> Predicate {
    predicate.steps.push(Step::Negate);
    predicate
}

impl Text {
    /// True if the whole text is one of the values.
    pub fn is_one_of<V: Into<String>>(self, values: impl IntoIterator<Item = V>) -> Predicate {
        self.compare(Comparison::Equals, values)
    }

    /// True if the whole text is the value.
    pub fn equals(self, value: impl Into<String>) -> Predicate {
        self.is_one_of([value])
    }

    /// True if the text starts with any of the values.
    pub fn starts_with<V: Into<String>>(self, values: impl IntoIterator<Item = V>) -> Predicate {
        self.compare(Comparison::StartsWith, values)
    }

    /// True if the text ends with any of the values.
    pub fn ends_with<V: Into<String>>(self, values: impl IntoIterator<Item = V>) -> Predicate {
        self.compare(Comparison::EndsWith, values)
    }

    /// True if the text contains any of the values.
    pub fn contains<V: Into<String>>(self, values: impl IntoIterator<Item = V>) -> Predicate {
        self.compare(Comparison::Contains, values)
    }

    /// True if the field has a value.
    pub fn is_present(self) -> Predicate {
        Predicate::step(Step::Present(self.name()))
    }

    fn compare<V: Into<String>>(
        self,
        comparison: Comparison,
        values: impl IntoIterator<Item = V>,
    ) -> Predicate {
        Predicate::step(Step::Text(TextTest {
            field: self.name(),
            comparison,
            values: values.into_iter().map(Into::into).collect(),
        }))
    }
}

impl Unsigned {
    /// True if the number is in the range.
    pub fn in_range(self, range: RangeInclusive<u64>) -> Predicate {
        self.in_ranges([range])
    }

    /// True if the number is in any of the ranges.
    pub fn in_ranges(self, ranges: impl IntoIterator<Item = RangeInclusive<u64>>) -> Predicate {
        let ranges = ranges.into_iter().map(RangeInclusive::into_inner).collect();
        Predicate::step(Step::Number(NumberTest {
            field: self.name(),
            ranges,
        }))
    }

    /// True if the number is one of the values.
    pub fn is_one_of(self, values: impl IntoIterator<Item = u64>) -> Predicate {
        self.in_ranges(values.into_iter().map(|value| value..=value))
    }

    /// True if the number is the value.
    pub fn equals(self, value: u64) -> Predicate {
        self.in_range(value..=value)
    }

    /// True if the field has a value.
    pub fn is_present(self) -> Predicate {
        Predicate::step(Step::Present(self.name()))
    }
}

impl Predicate {
    pub(crate) fn into_steps(self) -> Vec<Step> {
        self.steps
    }

    fn step(step: Step) -> Self {
        Self { steps: vec![step] }
    }

    fn join(predicates: impl IntoIterator<Item = Self>, join: fn(u32) -> Step) -> Self {
        let mut steps = Vec::new();
        let mut count = 0;
        for predicate in predicates {
            steps.extend(predicate.steps);
            count += 1;
        }
        steps.push(join(count));
        Self { steps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field;

    #[test]
    fn steps_are_in_postfix_order() {
        let predicate = any([
            field::PROCESS_PID.equals(4),
            all([
                field::PROCESS_CMD_LINE.is_present(),
                not(field::FILE_PATH.equals("a")),
            ]),
        ]);
        let shape: Vec<_> = predicate
            .into_steps()
            .into_iter()
            .map(|step| match step {
                Step::Text(test) => test.field,
                Step::Number(test) => format!("{} {:?}", test.field, test.ranges),
                Step::Present(field) => format!("{field}?"),
                Step::AllOf(count) => format!("all {count}"),
                Step::AnyOf(count) => format!("any {count}"),
                Step::Negate => "not".to_owned(),
            })
            .collect();
        assert_eq!(
            shape,
            [
                "process.pid [(4, 4)]",
                "process.cmd_line?",
                "file.path",
                "not",
                "all 2",
                "any 2"
            ]
        );
    }
}
