#!/usr/bin/env python3
"""Writes what the program is made of, as CycloneDX 1.6 in JSON, and holds it against other sources.

    make.py DIRECTORY

The file is DIRECTORY/onnxd.cdx.json: every package that is compiled into the program or runs in the
compiler meanwhile, with its version, licence and the digest that Cargo.lock has; the latter have the scope `excluded`. What only build
scripts need is not in it. It says nothing of when
and where it was made, so the same Cargo.lock gives the same bytes.
"""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.spdx import is_expression
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).resolve().parents[2]

# What the image and the releases are built for.
TARGET = "x86_64-unknown-linux-gnu"


def main() -> int:
    (directory,) = sys.argv[1:]
    file = Path(directory) / "onnxd.cdx.json"
    resolved = metadata()
    bom = made(resolved, needs(), checksums())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(bom, indent=2, sort_keys=True) + "\n")
    wrong = mistakes(file.read_text(), bom, resolved)
    for mistake in wrong:
        print(f"{file}: {mistake}", file=sys.stderr)
    if not wrong:
        print(f"{file}: {len(bom['components'])} packages")
    return 1 if wrong else 0


def cargo(*arguments: str) -> str:
    command = [os.environ.get("CARGO", "cargo"), *arguments, "--locked"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def metadata() -> dict:
    return json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", TARGET))


def checksums() -> dict[tuple[str, str], str]:
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    return {(it["name"], it["version"]): it["checksum"] for it in lock["package"] if "checksum" in it}


def needs() -> dict[str, set[str]]:
    """The packages that are compiled into the program, and what each is compiled with. Not from the
    metadata: those have all that optional features could bring."""
    form = ["--prefix", "depth", "--format", " {p}", "--edges", "normal", "--target", TARGET]
    found, above = {}, []
    for line in cargo("tree", *form).splitlines():
        depth, name, version, *_ = line.split()
        package = f"{name}@{version.removeprefix('v')}"
        found.setdefault(package, set())
        del above[int(depth) :]
        if above:
            found[above[-1]].add(package)
        above.append(package)
    return found


def made(of: dict, needs: dict[str, set[str]], sums: dict[tuple[str, str], str]) -> dict:
    packages = {f"{package['name']}@{package['version']}": package for package in of["packages"]}
    (root,) = [package for package in of["packages"] if package["id"] == of["resolve"]["root"]]
    inside = linked(of, needs, packages)
    components = [component(packages[name], sums) for name in needs if packages[name] is not root]
    for made, name in zip(components, [name for name in needs if packages[name] is not root], strict=True):
        if name not in inside:
            # Runs in the compiler; nothing of it is in the program.
            made["scope"] = "excluded"
    graph = [
        {"ref": purl(packages[name]), "dependsOn": sorted(purl(packages[it]) for it in below)}
        for name, below in needs.items()
    ]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": component(root, sums) | {"type": "application"},
            "properties": [{"name": "cargo:target", "value": TARGET}],
        },
        "components": sorted(components, key=lambda it: it["bom-ref"]),
        "dependencies": sorted(graph, key=lambda it: it["ref"]),
    }


def purl(package: dict) -> str:
    return f"pkg:cargo/{package['name']}@{package['version'].replace('+', '%2B')}"


def component(package: dict, sums: dict[tuple[str, str], str]) -> dict:
    # A slash is how "or" was written before Cargo took SPDX's expressions.
    licence = (package["license"] or "").replace("/", " OR ")
    made = {
        "type": "library",
        "bom-ref": purl(package),
        "purl": purl(package),
        "name": package["name"],
        "version": package["version"],
        "licenses": [{"expression": licence}],
    }
    if package["description"]:
        made["description"] = " ".join(package["description"].split())
    if (package["name"], package["version"]) in sums:
        made["hashes"] = [{"alg": "SHA-256", "content": sums[package["name"], package["version"]]}]
    return made


def is_macro(package: dict) -> bool:
    return any("proc-macro" in target["kind"] for target in package["targets"])


def linked(of: dict, needs: dict[str, set[str]], packages: dict[str, dict]) -> set[str]:
    """What is reached without going through a procedural macro, which runs in the compiler with all that it needs."""
    (root,) = [name for name, package in packages.items() if package["id"] == of["resolve"]["root"]]
    found, ahead = set(), [root]
    while ahead:
        name = ahead.pop()
        if name in found or is_macro(packages[name]):
            continue
        found.add(name)
        ahead += needs[name]
    return found


def mistakes(text: str, bom: dict, of: dict) -> list[str]:
    wrong = []
    if broken := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        wrong.append(f"it does not fit the schema: {broken}")
    for licence in sorted({it["licenses"][0]["expression"] for it in bom["components"]}):
        if not is_expression(licence):
            wrong.append(f"'{licence}' is no licence of SPDX")
    scopes = {it["name"]: it.get("scope", "required") for it in bom["components"]}
    for name, scope in {"syn": "excluded", "serde_derive": "excluded", "tract-core": "required"}.items():
        if scopes.get(name) != scope:
            wrong.append(f"{name} is {scopes.get(name)}, not {scope}")
    for it in bom["components"]:
        name = it["bom-ref"]
        if "hashes" not in it:
            wrong.append(f"{name}: Cargo.lock has no digest of it")
    # What cargo resolves, in another of its forms: whatever a listed package cannot do without is listed.
    ids = {package["id"]: package for package in of["packages"]}
    listed = {it["ref"]: set(it["dependsOn"]) for it in bom["dependencies"]}
    for node in of["resolve"]["nodes"]:
        package = ids[node["id"]]
        if purl(package) not in listed:
            continue
        below = {purl(ids[edge["pkg"]]) for edge in node["deps"] if is_normal(edge)}
        wrong += [f"{purl(package)} does not depend on {it}" for it in sorted(listed[purl(package)] - below)]
        always = {it["name"] for it in package["dependencies"] if it["kind"] is None and not it["optional"] and not it["target"]}
        names = {it.removeprefix("pkg:cargo/").rsplit("@", 1)[0] for it in listed[purl(package)]}
        wrong += [f"{purl(package)} needs {it}, which is missing" for it in sorted(always - names)]
    return wrong


def is_normal(edge: dict) -> bool:
    """Not for tests or build scripts."""
    return any(kind["kind"] is None for kind in edge["dep_kinds"])


if __name__ == "__main__":
    sys.exit(main())
