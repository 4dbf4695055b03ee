"""`run_method`: one method on many queries, over several processes, each answer on disk as soon as it is known."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch

from vlmrm.rlcf.answer import Answerer
from vlmrm.rlcf.evaluation import one_query
from vlmrm.rlcf.kept_answers import KeptAnswers
from vlmrm.rlcf.labelled import Asked, Labelled, Labels

_LOOK_S = 0.5  # between two looks at how far the processes are


Gathered = TypeVar("Gathered", covariant=True)


@runtime_checkable
class Compared(Protocol[Gathered]):
    """Methods that answer the same queries, as plain values that another process can make."""

    @property
    def record(self) -> type[Any]:
        """Frozen class of what is kept of one answer."""

    def in_order(self, method: str) -> bool:
        """Return whether the answer to a query depends on the queries before it."""

    def protocol(self, method: str) -> dict[str, Any]:
        """Return all that decides a method's answers, as plain values."""

    def make(self, method: str) -> Answerer:
        """Return a method, ready to answer."""

    def checked(self, asked: Labelled) -> Labels:
        """Return the right answers to queries, several of each."""

    def record_of(self, given: Any, right: Sequence[int]) -> Any:
        """Return what is kept of an answer."""

    def gather(self, method: str, each: Sequence[Any], right: Labels) -> Gathered:
        """Return what a method said of all queries."""

    def bare(self) -> "Compared[Gathered]":
        """Return the same without what was loaded here."""


@dataclass(frozen=True, eq=False)
class _Job:
    """What is asked, and of what; goes to other processes as it is."""

    setup: Compared[Any]
    method: str
    queries: Asked
    labels: Labels
    kept: KeptAnswers

    def answers(self, places: Sequence[int]) -> Iterator[tuple[int, Any]]:
        """Yield what the method says of the queries at some places."""
        made = self.setup.make(self.method)
        for place in places:
            given = made.answer(one_query(self.queries[place]), trace=True)
            yield place, self.setup.record_of(given, self.labels[place])

    def work(self, places: Sequence[int], number: int) -> None:
        """Write down what a process of its own says."""
        torch.set_num_threads(1)
        with self.kept.writer(number) as writer:
            for place, result in self.answers(places):
                writer.add(place, result)

    def in_processes(self, places: Sequence[int], workers: int, tell: Callable[[int, int], None]) -> None:
        """Divide the queries among processes."""
        bare = replace(self, setup=self.setup.bare())
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            parts = (places[number::workers] for number in range(workers))
            jobs = [pool.submit(bare.work, part, number) for number, part in enumerate(parts) if part]
            waiting: Any = jobs
            while waiting:
                done, waiting = wait(jobs, timeout=_LOOK_S, return_when=FIRST_EXCEPTION)
                for job in done:
                    job.result()
                tell(self.kept.count() - (len(self.labels) - len(places)), len(places))


def run_method(
    setup: Compared[Gathered],
    method: str,
    asked: Labelled,
    folder: Path,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Gathered:
    """Return what a method says of queries; what is in the folder already is not computed again.

    Args:
        setup: What is compared, as `vlmrm.rlcf.setup.Setup`.
        method: One of its methods.
        asked: Queries with their right answers; with several processes they are copied to each.
        folder: Where answers are kept.
        workers: Number of processes. A method whose answers depend on the queries before takes one, and begins anew
            where it was interrupted.
        progress: Told how many of the queries that were missing are done, and of how many.

    Raises:
        RunError: The folder holds answers of other settings, or a damaged file.
        FrameError: Labels do not fit the queries or the answers.
    """
    right = setup.checked(asked)
    kept = KeptAnswers(folder, method, setup.protocol(method) | {"queries": asked.digest}, setup.record)
    known = kept.read()
    if setup.in_order(method) and len(known) < len(right):
        kept.forget()
        known, workers = {}, 1
    missing = [place for place in range(len(right)) if place not in known]
    job, tell = _Job(setup, method, asked.queries, right, kept), progress or (lambda done, total: None)
    if missing and workers == 1:
        with kept.writer(0) as writer:
            for done, (place, result) in enumerate(job.answers(missing), start=1):
                writer.add(place, result)
                tell(done, len(missing))
    elif missing:
        job.in_processes(missing, workers, tell)
    said = kept.read()
    return setup.gather(method, [said[place] for place in range(len(right))], right)
