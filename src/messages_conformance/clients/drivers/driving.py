"""Shared by the drivers in Python: runs scenarios in turn, and prints one line of JSON for each.

A driver runs in the environment of its client, which has no other package. Its argument is a JSON object: base_url with
`{scenario}` for the name of the scenario, key, model, and the scenarios with their `ask`.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
DESCRIPTIONS = {"get_weather": "Gives the weather in one city.", "get_time": "Gives the time in one city."}
RESULT = "Sunny, 21 degrees"
FAILURE = "The service is not available"
MAX_TOKENS = 400
SIGN = "\x1e"
"""Begins each line for the parent: a client may print lines of its own."""


MOST_CHARACTERS = 60_000
"""The longest line that the parent takes is a little longer."""


def say(**line):
    written = json.dumps(line)
    if len(written) > MOST_CHARACTERS:
        too_long = {"error": "TooLong", "message": f"the result has {len(written)} characters"}
        written = json.dumps({**line, "result": too_long})
    print(SIGN + written, flush=True)


def failure(error):
    """What an application sees of an exception."""
    status = getattr(error, "status_code", None) or getattr(error, "status", None)
    return {
        "error": type(error).__name__,
        "module": type(error).__module__,
        "status": status if isinstance(status, int) else None,
        "message": str(error)[:300],
    }


def drive(run, version):
    """Calls `run(ask, base_url, key, model)` for each scenario; it returns what the application gets."""
    given = json.loads(sys.argv[1])
    say(ready=version)
    for name, ask in given["scenarios"].items():
        key = "wrong-key" if ask.get("wrong_key") else os.environ["CLIENT_KEY"]
        base_url = given["base_url"].replace("{scenario}", name)
        try:
            result = run(ask, base_url, key, given["model"])
        except Exception as error:
            result = failure(error)
        say(scenario=name, result=result)


def repeated(ask, one):
    """Several conversations at the same time; each gets a prompt of its own."""
    prompts = [{**ask, "prompt": f"{ask['prompt']}{number}", "times": 1} for number in range(ask["times"])]
    with ThreadPoolExecutor(len(prompts)) as pool:
        return {"text": " ".join(result["text"] for result in pool.map(one, prompts))}
