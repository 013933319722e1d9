"""A tiny client for the tests: it reads answers with the standard library, and misbehaves when its model says so.

python fake_driver.py ARGUMENT_OF_THE_PARENT
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "src" / "messages_conformance" / "clients" / "drivers"))

from driving import drive


class StatusError(Exception):
    def __init__(self, status):
        super().__init__(f"status {status}")
        self.status_code = status


def answer(base_url, key, body):
    headers = {"x-api-key": key, "content-type": "application/json"}
    request = urllib.request.Request(base_url + "/v1/messages", json.dumps(body).encode(), headers)
    for _ in range(2):
        try:
            return urllib.request.urlopen(request).read().decode()
        except urllib.error.HTTPError as error:
            status = error.code
            if status != 429:
                break
    raise StatusError(status)


def run(ask, base_url, key, model):
    if ask.get("misbehaves") == "hangs":
        time.sleep(600)
    if ask.get("misbehaves") == "ends":
        print("this client ends", flush=True)
        os._exit(3)
    if ask.get("misbehaves") == "prints":
        sys.stdout.write("x" * 3_000_000 + "\n")
    content = [{"role": "user", "content": ask["prompt"]}]
    body = {
        "model": model,
        "max_tokens": ask.get("max_tokens", 100),
        "messages": content,
        "stream": ask.get("stream", False),
    }
    text = answer(base_url, key, body)
    if not ask.get("stream"):
        message = json.loads(text)
        usage = message["usage"]
        words = "".join(block["text"] for block in message["content"])
        return {"text": words, "stop_reason": message["stop_reason"]} | usage
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    words = "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")
    reasons = [event["delta"]["stop_reason"] for event in events if event["type"] == "message_delta"]
    usage = events[0]["message"]["usage"]
    return {"text": words, "stop_reason": reasons[-1]} | usage


drive(run, "1.0")
