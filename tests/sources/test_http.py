"""Models on a plain web server: a listing with digests, or one file."""

import pytest
from breakable import Faults
from serving import Server, eventually, scale, sha256


@pytest.fixture
def start(site, tmp_path):
    return lambda *arguments, url=site.url: Server(url, tmp_path, *arguments)


def test_what_the_listing_names_serves(site, start):
    site.publish({"m/1/model.onnx": scale(1)})
    with start() as server:
        eventually(lambda: server.serves(1))
        site.publish({"m/1/model.onnx": scale(1), "m/2/model.onnx": scale(2)})
        eventually(lambda: server.serves(2))
        assert len(site.proxy.gets("m/1/model.onnx")) == 1


def test_a_digest_that_differs_is_refused_and_the_old_version_serves_on(site, start):
    site.publish({"m/1/model.onnx": scale(1)})
    with start() as server:
        eventually(lambda: server.serves(1))
        said = "0" * 64
        site.publish({"m/1/model.onnx": scale(1), "m/2/model.onnx": scale(2)}, **{"m/2/model.onnx": said})
        reason = eventually(lambda: server.reason(2))
        expected = f"SHA256SUMS says {said}, the server sent {sha256(scale(2))}"
        assert reason == f"model.onnx could not be fetched: {expected}"
        assert server.serves(1)


def test_a_transfer_that_garbles_bytes_is_noticed_and_done_again(site, start):
    site.proxy.faults = Faults(path="model.onnx", garble=True)
    site.publish({"m/1/model.onnx": scale(1)})
    with start() as server:
        assert "the server sent" in eventually(lambda: server.reason(1))
        site.proxy.faults = Faults()
        eventually(lambda: server.serves(1))


def test_a_server_without_ranges_sends_all_again(site, start):
    model = scale(1, 2 << 20)
    site.publish({"m/1/model.onnx": model})
    site.proxy.faults = Faults(path="model.onnx", truncate=1 << 20, times=1)
    with start() as server:
        eventually(lambda: server.serves(1))
    transfers = site.proxy.gets("model.onnx")
    assert transfers[1].range and transfers[1].status == 200, "the server ignores the range"
    assert transfers[-1].range is None and transfers[-1].sent == len(model)


def test_one_file_serves_and_is_replaced_when_it_changes(site, start):
    site.put("twice.onnx", scale(2))
    with start(url=f"{site.url}/twice.onnx") as server:
        eventually(lambda: server.serves(2, "twice"))
        # Of another length: this server's times have whole seconds.
        site.put("twice.onnx", scale(3, 100))
        eventually(lambda: server.serves(3, "twice"))


def test_a_site_without_a_listing_is_a_problem_that_is_said(site, start):
    with start() as server:
        assert eventually(server.problem) == f"object store {site.url}: SHA256SUMS: not found"
