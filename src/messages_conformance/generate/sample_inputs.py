"""Images, documents, search results and schemas of answers that the suites send."""

from typing import Any, Final

from messages_conformance.generate.asks import Message, assistant, user

RED_SQUARE: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mO4IydHEmIY1TCqYfhqAACaMxgQdrf9VwAAAABJRU5ErkJggg=="
)
PICTURE: Final = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": RED_SQUARE},
}
NOTE: Final = {
    "type": "text",
    "media_type": "text/plain",
    "data": "The library opens at nine and closes at five.",
}
OTHER_NOTE: Final = {
    "type": "text",
    "media_type": "text/plain",
    "data": "The bakery opens at six. It sells bread and cakes.",
}
SEARCH_RESULT: Final = {
    "type": "search_result",
    "source": "https://example.com/hours",
    "title": "Opening hours",
    "content": [{"type": "text", "text": "The library opens at nine and closes at five."}],
}
OTHER_RESULT: Final = {
    **SEARCH_RESULT,
    "source": "https://example.com/bakery",
    "title": "Bakery",
    "content": [{"type": "text", "text": "The bakery opens at six."}],
}
PERSON: Final = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
MIXED: Final = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "name": {"type": "string"},
        "street": {"type": "string"},
        "age": {"type": "integer"},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}
CITED: Final = {"citations": {"enabled": True}}
SEEN: Final = [
    user("Take a picture."),
    assistant([{"type": "tool_use", "id": "toolu_01A09q90qw90lq917835lq9", "name": "take_picture", "input": {}}]),
    user([{"type": "tool_result", "tool_use_id": "toolu_01A09q90qw90lq917835lq9", "content": [PICTURE]}]),
]
HOURS: Final = {"type": "text", "text": "When does the library open? Reply with the hour only."}


def question_about(**document: Any) -> list[Message]:
    """A question about a document."""
    return [user([{"type": "document", "source": NOTE, **document}, HOURS])]
