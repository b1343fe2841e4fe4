"""Debian's prometheus and promtool: those of the machine, else unpacked from the package that apt fetches.

Nothing is installed: an installed package would start a server of its own.
"""

import os
import shutil
import subprocess
from pathlib import Path

PROGRAMS = ("prometheus", "promtool")


class Missing(Exception):
    """Why there is no Prometheus on this machine, and none can be had."""


def programs(directory: Path) -> dict[str, str]:
    """The path of each program; what is fetched stays in `directory`."""
    unpacked = directory / "root" / "usr" / "bin"
    for find in (shutil.which, lambda name: shutil.which(name, path=unpacked)):
        found = {name: find(name) for name in PROGRAMS}
        if all(found.values()):
            return found
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Missing("prometheus and promtool are not in the PATH, and there is no apt to fetch them with")
    fetch(directory)
    return {name: str(unpacked / name) for name in PROGRAMS}


def fetch(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    download = ["apt-get", "download", "prometheus"]
    if os.geteuid() == 0:
        download += ["-o", "APT::Sandbox::User=root"]
    failed = run(download, directory)
    # The list of packages is old, or there is none.
    if failed and os.geteuid() == 0:
        failed = run(["apt-get", "update"], directory) or run(download, directory)
    packages = sorted(directory.glob("prometheus_*.deb"), key=lambda path: path.stat().st_mtime)
    if failed or not packages:
        raise Missing(f"apt cannot fetch the package prometheus: {failed}")
    failed = run(["dpkg-deb", "-x", str(packages[-1]), "root"], directory)
    if failed:
        raise Missing(f"{packages[-1]} cannot be unpacked: {failed}")


def run(command: list[str], directory: Path) -> str:
    """Empty, or what went wrong."""
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return f"{command[0]} takes longer than two minutes"
    return "" if done.returncode == 0 else (done.stderr.strip() or f"{command[0]} ended with {done.returncode}")
