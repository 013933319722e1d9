"""The declarations of the TypeScript SDK become types, and a difference in them is found."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import sdk_drift
import sdk_types
import ts_declarations
import ts_types

sys.path.insert(0, str(Path(__file__).parents[1] / "reference"))

from test_reference_sdks import DRIVE_TIMEOUT_S, INSTALL_TIMEOUT_S, TYPESCRIPT, Sdks, sdks

__all__ = ["sdks"]  # the fixture

TEXT = """
/** A comment; with { brackets }. */
export interface Trick extends Base {
    /** Its name. */
    name: string;
    colour?: 'red' | (string & {});
    moves: Array<Spin | Trick.Flip> | null;
    'odd-name'?: number;
    note: { [key: string]: unknown } | readonly string[];
    [k: string]: unknown;
}
export interface Base {
    nested: Trick | true;
}
export declare namespace Trick {
    interface Flip {
        type: 'flip';
        back: OtherAPI.Thing;
    }
    type Spin = Flip;
}
export type Spin = Base;
"""


def declared(text: str) -> dict[str, ts_declarations.Declared]:
    source = ts_declarations.Source(
        name="a/b", text=ts_declarations.without_comments(text), modules={"OtherAPI": "other"}
    )
    return {one.name: one for one in ts_declarations.declarations(source)}


def test_declarations_are_read_with_their_namespaces() -> None:
    found = declared(TEXT)
    assert set(found) == {"T_axb_Trick", "T_axb_Base", "T_axb_Trick_Flip", "T_axb_Trick_Spin", "T_axb_Spin"}
    assert found["T_axb_Trick"].bases == ("T_axb_Base",)
    assert found["T_axb_Trick"].members == {
        "name": "Required[str]",
        "colour": "NotRequired[Union[Literal['red'], str]]",
        "moves": "Required[Union[list[Union[T_axb_Spin, T_axb_Trick_Flip]], None]]",
        "odd-name": "NotRequired[int]",
        "note": "Required[Union[dict[str, object], list[str]]]",
    }
    assert found["T_axb_Trick_Flip"].members == {"type": "Required[Literal['flip']]", "back": "Required[T_other_Thing]"}
    assert found["T_axb_Trick_Spin"].alias == "T_axb_Trick_Flip"
    assert found["T_axb_Spin"].alias == "T_axb_Base"


@pytest.mark.parametrize("kind", ["string %", "Array<string", "(string"])
def test_a_form_that_is_not_known_is_no_type(kind: str) -> None:
    with pytest.raises(ts_declarations.DeclarationError):
        declared(f"export type Odd = {kind};\n")


def test_a_folder_without_the_sdk_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sdk_drift.main(["--typescript", str(tmp_path)]) == 4
    assert "has no package.json" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(INSTALL_TIMEOUT_S + DRIVE_TIMEOUT_S)
def test_the_newest_typescript_sdk_has_no_new_drift(sdks: Sdks, capsys: pytest.CaptureFixture[str]) -> None:
    sdks.typescript()
    folder = sdks.folder / f"sdk-{TYPESCRIPT}" / "node_modules" / "@anthropic-ai" / "sdk"
    assert sdk_drift.main(["--check", "--typescript", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"@anthropic-ai/sdk {TYPESCRIPT}, ")
    sdk = ts_types.Sdk(folder)
    assert {name for name, values in ts_types.names(sdk).items() if len(values) > 10} == {
        *("betas", "error codes", "batches", "files")
    }
    planted(sdk)


def planted(sdk: ts_types.Sdk) -> None:
    """A schema that lacks a member, a value and a block: each is found in the types of the SDK."""
    shape: dict[str, Any] = json.loads(json.dumps(sdk_drift._merged(sdk_drift.documents.schema("usage"))))
    del shape["properties"]["output_tokens"]
    usage = sdk.type("messages/messages", "Usage")
    assert "output_tokens" in sdk_types.members(usage)
    found = [one.sdk for one in sdk_drift._Walk().compare(usage, shape, "usage")]
    assert found == ["output_tokens"]
