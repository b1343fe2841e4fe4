"""Which metrics and labels an expression names. No parser: enough for the expressions of k8s/, and it fails on others."""

import re

METRIC = re.compile(r"\b((?:onnxd|process)_[a-z_]+)(?:\{([^}]*)\})?")
LABEL = re.compile(r"([a-z_0-9]+)(=~|!~|!=|=)\"((?:[^\"\\]|\\.)*)\"")
GROUPED = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")
SCRAPED = {"namespace", "pod", "instance", "job", "le"}
"""Labels that Prometheus adds, and that of histograms' buckets."""


def metrics(expression: str) -> dict[str, dict[str, tuple[str, str]]]:
    """Each metric with its matchers: operator and value by label."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for name, matchers in METRIC.findall(expression):
        found.setdefault(name, {}).update({label: (how, what) for label, how, what in LABEL.findall(matchers)})
    return found


def grouped(expression: str) -> set[str]:
    return {label.strip() for labels in GROUPED.findall(expression) for label in labels.split(",") if label.strip()}


class Page:
    """What a server exports."""

    def __init__(self, text: str):
        self.labels: dict[str, dict[str, set[str]]] = {}
        for line in text.splitlines():
            if not line.startswith("#"):
                name, _, rest = line.partition("{") if "{" in line.split(" ")[0] else (line.split(" ")[0], "", "")
                labels = self.labels.setdefault(name, {})
                for label, _, value in LABEL.findall(rest.rsplit("}", 1)[0]):
                    labels.setdefault(label, set()).add(value)

    def misses(self, expression: str) -> list[str]:
        """What the expression names and the server does not export."""
        named = metrics(expression)
        assert named, f"no metric in {expression}"
        missing = [name for name in named if name not in self.labels]
        known = SCRAPED.union(*(self.labels.get(name, {}) for name in named))
        missing += [f"label {label}" for label in grouped(expression) - known]
        for name, matchers in named.items():
            for label, (how, what) in matchers.items():
                values = self.labels.get(name, {}).get(label)
                if label in SCRAPED or "$" in what:
                    continue
                if values is None:
                    missing.append(f"{name}: label {label}")
                elif how in ("=", "=~") and not any(re.fullmatch(what, value) for value in values):
                    missing.append(f"{name}: no {label} is {what}")
        return missing
