//! Metrics: the one recorder of the process, and the gauges that are read from the store when somebody scrapes.
//!
//! Counters and histograms are recorded where things happen, with the macros of `metrics`. Gauges that describe what
//! is stored are never counted along, so they cannot drift: [`render`] sets them from one consistent read.

use std::sync::OnceLock;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::store::rows::{Counts, Instant};

/// Upper bounds for durations in seconds: half a millisecond to half a minute.
const SECONDS: [f64; 15] =
    [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1.0, 4.0, 10.0, 30.0];

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs the recorder. Called once when the process starts; later calls do nothing.
pub fn install() {
    recorder();
}

fn recorder() -> &'static PrometheusHandle {
    RECORDER.get_or_init(|| {
        let recorder =
            PrometheusBuilder::new().set_buckets(&SECONDS).expect("the list of bounds is not empty").build_recorder();
        let handle = recorder.handle();
        // Fails only where a test brought its own; then there is nothing to render here, which is fine.
        let _ = metrics::set_global_recorder(recorder);
        describe();
        handle
    })
}

fn describe() {
    describe_counter!("baton_http_requests_total", "Requests answered, by method, route and status");
    describe_histogram!("baton_http_request_seconds", Unit::Seconds, "How long requests took, by route");
    describe_gauge!("baton_outbox_pending", "Messages in the outbox that were not relayed yet");
    describe_gauge!("baton_outbox_oldest_pending_seconds", Unit::Seconds, "Age of the oldest of them");
    describe_gauge!("baton_outbox_messages", "Messages in the outbox, published ones included");
    describe_gauge!("baton_deliveries", "Deliveries by state");
    describe_gauge!("baton_parked_keys", "Keys with a failed delivery at their head");
    describe_gauge!("baton_instances", "Instances by state");
    describe_gauge!("baton_tasks_open", "Human tasks that wait for somebody");
    describe_gauge!("baton_tasks_overdue", "Human tasks past their due date");
    describe_gauge!("baton_log_reading", "Whether this node reads the database's log");
    describe_gauge!("baton_log_slot_lag_bytes", Unit::Bytes, "Between what was confirmed and the end of the log");
    describe_gauge!("baton_log_slot_retained_bytes", Unit::Bytes, "What the database keeps of its log for the relay");
    describe_counter!("baton_log_unreadable_total", "Messages that were only in the log and could not be read");
    describe_gauge!("baton_early_events", "Events that are kept because no instance waits for their value yet");
    describe_counter!("baton_early_events_unclaimed_total", "Events that no instance came to wait for in time");
    describe_counter!("baton_cleaner_removed_total", "What was removed because it is old, by kind");
    describe_counter!("baton_cleaner_partitions_dropped_total", "Partitions that were dropped because they are old");
    describe_gauge!("baton_orphans", "Live instances that nothing would ever wake up; must be 0");
}

/// Everything in Prometheus' text format, with the stored state as of `counts`.
pub fn render(counts: &Counts, now: Instant) -> String {
    let handle = recorder();
    handle.run_upkeep();
    let oldest_s = counts.oldest_pending_at.map_or(0.0, |at| (now - at).num_milliseconds().max(0) as f64 / 1_000.0);
    gauge!("baton_outbox_pending").set(counts.pending as f64);
    gauge!("baton_outbox_oldest_pending_seconds").set(oldest_s);
    gauge!("baton_outbox_messages").set(counts.messages_total as f64);
    for state in crate::store::rows::DeliveryState::ALL {
        let count = counts.deliveries.get(state.as_str()).copied().unwrap_or_default();
        gauge!("baton_deliveries", "state" => state.as_str()).set(count as f64);
    }
    gauge!("baton_parked_keys").set(counts.parked_keys as f64);
    for status in baton_domain::process::Status::ALL {
        let count = counts.instances.get(status.as_str()).copied().unwrap_or_default();
        gauge!("baton_instances", "state" => status.as_str()).set(count as f64);
    }
    gauge!("baton_tasks_open").set(counts.tasks_open as f64);
    gauge!("baton_tasks_overdue").set(counts.tasks_overdue as f64);
    gauge!("baton_orphans").set(counts.orphans as f64);
    handle.render()
}
