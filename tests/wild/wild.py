"""The whole suite in one command: prepare, start the server, ask, stop the server.

    python wild.py --server path/to/onnxd --work DIR --at-least 28

DIR keeps the downloads between runs; it also gets the server's log and the report.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import catalogue
import prepare
import run

READY_SECONDS = 300
STOP_SECONDS = 20


class ServerDied(Exception):
    """The server ended before it was asked to."""


def main(argv=None):
    args = parse_args(argv)
    work = args.work.resolve()
    models = catalogue.chosen(args.models)
    for name, reason in prepare.prepare(work, models).items():
        print(f"{name} is not prepared: {reason}", file=sys.stderr)
    try:
        with running_server(args.server, work) as (url, process):
            states = wait_until_settled(url, process, {model["name"] for model in models})
            results = run.run(url, catalogue.cases_dir(work), models, args.budget)
    except ServerDied as error:
        print(error, last_lines(work / "server.log"), sep="\n", file=sys.stderr)
        return 1
    explain(results, states)
    (work / "report.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return run.report(results, args.at_least)


def parse_args(argv):
    parser = argparse.ArgumentParser(description="serve models from PyPI packages and check every answer")
    parser.add_argument("--server", type=Path, required=True, help="the onnxd program")
    parser.add_argument("--work", type=Path, required=True, help="working directory, kept between runs")
    parser.add_argument("--at-least", type=int, default=28, metavar="N", help="how many models must be right")
    parser.add_argument("--budget", type=float, default=900, metavar="SECONDS", help="for all requests together")
    parser.add_argument("--models", nargs="*", metavar="NAME", help="ask only about these models of models.json")
    return parser.parse_args(argv)


@contextlib.contextmanager
def running_server(program, work):
    """Starts the server on a free port; yields (url, process); stops it in the end."""
    port = free_port()
    command = [str(program.resolve()), "serve", str(catalogue.repository_dir(work))]
    command += ["--http-addr", f"127.0.0.1:{port}", "--log", "json"]
    with (work / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=work)
        try:
            yield f"http://127.0.0.1:{port}", process
        finally:
            stop(process)


def last_lines(log):
    return "\n".join(log.read_text(errors="replace").splitlines()[-10:])


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stop(process):
    """Asks the server to end, and ends it if it does not."""
    if process.poll() is not None:
        return
    os.kill(process.pid, signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"the server did not stop within {STOP_SECONDS} s of SIGTERM", file=sys.stderr)
        process.kill()
        process.wait()


def wait_until_settled(url, process, names):
    """Waits until every model is ready or given up; returns {name: (state, reason)}.

    After READY_SECONDS it goes on with what there is: the models that are still loading
    then fail by themselves, and the rest is worth knowing.
    """
    deadline = time.monotonic() + READY_SECONDS
    states = {}
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerDied(f"the server ended with code {process.returncode}; its log ends with")
        states = model_states(url)
        if names <= {name for name, (state, _) in states.items() if state in ("READY", "UNAVAILABLE")}:
            return states
        time.sleep(0.5)
    print(f"some models were not settled after {READY_SECONDS} s", file=sys.stderr)
    return states


def model_states(url):
    """What the repository index says; nothing while the server does not answer."""
    try:
        status, _, body = run.post(url, "/v2/repository/index", b"{}", {"Content-Type": "application/json"}, 10)
        entries = json.loads(body) if status == 200 else []
        return {entry["name"]: (entry.get("state", ""), entry.get("reason", "")) for entry in entries}
    except (run.Wrong, ValueError, KeyError, TypeError):
        return {}


def explain(results, states):
    """Adds why a model was not loaded to a failure that does not say so itself."""
    for result in results:
        state, reason = states.get(result["name"], ("missing from the repository index", ""))
        if not result["ok"] and state != "READY" and (not reason or reason not in result["reason"]):
            result["reason"] += f" [{state}: {reason}]" if reason else f" [{state}]"


if __name__ == "__main__":
    sys.exit(main())
