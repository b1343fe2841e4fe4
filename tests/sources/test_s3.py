"""Models in an S3-compatible store, and all that can go wrong between it and the server."""

import subprocess

import pytest
from breakable import Faults
from serving import Server, eventually, scale

MEGABYTE = 1 << 20


@pytest.fixture
def start(bucket, tmp_path):
    def start(*arguments: str, **options) -> Server:
        return Server(bucket.url, tmp_path, *arguments, **{**bucket.environment, **options})

    return start


def test_a_version_that_is_uploaded_appears_and_serves(bucket, start):
    with start() as server:
        server.wait_until_ready()
        bucket.put("m/1/model.onnx", scale(1))
        eventually(lambda: server.serves(1))
        bucket.put("m/2/model.onnx", scale(2))
        eventually(lambda: server.serves(2))
        bucket.delete("m/2/model.onnx")
        eventually(lambda: server.serves(1))
        bucket.delete("m/1/model.onnx")
        eventually(lambda: server.get("/v2/models/m/ready")[0] == 404)
        eventually(lambda: not list((server.cache / "objects").iterdir()))


def test_new_content_of_a_version_replaces_the_old_one(bucket, start):
    bucket.put("m/1/model.onnx", scale(1))
    with start() as server:
        eventually(lambda: server.serves(1))
        bucket.put("m/1/model.onnx", scale(3))
        eventually(lambda: server.serves(3))


def test_settings_come_with_the_models(bucket, start):
    bucket.put("m/1/model.onnx", scale(1))
    bucket.put("m/2/model.onnx", scale(2))
    bucket.put("m/model.toml", b"versions = [1]\n")
    with start() as server:
        server.wait_until_ready()
        assert server.serves(1)
        bucket.put("m/model.toml", b"versions = [2]\n")
        eventually(lambda: server.serves(2))


def test_a_source_that_is_one_model_is_named_for_its_last_part(bucket, start):
    bucket.put("1/model.onnx", scale(2))
    with start() as server:
        eventually(lambda: server.serves(2, "where"))


def test_an_unchanged_store_is_listed_and_not_read(bucket, start):
    bucket.put("m/1/model.onnx", scale(1))
    with start() as server:
        eventually(lambda: server.serves(1))
        listings = len(bucket.proxy.log)
        eventually(lambda: len(bucket.proxy.log) > listings + 5)
        assert len(bucket.proxy.gets("model.onnx")) == 1


def test_a_download_that_breaks_is_continued_where_it_broke(bucket, start):
    model = scale(1, 3 * MEGABYTE)
    bucket.put("m/1/model.onnx", model)
    bucket.proxy.faults = Faults(path="model.onnx", truncate=MEGABYTE, times=2)
    with start() as server:
        eventually(lambda: server.serves(1))
    transfers = bucket.proxy.gets("model.onnx")
    assert [t.status for t in transfers] == [200, 206, 206]
    assert transfers[0].range is None and all(t.if_match for t in transfers)
    starts = [int(t.range.removeprefix("bytes=").rstrip("-")) for t in transfers[1:]]
    assert starts[0] > 0 and starts[1] > starts[0], "each continues behind the one before"
    # What a broken connection had in its buffers is sent again.
    assert transfers[-1].sent == len(model) - starts[1]


def test_a_download_is_continued_by_the_next_process(bucket, start):
    model = scale(1, 3 * MEGABYTE)
    bucket.put("m/1/model.onnx", model)
    bucket.proxy.faults = Faults(path="model.onnx", bytes_per_second=MEGABYTE)
    with start() as server:
        partial = server.cache / "partial"
        eventually(lambda: any(file.stat().st_size > MEGABYTE for file in partial.glob("*")))
        server.kill()
    bucket.proxy.faults = Faults()
    with start() as server:
        eventually(lambda: server.serves(1))
    last = bucket.proxy.gets("model.onnx")[-1]
    assert last.status == 206 and last.sent < 2 * MEGABYTE


def test_content_that_changes_during_a_download_is_never_mixed(bucket, start):
    bucket.put("m/1/model.onnx", scale(1, 2 * MEGABYTE))
    bucket.proxy.faults = Faults(path="model.onnx", truncate=MEGABYTE, times=1)
    with start() as server:
        eventually(lambda: bucket.proxy.gets("model.onnx"))
        bucket.put("m/1/model.onnx", scale(3, 2 * MEGABYTE))
        eventually(lambda: server.serves(3))


@pytest.mark.parametrize(
    "faults",
    [Faults(path="/2/", truncate=10), Faults(path="/2/", status=500), Faults(path="/2/", status=404)],
    ids=["truncated", "500", "missing"],
)
def test_a_version_that_cannot_be_fetched_keeps_the_old_one_serving_and_says_why(bucket, start, faults):
    bucket.put("m/1/model.onnx", scale(1))
    with start() as server:
        eventually(lambda: server.serves(1))
        bucket.proxy.faults = faults
        bucket.put("m/2/model.onnx", scale(2, MEGABYTE))
        reason = eventually(lambda: server.reason(2))
        assert "model.onnx could not be fetched" in reason and str(server.cache) not in reason
        assert server.serves(1)
        bucket.proxy.faults = Faults()
        eventually(lambda: server.serves(2))
        eventually(lambda: not server.reason(2))
        assert server.log().count("could not be fetched: ") >= 1


def test_new_content_that_cannot_be_fetched_leaves_the_old_one_also_after_a_restart(bucket, start):
    bucket.put("m/1/model.onnx", scale(1))
    with start() as server:
        eventually(lambda: server.serves(1))
        bucket.proxy.faults = Faults(path="model.onnx", truncate=10)
        bucket.put("m/1/model.onnx", scale(2, MEGABYTE))
        assert "could not be fetched" in eventually(lambda: server.reason(1))
        assert server.serves(1)
    with start() as server:
        eventually(lambda: server.serves(1))
        bucket.proxy.faults = Faults()
        eventually(lambda: server.serves(2))


def test_a_store_that_goes_down_keeps_serving_and_says_so(bucket, start):
    bucket.put("m/1/model.onnx", scale(1))
    with start() as server:
        eventually(lambda: server.serves(1))
        bucket.proxy.down()
        problem = eventually(server.problem)
        assert problem == f"object store {bucket.url}: cannot connect"
        assert server.serves(1) and server.get("/readyz")[0] == 200
        bucket.proxy.start()
        bucket.put("m/2/model.onnx", scale(2))
        eventually(lambda: server.serves(2))
        eventually(lambda: server.problem() is None)


def test_a_start_while_the_store_is_down_serves_what_the_last_run_had(bucket, start):
    bucket.put("m/1/model.onnx", scale(1))
    with start() as server:
        eventually(lambda: server.serves(1))
    bucket.proxy.down()
    with start() as server:
        server.wait_until_ready()
        assert server.serves(1)
        eventually(server.problem)
    bucket.proxy.start()


def test_a_first_start_while_the_store_is_down_is_not_ready(bucket, start):
    bucket.proxy.down()
    with start() as server:
        assert "cannot connect" in eventually(server.problem)
        assert server.get("/readyz")[0] == 503
        bucket.proxy.start()
        bucket.put("m/1/model.onnx", scale(1))
        eventually(lambda: server.serves(1))
        assert server.get("/readyz")[0] == 200


def test_refused_credentials_are_named_and_not_shown(bucket, start):
    bucket.proxy.faults = Faults(status=403)
    with start() as server:
        assert eventually(server.problem) == f"object store {bucket.url}: permission denied"


def test_a_full_disk_keeps_the_old_version_serving(bucket, start, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=True)
    try:
        bucket.put("m/1/model.onnx", scale(1))
        with start(cache=small) as server:
            eventually(lambda: server.serves(1))
            bucket.put("m/2/model.onnx", scale(2, 2 * MEGABYTE))
            reason = eventually(lambda: server.reason(2))
            assert reason == "model.onnx could not be fetched: the disk of the cache is full"
            assert server.serves(1)
            bucket.put("m/2/model.onnx", scale(2))
            eventually(lambda: server.serves(2))
    finally:
        subprocess.run(["umount", small], check=True)


def test_two_servers_do_not_share_a_cache(bucket, start, tmp_path):
    with start() as server:
        second = start(cache=server.cache)
        assert second.process.wait(20) == 1
        assert "another server uses it" in second.log()
