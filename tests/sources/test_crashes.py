"""kill -9 at any moment: the next start serves the last good state."""

import random
import time

from serving import Server, eventually, scale

ROUNDS = 20


def test_what_is_killed_at_random_moments_serves_one_whole_state_at_every_start(bucket, tmp_path):
    random.seed(4)
    bucket.put("m/1/model.onnx", scale(1, 300_000))
    bucket.put("m/1/notes.txt", b"1")
    with Server(bucket.url, tmp_path, **bucket.environment) as server:
        eventually(lambda: server.serves(1))
    for each in range(ROUNDS):
        factor = each % 3 + 1
        with Server(bucket.url, tmp_path, **bucket.environment) as server:
            bucket.put("m/1/model.onnx", scale(factor, 300_000))
            bucket.put("m/1/notes.txt", b"%d" % factor)
            time.sleep(random.uniform(0, 0.6))
            server.kill()
        tree = server.cache / "tree" / "m" / "1"
        assert (tree / "model.onnx").read_bytes() in [scale(f, 300_000) for f in (1, 2, 3)]
        bucket.proxy.down()
        with Server(bucket.url, tmp_path, **bucket.environment) as server:
            server.wait_until_ready()
            assert server.factor() in (1, 2, 3), "nothing half-written is loaded, and something is"
        bucket.proxy.start()
    with Server(bucket.url, tmp_path, **bucket.environment) as server:
        eventually(lambda: server.serves(factor))
        eventually(lambda: not list((server.cache / "partial").iterdir()))
