"""What kustomize makes of k8s/, and what is in it."""

import functools
import os
import re
import shutil
import subprocess
import tomllib
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
K8S = ROOT / "k8s"
PACKAGE = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]
VERSION: str = PACKAGE["version"]
ONNXD = os.environ["ONNXD_BIN"]


def _kustomizations() -> list[str]:
    files = sorted(K8S.rglob("kustomization.yaml"))
    return [str(file.parent.relative_to(K8S)) for file in files if yaml.safe_load(file.read_text())["kind"] != "Component"]


KUSTOMIZATIONS = _kustomizations()
SERVERS = ["base", "overlays/local", "overlays/production", "overlays/shared-bucket"]
"""Those with a Deployment."""


@functools.cache
def _rendered(kustomization: str) -> str:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        assert "CI" not in os.environ, "kubectl is not in the PATH"
        pytest.skip("there is no kubectl")
    command = [kubectl, "kustomize", str(K8S / kustomization)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # Warnings, as of fields that will be gone.
    assert done.stderr == ""
    return done.stdout


def rendered(kustomization: str) -> list[dict]:
    return list(yaml.safe_load_all(_rendered(kustomization)))


def of_kind(documents: list[dict], kind: str) -> dict:
    (found,) = [document for document in documents if document["kind"] == kind]
    return found


def pod(document: dict) -> dict | None:
    """The spec of the pods that it makes, if it makes some."""
    spec = document.get("spec", {})
    match document["kind"]:
        case "CronJob":
            return spec["jobTemplate"]["spec"]["template"]["spec"]
        case "Deployment" | "Job":
            return spec["template"]["spec"]
        case "ClusterServingRuntime":
            # KServe puts these fields into pods; the rest comes from the InferenceService.
            return {key: spec[key] for key in ("containers", "volumes")}
    return None


def pods(kustomization: str) -> list[tuple[str, dict]]:
    """Each with the kind and name of what makes it."""
    made = [(f"{d['kind']} {d['metadata']['name']}", pod(d)) for d in rendered(kustomization)]
    return [(name, deepcopy(spec)) for name, spec in made if spec is not None]


def container(kustomization: str) -> dict:
    ((_, spec),) = pods(kustomization)
    (only,) = spec["containers"]
    return only


def settings_file(kustomization: str) -> str:
    return of_kind(rendered(kustomization), "ConfigMap")["data"]["onnxd.toml"]


def help_of(*command: str) -> str:
    return subprocess.run([ONNXD, *command, "--help"], capture_output=True, text=True, check=True).stdout


def effective(arguments: list[str], environment: dict[str, str]) -> dict[str, str]:
    """The settings of a server, by `--print-config`; it refuses what it does not know."""
    done = subprocess.run([ONNXD, *arguments, "--print-config"], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    lines = [line.split("  # ")[0] for line in done.stdout.splitlines() if not line.startswith("# ")]
    return tomllib.loads("\n".join(lines))


def settings(kustomization: str, directory: Path) -> dict[str, str]:
    """Those of the pods of a Deployment. The file lies elsewhere here than in the pod."""
    file = directory / "onnxd.toml"
    file.write_text(settings_file(kustomization))
    only = container(kustomization)
    arguments = [word.replace("/etc/onnxd/onnxd.toml", str(file)) for word in only["args"]]
    assert str(file) in " ".join(arguments)
    return effective(arguments, {entry["name"]: entry["value"] for entry in only.get("env", [])})


def seconds(text: str) -> float:
    """A time of onnxd's settings."""
    number, unit = re.fullmatch(r"(\d+)(us|ms|s|m|h)", text).groups()
    return int(number) * {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}[unit]


def size(text: str) -> int:
    """Bytes, as Kubernetes (Gi) or onnxd (GiB) writes them."""
    number, unit = re.fullmatch(r"(\d+)([KMG]?i)B?", text).groups()
    return int(number) * 1024 ** " KMG".index(unit[0])


def selects(selector: dict, labels: dict) -> bool:
    assert selector.keys() <= {"matchLabels"}, "only labels are looked at here"
    return selector.get("matchLabels", {}).items() <= labels.items()
