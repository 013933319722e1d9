"""What both OpenAI dialects do in the same way: how they accept, refuse and answer without a script."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from messages_conformance.reference.http import Header, HttpRequest, HttpResponse
from messages_conformance.reference.language_model import Prompt
from messages_conformance.upstream import openai_common
from messages_conformance.upstream.openai_prompts import plausible
from messages_conformance.upstream.replies import Reply, reply
from messages_conformance.upstream.request_checks import Problem
from messages_conformance.upstream.script import Failure, Script

CALL_PREFIX: Final = "call_"


class OpenAIForm:
    """The base of a dialect; a subclass sets the five attributes and adds `whole` and `frames`."""

    creates_path: str
    id_prefix: str
    problems: Callable[[Any], Iterator[Problem]]
    prompt: Callable[[Any], Prompt]
    keep_alive: bytes = b": keep-alive\n\n"

    def creates(self, request: HttpRequest) -> bool:
        """Whether a request asks for an answer of the model."""
        return request.method == "POST" and openai_common.route(request) == self.creates_path

    def other(self, request: HttpRequest) -> HttpResponse:
        """The list of models, or an error."""
        return openai_common.other_response(request, creates=self.creates_path)

    def refusal(self, request: HttpRequest, body: Any) -> HttpResponse | None:
        """The 400 for a body that violates the dialect."""
        problem = next(self.problems(body), None)
        return None if problem is None else openai_common.refused(problem)

    def unscripted(self, request: HttpRequest, body: Any) -> HttpResponse | Script:
        """What a small language model answers."""
        return self.refusal(request, body) or plausible(self.prompt(body))

    def reply(self, script: Script, body: Mapping[str, Any]) -> Reply:
        """The reply with ids in OpenAI's form."""
        return reply(script, body, id_prefix=self.id_prefix, call_prefix=CALL_PREFIX)

    def envelope(self, failure: Failure) -> Mapping[str, Any]:
        """OpenAI's error envelope."""
        return openai_common.error_body(failure)

    def headers(self) -> tuple[Header, ...]:
        """The headers of every response."""
        return openai_common.common_headers()
