"""`schemathesis` with all its checks against a server's own document: whatever the document allows must be answered as
it says, and what it forbids must be refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pytest
from narrowed import BODIES, MODELS, SYMBOLIC, narrowed, version_of
from schemathesis.specs.openapi.definitions import OPENAPI_31

HERE = Path(__file__).resolve().parent
PHASES = "examples,coverage,fuzzing,stateful"
# Operations whose bodies only their model can judge. Of a model that is not there they are 404 whatever comes.
OF_A_MODEL = sorted({*MODELS, *BODIES, "predictLabel"} - {"resetRouting", "rollBack", "unloadModel", "submitJob"})
# What may be in a job's body depends on the files that there are.
JOBS = """
[[operations]]
include-operation-id = "submitJob"
generation.mode = "negative"
phases.examples.enabled = false
phases.stateful.enabled = false
"""
# 202 says that a job which runs is not gone yet; the check takes it for a deletion.
CANCELLED = """
[[operations]]
include-operation-id = "deleteJob"
phases.stateful.enabled = false
"""


def answered() -> str:
    """Operations that a model answers.

    By default 404 and 409 are taken for an answer as well: a model that is not there would pass. And in states the
    names come from other answers, in which there are versions that do not serve, so names are fixed.
    """
    tables = []
    for operation in ("infer", "inferVersion", "predict", "predictVersion", "score", "scoreVersion", "feedback"):
        model = MODELS[operation]
        names = {"path.model": model}
        if operation.endswith("Version"):
            names["path.version"] = version_of(model)
        fixed = ", ".join(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in names.items())
        tables.append(
            f"[[operations]]\ninclude-operation-id = {json.dumps(operation)}\nparameters = {{ {fixed} }}\n"
            'checks.positive_data_acceptance.expected-statuses = ["2xx"]\n'
        )
    return "".join(tables)


def of_model(name: str) -> str:
    """Other operations are asked of names that are drawn or come from answers."""
    return f"[[operations]]\ninclude-operation-id = {json.dumps(OF_A_MODEL)}\n" + f'parameters = {{ "path.model" = "{name}" }}\n'


def run(asked, location: str, directory: Path, settings: str, mode: str, phases: str = PHASES) -> None:
    """Every operation and every check; nothing is drawn from a clock."""
    file = directory / "schemathesis.toml"
    file.write_text(f'[auth.openapi.x-api-key]\napi_key = "{asked.key}"\n{settings}{CANCELLED}')
    command = [
        *[sys.executable, "-m", "schemathesis.cli", "--config-file", file, "run", location, "--url", asked.url],
        *["--checks", "all", "--phases", phases, "--mode", mode],
        *["--max-examples", "20", "--generation-deterministic", "--no-shrink", "--continue-on-failure"],
        *["--no-color", "--warnings", "off"],
    ]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE)}
    ended = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=400)
    assert ended.returncode == 0, ended.stdout[-30_000:] + ended.stderr[-5_000:]
    all_of_them = sum(len(methods) for methods in asked.ask("GET", "/openapi.json")["paths"].values())
    assert f"Selected: {all_of_them}/{all_of_them}\n  Tested: {all_of_them}\n" in ended.stdout, ended.stdout[-3_000:]


@pytest.fixture
def document(asked) -> dict:
    return asked.ask("GET", "/openapi.json")


def test_the_document_is_what_the_specification_demands(document):
    errors = jsonschema_rs.validator_for(OPENAPI_31).iter_errors(document)
    assert [(error.message, error.instance_path) for error in errors] == []


def test_every_schema_can_be_compiled(document):
    for name in document["components"]["schemas"]:
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        jsonschema_rs.Draft202012Validator(schema)


def written(document: dict, directory: Path) -> str:
    """Of a document that it fetches itself, schemathesis leaves the operation out that it comes from."""
    file = directory / "openapi.json"
    file.write_text(json.dumps(document))
    return str(file)


def test_the_document_holds_as_it_is(asked, document, tmp_path):
    run(asked, written(document, tmp_path), tmp_path, of_model("none") + JOBS, "all")


def test_what_the_document_forbids_is_refused_where_there_is_a_model(asked, document, tmp_path):
    # Examples are never wrong, and states come of what is right.
    run(asked, written(document, tmp_path), tmp_path, of_model(SYMBOLIC), "negative", "coverage,fuzzing")


def test_what_models_take_is_answered(asked, document, tmp_path):
    # What these schemas forbid may still be taken.
    run(asked, written(narrowed(document), tmp_path), tmp_path, answered(), "positive")
