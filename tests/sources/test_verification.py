"""Digests and signatures: what does not fit is refused, and what served before serves on."""

import pytest
from minisign import Signer
from serving import Server, eventually, scale, sha256


def sums(**files: bytes) -> bytes:
    names = {"model": "model.onnx"}
    return "".join(f"{sha256(data)}  {names.get(name, name)}\n" for name, data in files.items()).encode()


@pytest.fixture
def start(bucket, tmp_path):
    return lambda *arguments: Server(bucket.url, tmp_path, *arguments, **bucket.environment)


@pytest.fixture
def signer() -> Signer:
    return Signer()


def test_a_digest_that_does_not_fit_is_refused_also_after_a_restart(bucket, start):
    bucket.put("m/1/SHA256SUMS", sums(model=scale(1)))
    bucket.put("m/1/model.onnx", scale(1))
    with start() as server:
        eventually(lambda: server.serves(1))
        bucket.put("m/1/model.onnx", scale(2))
        expected = f"SHA256SUMS says {sha256(scale(1))} for model.onnx, the file has {sha256(scale(2))}"
        eventually(lambda: server.reason(1) == expected)
        assert server.serves(1)
    with start() as server:
        eventually(lambda: server.serves(1))
        bucket.put("m/1/SHA256SUMS", sums(model=scale(2)))
        eventually(lambda: server.serves(2))
        eventually(lambda: not server.reason(1))


@pytest.mark.parametrize("legacy", [False, True])
def test_a_signed_version_serves(bucket, start, signer, legacy):
    bucket.put("m/1/model.onnx", scale(1))
    bucket.put("m/1/model.onnx.minisig", signer.sign(scale(1), legacy))
    with start("--public-key", signer.public_key, "--require-signatures") as server:
        eventually(lambda: server.serves(1))


def test_a_missing_a_bad_and_a_foreign_signature_are_refused(bucket, start, signer):
    bucket.put("m/1/model.onnx", scale(1))
    bucket.put("m/1/model.onnx.minisig", signer.sign(scale(1)))
    with start("--public-key", signer.public_key, "--require-signatures") as server:
        eventually(lambda: server.serves(1))
        bucket.put("m/2/model.onnx", scale(2))
        expected = "model.onnx.minisig is missing, and signatures are required"
        eventually(lambda: server.reason(2) == expected)
        bucket.put("m/3/model.onnx", scale(3))
        bucket.put("m/3/model.onnx.minisig", signer.sign(scale(1)))
        eventually(lambda: server.reason(3) == "model.onnx.minisig: the signature does not match")
        bucket.put("m/3/model.onnx.minisig", Signer(2).sign(scale(3)))
        eventually(lambda: server.reason(3) == "model.onnx.minisig: made with another key")
        assert server.serves(1)
        bucket.put("m/3/model.onnx.minisig", signer.sign(scale(3)))
        eventually(lambda: server.serves(3))


def test_without_being_required_a_signature_counts_only_if_it_is_there(bucket, start, signer):
    bucket.put("m/1/model.onnx", scale(1))
    with start("--public-key", signer.public_key) as server:
        eventually(lambda: server.serves(1))
        bucket.put("m/2/model.onnx", scale(2))
        bucket.put("m/2/model.onnx.minisig", b"nonsense")
        eventually(lambda: server.reason(2) == "model.onnx.minisig: this is no minisign signature")
        assert server.serves(1)


def test_local_models_are_verified_alike(tmp_path, signer):
    version = tmp_path / "models" / "m" / "1"
    version.mkdir(parents=True)
    (version / "model.onnx").write_bytes(scale(1))
    arguments = ["--public-key", signer.public_key, "--require-signatures"]
    with Server(str(tmp_path / "models"), tmp_path, *arguments) as server:
        expected = "model.onnx.minisig is missing, and signatures are required"
        eventually(lambda: server.reason(1) == expected)
        (version / "model.onnx.minisig").write_bytes(signer.sign(scale(1)))
        eventually(lambda: server.serves(1))
        (version / "SHA256SUMS").write_bytes(sums(model=scale(2)))
        eventually(lambda: server.reason(1).startswith("SHA256SUMS says"))
        assert server.serves(1)


def test_a_file_url_is_a_path(tmp_path):
    version = tmp_path / "models" / "m" / "1"
    version.mkdir(parents=True)
    (version / "model.onnx").write_bytes(scale(1))
    with Server(f"file://{tmp_path}/models", tmp_path) as server:
        eventually(lambda: server.serves(1))
