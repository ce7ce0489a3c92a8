from prometheus_client.parser import text_string_to_metric_families

from daemon.metrics import Metrics

# The contract's names with their labels; `missed` comes with reconciliation.
CONTRACT = {
    "pollhook_polls_total": ("element", "resource", "outcome"),
    "pollhook_poll_duration_seconds": (),
    "pollhook_poll_lateness_seconds": (),
    "pollhook_records_total": ("element", "resource", "outcome"),
    "pollhook_record_lateness_seconds": (),
    "pollhook_missed_total": (),
    "pollhook_events_total": ("element", "resource", "type"),
    "pollhook_deliveries_total": ("outcome",),
    "pollhook_delivery_duration_seconds": (),
    "pollhook_delivery_latency_seconds": (),
    "pollhook_pending_deliveries": (),
    "pollhook_oldest_pending_delivery_age_seconds": (),
    "pollhook_instances": ("state",),
    "pollhook_oauth_refreshes_total": ("outcome",),
    "pollhook_provider_requests_total": ("element", "status"),
    "pollhook_rate_budget_remaining": (),
    "pollhook_config_last_reload_success": (),
    "pollhook_build_info": ("version", "python"),
}
OURS = {
    "pollhook_poison_records_total": ("element", "resource"),
    "pollhook_endpoints": ("state",),
    "pollhook_data_dir_free_bytes": (),
}


def _declared(metrics: Metrics) -> dict[str, tuple[str, ...]]:
    collectors = {
        collector
        for collector in vars(metrics).values()
        if hasattr(collector, "_labelnames") and hasattr(collector, "_name")
    }
    suffix = {"counter": "_total"}
    declared = {c._name + suffix.get(c._type, ""): tuple(c._labelnames) for c in collectors}
    return declared | {"pollhook_build_info": ("version", "python")}


def _samples(metrics: Metrics) -> dict[str, float]:
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
    }


def test_the_names_and_labels_are_those_of_the_contract() -> None:
    assert _declared(Metrics(version="1.2.3")) == CONTRACT | OURS


def test_every_name_is_announced_before_anything_happened() -> None:
    text = Metrics(version="1.2.3").render().decode()
    assert [name for name in CONTRACT if f"# TYPE {name} " not in text] == []


def test_what_happened_is_counted() -> None:
    metrics = Metrics(version="1.2.3")
    metrics.polls.labels(element="maximizer", resource="contacts", outcome="ok").inc()
    metrics.poll_duration.observe(0.3)
    metrics.pending_deliveries.set(7)
    samples = _samples(metrics)
    labels = "[('element', 'maximizer'), ('outcome', 'ok'), ('resource', 'contacts')]"
    assert samples[f"pollhook_polls_total{labels}"] == 1
    assert samples["pollhook_poll_duration_seconds_sum[]"] == 0.3
    assert samples["pollhook_poll_duration_seconds_bucket[('le', '0.25')]"] == 0
    assert samples["pollhook_poll_duration_seconds_bucket[('le', '0.5')]"] == 1
    assert samples["pollhook_pending_deliveries[]"] == 7


def test_the_build_names_its_version() -> None:
    text = Metrics(version="1.2.3").render().decode()
    assert 'version="1.2.3"' in text


def test_two_daemons_in_one_process_count_apart() -> None:
    first, second = Metrics(version="1"), Metrics(version="2")
    first.pending_deliveries.set(5)
    assert _samples(second)["pollhook_pending_deliveries[]"] == 0


def test_no_series_tells_when_a_counter_was_made() -> None:
    metrics = Metrics(version="1")
    metrics.deliveries.labels(outcome="delivered").inc()
    assert "_created" not in metrics.render().decode()
