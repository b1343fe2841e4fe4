"""A proxy before a store that breaks on demand, and notes what was asked of it."""

import contextlib
import http.client
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Exchange:
    method: str
    path: str
    range: str | None
    if_match: str | None
    status: int = 0
    sent: int = 0


@dataclass
class Faults:
    """What goes wrong with requests whose path contains `path`. Settable while requests run."""

    path: str = ""
    status: int = 0
    """Answer this and nothing else."""
    truncate: int = 0
    """Close the connection after so many bytes of a body."""
    times: int = 1_000_000
    """Fail so often, then work."""
    bytes_per_second: int = 0
    """Trickle."""
    garble: bool = False
    """Flip bits of bodies; lengths stay."""


@dataclass
class Proxy:
    upstream: str
    """host:port"""
    faults: Faults = field(default_factory=Faults)
    log: list[Exchange] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None
    port: int = 0
    _connections: set[socket.socket] = field(default_factory=set)

    def start(self) -> "Proxy":
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                proxy._connections.add(self.connection)

            def finish(self):
                proxy._connections.discard(self.connection)
                super().finish()

            def log_message(self, *_):
                pass

            def handle_any(self):
                proxy._handle(self)

            do_GET = do_HEAD = handle_any

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_):
                pass  # broken connections are what this is for

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def down(self) -> None:
        """Refuses connections; `start` opens the same port again."""
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def gets(self, path: str) -> list[Exchange]:
        return [e for e in list(self.log) if e.method == "GET" and e.path.split("?")[0].endswith(path)]

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        note = Exchange(handler.command, handler.path, handler.headers.get("Range"), handler.headers.get("If-Match"))
        self.log.append(note)
        faults = self.faults
        faulty = faults.path in handler.path and faults.times > 0
        if faulty and (faults.status or faults.truncate):
            faults.times -= 1
        if faulty and faults.status:
            note.status = faults.status
            handler.send_response(faults.status)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        connection = http.client.HTTPConnection(self.upstream, timeout=30)
        headers = {k: v for k, v in handler.headers.items() if k.lower() not in ("connection", "host")}
        connection.request(handler.command, handler.path, headers={**headers, "Host": handler.headers["Host"]})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if faulty and faults.garble:
            body = bytes(byte ^ 1 for byte in body)
        note.status = answer.status
        handler.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in ("connection", "transfer-encoding", "content-length", "date", "server"):
                handler.send_header(key, value)
        length = answer.getheader("Content-Length") if handler.command == "HEAD" else len(body)
        handler.send_header("Content-Length", str(length or 0))
        handler.end_headers()
        if handler.command == "HEAD":
            return
        if faulty and faults.truncate:
            body = body[: faults.truncate]
        step = max(faults.bytes_per_second // 10, 1) if faulty and faults.bytes_per_second else 1 << 16
        for start in range(0, len(body), step):
            handler.wfile.write(body[start : start + step])
            note.sent += len(body[start : start + step])
            if faulty and faults.bytes_per_second:
                time.sleep(0.1)
        if faulty and faults.truncate:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
