#!/usr/bin/env python3
"""Triton's perf_analyzer against onnxd, over HTTP and gRPC, to its end.

    run.py --server BINARY --work DIRECTORY [--interval MILLISECONDS] [--concurrency START:END:STEP]

It is what users of Triton measure with: it asks for readiness, metadata, configuration and statistics
before and between its requests, and fails if it does not understand one of them. Prints its figures as a
table, and ends with 1 if anything failed.
"""

import argparse
import csv
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import debian  # noqa: E402

MODEL = "digits"

LIBRARY = "libb64-0d"
"""Debian's package of a library that the program is linked with."""


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--server", type=Path, required=True)
    arguments.add_argument("--work", type=Path, required=True, help="for what is fetched, and reports")
    arguments.add_argument("--interval", type=int, default=2000, help="of one measurement, in ms")
    arguments.add_argument("--concurrency", default="1:4:1", help="of requests: start:end:step")
    given = arguments.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    program, environment = perf_analyzer(given.work)
    print(f"{version(program, environment)}, {given.server}, {MODEL}, {os.cpu_count()} cores for both")
    server = Server(given.server)
    try:
        rows, failures = [], []
        for protocol in ("http", "grpc"):
            found, failed = measure(program, environment, server, protocol, given)
            rows += found
            failures += failed
    finally:
        server.stop()
    print("| protocol | concurrency | inferences /s | p50 | p99 |\n|---|---|---|---|---|")
    for row in rows:
        print("| {protocol} | {concurrency} | {rate:,.0f} | {p50:.0f} µs | {p99:.0f} µs |".format(**row))
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if failures else 0


def perf_analyzer(work: Path) -> tuple[Path, dict[str, str]]:
    """The program, and the environment in which it finds its libraries."""
    program = Path(sys.prefix) / "bin" / "perf_analyzer"
    (packages,) = (Path(sys.prefix) / "lib").glob("python3*/site-packages")
    library = work / "root" / "usr" / "lib" / f"{os.uname().machine}-linux-gnu"
    if not (library / "libb64.so.0d").exists():
        debian.fetch(work, [LIBRARY])
    paths = [library, packages / "nvidia" / "cuda_runtime" / "lib"]
    return program, {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(map(str, paths))}


def version(program: Path, environment: dict[str, str]) -> str:
    # It says so on stderr, and ends with another code than 0.
    done = subprocess.run([program, "--version"], env=environment, capture_output=True, text=True)
    (line,) = re.findall(r"^Perf Analyzer Version \S+", done.stdout + done.stderr, re.MULTILINE)
    return line


class Server:
    def __init__(self, binary: Path) -> None:
        self.addresses = {"http": f"localhost:{free_port()}", "grpc": f"localhost:{free_port()}"}
        ports = {name: address.rsplit(":", 1)[1] for name, address in self.addresses.items()}
        command = [binary, "serve", ROOT / "benches" / "models", "--http-addr", f"127.0.0.1:{ports['http']}"]
        command += ["--grpc-addr", f"127.0.0.1:{ports['grpc']}", "--log-filter", "warn"]
        self.process = subprocess.Popen(command)
        until = time.monotonic() + 60
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise SystemExit("the server did not become ready")
            time.sleep(0.05)

    def is_ready(self) -> bool:
        try:
            return self.get("/v2/health/ready", parse=False) is not None
        except (urllib.error.URLError, ConnectionError):
            return False

    def get(self, path: str, parse: bool = True):
        with urllib.request.urlopen(f"http://{self.addresses['http']}{path}", timeout=10) as answer:
            return json.load(answer) if parse else answer.read()

    def counts(self) -> tuple[int, int]:
        """Requests of the model that were answered, and that failed."""
        (model,) = self.get(f"/v2/models/{MODEL}/stats")["model_stats"]
        found = model["inference_stats"]
        return found["success"]["count"], found["fail"]["count"]

    def stop(self) -> None:
        self.process.terminate()
        if self.process.wait(timeout=60) != 0:
            raise SystemExit(f"the server ended with {self.process.returncode}")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def measure(program: Path, environment, server: Server, protocol: str, given) -> tuple[list[dict], list[str]]:
    """What it found for each concurrency, and what is wrong with that."""
    report = given.work / f"{protocol}.csv"
    report.unlink(missing_ok=True)
    before = server.counts()
    command = [program, "-m", MODEL, "-i", protocol, "-u", server.addresses[protocol], "-f", report, "-v"]
    command += ["--concurrency-range", given.concurrency, "--measurement-interval", str(given.interval)]
    # Machines with neighbours are hardly ever stable within the 10 % that it asks for.
    command += ["--stability-percentage", "50", "--input-data", "random"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    (given.work / f"{protocol}.txt").write_text(done.stdout + done.stderr)
    after = server.counts()
    failures = []
    if done.returncode != 0:
        failures.append(f"{protocol}: it ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    rows = []
    if report.exists():
        with open(report, newline="") as file:
            rows = sorted((row_of(protocol, row) for row in csv.DictReader(file)), key=lambda row: row["concurrency"])
    start, end, step = (int(number) for number in given.concurrency.split(":"))
    if [row["concurrency"] for row in rows] != list(range(start, end + 1, step)):
        failures.append(f"{protocol}: expected a figure for each of {given.concurrency}, came {rows}")
    failures += [f"{protocol}: no throughput at {row['concurrency']}" for row in rows if not row["rate"] > 0]
    answered, failed = after[0] - before[0], after[1] - before[1]
    # It counts its own requests within windows only, so the server must have seen more.
    if answered < sum(row["rate"] for row in rows) * given.interval / 1000:
        failures.append(f"{protocol}: the server answered only {answered} requests")
    if failed:
        failures.append(f"{protocol}: {failed} requests failed")
    return rows, failures


def row_of(protocol: str, row: dict[str, str]) -> dict:
    return {
        "protocol": protocol,
        "concurrency": int(row["Concurrency"]),
        "rate": float(row["Inferences/Second"]),
        "p50": float(row["p50 latency"]),
        "p99": float(row["p99 latency"]),
    }


if __name__ == "__main__":
    sys.exit(main())
