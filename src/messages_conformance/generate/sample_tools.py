"""Tools that the suites offer: with one input, with names of every length, strict, without input, and of the server."""

from typing import Any, Final


def tool(name: str, description: str, location: str = "The city") -> dict[str, Any]:
    """A tool whose input is a city."""
    properties = {"location": {"type": "string", "description": location}}
    schema = {"type": "object", "properties": properties, "required": ["location"], "additionalProperties": False}
    return {"name": name, "description": description, "input_schema": schema}


LONG_TEXT: Final = "The clerk of the west tower dusts the oldest maps every week and writes it down. " * 9 + "The end."
WEATHER: Final = tool("get_weather", "Gives the weather in one city.")
TIME: Final = tool("get_time", "Gives the local time in one city.")
STRICT: Final = {
    "name": "save_contact",
    "description": "Saves one contact.",
    "strict": True,
    # A number that becomes a string, a lost nested object or a lost non-ASCII letter violates this schema.
    "input_schema": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "enum": ["Zoë", "張偉"]},
            "age": {"type": "integer"},
            # What a program makes of these texts is outside the enums, and no strict tool can write it. Gateways take
            # some names of members for keywords of the schema.
            "title": {"type": "string", "enum": ["Smith & Sons <North>"]},
            "format": {"type": "string", "enum": ["R&amp;D"]},
            "label": {"type": "string", "enum": ["Ångström, Øre\n10 € – “x”"]},
            # The indentation of code, a backslash that is no escape, both kinds of line breaks, a tab, and a letter of
            # two characters.
            "code": {"type": "string", "enum": ["    mark = \\u0041\r\n\tcafe\u0301\n"]},
            # A name with an underscore, and what template engines replace.
            "file_path": {"type": "string", "enum": ["C:\\users\\${user}\\{{folder}}\\%TEMP%"]},
            # Longer than the limits of log lines and headers.
            "text_body": {"type": "string", "enum": [LONG_TEXT]},
            # Texts that are no numbers, booleans or nulls, although they look like them.
            "serial": {"type": "string", "enum": ["007"]},
            "flag": {"type": "string", "enum": ["true"]},
            "country": {"type": "string", "enum": ["no"]},
            # More digits than a float of 32 bits has, and numbers below zero.
            "ratio": {"type": "number", "enum": [2.718281828459]},
            "offset": {"type": "number", "enum": [-40.25]},
            "floor": {"type": "integer", "enum": [-3]},
            "returned": {"type": "null"},
            # A list stays a list, however short it is.
            "tags": {"type": "array", "items": {"type": "string", "enum": ["solo"]}},
            "address": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
                "additionalProperties": False,
            },
        },
        "required": [
            *("name", "age", "title", "format", "label", "code", "file_path", "text_body", "serial", "flag", "country"),
            *("ratio", "offset", "floor", "returned", "tags", "address"),
        ],
        "additionalProperties": False,
    },
}
SEARCH: Final = {"type": "web_search_20250305", "name": "web_search", "max_uses": 1}
USER: Final = {
    "type": "custom",
    "name": "Get-Current-User",  # capitals and dashes are valid in a name, too
    "description": "Tells who is logged in. It takes no input.",
    "input_schema": {"type": "object", "properties": {}},
}
# 76 characters, as clients join the names of a server and a tool
JOINED_NAME: Final = tool(
    "mcp__server_of_a_very_long_name__look_up_the_weather_in_a_city_of_the_world", "Gives the weather."
)
LONG_NAME: Final = tool("get_" + "very_" * 10 + "long_names", "Lists cities with long names.")  # 64 characters

CAMERA: Final = {
    "name": "take_picture",
    "description": "Takes a picture.",
    "input_schema": {"type": "object"},
}

# No question names these values, so a call has them only if the schema reaches the model.
CHOICES: Final = {
    "style": {"type": "string", "enum": ["quarn", "velox"]},
    "level": {"type": "integer", "enum": [7411, 8233]},
}
CHOOSY: Final = {
    **JOINED_NAME,
    "input_schema": {
        **JOINED_NAME["input_schema"],
        "properties": {**JOINED_NAME["input_schema"]["properties"], **CHOICES},
        "required": ["location", *CHOICES],
    },
}
