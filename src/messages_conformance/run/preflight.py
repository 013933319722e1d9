"""The first requests of a run: find the model, ask the plainest question, and stop early when that cannot work.

An outage, a wrong key, a wrong address or a wrong model becomes one statement, and nothing else is sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from messages_conformance import report
from messages_conformance.contract import Auth
from messages_conformance.engine import Engine, is_web_page
from messages_conformance.exchange import Ask, Exchange, Failure, Response
from messages_conformance.generate import ask
from messages_conformance.report.text import inline, listed
from messages_conformance.rules.accessors import has_message
from messages_conformance.session import Session, UsageError
from messages_conformance.targets import DNS, HTTP, KEY, MODEL, TLS

QUOTED_CHARACTERS: Final = 160
"""A statement quotes at most this much of a refusal."""

MAX_MODEL_CHARACTERS: Final = 256
"""A longer name in a list of models is not used: each request and each report would repeat it (origin: our own)."""

MODELS_SHOWN: Final = 10
"""How many models the message about an unknown one names (our own choice: two lines)."""

FAILED_STAGE: Final = {"dns": DNS, "tls": TLS}
"""The kinds of failure that say themselves which stage failed; for the others, each stage is tried."""

PROXY_REFUSES: Final = 407
"""Only a proxy answers with this status (RFC 9110, 15.5.8)."""

OUTAGE_STATUSES: Final = frozenset({502, 503, 504, 529, 429})
"""These statuses report an outage or a limit; they say nothing about the contract."""

OTHER_VERSION: Final = {None: "2023-06-01", "2026-10-21": "2023-06-01", "2023-06-01": "2026-10-21"}
"""The anthropic-version to try when the target refuses the plainest request under the profile's version."""

MODELS: Final = Ask(situation="models", method="GET", path="/v1/models", expect="either")
VENDOR_MODELS: Final = Ask(situation="models.of-vendors", method="GET", path="/v1beta/models", expect="either")
PLAINEST: Final = ask("preflight", "Reply with the single word: ok")
PLAINEST_STREAMED: Final = ask("preflight.streamed", "Reply with the single word: ok", stream=True)
"""The requests before all others. They do not depend on depth, profile or selection."""


NOT_FOR_TEXT: Final = re.compile(r"embed|rerank|image|dall-e|tts|whisper|speech|audio|moderation|video", re.IGNORECASE)
"""Words in the names of models that answer no messages; a list of many vendors has such models (our own choice)."""


OF_A_KEY: Final = re.compile(rb"\bkeys?\b|api_?key|token|credential|bearer|authenti|authoriz", re.IGNORECASE)
"""Words of refusals that are about the key; others are also those of a firewall, or of a gateway (our own choice)."""


class Preflight:
    """Decides whether a run can start. `send` sends one Ask and blocks; `key_variable` is named in messages.
    `stages` describes the stages of the connection up to the one that failed, which is empty when no answer came;
    `proxy` is the proxy on the way, in words. `found_model` is called with the model before anything costs money.

    What the target takes (another header for the key, another version) is set in the engine for the whole run.
    """

    def __init__(
        self,
        session: Session,
        engine: Engine,
        *,
        send: Callable[[Ask], Exchange],
        key_variable: str,
        stages: Callable[[str], str] = lambda failed: "",
        proxy: str = "",
        found_model: Callable[[str], None] = lambda model: None,
    ) -> None:
        self._session = session
        self._engine = engine
        self._send_now = send
        self._key_variable = key_variable
        self._stages = stages
        self._proxy = proxy
        self._found_model = found_model
        self._models: list[str] | None = None
        self._model_is_listed = False
        """True when the target itself named the model: a 404 is then no wrong address."""

    def passes(self) -> bool:
        """Returns True when there is a model and the plainest request is answered with a message.

        Otherwise the session has a statement that says why not. Raises UsageError when no model can be found.
        """
        if self._engine.model is None:
            self._engine.model = self._discovered_model()
        self._session.describe(model=self._engine.model or "")
        if self._session.statement is None:
            self._found_model(self._engine.model or "")
        self._session.announce()
        if self._session.statement is not None:
            return False
        if self._is_answered():
            return True
        self._session.state(self.reason, kind=report.NO_MESSAGE)
        return False

    @property
    def reason(self) -> str:
        """Says why nothing else was asked."""
        if self._session.statement is not None:
            return self._session.statement.message
        return "the plainest request got no message, so nothing else was sent"

    # -- the model ---------------------------------------------------------------------------------------------------

    def _discovered_model(self) -> str | None:
        """Returns the first model that the target lists; None with a statement when it cannot answer.

        The list of a gateway to many vendors is at GET /v1beta/models, every other list at GET /v1/models.
        """
        of_vendors = "vendor-models" in self._session.profile.offers
        if of_vendors and (names := model_names(self._send(VENDOR_MODELS).response)):
            self._model_is_listed = True
            return next((name for name in names if not NOT_FOR_TEXT.search(name)), names[0])
        listing = self._send(MODELS)
        if self._explains_any(listing):
            return None
        response = _response(listing)
        if response.status >= 500 or is_web_page(response):
            self._state(
                f"no model was given, and the target answered {response.status}{_quoted(response)} to GET /v1/models: "
                f"name a model with --model; is TARGET the right address?",
                stage=HTTP,
            )
            return None
        if names := model_names(listing.response):
            self._model_is_listed = True
            return names[0]
        raise UsageError(
            f"no model was given, profile {self._session.profile.name} names none, and GET /v1/models answered "
            f"{response.status} without a list: name one with --model (is TARGET the right address?)"
        )

    # -- the plainest question ---------------------------------------------------------------------------------------

    def _is_answered(self) -> bool:
        """Returns True when the plainest request brings a message, whole or streamed. Judges the answers."""
        first = self._send(PLAINEST)
        if first.response is not None and first.response.status == 400:
            first = self._with_other_version(PLAINEST, first) or first
        if self._explains(first):
            return False
        if has_message(first):
            self._session.judged_now(first)
            return True
        second = self._send(PLAINEST_STREAMED)
        if self._is_foreign(first) and self._is_foreign(second):
            response = _response(first)
            self._state(
                f"the target answered {response.status} and a web page to POST /v1/messages{_quoted(response)}: is "
                f"TARGET the right address, or does a proxy or a login page answer instead of the server?",
                stage=HTTP,
            )
            return False
        self._session.judged_now(first)
        self._session.judged_now(second)
        return second.response is not None and has_message(second)

    @staticmethod
    def _is_foreign(exchange: Exchange) -> bool:
        """Returns True when the answer is a web page, or says that there is no such function: it is from no API."""
        response = exchange.response
        return response is not None and (is_web_page(response) or response.status == 501)

    def _send(self, asked: Ask) -> Exchange:
        exchange = self._send_now(asked)
        if exchange.response is not None and exchange.response.status == 401 and asked.auth == "profile":
            return self._with_other_auth(asked, exchange) or exchange
        return exchange

    def _with_other_auth(self, asked: Ask, refused: Exchange) -> Exchange | None:
        """Sends the key in the other header, and keeps to it when that is accepted; returns None when it is refused.

        Another request of the run, which sends the profile's own header, judges that the target refuses it.
        """
        profile = self._session.profile
        other: Auth = "bearer" if profile.auth == "x-api-key" else "x-api-key"
        exchange = self._send_now(replace(asked, auth=other))
        if exchange.response is None or exchange.response.status in (401, 403):
            return None
        self._session.leave_out(refused)
        self._engine.profile = replace(profile, auth=other)
        self._session.note(f"the target refuses the key as {profile.auth} and takes it as {other}: asked so")
        return exchange

    def _with_other_version(self, asked: Ask, refused: Exchange) -> Exchange | None:
        """Sends another anthropic-version, and keeps to it when a message comes; returns None when none comes."""
        profile = self._session.profile
        version = OTHER_VERSION[profile.api_version]
        exchange = self._send_now(replace(asked, headers=(("anthropic-version", version),)))
        if exchange.response is None or not has_message(exchange):
            return None
        self._session.leave_out(refused)
        self._engine.profile = replace(self._engine.profile, api_version=version)
        sent = f"anthropic-version {profile.api_version}" if profile.api_version else "no anthropic-version"
        self._session.note(f"the target refuses the plainest request with {sent}: asked with {version}")
        return exchange

    def _state(self, message: str, *, stage: str, kind: str = report.UNREACHABLE) -> None:
        """States why nothing else is sent, with the stages of the connection that worked."""
        found = self._stages(stage)
        self._session.state(f"{message}; {found}" if found else message, kind=kind)

    # -- statements --------------------------------------------------------------------------------------------------

    def _explains(self, exchange: Exchange) -> bool:
        """States an outage, a wrong key, a wrong address or a wrong model; False when the answer is to be judged."""
        if self._explains_any(exchange):
            return True
        response, model = _response(exchange), self._engine.model
        quote = _quoted(response)
        if response.status == 404 and not self._model_is_listed:
            self._state(
                f"the target answered 404 to POST /v1/messages{quote}: check TARGET, which is the address that an SDK "
                f"takes as base_url, and --model {model}{_in_words(self._known_models())}",
                stage=MODEL if _names_model(response, model) or self._known_models() else HTTP,
            )
        elif 400 <= response.status < 500 and model and self._is_refused_model(response, model):
            self._state(
                f"the target refused the model {model} with {response.status}{quote}: check --model"
                f"{_in_words(self._known_models())}",
                stage=MODEL,
            )
        return self._session.statement is not None

    def _is_refused_model(self, response: Response, model: str) -> bool:
        """Returns True when a refusal of the plainest request is about the model: it says so, or lists other models."""
        if _names_model(response, model):
            return True
        known = self._known_models()
        return bool(known) and model not in known

    def _known_models(self) -> list[str]:
        """The models of GET /v1/models, which is asked once; empty when the target lists none."""
        if self._models is None:
            self._models = [] if self._model_is_listed else model_names(self._send(MODELS).response)
        return self._models

    def _explains_any(self, exchange: Exchange) -> bool:
        """States what keeps a target from answering any request at all."""
        if exchange.failure is not None:
            kind = _kind(exchange.failure)
            if kind == report.BUDGET:
                self._session.state(exchange.failure.message, kind=kind)
            else:
                self._state(exchange.failure.message, stage=FAILED_STAGE.get(exchange.failure.kind, ""), kind=kind)
            return True
        response = _response(exchange)
        quote = _quoted(response)
        if response.status == 403 and not _is_about_the_key(response):
            self._session.state(
                f"the target, or something before it, refused the request with 403{quote}: if it requires a header, "
                f"add it with --header NAME:VALUE; if the key in {self._key_variable} is wrong, set a valid one, or "
                f"name another variable with --api-key-env",
                kind=report.WRONG_KEY,
            )
        elif response.status in (401, 402, 403):
            self._state(
                f"the target answered {response.status} to the key in {self._key_variable}{quote}: set a valid "
                f"key there, or name another variable with --api-key-env; a gateway that requires another header gets "
                f"it by --header NAME:VALUE",
                stage=KEY,
                kind=report.WRONG_KEY,
            )
        elif response.status == PROXY_REFUSES:
            self._state(
                f"{self._proxy or 'a proxy on the way'} answered 407{quote}: it requires a user name and a password, "
                f"which are written as http://USER:PASSWORD@HOST:PORT",
                stage=HTTP,
            )
        elif response.status in OUTAGE_STATUSES:
            what = f"{exchange.request.method} {exchange.request.path}"
            through = f", perhaps {self._proxy}" if self._proxy else ""
            self._state(f"the target{through} answered {response.status} to {what}{quote}: try again later", stage=HTTP)
        elif 300 <= response.status < 400:
            place = response.header("location")
            self._state(
                f"the target answers with a redirect ({response.status}) to {place or 'nowhere'} and none is "
                f"followed: give the final address as TARGET",
                stage=HTTP,
            )
        return self._session.statement is not None


def _response(exchange: Exchange) -> Response:
    assert exchange.response is not None, "an exchange without a response was explained before"
    return exchange.response


def _is_about_the_key(response: Response) -> bool:
    """Returns True when a refusal names a key, or is the API's own error about it; an edge has other words."""
    error = response.fields.get("error")
    kind = error.get("type") if isinstance(error, dict) else ""
    return kind == "permission_error" or bool(OF_A_KEY.search(response.body))


def _is_model_name(name: str) -> bool:
    return 0 < len(name) <= MAX_MODEL_CHARACTERS and name.isprintable()


def model_names(response: Response | None) -> list[str]:
    """The usable ids in a list of models; empty when there is no list."""
    data = response.fields.get("data") if response is not None else None
    ids = [item.get("id") for item in data if isinstance(item, dict)] if isinstance(data, list) else []
    return [one for one in ids if isinstance(one, str) and _is_model_name(one)]


def _names_model(response: Response, model: str | None) -> bool:
    """Returns True when an answer contains the name of the model as a word."""
    return bool(model) and re.search(rf"(?<![\w-]){re.escape(model or '')}(?![\w-])", response.text) is not None


def _in_words(models: list[str]) -> str:
    """The models of a target as the end of a sentence; empty when it lists none."""
    names = [inline(name, QUOTED_CHARACTERS) for name in models]
    return f"; its models: {listed(names, MODELS_SHOWN)}" if names else ""


def _kind(failure: Failure) -> str:
    return report.BUDGET if failure.kind == "budget" else report.UNREACHABLE


def _quoted(response: Response) -> str:
    """Returns the reason that a refusal gives, in parentheses; empty when it gives none."""
    error = response.fields.get("error")
    message = error.get("message") if isinstance(error, dict) else error
    text = message if isinstance(message, str) else response.body[: 4 * QUOTED_CHARACTERS].decode("utf-8", "replace")
    text = " ".join(text.split())
    return f" ({text[:QUOTED_CHARACTERS]}{'…' if len(text) > QUOTED_CHARACTERS else ''})" if text else ""
