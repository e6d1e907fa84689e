//! What an analytic says of itself: who it is, what it wants to see, what an
//! operator may tune.

use crate::{
    bindings::exports::sandtrap::analytic::detector as wire,
    predicate::Predicate,
    vocabulary::{Class, Field, Layout},
};

/// A description under construction. Everything but the subscriptions is for
/// people and for `sandtrap list`; the host acts on the subscriptions.
#[derive(Debug, Clone)]
pub struct Description {
    wire: wire::Description,
    subscriptions: Vec<Subscription>,
}

/// Which events of one class an analytic wants, and which of their fields.
///
/// An event that matches two subscriptions is handed over twice, once for
/// each; keep the predicates of one class apart.
#[derive(Debug, Clone)]
pub struct Subscription {
    class: Class,
    predicate: Option<Predicate>,
    fields: Vec<Field>,
}

impl Description {
    /// An analytic by its identifier (letters, digits, `-`, `_`, `.`), its name
    /// and its version, which is usually `env!("CARGO_PKG_VERSION")`.
    pub fn new(id: &str, name: &str, version: &str) -> Self {
        Self {
            wire: wire::Description {
                id: id.to_owned(),
                name: name.to_owned(),
                version: version.to_owned(),
                summary: String::new(),
                strategy: None,
                technique: reference("", ""),
                tactics: Vec::new(),
                platforms: Vec::new(),
                log_sources: Vec::new(),
                settings: Vec::new(),
                subscriptions: Vec::new(),
                inputs: Vec::new(),
            },
            subscriptions: Vec::new(),
        }
    }

    /// What it detects, in a sentence or two.
    #[must_use]
    pub fn summary(mut self, summary: &str) -> Self {
        summary.clone_into(&mut self.wire.summary);
        self
    }

    /// The ATT&CK technique it detects.
    #[must_use]
    pub fn technique(mut self, id: &str, name: &str) -> Self {
        self.wire.technique = reference(id, name);
        self
    }

    /// The tactics of the technique.
    #[must_use]
    pub fn tactics<'t>(mut self, tactics: impl IntoIterator<Item = &'t str>) -> Self {
        self.wire.tactics = tactics.into_iter().map(str::to_owned).collect();
        self
    }

    /// The ATT&CK detection strategy it belongs to.
    #[must_use]
    pub fn strategy(mut self, id: &str, name: &str) -> Self {
        self.wire.strategy = Some(reference(id, name));
        self
    }

    /// The platforms it is for, in MITRE's words.
    #[must_use]
    pub fn platforms<'t>(mut self, platforms: impl IntoIterator<Item = &'t str>) -> Self {
        self.wire.platforms = platforms.into_iter().map(str::to_owned).collect();
        self
    }

    /// A log source in MITRE's words: the data component's id and name, the
    /// source and the channel.
    #[must_use]
    pub fn log_source(mut self, id: &str, name: &str, source: &str, channel: &str) -> Self {
        self.wire.log_sources.push(wire::LogSource {
            component: reference(id, name),
            name: source.to_owned(),
            channel: channel.to_owned(),
        });
        self
    }

    /// Something the operator may tune, with its default and what it does, its
    /// unit and its bounds.
    #[must_use]
    pub fn setting(self, name: &str, default: impl Into<serde_json::Value>, doc: &str) -> Self {
        self.tunable(name, &default.into(), doc, false)
    }

    /// One of the analytic's official mutable elements, under its official
    /// name.
    #[must_use]
    pub fn official_setting(
        self,
        name: &str,
        default: impl Into<serde_json::Value>,
        doc: &str,
    ) -> Self {
        self.tunable(name, &default.into(), doc, true)
    }

    /// What it wants to see. A row knows its subscription by its position.
    #[must_use]
    pub fn subscribe(mut self, subscription: Subscription) -> Self {
        self.subscriptions.push(subscription);
        self
    }

    /// A class whose absence weakens the analytic, and what is lost without
    /// it, as a short clause. The host names it in findings on devices where
    /// the class was never seen.
    #[must_use]
    pub fn input(self, class: Class, cost: &str) -> Self {
        self.needs(class.name().to_owned(), cost)
    }

    /// A key of the [site knowledge](crate::Site) whose absence weakens the
    /// analytic, such as `maintenance_windows`.
    #[must_use]
    pub fn site_input(self, key: &str, cost: &str) -> Self {
        self.needs(format!("site.{key}"), cost)
    }

    pub(crate) fn layouts(&self) -> Vec<Layout> {
        self.subscriptions
            .iter()
            .map(|subscription| Layout::new(subscription.class, &subscription.fields))
            .collect()
    }

    pub(crate) fn into_wire(self) -> wire::Description {
        let subscriptions = self.subscriptions.into_iter();
        wire::Description {
            subscriptions: subscriptions.map(Subscription::into_wire).collect(),
            ..self.wire
        }
    }

    fn needs(mut self, name: String, cost: &str) -> Self {
        let cost = cost.to_owned();
        self.wire.inputs.push(wire::Input { name, cost });
        self
    }

    fn tunable(
        mut self,
        name: &str,
        default: &serde_json::Value,
        doc: &str,
        official: bool,
    ) -> Self {
        self.wire.settings.push(wire::Setting {
            name: name.to_owned(),
            default_value: default.to_string(),
            description: doc.to_owned(),
            official,
        });
        self
    }
}

impl Subscription {
    /// All events of a class.
    pub fn to(class: Class) -> Self {
        Self {
            class,
            predicate: None,
            fields: Vec::new(),
        }
    }

    /// Only those for which the predicate is true. What does not match costs
    /// next to nothing, so leave out as much as can be told from one event.
    #[must_use]
    pub fn when(mut self, predicate: Predicate) -> Self {
        self.predicate = Some(predicate);
        self
    }

    /// The fields that rows of this subscription shall have, in addition to
    /// those named before; at most 64. Lists of both types are made by
    /// [`fields!`](crate::fields).
    #[must_use]
    pub fn fields<F: Into<Field>>(mut self, fields: impl IntoIterator<Item = F>) -> Self {
        for field in fields {
            let field = field.into();
            if !self.fields.contains(&field) {
                self.fields.push(field);
            }
        }
        self
    }

    fn into_wire(self) -> wire::Subscription {
        wire::Subscription {
            class: self.class.name().to_owned(),
            predicate: self
                .predicate
                .map(Predicate::into_steps)
                .unwrap_or_default(),
            fields: self.fields.into_iter().map(Field::name).collect(),
        }
    }
}

fn reference(id: &str, name: &str) -> wire::Reference {
    wire::Reference {
        id: id.to_owned(),
        name: name.to_owned(),
    }
}
