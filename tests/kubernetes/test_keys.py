"""Servers in a cluster are closed, or say what they are open to; the component `keys` makes them ask for keys."""

import json
import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from manifests import K8S, ONNXD, SERVERS, container, of_kind, pods, rendered, settings
from processes import eventually
from test_policy import breaches
from test_server import Server

FILE = "/etc/onnxd-keys/keys.toml"


@pytest.fixture(params=["overlays/production", "overlays/shared-bucket", "base"])
def keyed(request, tmp_path: Path) -> str:
    """The directory of an overlay as somebody would write it."""
    directory = tmp_path / "overlay"
    directory.mkdir()
    there = {name: os.path.relpath(K8S / name, directory) for name in (request.param, "components/keys")}
    document = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [there[request.param]],
        "components": [there["components/keys"]],
    }
    (directory / "kustomization.yaml").write_text(json.dumps(document))
    return str(directory)


@pytest.mark.parametrize("kustomization", SERVERS)
def test_a_server_without_keys_says_so_and_is_not_operated_by_others(kustomization: str, tmp_path: Path) -> None:
    own = settings(kustomization, tmp_path)
    assert own["insecure"] == "true" and own["open-operate"] == "false" and "auth-keys" not in own
    # Something else says who comes in.
    assert of_kind(rendered(kustomization), "NetworkPolicy")["spec"]["ingress"]


def test_with_the_component_a_server_asks_for_keys_that_are_mounted(keyed: str, tmp_path: Path) -> None:
    own = settings(keyed, tmp_path)
    assert own["auth-keys"] == FILE and own["insecure"] == "false"
    mounts = {mount["mountPath"]: mount for mount in container(keyed)["volumeMounts"]}
    assert mounts[str(Path(FILE).parent)]["readOnly"] is True
    ((name, spec),) = pods(keyed)
    assert breaches(name, spec) == []
    # What was there before still is.
    assert {"config", "keys", "state", "tmp"} <= {volume["name"] for volume in spec["volumes"]}


def test_with_the_component_prometheus_has_a_key(keyed: str) -> None:
    monitors = [document for document in rendered(keyed) if document["kind"] == "PodMonitor"]
    for monitor in monitors:
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            assert endpoint["authorization"]["credentials"] == {"name": "onnxd-metrics-key", "key": "key"}


def new_key(file: Path, role: str) -> str:
    command = [ONNXD, "key", role, "--roles", role, "--file", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def status(url: str, key: str | None) -> int:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
    try:
        return urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code


def test_probes_of_a_server_with_keys_need_none_and_pages_of_monitors_do(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    key, other = new_key(file, "metrics"), new_key(file, "predict")
    only = container("base")

    class Keyed(Server):
        def start(self) -> None:
            self._command = ["/usr/bin/env", f"ONNXD_AUTH_KEYS={file}", "ONNXD_INSECURE=false", *self._command]
            super().start()

    with Keyed(tmp_path / "server") as server:
        server.wait_until_ready()
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert status(server.url(only[probe]["httpGet"]), None) == 200
        for page in of_kind(rendered("overlays/production"), "PodMonitor")["spec"]["podMetricsEndpoints"]:
            url = server.url(page)
            assert [status(url, None), status(url, other), status(url, key)] == [401, 403, 200]
        # A Secret that changes counts without a restart.
        later = new_key(file, "operate")
        eventually(lambda: status(f"http://{server.http}/v1/models", later) == 200, 20)
