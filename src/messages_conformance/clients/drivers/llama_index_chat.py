"""Drives LlamaIndex: the class Anthropic, with and without tools."""

from importlib.metadata import version

from driving import DESCRIPTIONS, FAILURE, MAX_TOKENS, RESULT, drive, repeated
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool
from llama_index.llms.anthropic import Anthropic
from pydantic import BaseModel


class Person(BaseModel):
    name: str
    age: int


def chat(ask, base_url, key, model):
    more = {"thinking_dict": {"type": "enabled", "budget_tokens": ask["thinking"]}} if "thinking" in ask else {}
    return Anthropic(
        model=model,
        base_url=base_url,
        api_key=key,
        max_tokens=ask.get("max_tokens", MAX_TOKENS),
        timeout=200.0,
        max_retries=2,
        temperature=1.0,
        **more,
    )


def messages(ask):
    blocks = [TextBlock(text=ask["prompt"])]
    if "image" in ask:
        blocks.insert(0, ImageBlock(image=ask["image"].encode(), image_mimetype="image/png"))
    system = [ChatMessage(role="system", content=ask["system"])] if "system" in ask else []
    return [*system, ChatMessage(role="user", blocks=blocks)]


def tool(name):
    def called(city: str) -> str:
        return RESULT

    return FunctionTool.from_defaults(called, name=name, description=DESCRIPTIONS[name])


def asked(llm, turns, tools, stream):
    if tools:
        give = llm.stream_chat_with_tools if stream else llm.chat_with_tools
        given = give(tools, chat_history=turns, allow_parallel_tool_calls=True)
    else:
        given = (llm.stream_chat if stream else llm.chat)(turns)
    if not stream:
        return given, given.message.content or ""
    last, text = None, ""
    for piece in given:
        last, text = piece, text + (piece.delta or "")
    return last, text


def handed(llm, response, text):
    calls = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    kinds = [block.block_type for block in response.message.blocks]
    return {
        "text": text,
        "calls": [[call.tool_name, call.tool_kwargs] for call in calls],
        "stop_reason": "tool_use" if calls else "end_turn",
        "thinking": "thinking" in kinds,
    }, calls


def run(ask, base_url, key, model):
    if ask.get("times", 1) > 1:

        def one(single):
            llm = chat(single, base_url, key, model)
            return handed(llm, *asked(llm, messages(single), [], stream=False))[0]

        return repeated(ask, one)
    llm = chat(ask, base_url, key, model)
    turns = messages(ask)
    if ask.get("person"):
        person = llm.as_structured_llm(Person).chat(turns).raw
        return {"parsed": {"name": person.name, "age": person.age}}
    tools = [tool(name) for name in ask.get("tools", ())]
    response, text = asked(llm, turns, tools, ask.get("stream"))
    result, calls = handed(llm, response, text)
    if ask.get("follow") and calls:
        content = FAILURE if ask.get("tool_fails") else RESULT
        keys = [{"tool_call_id": call.tool_id} for call in calls]
        results = [ChatMessage(role="tool", content=content, additional_kwargs=key) for key in keys]
        _, final = asked(llm, [*turns, response.message, *results], tools, ask.get("stream"))
        result["final"] = final
    return result


drive(run, version("llama-index-llms-anthropic"))
