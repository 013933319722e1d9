"""Drives LiteLLM as a client: its function `completion` with the provider anthropic."""

import json
import os
from importlib.metadata import version

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it loads prices from the internet otherwise

import litellm
from driving import CITY, DESCRIPTIONS, FAILURE, MAX_TOKENS, PERSON, RESULT, drive, repeated

litellm.suppress_debug_info = True
REASONS = {"tool_calls": "tool_use", "stop": "end_turn", "length": "max_tokens"}


def fields(ask, base_url, key, model):
    content = ask["prompt"]
    if "image" in ask:
        image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{ask['image']}"}}
        content = [image, {"type": "text", "text": content}]
    system = [{"role": "system", "content": ask["system"]}] if "system" in ask else []
    made = {
        "model": f"anthropic/{model}",
        "api_base": base_url,
        "api_key": key,
        "messages": [*system, {"role": "user", "content": content}],
        "max_tokens": ask.get("max_tokens", MAX_TOKENS),
        "timeout": 200.0,
    }
    if "tools" in ask:
        made["tools"] = [tool(name) for name in ask["tools"]]
    if "thinking" in ask:
        made["thinking"] = {"type": "enabled", "budget_tokens": ask["thinking"]}
    if ask.get("person"):
        schema = {"name": "person", "schema": PERSON, "strict": True}
        made["response_format"] = {"type": "json_schema", "json_schema": schema}
    return made


def tool(name):
    return {"type": "function", "function": {"name": name, "description": DESCRIPTIONS[name], "parameters": CITY}}


def asked(made, stream):
    if not stream:
        return litellm.completion(**made)
    pieces = litellm.completion(**made, stream=True, stream_options={"include_usage": True})
    return litellm.stream_chunk_builder(list(pieces), messages=made["messages"])


def handed(response):
    choice = response.choices[0]
    message, usage = choice.message, response.usage
    calls = [[call.function.name, json.loads(call.function.arguments)] for call in message.tool_calls or ()]
    return {
        "text": message.content or "",
        "calls": calls,
        "stop_reason": REASONS.get(choice.finish_reason, choice.finish_reason),
        "input_tokens": usage.prompt_tokens,
        "output_tokens": usage.completion_tokens,
        "thinking": bool(getattr(message, "reasoning_content", None)),
    }


def run(ask, base_url, key, model):
    if ask.get("times", 1) > 1:
        return repeated(ask, lambda one: handed(asked(fields(one, base_url, key, model), stream=False)))
    made = fields(ask, base_url, key, model)
    first = asked(made, ask.get("stream"))
    result = handed(first)
    if ask.get("person"):
        return {"parsed": json.loads(result["text"])}
    if ask.get("follow") and result["calls"]:
        message = first.choices[0].message
        content = FAILURE if ask.get("tool_fails") else RESULT
        results = [{"role": "tool", "tool_call_id": call.id, "content": content} for call in message.tool_calls]
        turns = [*made["messages"], message.model_dump(exclude_none=True), *results]
        result["final"] = handed(asked({**made, "messages": turns}, ask.get("stream")))["text"]
    return result


drive(run, version("litellm"))
