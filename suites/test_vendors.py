"""Models of other vendors, which a gateway lists: each is asked the plainest question, without and with streaming."""

import pytest

from messages_conformance.generate import Dialogue, ask, get

OK = "Reply with the single word: ok"
PROBE = "request.model.any-vendor"
MAX_VENDORS = 8
# Embedding, image and speech models refuse the question; then another model is asked.
SPARE = 3


def vendors_in(listed, own):
    """One model id of each vendor in a list, in its order, without the vendor of the run's own model."""
    data = listed.response.fields.get("data") if listed.response is not None else None
    ids = [item.get("id") for item in data if isinstance(item, dict)] if isinstance(data, list) else []
    named = [one for one in ids if isinstance(one, str) and len(one) <= 256 and "/" in one.strip("/")]
    models = {}
    for one in named:
        models.setdefault(one.partition("/")[0], []).append(one)
    models.pop(own.partition("/")[0], None)
    return list(models.values())


def asking(number):
    async def ask_models(send):
        """Requests the list of models, and asks the first model of a number of other vendors."""
        first = await send(ask("vendors.own", OK))
        own = first.request.fields.get("model")
        listed = await send(get("vendors.list", "/v1beta/models", needs=["vendor-models"]))
        answered = tried = 0
        for models in vendors_in(listed, own if isinstance(own, str) else ""):
            for model in models[:2]:
                if answered == number or tried == number + SPARE:
                    return
                tried += 1
                whole = await send(ask(f"vendors.{model}", OK, model=model, probe=PROBE))
                if whole.response is None or not 400 <= whole.response.status < 500:
                    await send(ask(f"vendors.{model}.streamed", OK, model=model, stream=True, probe=PROBE))
                    answered += 1
                    break

    return ask_models


DIALOGUES = [
    Dialogue(
        name="vendors",
        steps=asking(number),
        max_requests=2 + 2 * number + SPARE,
        max_output_tokens=16 * (1 + 2 * number),
        needs=frozenset({"vendor-models"}),
        vendors=number,
    )
    for number in range(1, MAX_VENDORS + 1)
]


@pytest.mark.parametrize("dialogue", DIALOGUES, indirect=True)
def test_models_of_other_vendors(dialogue, judge):
    judge(*dialogue)
