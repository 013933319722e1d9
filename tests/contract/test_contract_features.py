"""The table of features: its patterns, and the names of requirements in it."""

import pytest

from messages_conformance.contract import features
from messages_conformance.contract.features import has
from messages_conformance.rules import CATALOGUE

BODY = {
    "system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}],
    "stream": True,
    "top_k": None,
    "max_tokens": 1,
    "messages": [
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": [
                {"type": "image", "source": {"type": "base64"}},
                {"type": "document", "source": {"type": "url"}},
                {"type": "tool_result", "content": [{"type": "image"}]},
            ],
        },
    ],
}


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("stream=true", True),
        ("stream=false", False),
        ("stream=1", False),
        ("max_tokens=true", False),
        ("max_tokens", True),
        ("top_k", False),
        ("temperature", False),
        ("system[]", True),
        ("system=*text*", False),
        ("system[].cache_control", True),
        ("system[].citations", False),
        ('messages[].role="user"', True),
        ('messages[-1].role="user"', False),
        ('messages[-1].role="assistant"', True),
        ('messages[].content[].type="image"&source.type="base64"', True),
        ('messages[].content[].type="image"&source.type="url"', False),
        ('messages[].content[].type="document"&source.type="url"', True),
        ('messages[].content[].content[].type="image"', True),
        ('messages[].content[].content[].type="document"', False),
    ],
)
def test_a_pattern_finds_what_it_describes(pattern, wanted):
    assert has(BODY, pattern) is wanted


@pytest.mark.parametrize(
    "body", [{}, {"messages": 5}, {"messages": [5, None]}, {"messages": {"role": "user"}}, {"system": 1}]
)
def test_a_body_of_another_form_uses_nothing(body):
    assert [name for name, feature in features().items() if feature.used_by(body)] == []


def test_the_system_prompt_is_a_string_or_a_list():
    assert features()["system.string"].used_by({"system": "x"})
    assert not features()["system.string"].used_by({"system": ""})


@pytest.mark.parametrize("name", features())
def test_a_feature_names_requirements_of_the_catalogue(name):
    feature = features()[name]
    assert [one for one in (*feature.effect, *feature.form) if one not in CATALOGUE] == []
    assert feature.uses
    assert feature.title
    assert not (feature.effect and not feature.is_visible)
