"""Replays the flights of 2013 to a server, a month in six seconds, and shows how the data drifts from that of the training.

    python3 examples/replay-flights/replay.py --server target/release/onnxd

The model was trained on January and February. The server watches it against models/flight-delay/2/profile.json.
"""

import argparse
import http.client
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "models"))
sys.dont_write_bytecode = True
import flights  # noqa: E402

TEXTS = ["carrier", "origin", "dest"]
NUMBERS = ["weekday", "hour", "distance", "temp", "humid", "wind_speed", "precip", "pressure", "visib"]
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
WINDOW_S, MONTH_S = 5, 6
ROWS = 100


def repository(directory):
    """The shipped model with windows as short as the months of this replay."""
    model = Path(directory) / "flight-delay"
    shutil.copytree(ROOT / "models/flight-delay/2", model / "2")
    (model / "model.toml").write_text(f'[drift]\nwindow = "{WINDOW_S}s"\n', encoding="utf-8")


def column(name, rows):
    if name in TEXTS:
        return {"name": name, "datatype": "BYTES", "shape": [len(rows), 1], "data": rows[name].fillna("").tolist()}
    data = [None if value != value else value for value in rows[name].tolist()]
    return {"name": name, "datatype": "FP32", "shape": [len(rows), 1], "data": data}


class Server:
    def __init__(self, program, directory):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        address = f"127.0.0.1:{self.port}"
        self.process = subprocess.Popen([program, "serve", directory, "--http-addr", address], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit("the server did not become ready")
            time.sleep(0.1)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port)

    def ready(self):
        try:
            probe = http.client.HTTPConnection("127.0.0.1", self.port)
            probe.request("GET", "/readyz")
            return probe.getresponse().status == 200
        except OSError:
            return False

    def ask(self, method, path, body=None):
        self.connection.request(method, path, body)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            sys.exit(f"{path}: {answer.status} {content[:300]}")
        return json.loads(content)

    def predict(self, rows):
        request = {"inputs": [column(name, rows) for name in TEXTS + NUMBERS]}
        self.ask("POST", "/v2/models/flight-delay/infer", json.dumps(request))

    def drift(self):
        return self.ask("GET", "/api/models/flight-delay/drift")["versions"]["2"]


def replay(server, rows):
    """Asks about rows of this month for as long as a month lasts."""
    begun, sent = time.monotonic(), 0
    while time.monotonic() - begun < MONTH_S:
        server.predict(rows.iloc[sent % len(rows) :][:ROWS])
        sent += ROWS
        time.sleep(0.02)


def line(month, report):
    drifted = [feature for feature in report["features"] if feature["state"] == "drifted"]
    words = []
    for feature in drifted:
        scores = feature["scores"].get("short", {})
        distance = f", W1 {scores['wasserstein']:.1f} sigma" if "wasserstein" in scores else ""
        words.append(f"{feature['name']} (PSI {scores.get('psi', float('nan')):.2f}{distance})")
    return f"{month}  {report['windows']['short']['rows']:6} rows  {report['state']:12}  {'; '.join(words)}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True, help="the onnxd program")
    program = parser.parse_args().server
    table = flights.read()
    with tempfile.TemporaryDirectory() as directory:
        repository(directory)
        server = Server(program, directory)
        try:
            for number, month in enumerate(MONTHS, 1):
                replay(server, table[table["month"] == number].sample(frac=1, random_state=0))
                print(line(month, server.drift()), flush=True)
        finally:
            server.process.terminate()
            server.process.wait()


if __name__ == "__main__":
    main()
