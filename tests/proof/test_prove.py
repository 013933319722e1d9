"""The command `prove` from its options to its exit code."""

import io
import json

import jsonschema_rs
import pytest
from rich.console import Console

from messages_conformance import resources
from messages_conformance.cli import main
from messages_conformance.proof import PROOF_FILES, ProofOptions, prove


def test_a_part_of_the_proof_is_written_into_the_given_folder(tmp_path):
    out = Console(file=io.StringIO(), width=200)
    options = ProofOptions(only=("drop_message_stop", "no_pings"), depths=("smoke",), jobs=1, report=str(tmp_path))
    assert prove(options, out=out) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(PROOF_FILES)
    document = json.loads((tmp_path / "proof.json").read_text("utf-8"))
    jsonschema_rs.validator_for(json.loads(resources.text("schemas/proof.json"))).validate(document)
    assert not document["whole"]
    assert {trial["name"] for trial in document["trials"]} == {"drop_message_stop", "no_pings"}
    assert "THE PROOF HOLDS: faults caught: smoke 1 of 1 (100 %)" in out.file.getvalue()
    assert document["sentence"] in (tmp_path / "proof.html").read_text("utf-8")
    assert document["sentence"] in (tmp_path / "proof.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--depth", "shallow"], "unknown depth 'shallow'; valid: smoke, standard, deep"),
        (["--profile", "tokmodle"], "unknown profile 'tokmodle'; valid: anthropic-2023-06-01"),
        (["--only", "drop_mesage_stop"], "did you mean drop_message_stop"),
        (["--only", "drop_message_stop", "--profile", "claude-code"], "nothing in --only is tried"),
        (["--jobs", "0"], "--jobs is 0; it must be 1 or more"),
        (["--jobs", "many"], "--jobs is 'many'; it is a whole number"),
        (["--dept", "smoke"], "unknown option --dept; did you mean --depth?"),
    ],
)
def test_wrong_usage_names_what_is_valid(arguments, message, capsys):
    assert main(["prove", *arguments]) == 4
    assert message in capsys.readouterr().err
