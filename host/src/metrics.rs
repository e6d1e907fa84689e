//! What the host counts, for Prometheus.
//!
//! Labels come from the configuration and from analytics' identifiers, never
//! from events, so that no sender can make series without end.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// The name of an analytic, a source or a sink.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Source {
    /// The source, such as `http`.
    pub source: String,
}

/// A source and why it refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SourceReason {
    /// The source.
    pub source: String,
    /// Why, in one word.
    pub reason: &'static str,
}

/// A sink.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Sink {
    /// The sink.
    pub sink: String,
}

/// An analytic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Analytic {
    /// Its identifier.
    pub analytic: String,
}

/// An analytic and what went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AnalyticFault {
    /// Its identifier.
    pub analytic: String,
    /// The reason, as in messages.
    pub reason: &'static str,
    /// Whose fault it is.
    pub blame: &'static str,
}

/// Questions of an analytic to the host and what became of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct HostCalls {
    /// The analytic's identifier.
    pub analytic: String,
    /// Interface and function, such as `lineage.ancestors`.
    pub function: &'static str,
    /// `answered` or `denied`.
    pub outcome: &'static str,
}

/// The result of a reload.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reload {
    /// `loaded`, `unloaded` or `failed`.
    pub result: &'static str,
}

/// Counters by label.
pub type Counters<L> = Family<L, Counter>;
/// Gauges by label.
pub type Gauges<L> = Family<L, Gauge>;
/// Seconds that add up, by label.
pub type Seconds<L> = Family<L, Counter<f64, AtomicU64>>;

/// All metrics. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Records taken in by source.
    pub records: Counters<Source>,
    /// Bytes taken in by source, after decompression.
    pub record_bytes: Counters<Source>,
    /// Records that were delivered again and not processed again.
    pub duplicates: Counters<Source>,
    /// Records that could not be decoded.
    pub undecodable: Counters<Source>,
    /// Events stamped with a time that has not come yet, which was passed over.
    pub mistimed: Counters<Source>,
    /// Records dropped because the queue was full and the operator said so.
    pub dropped: Counters<Source>,
    /// Requests and connections refused, by reason.
    pub refused: Counters<SourceReason>,
    /// Bytes waiting to be processed.
    pub queue_bytes: Gauge,
    /// Events shown to an analytic.
    pub analytic_events: Counters<Analytic>,
    /// Findings of an analytic.
    pub analytic_findings: Counters<Analytic>,
    /// Events an analytic could not handle.
    pub analytic_faults: Counters<AnalyticFault>,
    /// Events not shown to an analytic in quarantine.
    pub analytic_unseen: Counters<Analytic>,
    /// 1 while an analytic is in quarantine, otherwise 0.
    pub analytic_quarantined: Gauges<Analytic>,
    /// Time spent in calls of an analytic.
    pub analytic_seconds: Seconds<Analytic>,
    /// Linear memory of an analytic's largest instance.
    pub analytic_memory: Gauges<Analytic>,
    /// Calls of imports.
    pub host_calls: Counters<HostCalls>,
    /// Reloads by result.
    pub reloads: Counters<Reload>,
    /// How long a swap of analytics held up the events.
    pub swap_seconds: SwapSeconds,
    /// Analytics loaded.
    pub analytics: Gauge,
    /// Findings delivered by sink.
    pub delivered: Counters<Sink>,
    /// Findings waiting for a sink.
    pub sink_queue: Gauges<Sink>,
    /// Deliveries tried again.
    pub sink_retries: Counters<Sink>,
    /// Findings dropped because a sink's queue was full and the operator said
    /// so, or because the sink refused them for good.
    pub sink_dropped: Counters<Sink>,
    /// Records in the dead letters.
    pub dead_letters: Counter,
    /// Dead letters that had to make room for later ones.
    pub dead_letters_dropped: Counter,
    /// Devices that lineage knows.
    pub lineage_devices: Gauge,
    /// Processes that lineage knows.
    pub lineage_processes: Gauge,
    /// Bytes that lineage takes.
    pub lineage_bytes: Gauge,
    /// Most bytes that lineage may take.
    pub lineage_capacity_bytes: Gauge,
    /// Processes forgotten to make room.
    pub lineage_evictions: Gauge,
    /// Mentions of processes never seen.
    pub lineage_misses: Gauge,
    /// Transactions of the state.
    pub commits: Counter,
    /// Time spent in them.
    pub commit_seconds: Counter<f64, AtomicU64>,
}

/// A histogram of seconds between 10 microseconds and 1 second.
#[derive(Debug, Clone)]
pub struct SwapSeconds(pub Histogram);

impl Default for SwapSeconds {
    fn default() -> Self {
        let bounds = [
            0.000_01, 0.000_1, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0,
        ];
        Self(Histogram::new(bounds))
    }
}

impl Metrics {
    /// The registry under which all of them are published.
    pub fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("sandtrap");
        macro_rules! register {
            ($($name:literal $help:literal $metric:expr;)*) => {
                $(registry.register($name, $help, $metric.clone());)*
            };
        }
        register! {
            "records" "Records taken in" self.records;
            "duplicates" "Records delivered again and not processed again" self.duplicates;
            "undecodable" "Records that could not be decoded" self.undecodable;
            "mistimed" "Events stamped with a time that has not come yet" self.mistimed;
            "dropped" "Records dropped at a full queue, where so configured" self.dropped;
            "refused" "Requests and connections refused" self.refused;
            "analytic_events" "Events shown to an analytic" self.analytic_events;
            "analytic_findings" "Findings of an analytic" self.analytic_findings;
            "analytic_faults" "Events an analytic could not handle" self.analytic_faults;
            "analytic_unseen" "Events not shown to an analytic in quarantine" self.analytic_unseen;
            "analytic_quarantined" "1 while an analytic is in quarantine" self.analytic_quarantined;
            "host_calls" "Questions of an analytic to the host" self.host_calls;
            "reloads" "Analytics loaded, unloaded and refused while running" self.reloads;
            "analytics" "Analytics loaded" self.analytics;
            "sink_delivered" "Findings delivered" self.delivered;
            "sink_queue" "Findings waiting for a sink" self.sink_queue;
            "sink_retries" "Deliveries tried again" self.sink_retries;
            "sink_dropped" "Findings a sink did not get" self.sink_dropped;
            "dead_letters" "Records put into the dead letters" self.dead_letters;
            "dead_letters_dropped" "Dead letters that made room for later ones" self.dead_letters_dropped;
            "lineage_devices" "Devices that lineage knows" self.lineage_devices;
            "lineage_processes" "Processes that lineage knows" self.lineage_processes;
            "lineage_evictions" "Processes forgotten to make room" self.lineage_evictions;
            "lineage_misses" "Mentions of processes never seen" self.lineage_misses;
            "commits" "Transactions of the state" self.commits;
        }
        macro_rules! register_unit {
            ($($name:literal $help:literal $unit:ident $metric:expr;)*) => {
                $(registry.register_with_unit($name, $help, Unit::$unit, $metric.clone());)*
            };
        }
        register_unit! {
            "record" "Bytes taken in, after decompression" Bytes self.record_bytes;
            "queue" "Bytes waiting to be processed" Bytes self.queue_bytes;
            "analytic_cpu" "Time spent in calls of an analytic" Seconds self.analytic_seconds;
            "analytic_memory" "Linear memory of an analytic" Bytes self.analytic_memory;
            "swap" "How long a swap of analytics held up the events" Seconds self.swap_seconds.0;
            "lineage" "Memory that lineage takes" Bytes self.lineage_bytes;
            "lineage_capacity" "Most memory that lineage may take" Bytes self.lineage_capacity_bytes;
            "commit" "Time spent in transactions of the state" Seconds self.commit_seconds;
        }
        registry
    }

    /// All metrics in the OpenMetrics text format.
    pub fn render(registry: &Registry) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, registry);
        text
    }
}
