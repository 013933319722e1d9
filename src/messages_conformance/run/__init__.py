"""One live run: options in, a target asked, a report out. `plugin` connects it with pytest."""

from messages_conformance.run.cost_plan import CostPlan
from messages_conformance.run.live_run import Run
from messages_conformance.run.model_list import listed_models
from messages_conformance.run.run_options import DEFAULT_KEY_VARIABLE, DEFAULT_PROFILE, Options
from messages_conformance.run.time_limit import EndlessTestError
from messages_conformance.session import UsageError, checked_profile, checked_requirements

__all__ = [
    "DEFAULT_KEY_VARIABLE",
    "DEFAULT_PROFILE",
    "CostPlan",
    "EndlessTestError",
    "Options",
    "Run",
    "UsageError",
    "checked_profile",
    "checked_requirements",
    "listed_models",
]
