"""The part of the cells that one of several jobs runs: `2/10`, or the variables that CI systems set for their jobs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

T = TypeVar("T")

AUTO: Final = "auto"
MOST: Final = 1_000_000
"""The largest number of shards: no CI system starts so many jobs (our own)."""


class ShardError(ValueError):
    """A shard cannot be used; the message has the valid forms."""


@dataclass(frozen=True, kw_only=True)
class System:
    """The variables with the index and the number of jobs of one system; `first` is the index of the first job.

    `total` is empty where the system does not tell its jobs how many there are.
    """

    name: str
    index: str
    total: str
    first: int


SYSTEMS: Final = (
    System(name="GitLab", index="CI_NODE_INDEX", total="CI_NODE_TOTAL", first=1),
    System(name="Kubernetes", index="JOB_COMPLETION_INDEX", total="", first=0),
    System(name="CircleCI", index="CIRCLE_NODE_INDEX", total="CIRCLE_NODE_TOTAL", first=0),
    System(name="Buildkite", index="BUILDKITE_PARALLEL_JOB", total="BUILDKITE_PARALLEL_JOB_COUNT", first=0),
    System(name="Azure Pipelines", index="SYSTEM_JOBPOSITIONINPHASE", total="SYSTEM_TOTALJOBSINPHASE", first=1),
    System(name="AWS Batch", index="AWS_BATCH_JOB_ARRAY_INDEX", total="AWS_BATCH_JOB_ARRAY_SIZE", first=0),
    System(name="Cloud Run", index="CLOUD_RUN_TASK_INDEX", total="CLOUD_RUN_TASK_COUNT", first=0),
    System(name="Slurm", index="SLURM_ARRAY_TASK_ID", total="SLURM_ARRAY_TASK_COUNT", first=0),
)
"""The variables as the documentation of each system names them. Slurm counts from where the user says; its jobs
need `--array=0-N`."""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One of `total` parts; `index` counts from 1."""

    index: int
    total: int

    def __str__(self) -> str:
        return f"{self.index}/{self.total}"

    def of(self, items: Sequence[T]) -> tuple[T, ...]:
        """The items of this part. Each item is in exactly one part, and neighbours are in different ones."""
        return tuple(items[self.index - 1 :: self.total])


def shard_of(text: str, environment: Mapping[str, str]) -> Shard:
    """The shard that `I/N`, `auto` or `auto/N` names; raises ShardError."""
    word, slash, number = text.strip().partition("/")
    if word == AUTO:
        return _from_environment(number if slash else "", environment)
    if not re.fullmatch(r"\d{1,7}/\d{1,7}", text.strip(), re.ASCII):
        raise ShardError(f"--shard is {text[:40]!r}; write I/N, such as 2/10, or auto in a numbered job of a CI system")
    return _checked(int(word), int(number), text)


def _from_environment(number: str, environment: Mapping[str, str]) -> Shard:
    for system in SYSTEMS:
        index = environment.get(system.index, "")
        if not re.fullmatch(r"\d{1,7}", index, re.ASCII):
            continue
        total = number or (environment.get(system.total, "") if system.total else "")
        if not re.fullmatch(r"\d{1,7}", total, re.ASCII):
            raise ShardError(
                f"--shard {AUTO}: {system.name} sets {system.index} and no number of jobs; write --shard {AUTO}/N"
            )
        return _checked(int(index) - system.first + 1, int(total), f"{system.index}={index} of {total} jobs")
    names = ", ".join(system.index for system in SYSTEMS)
    raise ShardError(f"--shard {AUTO} needs a variable with the index of this job: {names}; or write --shard I/N")


def _checked(index: int, total: int, shown: str) -> Shard:
    if not 1 <= index <= total <= MOST:
        raise ShardError(f"--shard {shown[:60]}: the shard is a number from 1 to the number of shards, such as 1/10")
    return Shard(index=index, total=total)
