"""The manifests below k8s/batch are what Kubernetes takes, and say what onnxd understands."""

import os
import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from manifests import VERSION

BATCH = Path(__file__).resolve().parents[2] / "k8s" / "batch"
ONNXD = os.environ["ONNXD_BIN"]


def documents() -> list[dict]:
    kustomization = yaml.safe_load((BATCH / "kustomization.yaml").read_text())
    files = [BATCH / name for name in kustomization["resources"]]
    # A file that nothing names would never be applied.
    assert {file.name for file in files} == {file.name for file in BATCH.glob("*.yaml")} - {"kustomization.yaml"}
    return [document for file in files for document in yaml.safe_load_all(file.read_text())]


def rendered() -> list[dict]:
    """What kustomize makes of them, with the kubectl of the machine; on CI it must be there."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        assert "CI" not in os.environ, "kubectl is not in the PATH"
        return []
    done = subprocess.run([kubectl, "kustomize", BATCH], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def all_documents() -> list[dict]:
    return documents() + rendered()


def templates(document: dict) -> list[dict]:
    spec = document["spec"]
    if document["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return [spec["template"]["spec"]] if "template" in spec else []


def containers() -> list[dict]:
    found = [c for d in all_documents() for t in templates(d) for c in t["containers"]]
    assert len(found) >= 3
    return found


def words(container: dict) -> list[str]:
    """The arguments of onnxd, also those in a script."""
    arguments = container["args"]
    if container.get("command"):
        script = arguments[0].replace("\\\n", " ")
        arguments = shlex.split(script.split("exec onnxd", 1)[1])
    return arguments


def test_every_document_fits_the_schema_of_kubernetes() -> None:
    for document in all_documents():
        for version in ("1.31", "1.33", "1.35"):
            kubernetes_validate.validate(document, version, strict=True)


def test_kustomize_makes_the_same_kinds_and_gives_the_image_a_tag() -> None:
    made = rendered()
    if not made:
        pytest.skip("there is no kubectl: only the files themselves were validated")
    kinds = lambda some: sorted((d["kind"], d["metadata"]["name"]) for d in some)  # noqa: E731
    assert kinds(made) == kinds(documents())
    images = {(d["kind"], c["image"]) for d in made for t in templates(d) for c in t["containers"]}
    # Only the CronJob needs a shell.
    assert images == {("Job", f"onnxd:{VERSION}"), ("CronJob", f"onnxd:{VERSION}-shell")}


def test_onnxd_knows_every_option_that_is_used() -> None:
    for container in containers():
        given = words(container)
        assert given[0] == "predict"
        command = given[:2] if given[1] == "merge-manifest" else given[:1]
        help = subprocess.run([ONNXD, *command, "--help"], capture_output=True, text=True, check=True).stdout
        known = set(re.findall(r"--[a-z][a-z-]*", help))
        used = {word.split("=")[0] for word in given if word.startswith("--")}
        assert used and used <= known, f"{used - known} of {container['name']}"


def test_as_many_shards_are_said_as_there_are_completions() -> None:
    (job,) = [d for d in documents() if d["metadata"]["name"] == "onnxd-shards"]
    (container,) = templates(job)[0]["containers"]
    (shard,) = [word for word in words(container) if word.startswith("--shard=")]
    assert shard == f"--shard=$(JOB_COMPLETION_INDEX)/{job['spec']['completions']}"
    assert job["spec"]["completionMode"] == "Indexed"


def test_nothing_runs_as_root_or_writes_into_the_image() -> None:
    for document in all_documents():
        for template in templates(document):
            assert template["securityContext"]["runAsNonRoot"] and template["securityContext"]["runAsUser"] > 0
            for container in template["containers"]:
                own = container["securityContext"]
                assert own["readOnlyRootFilesystem"] and not own["allowPrivilegeEscalation"]
                assert own["capabilities"] == {"drop": ["ALL"]}
                assert container["resources"]["requests"] and container["resources"]["limits"]["memory"]


def test_no_pod_of_the_night_runs_on_another_day() -> None:
    """Else one that is late, or tried again, would score a day that is not over."""
    (night,) = [d for d in documents() if d["kind"] == "CronJob"]
    spec = night["spec"]
    minute, hour, *every_day = spec["schedule"].split()
    assert every_day == ["*"] * 3 and spec["timeZone"] == "Etc/UTC"
    begins = int(hour) * 3600 + int(minute) * 60
    ends = begins + spec["startingDeadlineSeconds"] + spec["jobTemplate"]["spec"]["activeDeadlineSeconds"]
    grace = 600
    assert ends + grace <= 86400


def test_the_script_of_the_night_is_one_that_a_shell_takes_and_names_yesterday(tmp_path: Path) -> None:
    """Runs it with an onnxd that says what it was asked."""
    (night,) = [d for d in documents() if d["kind"] == "CronJob"]
    (container,) = templates(night)[0]["containers"]
    fake = tmp_path / "onnxd"
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)
    # As Kubernetes does it.
    script = container["args"][0].replace("$$", "$")
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    yesterday = lambda: str((datetime.now(UTC) - timedelta(days=1)).date())  # noqa: E731
    before = yesterday()
    done = subprocess.run([*container["command"], script], capture_output=True, text=True, check=True, env=environment)
    lines = done.stdout.splitlines()
    # Midnight may have passed.
    assert any(
        f"--input=/data/in/{day}/*.parquet" in lines and f"--output=/data/out/{day}.parquet" in lines
        for day in (before, yesterday())
    ), lines


def test_a_misspelt_field_would_be_found() -> None:
    (job,) = [d for d in documents() if d["metadata"]["name"] == "onnxd-shards"]
    job["spec"]["backoffLimitPerIndexes"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(job, "1.33", strict=True)
