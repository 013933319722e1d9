"""Drives instructor: it makes objects of answers through a forced tool call."""

from importlib.metadata import version

import anthropic
import instructor
from driving import MAX_TOKENS, drive
from pydantic import BaseModel


class Person(BaseModel):
    name: str
    age: int


def run(ask, base_url, key, model):
    client = instructor.from_anthropic(anthropic.Anthropic(base_url=base_url, api_key=key, timeout=200.0))
    person = client.messages.create(
        model=model,
        max_tokens=MAX_TOKENS,
        messages=[{"role": "user", "content": ask["prompt"]}],
        response_model=Person,
        max_retries=0,
    )
    return {"parsed": {"name": person.name, "age": person.age}}


drive(run, version("instructor"))
