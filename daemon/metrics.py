"""Metrics: the counters, gauges and histograms of the whole daemon, in a registry of their own."""

from __future__ import annotations

import platform

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

CALL_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
"""Buckets for what takes as long as one or a few calls."""

AGE_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 1800, 3600, 14400, 86400)
"""Buckets for what may take until the next poll, or until a callback is back."""


class Metrics:
    """Everything counted. Labels name an element, its resource or an outcome, never an object, an
    instance or a callback: the number of series does not grow with the number of customers."""

    def __init__(self, *, version: str) -> None:
        # Each counter would have a second series, which nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # published without types
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._add_polling()
        self._add_delivery()
        self._add_instances()
        self._add_daemon(version)

    def render(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self.registry)

    def _add_polling(self) -> None:
        self.polls = self._counter("polls", "Polls ended.", "element", "resource", "outcome")
        self.poll_duration = self._histogram(
            "poll_duration_seconds", "Duration of a poll.", CALL_SECONDS
        )
        self.poll_lateness = self._histogram(
            "poll_lateness_seconds", "Time from a poll's due time to its start.", CALL_SECONDS
        )
        self.records = self._counter(
            "records",
            "Records read, by what they were: new, changed or suppressed.",
            "element",
            "resource",
            "outcome",
        )
        self.poison_records = self._counter(
            "poison_records", "Records that could not be carried whole.", "element", "resource"
        )
        self.record_lateness = self._histogram(
            "record_lateness_seconds",
            "Time from a record's own stamp to its first sight.",
            AGE_SECONDS,
        )
        self.missed = self._counter("missed", "Changes that only reconciliation or a sweep found.")
        self.events = self._counter("events", "Events made.", "element", "resource", "type")

    def _add_delivery(self) -> None:
        self.deliveries = self._counter("deliveries", "Delivery attempts ended.", "outcome")
        self.delivery_duration = self._histogram(
            "delivery_duration_seconds", "Duration of a delivery attempt.", CALL_SECONDS
        )
        self.delivery_latency = self._histogram(
            "delivery_latency_seconds", "Time from a page's reading to its delivery.", AGE_SECONDS
        )
        self.pending_deliveries = self._gauge(
            "pending_deliveries", "Notifications not yet delivered, dead or cancelled."
        )
        self.oldest_pending_delivery_age = self._gauge(
            "oldest_pending_delivery_age_seconds", "Age of the oldest pending notification."
        )

    def _add_instances(self) -> None:
        self.instances = self._gauge("instances", "Instances by state.", "state")
        self.endpoints = self._gauge("endpoints", "Callbacks in use by state.", "state")
        self.oauth_refreshes = self._counter(
            "oauth_refreshes", "Renewals of an access token.", "outcome"
        )
        self.provider_requests = self._counter(
            "provider_requests", "Calls to providers, by HTTP status.", "element", "status"
        )
        self.rate_budget_remaining = self._gauge(
            "rate_budget_remaining", "Calls left in the tightest account's rate budget."
        )

    def _add_daemon(self, version: str) -> None:
        self.config_last_reload_success = self._gauge(
            "config_last_reload_success", "Whether the last (re)load of the configuration was good."
        )
        self.data_dir_free_bytes = self._gauge(
            "data_dir_free_bytes",
            "Room left on the disk of the embedded database, if there is one.",
        )
        build = self._gauge("build_info", "Version of the daemon.", "version", "python")
        build.labels(version=version, python=platform.python_version()).set(1)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"pollhook_{name}_total", meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"pollhook_{name}", meaning, labels, registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"pollhook_{name}", meaning, buckets=buckets, registry=self.registry)
