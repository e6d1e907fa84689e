//! Which events go to which subscription: one pass over an event finds them
//! all, so that what nobody wants costs next to nothing.

mod predicate;

pub use predicate::{Comparison, Predicate, PredicateError, Step, Tally};

use crate::{
    event::Fields,
    vocabulary::{ClassId, FieldId, FieldNames},
};

/// What one analytic wants to see, its names resolved.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// The class of events.
    pub class: ClassId,
    /// Which of them.
    pub predicate: Predicate,
    /// Which fields, in the order of the columns.
    pub fields: Vec<FieldId>,
}

/// Every subscription of every analytic. A subscription is known by its
/// position in the order they were added.
#[derive(Debug, Default)]
pub struct Router {
    by_class: Vec<Vec<(u16, Predicate)>>,
    wanted: Vec<bool>,
    names: FieldNames,
    count: u16,
}

impl Router {
    /// A router over the subscriptions, whose fields were resolved by `names`.
    pub fn new<'a>(
        subscriptions: impl IntoIterator<Item = &'a Subscription>,
        names: FieldNames,
    ) -> Self {
        let mut router = Self {
            names,
            ..Self::default()
        };
        for subscription in subscriptions {
            router.add(subscription);
        }
        router
    }

    fn add(&mut self, subscription: &Subscription) {
        let class = subscription.class.0 as usize;
        if self.by_class.len() <= class {
            self.by_class.resize_with(class + 1, Vec::new);
        }
        if let Some(of_class) = self.by_class.get_mut(class) {
            of_class.push((self.count, subscription.predicate.clone()));
        }
        self.count += 1;
        for field in subscription
            .fields
            .iter()
            .copied()
            .chain(subscription.predicate.fields())
        {
            let field = field.0 as usize;
            if self.wanted.len() <= field {
                self.wanted.resize(field + 1, false);
            }
            if let Some(wanted) = self.wanted.get_mut(field) {
                *wanted = true;
            }
        }
    }

    /// The subscriptions that an event matches, ascending, appended to `found`.
    pub fn matches(&self, class: ClassId, fields: &Fields, found: &mut Vec<u16>) {
        let Some(of_class) = self.by_class.get(class.0 as usize) else {
            return;
        };
        for (subscription, predicate) in of_class {
            if predicate.matches(fields) {
                found.push(*subscription);
            }
        }
    }

    /// Whether any subscription tests or asks for the field.
    pub fn wants(&self, field: FieldId) -> bool {
        self.wanted.get(field.0 as usize).copied().unwrap_or(false)
    }

    /// The names of the raw fields that subscriptions ask for.
    pub fn names(&self) -> &FieldNames {
        &self.names
    }
}
