"""The command `plan`: what a run would ask and what that may cost, without sending anything."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rich.console import Console

from messages_conformance import report
from messages_conformance.exchange import Ask
from messages_conformance.generate import Dialogue, GeneratedSet
from messages_conformance.report.text import json_text
from messages_conformance.rules import select
from messages_conformance.run.forecast import ceilings, plan_json, show
from messages_conformance.run.preflight import MODELS, PLAINEST, PLAINEST_STREAMED
from messages_conformance.run.prices import prices_of
from messages_conformance.run.run_options import Options, checked, scope_of, with_last_failed
from messages_conformance.session import UsageError
from messages_conformance.targets import TargetError, open_target


class CostPlan:
    """Shows what a run would ask. Needs no key and no name of a target; raises UsageError as a run does."""

    def __init__(self, options: Options, *, out: Console | None = None) -> None:
        options = with_last_failed(options)
        self.options = replace(options, target=options.target or "reference:")
        self.out = out or report.console()
        self.profile = checked(self.options)
        try:
            # The plan is refused for a target that a run would refuse.
            asyncio.run(open_target(self.options.target or "", key=None).aclose())
        except TargetError as error:
            raise UsageError(str(error)) from error
        self._scope = scope_of(options, self.profile, select(options.only, options.skip))
        self.wants = self._scope.wants

    def show(self, suites: Mapping[str, Sequence[Ask | Dialogue | GeneratedSet]]) -> None:
        """Prints requests, tokens and money of each suite, and of the requests before all suites."""
        options, model = self.options, self.options.model or self.profile.default_model
        first: list[Ask | Dialogue] = [PLAINEST, PLAINEST_STREAMED, *([] if model else [MODELS])]
        expanded = {name: self._scope.expanded_all(suite) for name, suite in suites.items()}
        prices = prices_of(options, model)
        plan = {"before the suites": first, **expanded}
        found = ceilings(plan, profile=self.profile, model=model)
        if options.output == "json":
            report.StandardOutput().write(json_text(plan_json(found, prices, model=model, depth=options.depth)))
        else:
            show(self.out, found, prices)
