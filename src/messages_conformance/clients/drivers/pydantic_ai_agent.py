"""Drives an agent of pydantic-ai: it runs the tools itself, and retries a failed one."""

from importlib.metadata import version

from anthropic import AsyncAnthropic
from driving import FAILURE, MAX_TOKENS, RESULT, drive, repeated
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.messages import ToolCallPart
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider


class Person(BaseModel):
    name: str
    age: int


def agent(ask, base_url, key, model):
    client = AsyncAnthropic(base_url=base_url, api_key=key, timeout=200.0)
    settings = {"max_tokens": ask.get("max_tokens", MAX_TOKENS)}
    made = Agent(
        AnthropicModel(model, provider=AnthropicProvider(anthropic_client=client)),
        model_settings=settings,
        output_type=Person if ask.get("person") else str,
        system_prompt=ask.get("system", ()),
    )
    for name in ask.get("tools", ()):
        made.tool_plain(tool(name, fails=bool(ask.get("tool_fails"))))
    return made


def tool(name, *, fails):
    def called(city: str) -> str:
        return FAILURE if fails else RESULT

    called.__name__ = name
    called.__doc__ = "Gives the weather or the time in one city."
    return called


def handed(result):
    messages = result.all_messages()
    parts = [part for message in messages for part in message.parts]
    calls = [[part.tool_name, part.args_as_dict()] for part in parts if isinstance(part, ToolCallPart)]
    usage = result.usage if not callable(result.usage) else result.usage()
    return {
        "text": result.output,
        "final": result.output,
        "calls": calls,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "stop_reason": "tool_use" if calls else "end_turn",
    }


def streamed(made, prompt):
    """Reads the text piece by piece, as a chat does."""
    import asyncio

    async def reads():
        async with made.run_stream(prompt) as result:
            async for _ in result.stream_text(delta=True):
                pass
            output = await result.get_output()
            return handed(Streamed(result, output))

    return asyncio.run(reads())


class Streamed:
    """The finished stream in the form of a result."""

    def __init__(self, result, output):
        self.output = output
        self.all_messages = result.all_messages
        self.usage = result.usage


def run(ask, base_url, key, model):
    if ask.get("times", 1) > 1:
        return repeated(ask, lambda one: handed(agent(one, base_url, key, model).run_sync(one["prompt"])))
    made = agent(ask, base_url, key, model)
    if ask.get("person"):
        person = made.run_sync(ask["prompt"]).output
        return {"parsed": {"name": person.name, "age": person.age}}
    return streamed(made, ask["prompt"]) if ask.get("stream") else handed(made.run_sync(ask["prompt"]))


drive(run, version("pydantic-ai-slim"))
