"""Drives the official Python SDK, 0.x to 2.x."""

import warnings

import anthropic
from driving import CITY, DESCRIPTIONS, FAILURE, MAX_TOKENS, RESULT, drive, repeated
from pydantic import BaseModel

warnings.simplefilter("ignore")

CACHED = ("cache_creation_input_tokens", "cache_read_input_tokens")


class Person(BaseModel):
    name: str
    age: int


def fields(ask, model):
    content = ask["prompt"]
    if "image" in ask:
        source = {"type": "base64", "media_type": "image/png", "data": ask["image"]}
        content = [{"type": "image", "source": source}, {"type": "text", "text": content}]
    made = {"model": model, "messages": [{"role": "user", "content": content}]}
    if not ask.get("count"):
        made["max_tokens"] = ask.get("max_tokens", MAX_TOKENS)
    if "system" in ask:
        made["system"] = ask["system"]
    if "tools" in ask:
        made["tools"] = [{"name": n, "description": DESCRIPTIONS[n], "input_schema": CITY} for n in ask["tools"]]
    if "thinking" in ask:
        made["thinking"] = {"type": "enabled", "budget_tokens": ask["thinking"]}
    return made


def handed(message):
    text = "".join(block.text for block in message.content if block.type == "text")
    calls = [[block.name, dict(block.input)] for block in message.content if block.type == "tool_use"]
    return {
        "text": text,
        "calls": calls,
        "stop_reason": message.stop_reason,
        "input_tokens": message.usage.input_tokens,
        "output_tokens": message.usage.output_tokens,
        "cached_tokens": sum(count for name in CACHED if isinstance(count := getattr(message.usage, name, 0), int)),
        "thinking": any(block.type == "thinking" and block.thinking for block in message.content),
    }


def asked(client, made, stream):
    if not stream:
        message = client.messages.create(**made)
        return message, handed(message)
    with client.messages.stream(**made) as events:
        text = "".join(events.text_stream)
        message = events.get_final_message()
    result = handed(message)
    if text != result["text"]:
        result["text"] = f"{text!r} in pieces, {result['text']!r} at the end"
    return message, result


def aborted(client, made):
    """Leaves a stream after its first text, and asks again."""
    with client.messages.stream(**made) as events:
        next(iter(events.text_stream))
    made["messages"] = [{"role": "user", "content": "Reply with the single word: ok"}]
    return handed(client.messages.create(**made))


def run(ask, base_url, key, model):
    client = anthropic.Anthropic(base_url=base_url, api_key=key, timeout=200.0)
    if ask.get("times", 1) > 1:
        return repeated(ask, lambda one: handed(client.messages.create(**fields(one, model))))
    made = fields(ask, model)
    if ask.get("count"):
        return {"counted": client.messages.count_tokens(**made).input_tokens}
    if ask.get("abort"):
        return aborted(client, made)
    if ask.get("person") and ask.get("stream"):
        with client.messages.stream(**made, output_format=Person) as events:
            parsed = events.get_final_message().parsed_output
        return {"parsed": {"name": parsed.name, "age": parsed.age}}
    if ask.get("person"):
        messages = client.messages if hasattr(client.messages, "parse") else client.beta.messages
        parsed = messages.parse(**made, output_format=Person).parsed_output
        return {"parsed": {"name": parsed.name, "age": parsed.age}}
    message, result = asked(client, made, ask.get("stream"))
    if ask.get("follow") and result["calls"]:
        failed = bool(ask.get("tool_fails"))
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": FAILURE if failed else RESULT}
            | ({"is_error": True} if failed else {})
            for block in message.content
            if block.type == "tool_use"
        ]
        turns = [{"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
        _, second = asked(client, {**made, "messages": [*made["messages"], *turns]}, ask.get("stream"))
        result |= {"final": second["text"], "final_input_tokens": second["input_tokens"]}
    return result


drive(run, anthropic.__version__)
