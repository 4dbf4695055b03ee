"""`run_method`: one method on many pictures, over several processes, each answer on disk as soon as it is known."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from vlmrm.rlcf.evaluation import answers
from vlmrm.rlcf.kept_answers import KeptAnswers
from vlmrm.rlcf.pictures import LabelledPictures, Pictures, checked_labels
from vlmrm.rlcf.results import MethodResult, PictureResult
from vlmrm.rlcf.setup import Setup

_LOOK_S = 0.5  # between two looks at how far the processes are


@dataclass(frozen=True, eq=False)
class _Job:
    """What is asked, and of what; goes to other processes as it is."""

    setup: Setup
    method: str
    pictures: Pictures
    labels: Int[np.ndarray, " n"]
    kept: KeptAnswers

    def answers(self, places: Sequence[int]) -> Iterator[tuple[int, PictureResult]]:
        """Yield what the method says of the pictures at some places."""
        made = self.setup.make(self.method)
        for place in places:
            (result,) = answers(made, [self.pictures[place]], self.labels[place : place + 1])
            yield place, result

    def work(self, places: Sequence[int], number: int) -> None:
        """Write down what a process of its own says."""
        torch.set_num_threads(1)
        with self.kept.writer(number) as writer:
            for place, result in self.answers(places):
                writer.add(place, result)

    def in_processes(self, places: Sequence[int], workers: int, tell: Callable[[int, int], None]) -> None:
        """Divide the pictures among processes."""
        bare = replace(self, setup=replace(self.setup))  # without the models that were loaded here
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
    setup: Setup,
    method: str,
    shown: LabelledPictures,
    folder: Path,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> MethodResult:
    """Return what a method says of pictures; what is in the folder already is not computed again.

    Args:
        setup: Policy, reward and methods.
        method: One of ``setup.methods``.
        shown: Pictures with their classes; with several processes they are copied to each.
        folder: Where answers are kept.
        workers: Number of processes. A method whose answers depend on the pictures before takes one, and begins anew
            where it was interrupted.
        progress: Told how many of the pictures that were missing are done, and of how many.

    Raises:
        RunError: The folder holds answers of other settings, or a damaged file.
        FrameError: Labels do not fit the pictures or the classes.
    """
    right = checked_labels(shown.pictures, shown.labels, len(setup.classes))
    kept = KeptAnswers(folder, method, setup.protocol(method) | {"pictures": shown.digest})
    known = kept.read()
    if setup.in_order(method) and len(known) < len(right):
        kept.forget()
        known, workers = {}, 1
    missing = [place for place in range(len(right)) if place not in known]
    job, tell = _Job(setup, method, shown.pictures, right, kept), progress or (lambda done, total: None)
    if missing and workers == 1:
        with kept.writer(0) as writer:
            for done, (place, result) in enumerate(job.answers(missing), start=1):
                writer.add(place, result)
                tell(done, len(missing))
    elif missing:
        job.in_processes(missing, workers, tell)
    said = kept.read()
    return MethodResult(name=method, pictures=[said[place] for place in range(len(right))], labels=right)
