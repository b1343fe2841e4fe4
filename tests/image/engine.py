"""Builds the stages of the Dockerfile with Debian's buildah, which needs no daemon and no container runtime.

No registry is asked: the base images are made here, of Debian's packages. The one for the compiler has, in
place of cargo, a script that hands over a program which was built outside.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUITE = "bookworm"
BUILD = "build --profile dist --locked --bin onnxd"
"""What the Dockerfile asks of cargo."""

CARGO = f"""#!/bin/sh
[ "$*" = "{BUILD}" ] || {{ echo "this is not cargo, and knows nothing but: {BUILD}" >&2; exit 1; }}
mkdir -p target/dist
cp /opt/onnxd target/dist/onnxd
"""


class Failed(Exception):
    """A step that did not work, with what it said."""


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def install(*programs: str) -> None:
    """Each is in a Debian package of its name."""
    missing = [program for program in programs if not shutil.which(program)]
    if not missing:
        return
    print("installing", *missing, flush=True)
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    try:
        run(*install)
    except Failed:
        # The list of packages is old, or there is none.
        run("apt-get", "update")
        run(*install)


class Engine:
    def __init__(self, work: Path):
        install("buildah", "debootstrap")
        self._work = work
        self._storage = work / "storage"
        work.mkdir(parents=True, exist_ok=True)

    def buildah(self, command: str, *arguments: str | Path) -> str:
        # Layers lie over each other; vfs would copy a whole Debian for each line of the Dockerfile.
        where = ["--root", self._storage, "--runroot", self._work / "run", "--storage-driver", "overlay"]
        return run("buildah", *where, command, *arguments).strip()

    def debian(self) -> Path:
        """The least Debian, once."""
        archive = self._work / f"{SUITE}.tar"
        if not archive.is_file():
            directory = self._work / SUITE
            shutil.rmtree(directory, ignore_errors=True)
            print("making a Debian for the base images (a minute, once)", flush=True)
            run("debootstrap", "--variant=minbase", "--include=ca-certificates", SUITE, directory)
            unfinished = archive.with_suffix(".part")
            run("tar", "--create", "--numeric-owner", "--file", unfinished, "--directory", directory, ".")
            unfinished.rename(archive)
            shutil.rmtree(directory)
        return archive

    def make_bases(self, program: Path) -> None:
        shutil.rmtree(self._storage, ignore_errors=True)
        cargo = self._work / "cargo"
        cargo.write_text(CARGO)
        cargo.chmod(0o755)
        container = self.buildah("from", "scratch")
        self.buildah("add", container, self.debian(), "/")
        self.buildah("commit", container, "localhost/debian")
        self.buildah("add", container, program, "/opt/onnxd")
        self.buildah("add", container, cargo, "/usr/local/bin/cargo")
        self.buildah("commit", "--rm", container, "localhost/rust")

    def build(self, target: str) -> None:
        self.buildah(
            "build", "--isolation", "chroot", "--format", "docker", "--layers", "--pull-never",
            "--build-arg", "RUST_IMAGE=localhost/rust", "--build-arg", "DEBIAN_IMAGE=localhost/debian",
            "--target", target, "--tag", f"localhost/onnxd:{target}", ".",
        )  # fmt: skip

    def configuration(self, target: str) -> dict:
        return json.loads(self.buildah("inspect", "--type", "image", f"localhost/onnxd:{target}"))["Docker"]["config"]

    def mounted(self, target: str) -> Path:
        """Its files. What is started there must not write: it would change the container's copy."""
        return Path(self.buildah("mount", self.buildah("from", "--pull-never", f"localhost/onnxd:{target}")))

    def remove(self) -> None:
        if self._storage.exists():
            self.buildah("umount", "--all")
            shutil.rmtree(self._storage, ignore_errors=True)


def usable() -> str:
    """Empty, or why nothing can be built here."""
    if os.geteuid() != 0:
        return "it needs root, to change the root directory and to mount"
    if not shutil.which("buildah") and not shutil.which("apt-get"):
        return "there is no buildah, and no apt-get to fetch it with"
    return ""
