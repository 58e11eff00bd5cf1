"""The page of metrics: names, values, and labels that cannot grow."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cartpath import __version__
from cartpath.serving.metrics import MANY, OTHER, Metrics


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Return the page as (name, label=value, ...) -> value."""
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def test_requests_are_counted_and_timed() -> None:
    metrics = Metrics()
    metrics.request("/v1/users/{id}/intent", "GET", 200, 0.004)
    metrics.request("/v1/users/{id}/intent", "GET", 503, 0.3)
    found = samples(metrics)
    labels = ("method=GET", "route=/v1/users/{id}/intent")
    assert found["cartpath_http_requests_total", *labels, "status=200"] == 1
    assert found["cartpath_http_requests_total", *labels, "status=503"] == 1
    seconds = "cartpath_http_request_duration_seconds"
    assert found[f"{seconds}_count", *labels] == 2
    assert found[f"{seconds}_sum", *labels] == pytest.approx(0.304)
    assert found[f"{seconds}_bucket", "le=0.005", *labels] == 1
    assert found[f"{seconds}_bucket", "le=0.5", *labels] == 2


def test_a_bucket_ends_at_the_goal_of_the_service() -> None:
    metrics = Metrics()
    metrics.request("/v1/events", "POST", 202, 0.025)
    bucket = ("cartpath_http_request_duration_seconds_bucket", "le=0.025", "method=POST", "route=/v1/events")
    assert samples(metrics)[bucket] == 1


def test_everything_that_happens_has_its_number() -> None:
    metrics = Metrics(clock=lambda: 1000.0)
    metrics.events(accepted=3, duplicates=2, rejected=1, newest=900.0)
    metrics.slate("blend-3f2a91", fallback=False)
    metrics.slate("blend-3f2a91", fallback=True)
    metrics.feedback("blend-3f2a91", "click")
    metrics.feedback_unjoined("unknown_request")
    metrics.inference(0.002, 8)
    metrics.scorer_failed("intent")
    metrics.model("behaviour", 500.0)
    metrics.reloaded(True)
    metrics.reloaded(False)
    metrics.drift("feature", "channel", 0.12)
    metrics.queue(5, 64)
    metrics.queue_full()
    metrics.state_up(True)
    metrics.ready(False)
    metrics.denied("no_key")
    metrics.rate_limited()
    found = samples(metrics)
    expected = {
        ("cartpath_events_total", "outcome=accepted"): 3,
        ("cartpath_events_total", "outcome=duplicate"): 2,
        ("cartpath_events_total", "outcome=rejected"): 1,
        ("cartpath_newest_event_timestamp_seconds",): 900,
        ("cartpath_slates_total", "fallback=false", "policy=blend-3f2a91"): 1,
        ("cartpath_slates_total", "fallback=true", "policy=blend-3f2a91"): 1,
        ("cartpath_feedback_total", "kind=click", "policy=blend-3f2a91"): 1,
        ("cartpath_feedback_unjoined_total", "reason=unknown_request"): 1,
        ("cartpath_inference_seconds_count",): 1,
        ("cartpath_inference_seconds_sum",): 0.002,
        ("cartpath_inference_batch_size_sum",): 8,
        ("cartpath_scorer_failures_total", "scorer=intent"): 1,
        ("cartpath_model_trained_timestamp_seconds", "model=behaviour"): 500,
        ("cartpath_model_reloads_total", "outcome=done"): 1,
        ("cartpath_model_reloads_total", "outcome=failed"): 1,
        ("cartpath_drift_psi", "kind=feature", "name=channel"): 0.12,
        ("cartpath_queue_depth",): 5,
        ("cartpath_queue_capacity",): 64,
        ("cartpath_queue_full_total",): 1,
        ("cartpath_state_up",): 1,
        ("cartpath_ready",): 0,
        ("cartpath_http_requests_denied_total", "reason=no_key"): 1,
        ("cartpath_http_requests_rate_limited_total",): 1,
        ("cartpath_build_info", f"version={__version__}"): 1,
    }
    assert {name: found.get(name) for name in expected} == expected


def test_counts_of_events_are_there_before_the_first_one() -> None:
    found = samples(Metrics())
    assert found["cartpath_events_total", "outcome=rejected"] == 0


def test_the_newest_event_never_goes_back_nor_ahead_of_the_clock() -> None:
    metrics = Metrics(clock=lambda: 1000.0)
    for newest, shown in ((800.0, 800.0), (700.0, 800.0), (5000.0, 1000.0), (900.0, 1000.0)):
        metrics.events(accepted=1, newest=newest)
        assert samples(metrics)[("cartpath_newest_event_timestamp_seconds",)] == shown


def test_no_client_can_make_the_page_grow() -> None:
    metrics = Metrics()
    for n in range(3 * MANY):
        metrics.request(f"/route/{n}", "GET", 200, 0.001)
        metrics.slate(f"policy-{n}", False)
        metrics.feedback(f"policy-{n}", "click")
        metrics.drift("score", f"score {n}", 0.0)
        metrics.scorer_failed(f"scorer {n}")
    found = samples(metrics)
    for name in ("http_requests_total", "slates_total", "feedback_total", "drift_psi", "scorer_failures_total"):
        assert sum(sample[0] == f"cartpath_{name}" for sample in found) == MANY + 1
    assert found["cartpath_slates_total", "fallback=false", f"policy={OTHER}"] == 2 * MANY


def test_names_keep_to_the_conventions() -> None:
    metrics = Metrics()
    families = list(metrics.registry.collect())
    own = [family for family in families if not family.name.startswith("process_")]
    assert len(own) > 15
    for family in own:
        assert re.fullmatch(r"cartpath_[a-z][a-z_]*[a-z]", family.name)
        assert family.documentation.endswith(".")
        assert family.name.endswith("_seconds") or not re.search(r"second|_ms|milli|minute", family.name)
    assert {"cartpath_events_total", "cartpath_inference_seconds_bucket", "cartpath_queue_depth"} <= metrics.names


def test_two_services_in_one_process_do_not_share_counts() -> None:
    one, other = Metrics(), Metrics()
    one.queue_full()
    assert samples(one)[("cartpath_queue_full_total",)] == 1
    assert samples(other)[("cartpath_queue_full_total",)] == 0


WORKER = """
from cartpath.serving.metrics import Metrics
metrics = Metrics(clock=lambda: 1000.0)
metrics.events(accepted={accepted}, newest={newest})
metrics.queue(2, 10)
metrics.state_up({up})
metrics.request("/livez", "GET", 200, 0.001)
print(metrics.text().decode())
"""


def test_workers_that_share_a_folder_are_added_up(tmp_path: Path) -> None:
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    page = ""
    for accepted, newest, up in ((3, 900.0, True), (4, 800.0, False)):
        code = WORKER.format(accepted=accepted, newest=newest, up=up)
        command = [sys.executable, "-c", code]
        page = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout
    assert 'cartpath_events_total{outcome="accepted"} 7.0' in page
    assert "cartpath_newest_event_timestamp_seconds 900.0" in page
    assert "cartpath_queue_depth 4.0" in page
    assert "cartpath_state_up 0.0" in page
    assert 'cartpath_http_requests_total{method="GET",route="/livez",status="200"} 2.0' in page
