"""Alerts fire when they should, and every expression below k8s/ names what onnxd exports."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from manifests import K8S, ROOT, of_kind, rendered
from processes import eventually
from promql import Page

MONITORING = K8S / "monitoring"
RULES = yaml.safe_load((MONITORING / "rules.yaml").read_text())["spec"]
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = {f"{panel['title']} {target['refId']}": target["expr"] for panel in PANELS for target in panel["targets"]}
VARIABLES = [variable for variable in DASHBOARD["templating"]["list"] if variable["type"] == "query"]
ADAPTER = yaml.safe_load((K8S / "components" / "scale-on-queue" / "adapter.yaml").read_text())["rules"]["custom"]


SEEN = ["onnxd_drift_state{", *(f'onnxd_swaps_total{{model="digits",outcome="{how}"}} 1' for how in ("failed", "rolled_back"))]
"""Of what `watched` makes happen, what takes longest."""


def filled(expression: str) -> str:
    """As Grafana asks with all variables at All."""
    expression = expression.replace("$__rate_interval", "10s")
    for variable in VARIABLES:
        expression = expression.replace(f"${variable['name']}", variable["allValue"])
    assert "$" not in expression, expression
    return expression


def adapted(rule: dict) -> str:
    """As the adapter asks, for the pods of a namespace."""
    series, matchers = re.fullmatch(r"(\w+)\{(.*)\}", rule["seriesQuery"]).groups()
    assert matchers == 'namespace!="",pod!=""'
    query = rule["metricsQuery"].replace("<<.Series>>", series).replace("<<.GroupBy>>", "pod")
    # This Prometheus knows no namespace.
    return query.replace("<<.LabelMatchers>>", 'namespace=""')


@pytest.fixture(scope="session")
def watched(prometheus, tmp_path_factory):
    from watched import Watched

    with Watched(prometheus["prometheus"], tmp_path_factory.mktemp("watched")) as watched:
        try:
            watched.run()
            yield watched
        finally:
            print(watched.server.log())  # pytest shows it when something above failed


@pytest.fixture(scope="session")
def page(watched) -> Page:
    # A window has passed, and the version that is broken was refused.
    full = lambda: all(name in (text := watched.pages()) for name in SEEN) and text  # noqa: E731
    return Page(eventually(full, 90))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    shutil.copy(MONITORING / "rules.test.yaml", tmp_path)
    (tmp_path / "onnxd.rules.yml").write_text(yaml.safe_dump(RULES))
    return tmp_path


def promtool(prometheus: dict[str, str], *arguments: str | Path) -> tuple[int, str]:
    command = [prometheus["promtool"], *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_rules_are_valid_and_their_tests_pass(prometheus, files) -> None:
    status, said = promtool(prometheus, "check", "rules", files / "onnxd.rules.yml")
    assert status == 0 and f"{len(ALERTS)} rules found" in said, said
    status, said = promtool(prometheus, "test", "rules", files / "rules.test.yaml")
    assert status == 0 and "SUCCESS" in said, said


@pytest.mark.parametrize("alert", ALERTS)
def test_the_tests_fail_where_an_alert_never_fires_or_always_does(prometheus, files, alert) -> None:
    for expression in ("vector(1) > 2", "vector(1)"):
        rules = yaml.safe_load(yaml.safe_dump(RULES))
        (rule,) = [rule for group in rules["groups"] for rule in group["rules"] if rule["alert"] == alert]
        rule["expr"] = expression
        (files / "onnxd.rules.yml").write_text(yaml.safe_dump(rules))
        status, said = promtool(prometheus, "test", "rules", files / "rules.test.yaml")
        assert status != 0 and "FAILED" in said, f"{alert} as {expression}"


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_names_what_onnxd_exports(page, alert) -> None:
    assert page.misses(ALERTS[alert]["expr"]) == []


def test_every_alert_says_who_is_told_and_what_to_do() -> None:
    guide = (ROOT / "docs" / "kubernetes.md").read_text()
    for name, alert in ALERTS.items():
        assert alert["labels"]["severity"] in ("page", "ticket")
        assert alert["annotations"]["summary"]
        assert f"| `{name}` | {alert['labels']['severity']} |" in guide


@pytest.mark.parametrize("query", QUERIES)
def test_a_panel_names_what_onnxd_exports(page, query) -> None:
    assert page.misses(QUERIES[query]) == []


def test_a_metric_or_label_that_is_not_there_would_be_found(page) -> None:
    for expression in [
        "sum(onnxd_request_total)",
        "sum by (shape) (onnxd_queue_depth)",
        'onnxd_drift_score{stat="psi"}',
        'onnxd_drift_score{statistic="psy"}',
        'rate(onnxd_requests_total{outcome=~"error|refused"}[5m])',
    ]:
        assert len(page.misses(expression)) == 1, expression


def test_a_prometheus_has_something_to_show_in_every_panel(watched, page) -> None:
    empty = dict(QUERIES)

    def all_shown() -> bool:
        watched.alive()
        for name, expression in list(empty.items()):
            if watched.prometheus.query(filled(expression)):
                del empty[name]
        return not empty

    try:
        eventually(all_shown, 60)
    except AssertionError:
        pytest.fail(f"nothing to show: {empty}")


def test_the_dashboard_says_drift_by_feature_and_source(watched, page) -> None:
    (panel,) = [panel for panel in PANELS if panel["title"] == "Drift of features, beyond chance"]
    drifted = lambda: {  # noqa: E731
        labels["feature"] for labels, value in watched.prometheus.query(filled(panel["targets"][0]["expr"]))
        if labels["source"] == "request" and value > 0.1
    }
    assert "wind_speed" in eventually(drifted, 60)


def test_variables_have_values(page) -> None:
    for variable in VARIABLES:
        name, matchers, label = re.fullmatch(r"label_values\((\w+)(\{.*\})?, (\w+)\)", variable["query"]).groups()
        assert label == "namespace" or label in page.labels[name]


def test_panels_do_not_lie_over_each_other() -> None:
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_the_autoscaler_gets_its_metrics_from_the_adapter(watched, page) -> None:
    asked = of_kind(rendered("overlays/shared-bucket"), "HorizontalPodAutoscaler")["spec"]["metrics"]
    named = {metric["pods"]["metric"]["name"] for metric in asked if metric["type"] == "Pods"}
    assert named == {rule["name"]["as"] for rule in ADAPTER}
    for rule in ADAPTER:
        assert page.misses(rule["seriesQuery"]) == []
        assert eventually(lambda: watched.prometheus.query(adapted(rule))), adapted(rule)  # noqa: B023
