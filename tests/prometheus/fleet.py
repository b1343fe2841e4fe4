"""What happens: three servers are asked for flights as those of the training, then for flights in a storm, while one
of them is killed and starts again."""

import json
import shutil
import subprocess
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import flights
import numpy as np
from processes import Onnxd, Prometheus, eventually

ROOT = Path(__file__).resolve().parents[2]
MODEL = "flight-delay"
WINDOW, STALE_AFTER = "15s", "10s"
WINDOW_SECONDS = 15
SERVERS, KILLED = 3, 1

DRIFTING = "wind_speed"
"""The model hardly looks at it, so that its predictions stay as they are."""

QUALITY = '[quality]\nscore = "probabilities.late"\nmin_accuracy = 0.5\nremember = 100000\n'

ROWS_PER_REQUEST = 100
PAUSE_SECONDS = 0.1


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


class Load:
    """Asks one server over and over, and remembers what it sent and what was answered."""

    def __init__(self, server: Onnxd, seed: int):
        self._server, self._seed = server, seed
        self.storm = False
        self.sent: list[flights.Table] = []
        self.late: list[np.ndarray] = []
        self.failure: BaseException | None = None
        self._go, self._end = threading.Event(), threading.Event()
        self._idle = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def start(self) -> None:
        self._go.set()

    def pause(self) -> int:
        """Returns when no request is under way, with the rows that were sent."""
        self._go.clear()
        with self._idle:
            assert self.failure is None, self.failure
            return len(self.sent) * ROWS_PER_REQUEST

    def end(self) -> None:
        self._end.set()
        self._go.set()
        self._thread.join(20)

    def _run(self) -> None:
        while not self._end.is_set():
            self._go.wait()
            with self._idle:
                if self._end.is_set() or not self._go.is_set():
                    continue
                try:
                    self._ask()
                except BaseException as failure:  # noqa: BLE001 - `pause` tells it
                    self.failure = failure
                    return
            time.sleep(PAUSE_SECONDS)

    def _ask(self) -> None:
        self._seed += 1
        rows = flights.table(ROWS_PER_REQUEST, self._seed)
        if self.storm:
            rows[DRIFTING] = rows[DRIFTING] + 6
        request_id = f"request {self._seed}"
        answer = self._server.infer(MODEL, {"id": request_id} | flights.request(rows))
        predictions = flights.predictions(answer)
        self.sent.append(rows | predictions)
        self.late.append(self._tell(request_id, predictions["probabilities.late"]))

    def _tell(self, request_id: str, probabilities: np.ndarray) -> np.ndarray:
        """What came true, as often as was promised."""
        late = np.random.default_rng(self._seed).random(len(probabilities)) < probabilities
        truths = [
            {"id": request_id, "row": row, "actual": "late" if was else "on-time"}
            for row, was in enumerate(late.tolist())
        ]
        assert self._server.feedback(MODEL, truths)["accepted"] == len(truths)
        return late


class Fleet:
    def __init__(self, onnxd: str, prometheus: str, directory: Path):
        self._onnxd, self._prometheus, self._directory = onnxd, prometheus, directory
        self._stack = ExitStack()

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(self, *_) -> None:
        self._stack.close()

    def run(self) -> None:
        self._prepare()
        self._start()
        for load in self.loads:
            load.start()
        self._wait_until_judged()
        time.sleep(3)
        self.firing_before = self.prometheus.firing()
        for load in self.loads:
            load.storm = True
        time.sleep(2)
        self._kill_one()
        eventually(lambda: self._firing(DRIFTING), 2 * WINDOW_SECONDS)
        # Others would take no longer.
        time.sleep(5)
        self.firing_after = self.prometheus.firing()
        self.ended = self._stop()

    def _prepare(self) -> None:
        """The model with a profile of made-up training data, and its rules."""
        model = self._directory / "models" / MODEL
        shutil.copytree(ROOT / "models" / MODEL, model)
        (model / "model.toml").write_text(QUALITY)
        data = self._directory / "training.csv"
        flights.write(data, flights.table(10_000, 1))
        run(self._onnxd, "profile", str(model), "--data", str(data))
        self.profile = json.loads((model / "2" / "profile.json").read_text())
        options = ["--window", WINDOW, "--stale-after", STALE_AFTER, "--output", str(self._directory)]
        test, rules = run(self._onnxd, "profile", "rules", str(model), *options).split()
        self.rules, self.rules_test = Path(rules), Path(test)

    def _start(self) -> None:
        logs = [self._directory / f"onnxd-{number}.log" for number in range(SERVERS)]
        models = self._directory / "models"
        self.servers = [self._stack.enter_context(Onnxd(self._onnxd, models, log)) for log in logs]
        for server in self.servers:
            server.wait_until_ready()
        prometheus = Prometheus(self._prometheus, self.servers, self.rules, self._directory)
        self.prometheus = self._stack.enter_context(prometheus)
        self.prometheus.wait_until_ready()
        self.loads = [Load(server, 1000 * number) for number, server in enumerate(self.servers, 2)]
        for load in self.loads:
            self._stack.callback(load.end)
        # All counters are seen at nought: what comes later is all that Prometheus has to add.
        eventually(lambda: len(self.prometheus.query("count by (instance) (onnxd_feature_bin_total)")) == SERVERS)

    def _wait_until_judged(self) -> None:
        judged = "onnxd:feature:drifted"
        eventually(lambda: len(self.prometheus.query(judged)) == len(self.profile["features"]), 30)

    def _kill_one(self) -> None:
        """No count is lost: nothing is sent between the last scrape and the end."""
        load, server = self.loads[KILLED], self.servers[KILLED]
        self.before = load.pause()
        self._wait_until_scraped(server, self.before)
        self.killed = time.time()
        server.kill()
        server.start()
        server.wait_until_ready()
        load.start()

    def _stop(self) -> float:
        """When everything that was sent has been scraped."""
        sent = [load.pause() for load in self.loads]
        sent[KILLED] -= self.before
        for server, rows in zip(self.servers, sent):
            self._wait_until_scraped(server, rows)
        return time.time()

    def _wait_until_scraped(self, server: Onnxd, rows: int) -> None:
        """Of every feature, as each row has one value of it."""
        labels = f'instance="{server.address}"'
        counted = f"sum by (feature) (onnxd_feature_bin_total{{{labels}}}) == {rows}"
        eventually(lambda: len(self.prometheus.query(counted)) == len(self.profile["features"]))

    def _firing(self, feature: str) -> bool:
        return any(alert["labels"].get("feature") == feature for alert in self.prometheus.firing())

    def logs(self) -> str:
        return "\n".join(f"{path.name}:\n{path.read_text()}" for path in self._directory.glob("*.log"))
