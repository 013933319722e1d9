"""A profile with a mistake is wrong usage: exit code 4, and one message with the valid values."""

import pytest
from command_line import run


@pytest.mark.parametrize("key", ["judges", "warns"])
def test_a_glob_that_matches_no_requirement_is_wrong_usage(tmp_path, key):
    path = tmp_path / "acme.toml"
    path.write_text(f'extends = "tokmodel"\n{key} = ["headers.request-di.*"]\n')
    ran = run("run", "reference:transport=memory", "--profile", str(path))
    assert ran.code == 4
    assert f"profile acme: {key}: no requirement matches 'headers.request-di.*'; did you mean headers.request-id" in (
        ran.error
    )
