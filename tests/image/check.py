#!/usr/bin/env python3
"""Builds the image of the Dockerfile around a program, and runs it as a careful cluster would.

    check.py PROGRAM WORK_DIRECTORY [--max-megabytes N]

Needs root, and Debian's buildah and debootstrap, which it installs. docs/kubernetes.md says what this does not prove.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path

from engine import ROOT, Engine, Failed, run, usable

HERE = Path(__file__).resolve().parent
sys.path.append(str(ROOT / "tests" / "prometheus"))

from processes import eventually, free_port, get  # noqa: E402

VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]
UNPRIVILEGED = {"Uid": "65532\t65532\t65532\t65532", "CapEff": "0" * 16, "CapBnd": "0" * 16, "NoNewPrivs": "1"}


def said(what: str) -> None:
    print(f"ok  {what}", flush=True)


def container(root: Path, *command: str, environment: dict[str, str] | None = None) -> subprocess.Popen:
    """Starts a program in an image, with nothing of this environment but where programs are."""
    inside = ["unshare", "--mount", "--propagation", "private", sys.executable, HERE / "container.py", root, *command]
    return subprocess.Popen(
        [str(word) for word in inside], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **(environment or {})},
    )  # fmt: skip


def finished(root: Path, *command: str, environment: dict[str, str] | None = None) -> tuple[int, str]:
    process = container(root, *command, environment=environment)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


def check_context(root: Path) -> None:
    """cargo finds every file that Cargo.toml names, so that the real one would begin to build."""
    manifest = root / "src" / "Cargo.toml"
    run("cargo", "metadata", "--no-deps", "--offline", "--locked", "--format-version=1", "--manifest-path", manifest)
    tracked = run("git", "ls-files", "src").split()
    assert all((root / "src" / name).is_file() for name in tracked), "a source is left out"
    said(f"the build stage has what cargo needs: {len(tracked)} sources, and the files of all targets")


def check_configuration(engine: Engine) -> dict:
    own = engine.configuration("server")
    assert own["User"] == "65532:65532", own["User"]
    assert own["Entrypoint"] == ["/usr/bin/onnxd"] and own["Cmd"] == ["serve"], own
    assert own["Healthcheck"]["Test"] == ["CMD", "/usr/bin/onnxd", "health"], own["Healthcheck"]
    assert "8080/tcp" in own["ExposedPorts"] and own["StopSignal"] == "SIGTERM", own
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in own["Labels"].items()}
    assert labels["version"] == VERSION and {"title", "description", "revision", "licenses"} <= labels.keys(), labels
    said("user, entry point, health check, port, stop signal and labels are as the Dockerfile says")
    return own


def check_size(root: Path, work: Path, most: float | None) -> None:
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    whole = sum(path.stat().st_size for path in files)
    program = (root / "usr/bin/onnxd").stat().st_size
    archive = work / "layer.tar.gz"
    run("tar", "--create", "--gzip", "--file", archive, "--directory", root, ".")
    megabytes = [round(size / 1e6, 1) for size in (whole, program, archive.stat().st_size)]
    archive.unlink()
    text = "{} MB compressed, which is what a node pulls; {} MB unpacked in {} files, of which the program {} MB"
    text = text.format(megabytes[2], megabytes[0], len(files), megabytes[1])
    assert most is None or megabytes[2] <= most, f"{text}: more than {most} MB to pull"
    said(f"size: {text}")


def check_contents(root: Path) -> None:
    programs = [path for path in root.rglob("*") if path.is_file() and path.stat().st_mode & 0o111]
    others = {path.name for path in programs if path.name != "onnxd"}
    assert all(re.match(r"lib\w+\.so|ld-linux", name) for name in others), f"programs beside onnxd: {others}"
    special = [path for path in root.rglob("*") if path.lstat().st_mode & 0o6000]
    assert special == [], f"files that give rights: {special}"
    assert (root / "tmp").stat().st_mode & 0o7777 == 0o1777
    assert (root / "etc/ssl/certs/ca-certificates.crt").stat().st_size > 100_000
    packages = sorted(path.name for path in (root / "var/lib/dpkg/status.d").iterdir())
    said(f"no shell and no other program; libraries of {', '.join(packages)}, as scanners find them")


def check_server(root: Path, own: dict) -> None:
    """The image with models, with the settings of the image but for the port."""
    address = f"127.0.0.1:{free_port()}"
    environment = dict(entry.split("=", 1) for entry in own["Env"])
    code, output = finished(root, *own["Entrypoint"], *own["Cmd"], environment=environment)
    assert code == 2 and "nothing asks who they are" in output, output
    said("as it is it lets nobody in: it must be told how")
    environment["ONNXD_HTTP_ADDR"] = address
    command, check = own["Entrypoint"] + own["Cmd"], own["Healthcheck"]["Test"][1:]
    assert finished(root, *check, environment=environment)[0] == 1
    server = container(root, *command, environment=environment)
    try:
        began = time.monotonic()
        healthy = lambda: server.poll() is not None or finished(root, *check, environment=environment)[0] == 0  # noqa: E731
        eventually(healthy, 120)
        assert server.poll() is None, server.communicate()[0]
        said(f"the health check fails before there is a server, and holds {time.monotonic() - began:.1f} s after its start")
        status = dict(re.findall(r"^(\w+):\s+(.*)$", Path(f"/proc/{server.pid}/status").read_text(), re.MULTILINE))
        assert UNPRIVILEGED.items() <= status.items(), status
        mounts = Path(f"/proc/{server.pid}/mounts").read_text().splitlines()
        (mount,) = [line.split()[3] for line in mounts if line.split()[1] == "/"]
        assert mount.split(",")[0] == "ro", mounts
        said("it runs as 65532, without capabilities, on a read-only root file system")
        check_answers(address)
        check_metrics(address)
    finally:
        server.terminate()
        output, _ = server.communicate(timeout=60)
    assert server.returncode == 0, output
    said("SIGTERM ends it with exit code 0")


def check_answers(address: str) -> None:
    models = ROOT / "models"
    asked = {
        "/v1/models/flight-delay:predict": "flight-delay/rows.json",
        "/v2/models/digits/infer": "digits/example.json",
    }
    for path, body in asked.items():
        status, answer = get(f"http://{address}{path}", json.loads((models / body).read_text()))
        assert status == 200, answer
    # Goes through a temporary file.
    rows = (ROOT / "tests" / "fixtures" / "flights.csv").read_bytes()
    request = urllib.request.Request(
        f"http://{address}/api/models/flight-delay/score", rows, {"Content-Type": "text/csv", "Accept": "text/csv"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200 and answer.read().count(b"\n") > 1
    said("models answer over both protocols, and a file is scored")


def check_metrics(address: str) -> None:
    status, page = get(f"http://{address}/metrics")
    assert status == 200 and f'onnxd_build_info{{version="{VERSION}"}} 1'.encode() in page
    said(f"it says that it is {VERSION}")


def check_names(root: Path, work: Path) -> None:
    """Libraries of C look names up with files and modules that an image without Debian may lack."""
    served = work / "served"
    shutil.rmtree(served, ignore_errors=True)
    shutil.copytree(ROOT / "models" / "digits", served / "digits")
    run("sh", "-c", "find . -type f | sed 's|^./||' | sort | xargs sha256sum > ../sums && mv ../sums SHA256SUMS", cwd=served)
    port, own = free_port(), f"127.0.0.1:{free_port()}"
    web = subprocess.Popen([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"], cwd=served,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    cached = {"ONNXD_CACHE_DIR": "/tmp/cache", "ONNXD_HTTP_ADDR": own}
    server = container(root, "/usr/bin/onnxd", "serve", f"http://localhost:{port}", environment=cached)
    try:
        ready = lambda: server.poll() is not None or finished(root, "/usr/bin/onnxd", "health", environment=cached)[0] == 0  # noqa: E731
        eventually(ready, 120)
        assert server.poll() is None, server.communicate()[0]
        assert get(f"http://{own}/v2/models/digits/ready")[0] == 200
    finally:
        web.kill()
        server.terminate()
        server.communicate(timeout=60)
    said("names of hosts are found, and models come from a web server into /tmp")


def check_shell(engine: Engine) -> None:
    root = engine.mounted("shell")
    code, output = finished(root, "/bin/sh", "-c", "date -u +%Y-%m-%d && exec onnxd --version")
    assert code == 0 and re.fullmatch(rf"\d{{4}}-\d\d-\d\d\nonnxd {re.escape(VERSION)}\n", output), output
    said("the image for jobs has a shell, date and the program")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--max-megabytes", type=float, help="of the compressed layer")
    arguments = parser.parse_args()
    if reason := usable():
        print(f"the image cannot be checked here: {reason}", file=sys.stderr)
        return 1
    work = arguments.work.resolve()
    engine = Engine(work)
    try:
        engine.make_bases(arguments.program.resolve())
        for target in ("build", "server", "models", "shell"):
            engine.build(target)
        said("buildah builds all targets of the Dockerfile")
        check_context(engine.mounted("build"))
        own = check_configuration(engine)
        root = engine.mounted("server")
        check_size(root, work, arguments.max_megabytes)
        check_contents(root)
        check_server(engine.mounted("models"), own)
        check_names(root, work)
        check_shell(engine)
    except Failed as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        return 1
    finally:
        engine.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
