"""What the Dockerfile says is what the package and the binary say. tests/image builds it."""

import json
import re
import subprocess
import tomllib

import pytest
from manifests import K8S, ONNXD, PACKAGE, ROOT, VERSION, effective

DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", "")


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name}\s+(.*)$", DOCKERFILE, re.MULTILINE)


def test_the_versions_are_those_of_the_package() -> None:
    assert f"VERSION={VERSION}" in instructions("ARG")
    (rust,) = [argument for argument in instructions("ARG") if argument.startswith("RUST_IMAGE=")]
    assert f"/rust:{PACKAGE['rust-version']}-" in rust
    (labels,) = instructions("LABEL")
    assert f'licenses="{PACKAGE["license"]}"' in labels
    made = subprocess.run([ONNXD, "--version"], capture_output=True, text=True, check=True).stdout
    assert made.split()[-1] == VERSION


def test_no_image_is_the_latest() -> None:
    for argument in instructions("ARG"):
        if "_IMAGE=" in argument:
            assert re.search(r":[0-9a-z.-]+$", argument) and not argument.endswith("latest")


def test_the_profile_that_is_built_is_for_distribution() -> None:
    (build,) = [line for line in instructions("RUN") if line.startswith("cargo build")]
    assert "--profile dist" in build and "--locked" in build
    profile = tomllib.loads((ROOT / "Cargo.toml").read_text())["profile"]["dist"]
    assert profile == {"inherits": "release", "lto": "fat", "codegen-units": 1, "strip": "symbols"}


def test_the_server_is_never_root_and_is_told_by_number() -> None:
    assert instructions("USER") == ["65532:65532"] * 2


def test_the_health_check_is_a_command_that_there_is() -> None:
    (check,) = instructions("HEALTHCHECK")
    program, *words = json.loads(check.split("CMD ", 1)[1])
    assert program == "/usr/bin/onnxd" and words
    done = subprocess.run([ONNXD, *words, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # It gives up before the engine does.
    assert int(re.search(r"--timeout=(\d+)s", check).group(1)) > 4


def test_the_settings_of_the_image_are_understood_and_give_way_to_a_file(tmp_path) -> None:
    """A variable would come before a file that is mounted over the one in the image."""
    assert instructions("ENV") == ["ONNXD_CONFIG=/etc/onnxd/onnxd.toml"]
    script = (ROOT / "tests" / "image" / "root.sh").read_text()
    file = tmp_path / "onnxd.toml"
    file.write_text(script.split("<<'SETTINGS'\n")[1].split("SETTINGS\n")[0])
    entry, command = instructions("ENTRYPOINT")[-1], instructions("CMD")[-1]
    assert json.loads(entry) == ["/usr/bin/onnxd"]
    with pytest.raises(AssertionError, match="nothing asks who they are"):
        effective(json.loads(command), {"ONNXD_CONFIG": str(file)})
    own = effective(json.loads(command), {"ONNXD_CONFIG": str(file), "ONNXD_INSECURE": "true"})
    assert own["http-addr"] == f"0.0.0.0:{instructions('EXPOSE')[0]}"
    assert own["models"] == "/models"
    # Nobody operates it from outside who was not let in on purpose.
    assert own["insecure"] == "true" and own["open-operate"] == "false"


def test_what_is_copied_is_not_left_out_of_the_context() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [line.split()[:-1] for line in instructions("COPY") if not line.startswith("--from")]
    assert {name for names in copied for name in names} == kept


def test_every_target_that_a_tag_names_is_there() -> None:
    targets = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE))
    tags = re.findall(rf"newTag: {re.escape(VERSION)}(?:-(\w+))?$", "".join(
        file.read_text() for file in K8S.rglob("kustomization.yaml")), re.MULTILINE)
    assert {tag for tag in tags if tag} == {"models", "shell"} and {"models", "shell", "server"} <= targets
