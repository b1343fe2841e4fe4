"""Real processes: onnxd at a port that stays the same, and a Prometheus that scrapes several of them."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

STARTS_WITHIN_SECONDS = 30
ENDS_WITHIN_SECONDS = 60


def eventually(probe, within: float = 20.0):
    """The first result of `probe` that is true: awaits a state instead of guessing a time."""
    deadline = time.monotonic() + within
    while not (result := probe()):
        assert time.monotonic() < deadline, f"{probe} did not come true within {within} s"
        time.sleep(0.05)
    return result


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(url: str, body: dict | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(url, data=json.dumps(body).encode() if body is not None else None)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def answers(url: str) -> bool:
    try:
        return get(url)[0] == 200
    except OSError:
        return False


class Process:
    """Started when it is made; killed by its id when it is left."""

    def __init__(self, command: list[str], log: Path, ready: str):
        self._log, self._ready, self._command = log, ready, command
        self.start()

    def start(self) -> None:
        keep = {key: value for key, value in os.environ.items() if not key.startswith("ONNXD_")}
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=keep
            )

    def wait_until_ready(self) -> None:
        eventually(self._is_ready, STARTS_WITHIN_SECONDS)

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, f"{self._command[0]} ended: {self.log()}"
        return answers(self._ready)

    def stop(self) -> int:
        """Asks for a graceful end and returns the exit code."""
        self._process.terminate()
        return self._process.wait(ENDS_WITHIN_SECONDS)

    def kill(self) -> None:
        """SIGKILL; does nothing to a process that has ended."""
        self._process.kill()
        self._process.wait()

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self.kill()


class Onnxd(Process):
    def __init__(self, binary: str, models: Path, log: Path):
        self.address = f"127.0.0.1:{free_port()}"
        command = [binary, "serve", str(models), "--http-addr", self.address, "--threads", "1"]
        super().__init__(command, log, f"http://{self.address}/readyz")

    def page(self, path: str) -> bytes:
        status, page = get(f"http://{self.address}{path}")
        assert status == 200, page
        return page

    def infer(self, model: str, request: dict) -> dict:
        status, answer = get(f"http://{self.address}/v2/models/{model}/infer", request)
        assert status == 200, answer
        return json.loads(answer)

    def feedback(self, model: str, truths: list[dict]) -> dict:
        status, answer = get(f"http://{self.address}/api/models/{model}/feedback", {"feedback": truths})
        assert status == 202, answer
        return json.loads(answer)


class Prometheus(Process):
    """Scrapes both pages of all servers every second."""

    def __init__(self, binary: str, servers: list[Onnxd], rules: Path, directory: Path):
        self.address = f"127.0.0.1:{free_port()}"
        targets = [server.address for server in servers]
        job = lambda path: {  # noqa: E731
            "job_name": path,
            "metrics_path": path,
            "static_configs": [{"targets": targets}],
        }
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rules)],
            "scrape_configs": [job("/metrics"), job("/metrics/drift")],
        }
        # YAML reads JSON.
        file = directory / "prometheus.yml"
        file.write_text(json.dumps(config))
        command = [
            binary,
            f"--config.file={file}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address={self.address}",
            "--log.level=warn",
        ]
        super().__init__(command, directory / "prometheus.log", f"http://{self.address}/-/ready")

    def _api(self, path: str, **parameters: str) -> dict:
        query = urllib.parse.urlencode(parameters)
        status, answer = get(f"http://{self.address}/api/v1/{path}?{query}")
        assert status == 200, answer
        return json.loads(answer)["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """What an instant vector holds now."""
        result = self._api("query", query=expression)["result"]
        return [(sample["metric"], float(sample["value"][1])) for sample in result]

    def firing(self) -> list[dict]:
        return [alert for alert in self._api("alerts")["alerts"] if alert["state"] == "firing"]

    def rules(self) -> list[dict]:
        return [rule for group in self._api("rules")["groups"] for rule in group["rules"]]
