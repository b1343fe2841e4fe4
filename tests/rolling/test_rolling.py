"""Two servers behind a proxy that asks them whether they are ready, restarted one after the other under load."""

import csv
import http.client
import io
import json
import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from processes import Process, eventually, free_port, get

ROOT = Path(__file__).resolve().parents[2]
RESTARTS = 20
CLIENTS = 8

# The proxy sends nothing twice: a request that is lost with its server would be seen.
CONFIGURATION = """
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    retries 0
frontend all
    bind 127.0.0.1:{port}
    default_backend onnxd
backend onnxd
    balance roundrobin
    option httpchk GET /readyz
    http-check expect status 200
    default-server check inter 100ms fall 1 rise 1
    {servers}
listen stats
    bind 127.0.0.1:{stats}
    stats enable
    stats uri /
"""


def onnxd(port: int, directory: Path) -> Process:
    command = [os.environ["ONNXD_BIN"], "serve", str(ROOT / "benches" / "models"), "--http-addr", f"127.0.0.1:{port}"]
    # Longer than the proxy takes to see that the server is not ready any more.
    command += ["--shutdown-delay", "1s", "--log", "json"]
    return Process(command, directory / f"{port}.log", f"http://127.0.0.1:{port}/readyz")


def states(stats: int) -> dict[str, str]:
    """What the proxy thinks of its servers."""
    table = csv.DictReader(io.StringIO(get(f"http://127.0.0.1:{stats}/;csv")[1].decode().lstrip("# ")))
    return {row["svname"]: row["status"] for row in table if row["pxname"] == "onnxd"}


class Client(threading.Thread):
    """Asks one question after the other over a connection that it keeps, until it is told to stop."""

    def __init__(self, port: int, stop: threading.Event):
        super().__init__(daemon=True)
        self.port, self.stop = port, stop
        self.answered, self.failures = 0, []
        self.body = (ROOT / "benches" / "models" / "digits" / "example.json").read_bytes()

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self.stop.is_set():
            try:
                connection.request("POST", "/v2/models/digits/infer", self.body)
                response = connection.getresponse()
                answer = response.read()
                if response.status != 200 or json.loads(answer)["outputs"][0]["data"] is None:
                    self.failures.append((response.status, answer[:200]))
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(error)
                connection.close()
            self.answered += 1
            time.sleep(0.002)


def test_twenty_rolling_restarts_behind_a_proxy_fail_no_request(haproxy, tmp_path):
    ports, port, stats = [free_port(), free_port()], free_port(), free_port()
    servers = "\n    ".join(f"server s{port} 127.0.0.1:{port}" for port in ports)
    (tmp_path / "haproxy.cfg").write_text(CONFIGURATION.format(port=port, stats=stats, servers=servers))
    with ExitStack() as running:
        fleet = {f"s{port}": running.enter_context(onnxd(port, tmp_path)) for port in ports}
        for server in fleet.values():
            server.wait_until_ready()
        command = [haproxy, "-db", "-f", str(tmp_path / "haproxy.cfg")]
        proxy = Process(command, tmp_path / "haproxy.log", f"http://127.0.0.1:{stats}/")
        running.enter_context(proxy).wait_until_ready()
        eventually(lambda: all(state == "UP" for name, state in states(stats).items() if name in fleet))
        stop = threading.Event()
        clients = [Client(port, stop) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        for restart in range(RESTARTS):
            name = list(fleet)[restart % 2]
            before = sum(client.answered for client in clients)
            assert fleet[name].stop() == 0, "every request that was under way has ended"
            fleet[name].start()
            fleet[name].wait_until_ready()
            eventually(lambda name=name: states(stats)[name] == "UP")
            assert sum(client.answered for client in clients) > before, "the load goes on"
        stop.set()
        for client in clients:
            client.join(60)
        failures = [failure for client in clients for failure in client.failures]
        answered = sum(client.answered for client in clients)
        print(f"{RESTARTS} restarts, {answered} requests, {len(failures)} failures")
        assert failures == [] and answered > 1000
