"""What promtool says of the metrics and of the generated files."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

HOSTILE = "a\"} or vector(1) #\\\n{{ $labels.model }}: é\u2028'"
"""Breaks what does not quote it, in PromQL, in YAML and in a template."""


def promtool_says(promtool: str, *arguments: str, page: bytes = b"") -> tuple[int, str]:
    done = subprocess.run([promtool, *arguments], input=page, capture_output=True, timeout=60)
    return done.returncode, (done.stdout + done.stderr).decode()


def written_rules_pass(promtool: str, command: list) -> None:
    """What the command wrote is valid, and the test that it wrote holds."""
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    test, rules = done.stdout.split()
    status, said = promtool_says(promtool, "check", "rules", rules)
    assert status == 0, said
    status, said = promtool_says(promtool, "test", "rules", test)
    assert status == 0 and "SUCCESS" in said, said


@pytest.mark.parametrize("path", ["/metrics", "/metrics/drift"])
def test_the_metrics_of_each_server_are_clean(fleet, promtool, path):
    for server in fleet.servers:
        assert promtool_says(promtool, "check", "metrics", page=server.page(path)) == (0, "")


def test_the_rules_and_their_test_pass(fleet, promtool):
    status, said = promtool_says(promtool, "check", "rules", str(fleet.rules))
    assert status == 0 and "SUCCESS" in said, said
    status, said = promtool_says(promtool, "test", "rules", str(fleet.rules_test))
    assert status == 0 and "SUCCESS" in said, said


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (r"vector\(0\.3\d+\)", "vector(0.01)"),  # a share of the reference: what did not drift does
        (r"> bool", "< bool"),
        (r"clamp_min", "clamp_max"),
        (r"reject\|quarantine", "observe"),
        (r"severity: \"page\"", 'severity: "ticket"'),
        (r"absent\(", "count("),
        (r"(model:accuracy\{[^}]*\}) < ", r"\1 > "),  # too good
        (r"< (onnxd:model:accuracy_estimated)", r"> \1"),
        (r"(accuracy_estimated\{[^}]*\}) < ", r"\1 > "),
        (r'"actual", "\$1"', '"actual", "x"'),  # no prediction comes true
        (r"(outcomes\{[^}]*\}) == 0", r"\1 == 1"),
    ],
)
def test_the_test_fails_where_a_rule_is_wrong(fleet, promtool, tmp_path, right, wrong):
    text, changes = re.subn(right, wrong, fleet.rules.read_text())
    assert changes > 0
    (tmp_path / fleet.rules.name).write_text(text)
    test = shutil.copy(fleet.rules_test, tmp_path)
    status, said = promtool_says(promtool, "test", "rules", str(test))
    assert status != 0 and "FAILED" in said, said


@pytest.mark.parametrize("settings", [
    'score = "probabilities.late"',
    'score = "probabilities.late"\nmin_accuracy = 0',
    'score = "probabilities.late"\nmin_accuracy = 0.99',
    'label = "label"',
    'label = "label"\nmin_accuracy = 0.7',
    'value = "probabilities.late"',
    'value = "probabilities.late"\nmax_absolute_error = 0',
    'value = "probabilities.late"\nmax_absolute_error = 12.5',
])
def test_the_rules_of_any_kind_of_quality_pass(onnxd, promtool, tmp_path, settings):
    model = tmp_path / "flight-delay"
    shutil.copytree(ROOT / "models" / "flight-delay", model)
    (model / "model.toml").write_text(f"[quality]\n{settings}\n")
    command = [onnxd, "profile", "rules", model, "--output", tmp_path]
    written_rules_pass(promtool, command)


def test_names_that_nobody_would_choose_pass(onnxd, promtool, tmp_path):
    model = tmp_path / "model"
    (model / "1").mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "fixtures" / "symbolic_batch.onnx", model / "1" / "model.onnx")
    names = [HOSTILE, "b", "😀\t\x7f"]
    # TOML reads what JSON writes, except that it wants this one escaped.
    listed = json.dumps(names, ensure_ascii=False).replace("\x7f", "\\u007f")
    (model / "model.toml").write_text(f"features = {listed}\n")
    rows = [json.dumps(dict(zip(names, [place % 7, place % 50, place % 3]))) for place in range(1000)]
    (tmp_path / "data.ndjson").write_text("\n".join(rows))
    subprocess.run([onnxd, "profile", model, "--data", tmp_path / "data.ndjson"], check=True, timeout=60)
    command = [onnxd, "profile", "rules", model, "--model-name", HOSTILE, "--output", tmp_path]
    written_rules_pass(promtool, command)
