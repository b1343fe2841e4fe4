"""Stores on loopback, each behind a proxy that a test may break. Nothing here skips."""

import os
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer

pytest.register_assert_rewrite("serving")

from breakable import Proxy  # noqa: E402

# The tests talk to this machine only; a proxy from the environment would take their requests elsewhere.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"


def pytest_configure(config):
    if not config.option.collectonly and not Path(os.environ.get("ONNXD_BIN", "")).is_file():
        raise pytest.UsageError("ONNXD_BIN must name the onnxd binary to test (`make sources` sets it)")


@pytest.fixture(scope="session")
def moto():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


class Bucket:
    def __init__(self, moto: str):
        self.name = f"models-{uuid4().hex[:8]}"
        self.proxy = Proxy(moto).start()
        credentials = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
        self._client = boto3.client("s3", endpoint_url=f"http://{moto}", **credentials)
        self._client.create_bucket(Bucket=self.name)
        self.url = f"s3://{self.name}/some/where"
        self.environment = {"AWS_ENDPOINT": self.proxy.url}

    def put(self, path: str, data: bytes) -> None:
        self._client.put_object(Bucket=self.name, Key=f"some/where/{path}", Body=data)

    def delete(self, path: str) -> None:
        self._client.delete_object(Bucket=self.name, Key=f"some/where/{path}")


@pytest.fixture
def bucket(moto):
    bucket = Bucket(moto)
    yield bucket
    bucket.proxy.down()


class Site:
    """A plain web server over a directory: no ranges, no ETags."""

    def __init__(self, directory: Path):
        class Quiet(SimpleHTTPRequestHandler):
            def log_message(self, *_):
                pass

        self.directory = directory
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=directory))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.proxy = Proxy(f"127.0.0.1:{self._server.server_address[1]}").start()
        self.url = f"{self.proxy.url}/models"

    def put(self, path: str, data: bytes) -> None:
        file = self.directory / "models" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(file.name + ".new")
        new.write_bytes(data)
        new.rename(file)

    def publish(self, files: dict[str, bytes], **said: str) -> None:
        """Puts files, and a listing with their digests, or with others."""
        import serving

        for path, data in files.items():
            self.put(path, data)
        digests = {path: serving.sha256(data) for path, data in files.items()} | said
        self.put("SHA256SUMS", "".join(f"{digest}  {path}\n" for path, digest in digests.items()).encode())

    def close(self) -> None:
        self.proxy.down()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def site(tmp_path):
    directory = tmp_path / "site"
    directory.mkdir()
    site = Site(directory)
    yield site
    site.close()
