"""What the manifests say of onnxd is what the binary understands: options, settings, ports, paths, times."""

import json
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import grpc
import pytest
from manifests import ONNXD, ROOT, SERVERS, container, effective, help_of, of_kind, pods, rendered, seconds, settings
from manifests import settings_file, size
from processes import Process, answers, eventually, free_port, get

KSERVE = "kserve"


def kserve_arguments() -> list[str]:
    return [word.replace("{{.Name}}", "flight-delay") for word in container(KSERVE)["args"]]


def kserve_environment() -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container(KSERVE)["env"]}


def port(address: str) -> int:
    return int(address.rsplit(":", 1)[1])


@pytest.mark.parametrize("kustomization", [*SERVERS, KSERVE])
def test_onnxd_knows_every_option_and_variable(kustomization: str) -> None:
    only = container(kustomization)
    text = help_of(only["args"][0])
    known = set(re.findall(r"--[a-z][a-z-]*", text))
    # KServe's spellings.
    known |= {"--model_name", "--model_dir", "--http_port"} if kustomization == KSERVE else set()
    assert {word.split("=")[0] for word in only["args"][1:]} <= known
    variables = set(re.findall(r"env: (ONNXD_[A-Z_]+)", text))
    assert {entry["name"] for entry in only.get("env", [])} <= variables


@pytest.mark.parametrize("kustomization", SERVERS)
def test_the_ports_are_those_that_the_server_listens_on(kustomization: str, tmp_path: Path) -> None:
    own = settings(kustomization, tmp_path)
    ports = {port["name"]: port["containerPort"] for port in container(kustomization)["ports"]}
    expected = {name: port(own[f"{name}-addr"]) for name in ("http", "grpc", "metrics")}
    assert ports == expected
    # Probes come from outside of the pod.
    assert own["http-addr"].startswith("0.0.0.0:") and own["metrics-addr"].startswith("0.0.0.0:")
    service = of_kind(rendered(kustomization), "Service")["spec"]["ports"]
    assert [port["targetPort"] for port in service] == ["http", "grpc"]


def test_the_port_of_kserve_is_the_one_that_the_server_listens_on() -> None:
    own = effective(kserve_arguments(), kserve_environment())
    runtime = of_kind(rendered(KSERVE), "ClusterServingRuntime")["spec"]
    asked = [container(KSERVE)[probe]["httpGet"]["port"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")]
    asked.append(int(runtime["annotations"]["prometheus.kserve.io/port"]))
    # What KServe takes where nobody names a port; a port of the runtime would stay beside the one of gRPC.
    assert set(asked) == {int(own["http-port"])} == {8080} and "ports" not in container(KSERVE)
    (named,) = of_kind(rendered(f"{KSERVE}-grpc"), "InferenceService")["spec"]["predictor"]["model"]["ports"]
    assert (named["name"], own["grpc-addr"]) == ("h2c", f"0.0.0.0:{named['containerPort']}")
    assert (own["models"], own["model-name"]) == ("/mnt/models", "flight-delay")


@pytest.mark.parametrize("kustomization", SERVERS)
def test_what_settings_name_is_on_a_volume(kustomization: str, tmp_path: Path) -> None:
    own = settings(kustomization, tmp_path)
    mounts = {mount["mountPath"]: mount.get("readOnly", False) for mount in container(kustomization)["volumeMounts"]}
    assert mounts[own["state-dir"]] is False
    assert mounts["/etc/onnxd"] is True
    if own["models"].startswith("s3://"):
        assert mounts[own["cache-dir"]] is False
    elif container(kustomization)["image"].endswith("-models"):
        assert "COPY models /models\n" in (ROOT / "Dockerfile").read_text() and own["models"] == "/models"
    else:
        assert mounts[own["models"]] is True
    if key := own.get("feedback-key"):
        assert mounts[str(Path(key).parent)] is True


@pytest.mark.parametrize("kustomization", [*SERVERS, KSERVE])
def test_a_pod_has_time_to_end(kustomization: str, tmp_path: Path) -> None:
    if kustomization == KSERVE:
        own, pause = effective(kserve_arguments(), kserve_environment()), 0
        grace = of_kind(rendered(KSERVE), "InferenceService")["spec"]["predictor"]["terminationGracePeriodSeconds"]
    else:
        own, ((_, spec),) = settings(kustomization, tmp_path), pods(kustomization)
        pause = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        grace = spec["terminationGracePeriodSeconds"]
    delay, drain = seconds(own["shutdown-delay"]), seconds(own["shutdown-timeout"])
    assert grace >= pause + delay + drain + 5
    # Whatever was accepted may take as long as requests may.
    assert drain >= seconds(own["deadline"])
    # Who asks the probe must have seen that the pod is not ready before it stops.
    probe = container(kustomization)["readinessProbe"]
    assert delay > probe["periodSeconds"] * probe["failureThreshold"]


@pytest.mark.parametrize("kustomization", SERVERS)
def test_models_may_be_there_twice(kustomization: str, tmp_path: Path) -> None:
    limit = container(kustomization)["resources"]["limits"]["memory"]
    assert 2 * size(settings(kustomization, tmp_path)["max-model-memory"]) < size(limit)


class Server(Process):
    """The server of a Deployment, with other ports and places, and one small model."""

    def __init__(self, directory: Path, kustomization: str = "base"):
        shutil.copytree(ROOT / "models" / "digits", directory / "models" / "digits")
        self.http, self.grpc, self.metrics = (f"127.0.0.1:{free_port()}" for _ in range(3))
        file = directory / "onnxd.toml"
        text = settings_file(kustomization)
        for old, new in [("0.0.0.0:8080", self.http), ("0.0.0.0:8081", self.grpc), ("0.0.0.0:9090", self.metrics),
                         ('"/models"', f'"{directory}/models"'), ('"/state"', f'"{directory}/state"')]:  # fmt: skip
            assert old in text
            text = text.replace(old, new)
        file.write_text(text)
        super().__init__([ONNXD, "serve", f"--config={file}"], directory / "log", f"http://{self.metrics}/readyz")

    def url(self, probe: dict) -> str:
        return f"http://{ {'http': self.http, 'metrics': self.metrics}[probe['port']] }{probe['path']}"

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def ended(self, within: float) -> int:
        return self._process.wait(within)


def test_probes_and_monitors_ask_for_pages_that_are_there(tmp_path: Path) -> None:
    with Server(tmp_path / "server") as server:
        only = container("base")
        # The first probe goes by before models are there.
        eventually(lambda: answers(server.url(only["startupProbe"]["httpGet"])), 5)
        server.wait_until_ready()
        for probe in ("livenessProbe", "readinessProbe"):
            assert get(server.url(only[probe]["httpGet"]))[0] == 200
        for page in of_kind(rendered("overlays/production"), "PodMonitor")["spec"]["podMetricsEndpoints"]:
            assert get(server.url(page))[0] == 200, page
        # KServe has one port for all.
        paths = [container(KSERVE)[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")]
        paths.append(of_kind(rendered(KSERVE), "ClusterServingRuntime")["spec"]["annotations"]["prometheus.kserve.io/path"])
        for path in paths:
            assert get(f"http://{server.http}{path}")[0] == 200, path


def test_a_model_as_kserve_mounts_it_answers_in_the_protocols_that_are_promised(tmp_path: Path) -> None:
    address, grpc_address = (f"127.0.0.1:{free_port()}" for _ in range(2))
    words = [
        word.replace("/mnt/models", str(ROOT / "models" / "flight-delay"))
        .replace("8080", str(port(address)))
        .replace("0.0.0.0:9000", grpc_address)
        for word in kserve_arguments()
    ]
    ready = container(KSERVE)["readinessProbe"]["httpGet"]["path"]
    variables = [f"{name}={value}" for name, value in kserve_environment().items()]
    command = ["/usr/bin/env", *variables, ONNXD, *words]
    with Process(command, tmp_path / "log", f"http://{address}{ready}") as server:
        server.wait_until_ready()
        promised = of_kind(rendered(KSERVE), "ClusterServingRuntime")["spec"]["protocolVersions"]
        asked = {
            "v1": ("/v1/models/flight-delay:predict", "rows.json"),
            "v2": ("/v2/models/flight-delay/infer", "example.json"),
        }
        for variant in ("", "-grpc"):
            service = of_kind(rendered(KSERVE + variant), "InferenceService")
            assert service["spec"]["predictor"]["model"]["protocolVersion"] in promised
        assert set(promised) == {*asked, "grpc-v2"}
        for protocol in asked:
            path, body = asked[protocol]
            body = json.loads((ROOT / "models" / "flight-delay" / body).read_text())
            assert get(f"http://{address}{path}", body)[0] == 200
        with grpc.insecure_channel(grpc_address) as channel:
            # As bytes: the name is field 1 of the request, and field 1 of the answer is true.
            is_ready = channel.unary_unary("/inference.GRPCInferenceService/ModelReady")
            assert is_ready(b"\x0a\x0cflight-delay", timeout=10) == b"\x08\x01"


def ask(server: Server) -> int:
    """A request on a connection of its own, as from a proxy that has not heard yet."""
    body = (ROOT / "models" / "digits" / "example.json").read_bytes()
    with urllib.request.urlopen(f"http://{server.http}/v2/models/digits/infer", body, timeout=40) as answer:
        return answer.status


class Senders:
    """Ask as long as they are not told to stop, also when the test has failed."""

    def __init__(self, server: Server):
        self._server, self._told = server, threading.Event()
        self.statuses: list[int] = []
        self.failures: list[OSError] = []
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(4)]
        for thread in self._threads:
            thread.start()

    def _send(self) -> None:
        while not self._told.is_set():
            try:
                self.statuses.append(ask(self._server))
            except OSError as failure:
                self.failures.append(failure)

    def stop(self) -> None:
        self._told.set()
        for thread in self._threads:
            thread.join(40)


def test_no_request_is_lost_while_a_pod_ends(tmp_path: Path) -> None:
    """The kubelet and the proxies of the nodes are played: from the moment that a pod is to go, one waits its pause
    and sends SIGTERM, and the others go on sending to it for two seconds more than that."""
    ((_, spec),) = pods("base")
    only = spec["containers"][0]
    with Server(tmp_path / "server") as server:
        server.wait_until_ready()
        senders = Senders(server)
        try:
            began = time.monotonic()
            slow = socket.create_connection(server.http.split(":"))
            time.sleep(only["lifecycle"]["preStop"]["sleep"]["seconds"])
            server.terminate()
            time.sleep(2)
            # What Kubernetes asks meanwhile.
            assert get(server.url(only["livenessProbe"]["httpGet"]))[0] == 200
            assert get(server.url(only["readinessProbe"]["httpGet"]))[0] == 503
            # One has sent half of its request when nobody new is let in.
            body = (ROOT / "models" / "digits" / "example.json").read_bytes()
            head = f"POST /v2/models/digits/infer HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
            slow.sendall(head.encode() + body[:100])
        finally:
            senders.stop()
        eventually(lambda: not open_port(server.http), 10)
        slow.sendall(body[100:])
        assert slow.recv(12) == b"HTTP/1.1 200"
        slow.close()
        code = server.ended(spec["terminationGracePeriodSeconds"])
        took = time.monotonic() - began
    assert code == 0 and took < spec["terminationGracePeriodSeconds"]
    assert senders.failures == [] and len(senders.statuses) > 100 and set(senders.statuses) == {200}


def open_port(address: str) -> bool:
    try:
        socket.create_connection(address.split(":"), timeout=1).close()
        return True
    except OSError:
        return False
