"""Everything below k8s/ is rendered, and is what Kubernetes and other projects take."""

import json
import re
import shlex
import shutil
import subprocess
from copy import deepcopy
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml
from manifests import K8S, KUSTOMIZATIONS, ROOT, of_kind, pod, pods, rendered

SCHEMAS = Path(__file__).parent / "schemas"
VERSIONS = ("1.31", "1.33", "1.35")

NOT_APPLIED = {"components/scale-on-queue/adapter.yaml", "monitoring/rules.test.yaml"}
"""Files for other programs than kubectl."""


def validate(document: dict) -> None:
    schema = SCHEMAS / f"{document['kind']}.json"
    if schema.is_file():
        jsonschema.validate(document, json.loads(schema.read_text()))
        inside = pod(document)
        if inside is None:
            return
        # Containers of KServe are those of Kubernetes.
        document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": inside}
    for version in VERSIONS:
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS)
def test_every_document_fits_its_schema(kustomization: str) -> None:
    documents = rendered(kustomization)
    assert documents
    for document in documents:
        validate(document)


def test_no_name_is_there_twice() -> None:
    for kustomization in KUSTOMIZATIONS:
        names = [(d["kind"], d["metadata"].get("namespace"), d["metadata"]["name"]) for d in rendered(kustomization)]
        assert len(names) == len(set(names))


def test_no_file_is_forgotten() -> None:
    """A file that nothing names would never be applied."""
    named = set()
    for file in K8S.rglob("kustomization.yaml"):
        document = yaml.safe_load(file.read_text())
        entries = [*document.get("resources", []), *(p["path"] for p in document.get("patches", []) if "path" in p)]
        generated = [name.split("=")[-1] for made in document.get("configMapGenerator", []) for name in made["files"]]
        named |= {(file.parent / name).resolve() for name in [*entries, *generated]}
    files = {file for file in K8S.rglob("*") if file.is_file() and file.name != "kustomization.yaml"}
    assert {str(file.relative_to(K8S)) for file in files - named} == NOT_APPLIED


@pytest.mark.parametrize(
    ("kustomization", "kind", "path", "field"),
    [
        ("base", "Deployment", ["spec", "template", "spec", "containers", 0, "lifecycle", "preStop"], "sleeps"),
        ("base", "HorizontalPodAutoscaler", ["spec"], "minReplica"),
        ("base", "NetworkPolicy", ["spec"], "egres"),
        ("base", "PodDisruptionBudget", ["spec"], "minAvailables"),
        ("overlays/production", "PodMonitor", ["spec", "podMetricsEndpoints", 0], "paths"),
        ("kserve", "ClusterServingRuntime", ["spec"], "protocols"),
        ("kserve", "ClusterServingRuntime", ["spec", "supportedModelFormats", 0], "formats"),
        ("kserve", "ClusterServingRuntime", ["spec", "containers", 0], "arg"),
        ("kserve", "InferenceService", ["spec", "predictor"], "models"),
        ("kserve", "InferenceService", ["spec", "predictor", "model"], "storageUrl"),
        ("kserve-grpc", "InferenceService", ["spec", "predictor", "model"], "port"),
        ("monitoring", "PrometheusRule", ["spec", "groups", 0, "rules", 0], "severity"),
    ],
)
def test_a_misspelt_field_would_be_found(kustomization: str, kind: str, path: list, field: str) -> None:
    (document,) = [deepcopy(d) for d in rendered(kustomization) if d["kind"] == kind]
    validate(document)
    place = document
    for step in path:
        place = place[step]
    place[field] = 1
    with pytest.raises((kubernetes_validate.ValidationError, jsonschema.ValidationError)):
        validate(document)


def test_the_guides_name_what_is_there() -> None:
    text = "".join((ROOT / "docs" / name).read_text() for name in ("kubernetes.md", "batch.md"))
    applied = re.findall(r"^    kubectl apply -k k8s/(\S+)$", text, re.MULTILINE)
    assert len(applied) == 6 and set(applied) <= set(KUSTOMIZATIONS)
    (namespace,) = re.findall(r"^    (kubectl create namespace .*)$", text, re.MULTILINE)
    made = made_by(namespace)
    assert made["metadata"]["name"] == of_kind(rendered("overlays/production"), "Namespace")["metadata"]["name"]
    (secret,) = re.findall(r"^    (kubectl -n onnxd create secret .*)$", text, re.MULTILINE)
    made = made_by(secret.replace("$(openssl rand -hex 32)", "x" * 64))
    ((_, spec),) = pods("overlays/production")
    (volume,) = [volume["secret"] for volume in spec["volumes"] if "secret" in volume]
    assert made["metadata"]["name"] == volume["secretName"]
    (variable,) = [entry["value"] for entry in spec["containers"][0]["env"] if entry["name"] == "ONNXD_FEEDBACK_KEY"]
    assert Path(variable).name in made["data"]


def made_by(command: str) -> dict:
    """What a command of kubectl would make."""
    kubectl, *words = shlex.split(command)
    if shutil.which(kubectl) is None:
        pytest.skip("there is no kubectl")
    dry = [kubectl, *words, "--dry-run=client", "--output=yaml"]
    return yaml.safe_load(subprocess.run(dry, capture_output=True, text=True, check=True).stdout)
