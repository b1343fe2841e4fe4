"""A server to which everything happens that rules and the dashboard look at, and a Prometheus that sees it."""

import json
import shutil
import threading
from contextlib import ExitStack
from pathlib import Path

import flights
from manifests import ONNXD, ROOT
from processes import Process, Prometheus, eventually, free_port, get

WINDOW_SECONDS = 15
MODEL = "flight-delay"
SETTINGS = """
[quality]
score = "probabilities.late"
[drift]
window = "15s"
"""
CONFIG = """
models = "{directory}/models"
http-addr = "{address}"
state-dir = "{directory}/state"
job-root = "{directory}/jobs"
poll = "500ms"
threads = 1

[[schedule]]
name = "nightly"
cron = "30 3 * * *"
time_zone = "Etc/UTC"
model = "flight-delay"
input = "in.csv"
output = "out.parquet"
"""
ROWS = 500


class Watched(ExitStack):
    def __init__(self, prometheus: str, directory: Path):
        super().__init__()
        self._directory, self._binary = directory, prometheus
        self.address = f"127.0.0.1:{free_port()}"
        self._end = threading.Event()
        self._failure: BaseException | None = None

    def run(self) -> None:
        models = self._directory / "models"
        shutil.copytree(ROOT / "models" / MODEL, models / MODEL)
        # With one version, or there would be none to come.
        shutil.copytree(ROOT / "models" / "digits", models / "digits")
        (models / MODEL / "model.toml").write_text(SETTINGS)
        jobs = self._directory / "jobs"
        jobs.mkdir()
        flights.write(jobs / "in.csv", flights.table(2000, 1))
        config = self._directory / "onnxd.toml"
        config.write_text(CONFIG.format(directory=self._directory, address=self.address))
        command = [ONNXD, "serve", f"--config={config}"]
        server = Process(command, self._directory / "onnxd.log", f"http://{self.address}/readyz")
        self.server = self.enter_context(server)
        # Loading gives way to whatever else the machine does.
        eventually(lambda: server._is_ready(), 120)  # noqa: SLF001
        eventually(lambda: self._post(f"/v2/models/{MODEL}/ready", None) == 200, 120)
        rules = self._directory / "no.rules.yml"
        rules.write_text("groups: []\n")
        self.prometheus = self.enter_context(Prometheus(self._binary, [self], rules, self._directory))
        self.prometheus.wait_until_ready()
        # Counters must be seen at nought before something happens, or Prometheus sees no increase.
        eventually(lambda: self.prometheus.query('onnxd_contract_violations_total{code="above_max"}'))
        self._happen(models)
        load = threading.Thread(target=self._load, daemon=True)
        load.start()
        self.callback(lambda: (self._end.set(), load.join(20)))

    def _post(self, path: str, body: dict | None) -> int:
        return get(f"http://{self.address}{path}", body)[0]

    def _happen(self, models: Path) -> None:
        # A version that comes and is taken back, and one that cannot come.
        shutil.copytree(models / "digits" / "1", models / "digits" / "2")
        eventually(lambda: self._post("/v2/models/digits/versions/2/ready", None) == 200, 120)
        assert self._post("/api/models/digits/rollback", {}) == 200
        broken = models / "digits" / "3"
        broken.mkdir()
        (broken / "model.onnx").write_bytes(b"no model")
        job = {"model": MODEL, "input": "in.csv", "output": "out.parquet"}
        assert self._post("/api/jobs", job) in (200, 201, 202)

    def _load(self) -> None:
        try:
            number = 0
            while not self._end.wait(0.2):
                number += 1
                self._ask(number)
        except BaseException as failure:  # noqa: BLE001 - `alive` tells it
            self._failure = failure

    def alive(self) -> None:
        assert self._failure is None, self._failure

    def _ask(self, number: int) -> None:
        rows = flights.table(ROWS, number)
        rows["wind_speed"] = rows["wind_speed"] + 6
        request = {"id": f"request {number}"} | flights.request(rows)
        assert self._post(f"/v2/models/{MODEL}/infer", request) == 200
        truths = [{"id": f"request {number}", "row": row, "actual": "late"} for row in range(20)]
        assert self._post(f"/api/models/{MODEL}/feedback", {"feedback": truths}) == 202
        wrong = json.loads((ROOT / "models" / MODEL / "rows.json").read_text())
        wrong["instances"][0]["hour"] = 31
        assert self._post(f"/v1/models/{MODEL}:predict", wrong) == 400

    def pages(self) -> str:
        return "".join(get(f"http://{self.address}{path}")[1].decode() for path in ("/metrics", "/metrics/drift"))
