"""Programs of Debian: those of the machine, else unpacked from the packages that apt fetches.

Nothing is installed: an installed package would start a server of its own.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROMETHEUS = ("prometheus", "promtool")


class Missing(Exception):
    """Why a program is not on this machine, and cannot be had."""


def programs(directory: Path, names=PROMETHEUS, packages=("prometheus",)) -> dict[str, str]:
    """The path of each program; what is fetched stays in `directory`, libraries below `root/usr/lib`."""
    unpacked = os.pathsep.join(str(directory / "root" / "usr" / bin) for bin in ("bin", "sbin"))
    for find in (shutil.which, lambda name: shutil.which(name, path=unpacked)):
        found = {name: find(name) for name in names}
        if all(found.values()):
            return found
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Missing(f"{', '.join(names)}: not in the PATH, and there is no apt to fetch packages with")
    fetch(directory, packages)
    return {name: shutil.which(name, path=unpacked) for name in names}


def programs_or_leave(left_out: str, *wanted) -> dict[str, str]:
    """The same, or the end of the suite, which says what is left out; with CI set that is a failure."""
    try:
        return programs(*wanted)
    except Missing as missing:
        # Only suites are left; whoever runs none has no pytest.
        import pytest

        rim = "*" * 88
        message = f"\n{rim}{left_out}  {missing}\n{rim}\n"
        if os.environ.get("CI"):
            raise pytest.UsageError(message) from missing
        print(message, file=sys.stderr)
        pytest.exit(f"not on this machine: {missing}", returncode=0)


def fetch(directory: Path, packages) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    download = ["apt-get", "download", *packages]
    if os.geteuid() == 0:
        download += ["-o", "APT::Sandbox::User=root"]
    failed = run(download, directory)
    # The list of packages is old, or there is none.
    if failed and os.geteuid() == 0:
        failed = run(["apt-get", "update"], directory) or run(download, directory)
    for package in packages:
        files = sorted(directory.glob(f"{package}_*.deb"), key=lambda path: path.stat().st_mtime)
        if failed or not files:
            raise Missing(f"apt cannot fetch the package {package}: {failed}")
        failed = run(["dpkg-deb", "-x", str(files[-1]), "root"], directory)
        if failed:
            raise Missing(f"{files[-1]} cannot be unpacked: {failed}")


def run(command: list[str], directory: Path) -> str:
    """Empty, or what went wrong."""
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return f"{command[0]} takes longer than two minutes"
    return "" if done.returncode == 0 else (done.stderr.strip() or f"{command[0]} ended with {done.returncode}")
