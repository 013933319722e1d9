"""Drives LangChain's ChatAnthropic."""

from importlib.metadata import version

from driving import DESCRIPTIONS, FAILURE, MAX_TOKENS, PERSON, RESULT, drive, repeated
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage


def chat(ask, base_url, key, model):
    more = {"thinking": {"type": "enabled", "budget_tokens": ask["thinking"]}} if "thinking" in ask else {}
    return ChatAnthropic(
        model=model, base_url=base_url, api_key=key, max_tokens=ask.get("max_tokens", MAX_TOKENS), timeout=200.0, **more
    )


def messages(ask):
    content = ask["prompt"]
    if "image" in ask:
        image = {"type": "image", "source_type": "base64", "mime_type": "image/png", "data": ask["image"]}
        content = [image, {"type": "text", "text": content}]
    system = [SystemMessage(ask["system"])] if "system" in ask else []
    return [*system, HumanMessage(content)]


def tool(name):
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    return {"name": name, "description": DESCRIPTIONS[name], "input_schema": parameters}


def asked(client, turns, stream):
    if not stream:
        return client.invoke(turns)
    whole = None
    for piece in client.stream(turns):
        whole = piece if whole is None else whole + piece
    return whole


def handed(message):
    usage = message.usage_metadata or {}
    blocks = message.content if isinstance(message.content, list) else []
    return {
        "text": message.text if isinstance(message.text, str) else message.text(),
        "calls": [[call["name"], call["args"]] for call in message.tool_calls],
        "stop_reason": message.response_metadata.get("stop_reason"),
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "thinking": any(isinstance(block, dict) and block.get("thinking") for block in blocks),
    }


def run(ask, base_url, key, model):
    client = chat(ask, base_url, key, model)
    if ask.get("times", 1) > 1:
        return repeated(ask, lambda one: handed(client.invoke(messages(one))))
    if ask.get("person"):
        schema = {"title": "Person", "description": "A person", **PERSON}
        return {"parsed": client.with_structured_output(schema).invoke(messages(ask))}
    if "tools" in ask:
        client = client.bind_tools([tool(name) for name in ask["tools"]])
    turns = messages(ask)
    first = asked(client, turns, ask.get("stream"))
    result = handed(first)
    if ask.get("follow") and result["calls"]:
        failed = bool(ask.get("tool_fails"))
        content, status = (FAILURE, "error") if failed else (RESULT, "success")
        results = [ToolMessage(content, tool_call_id=call["id"], status=status) for call in first.tool_calls]
        result["final"] = handed(asked(client, [*turns, first, *results], ask.get("stream")))["text"]
    return result


drive(run, version("langchain-anthropic"))
