"""What Prometheus makes of a fleet: the sum of its counts, and alerts for what drifted and nothing else."""

import flights
import numpy as np
import pytest
from fleet import DRIFTING, KILLED, WINDOW
from processes import eventually

FEATURES = "model, reference, feature"
REFERENCE = f'onnxd:feature_bin:reference{{window="{WINDOW}"}}'


def psi_of(counts: str) -> str:
    """The index as the rules write it, of other counts than those of a window."""
    share = f"clamp_min(({counts}) / on ({FEATURES}) group_left sum by ({FEATURES}) ({counts}), {flights.LEAST_SHARE})"
    reference = f"on ({FEATURES}, bin) group_left () {REFERENCE}"
    return f"sum by (feature) (({share} - {reference}) * ln({share} / {reference}))"


def counts_of(increase: str) -> str:
    return f"sum by ({FEATURES}, bin) ({increase})"


@pytest.fixture(scope="session")
def pooled(fleet) -> dict[str, float]:
    """The index of each feature, of all rows that any server got, without any server or Prometheus."""
    rows = flights.join([table for load in fleet.loads for table in load.sent])
    features = {feature["name"]: feature for feature in fleet.profile["features"]}
    assert features.keys() == rows.keys()
    counted = {name: flights.counts(feature["bins"], rows[name]) for name, feature in features.items()}
    return {
        name: flights.psi(flights.np.array(feature["counts"]), counted[name]) for name, feature in features.items()
    }


def test_the_index_of_the_fleet_is_that_of_all_rows_together(fleet, pooled):
    # Not with increase(), which extrapolates to the ends of its range. All counters began at nought, so what they
    # show at the end is their increase; the one that was killed began again, and had counted what it showed then.
    killed = f'{{instance="{fleet.servers[KILLED].address}"}}'
    end, before = f"onnxd_feature_bin_total @ {fleet.ended:.3f}", f"@ {fleet.killed:.3f}"
    parts = f'label_replace({end}, "life", "last", "", "") or onnxd_feature_bin_total{killed} {before}'
    found = {labels["feature"]: value for labels, value in fleet.prometheus.query(psi_of(counts_of(parts)))}
    assert found == pytest.approx(pooled, rel=0, abs=1e-9)
    print("largest difference", max(abs(found[name] - pooled[name]) for name in pooled))


def test_extrapolation_of_increases_hardly_moves_the_index(fleet, pooled):
    parts = f"increase(onnxd_feature_bin_total[5m] @ {fleet.ended:.3f})"
    found = {labels["feature"]: value for labels, value in fleet.prometheus.query(psi_of(counts_of(parts)))}
    print("largest difference", max(abs(found[name] - pooled[name]) for name in pooled))
    assert found == pytest.approx(pooled, rel=0.02, abs=0.001)


def test_nothing_fires_before_the_drift(fleet):
    assert fleet.firing_before == []


def test_one_feature_drifts_and_no_other_alert_fires(fleet):
    (alert,) = fleet.firing_after
    labels, annotations = alert["labels"], alert["annotations"]
    assert labels["alertname"] == "OnnxdFeatureDrift" and labels["severity"] == "dashboard"
    assert (labels["feature"], labels["model"], labels["version"]) == (DRIFTING, "flight-delay", "2")
    assert annotations["summary"] == f"Feature {DRIFTING} of flight-delay version 2 has drifted"
    assert annotations["description"].startswith(f"PSI {float(alert['value']):.3f}, limit 0.1")
    assert f"window {WINDOW}." in annotations["description"]


def test_every_rule_is_evaluated_without_an_error(fleet):
    rules = fleet.prometheus.rules()
    assert len(rules) > 2 * len(fleet.profile["features"])
    assert [rule for rule in rules if rule["health"] != "ok"] == []


def test_what_came_true_is_recorded_beside_what_was_promised(fleet):
    promised = np.concatenate([table["probabilities.late"] for load in fleet.loads for table in load.sent])
    late = np.concatenate([truth for load in fleet.loads for truth in load.late])
    accuracy = ((promised >= 0.5) == late).mean()
    at = f"@ {fleet.ended:.3f}"
    found = {
        name: fleet.prometheus.query(f'onnxd:model:{name}{{window="6m"}} {at}')
        for name in ("accuracy", "accuracy_estimated", "outcomes")
    }
    ((labels, realised),) = found["accuracy"]
    assert (labels["model"], labels["version"]) == ("flight-delay", "2")
    # Counts between the last scrape and the rule are missing, and truths come after their predictions.
    assert realised == pytest.approx(accuracy, abs=0.02)
    assert found["accuracy_estimated"][0][1] == pytest.approx(np.maximum(promised, 1 - promised).mean(), abs=0.02)
    assert found["outcomes"][0][1] == pytest.approx(len(late), rel=0.2)


def test_a_model_that_nobody_asks_pages(fleet):
    def stale() -> list[dict]:
        return [alert for alert in fleet.prometheus.firing() if alert["labels"]["alertname"] == "OnnxdModelNotAsked"]

    (alert,) = eventually(stale, 30)
    assert alert["labels"]["severity"] == "page"
    assert alert["annotations"]["summary"] == "Nobody asks flight-delay"
