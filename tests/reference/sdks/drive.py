"""Uses an endpoint through the installed version of the official Python SDK, and prints the results as JSON.

python drive.py BASE_URL KEY
"""

import json
import sys
import warnings

import anthropic
from pydantic import BaseModel

# The SDK warns about models that it knows to be old.
warnings.simplefilter("ignore", DeprecationWarning)

MODEL = "claude-opus-4-5"
BUSY_EVERY = 9  # requests, as in the variants that are sometimes busy
WEATHER = {
    "name": "get_weather",
    "description": "Gives the weather in one city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
PARIS = "What is the weather in Paris? Call the tool get_weather."
NOTE = {
    "type": "document",
    "source": {"type": "text", "media_type": "text/plain", "data": "The library opens at nine."},
    "citations": {"enabled": True},
}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP4z8CAFTEMLQkAKP8/wc53yE8AAAAASUVORK5CYII="
THINKING = {"type": "enabled", "budget_tokens": 1024}


class Person(BaseModel):
    name: str
    age: int


def user(content):
    return {"role": "user", "content": content}


def fields(content, **more):
    return {"model": MODEL, "max_tokens": 200, "messages": [user(content)], **more}


def kinds(message):
    return [block.type for block in message.content]


def text(message):
    return "".join(block.text for block in message.content if block.type == "text")


def create(client):
    message = client.messages.create(**fields("Count from 1 to 5."))
    return [text(message), message.stop_reason, message.role, message.model, message.usage.input_tokens > 0]


def limits(client):
    cut = client.messages.create(**fields("Count from 1 to 50.", max_tokens=5))
    stopped = client.messages.create(**fields("Count from 1 to 9.", stop_sequences=["4"]))
    return [cut.stop_reason, cut.usage.output_tokens, stopped.stop_reason, stopped.stop_sequence, text(stopped)]


def stream(client):
    with client.messages.stream(**fields("Repeat exactly: é漢😀", system="Be kind.")) as events:
        pieces = list(events.text_stream)
        message = events.get_final_message()
    return ["".join(pieces), text(message), message.stop_reason, message.usage.output_tokens > 0]


def raw_stream(client):
    names = [event.type for event in client.messages.create(**fields("Hi"), stream=True)]
    return [names[0], names[-2], names[-1], "content_block_delta" in names]


def tools(client):
    question = fields(PARIS, tools=[WEATHER])
    first = client.messages.create(**question)
    call = first.content[0]
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "Sunny"}
    turns = [*question["messages"], {"role": "assistant", "content": first.content}, user([result])]
    second = client.messages.create(**{**question, "messages": turns})
    return [first.stop_reason, call.name, call.input, second.stop_reason, text(second)]


def tools_streamed(client):
    both = [WEATHER, {**WEATHER, "name": "get_time"}]
    with client.messages.stream(**fields("Call get_weather and get_time for Paris.", tools=both)) as events:
        message = events.get_final_message()
    return [kinds(message), [block.input for block in message.content], message.stop_reason]


def forced(client):
    choice = {"type": "tool", "name": "get_weather"}
    none = client.messages.create(**fields(PARIS, tools=[WEATHER], tool_choice={"type": "none"}))
    return [
        client.messages.create(**fields("Hi", tools=[WEATHER], tool_choice=choice)).stop_reason,
        client.messages.create(**fields("Hi", tools=[WEATHER], tool_choice={"type": "any"})).stop_reason,
        none.stop_reason,
    ]


def runner(client):
    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """Gives the weather in one city.

        Args:
            city: the city
        """
        return f"Sunny in {city}"

    question = fields(PARIS, tools=[get_weather])
    whole = client.beta.messages.tool_runner(**question).until_done()
    streamed = [
        answer.get_final_message().stop_reason for answer in client.beta.messages.tool_runner(**question, stream=True)
    ]
    return [text(whole), streamed]


def thinking(client):
    question = fields("What is 27 times 43?", thinking=THINKING)
    question["max_tokens"] = 2000
    whole = client.messages.create(**question)
    with client.messages.stream(**question) as events:
        streamed = events.get_final_message()
    follow = [*question["messages"], {"role": "assistant", "content": streamed.content}, user("Go on.")]
    client.messages.create(**{**question, "messages": follow})
    return [kinds(whole), kinds(streamed), whole.content[0].signature == streamed.content[0].signature]


def structured(client):
    question = fields("Ada is 36 years old. Give her name and her age.", output_format=Person)
    messages = client.messages if hasattr(client.messages, "parse") else client.beta.messages
    parsed = messages.parse(**question).parsed_output
    return [type(parsed.name).__name__, parsed.age]


def documents(client):
    question = fields([NOTE, {"type": "text", "text": "When does the library open?"}])
    whole = client.messages.create(**question)
    with client.messages.stream(**question) as events:
        streamed = events.get_final_message()
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    seen = client.messages.create(**fields([image, {"type": "text", "text": "What is it?"}]))
    cited = [message.content[0].citations[0].cited_text for message in (whole, streamed)]
    return [*cited, seen.usage.input_tokens > client.messages.create(**fields("What is it?")).usage.input_tokens]


def count(client):
    question = {"model": MODEL, "messages": [user("Hello")], "system": "Be kind.", "tools": [WEATHER]}
    counted = client.messages.count_tokens(**question).input_tokens
    return counted == client.messages.create(max_tokens=5, **question).usage.input_tokens


def models(client):
    listed = [model.id for model in client.models.list(limit=2)]
    found = client.models.retrieve("anthropic/claude-opus-4-5")
    return [len(listed) > 2, found.id in listed, found.type]


def caching(client):
    mark = {"type": "ephemeral"}
    system = [{"type": "text", "text": "All work and no play. " * 300, "cache_control": mark}]
    first, second = (client.messages.create(**fields("Hi", system=system)).usage for _ in range(2))
    written, read = first.cache_creation_input_tokens, second.cache_read_input_tokens
    return [written > 1000, first.cache_read_input_tokens, second.cache_creation_input_tokens, read == written]


def errors(client):
    def error_of(call):
        try:
            call()
        except anthropic.APIStatusError as error:
            return [type(error).__name__, error.status_code, error.body["error"]["type"], bool(error.request_id)]
        return "no error"

    stranger = client.with_options(api_key="wrong", max_retries=0)
    return [
        error_of(lambda: stranger.messages.create(**fields("Hi"))),
        error_of(lambda: client.messages.create(**fields("Hi", model="no-such-model"))),
        error_of(lambda: client.messages.create(**fields("Hi", max_tokens=-1))),
        error_of(lambda: client.messages.create(**fields("Hi", max_tokens=-1), stream=True)),
        error_of(lambda: client.models.retrieve("no-such-model")),
    ]


def patience(client):
    """The results of as many requests as a busy server refuses one of: with retries, and without."""
    done = [client.messages.create(**fields("Hi")).stop_reason for _ in range(BUSY_EVERY)]
    refused = []
    for _ in range(BUSY_EVERY):
        try:
            client.with_options(max_retries=0).messages.create(**fields("Hi"))
        except anthropic.APIStatusError as error:
            refused.append([error.status_code, error.body["error"]["type"]])
    return [len(done), refused]


SCENARIOS = (
    *(create, limits, stream, raw_stream, tools, tools_streamed, forced, runner, thinking, structured, documents),
    *(count, models, caching, errors),
)


def main(base_url, key, *names):
    client = anthropic.Anthropic(base_url=base_url, api_key=key, timeout=200.0)
    chosen = [patience] if "patience" in names else SCENARIOS
    results = {"version": anthropic.__version__}
    for scenario in chosen:
        results[scenario.__name__] = scenario(client)
    print(json.dumps(results))


main(*sys.argv[1:])
