"""Audits for tests: toy rewards whose numbers are known, and one of the task's own reward for all that ask of it."""

from dataclasses import replace
from functools import cache

import numpy as np
import vlmrm_envs as envs

from tests.report.test_evaluation import reds
from vlmrm.data.task_frames import TaskStates
from vlmrm.prompts import PromptSet
from vlmrm.report.audit import BUILT_IN, Audit, audit

TASK = envs.task("cartpole/upright")
N = 360
SHARES = [*np.linspace(0.7, 0.95, 30).tolist(), *np.linspace(0.05, 0.4, 30).tolist()]
GOAL = [True] * 30 + [False] * 30


def red_frames(**words):
    """Sixty frames of one shade of red each, of which the thirty reddest show the goal."""
    return reds(SHARES, GOAL, **words)


@cache
def audit_cartpole(*probes: str, goal: str = "", baseline: str = "pole and cart") -> Audit:
    """The audit of the task's own reward, or of one with another goal."""
    spec = replace(TASK.reward, prompts=PromptSet(goal, baseline)) if goal else TASK.reward
    return audit(spec, TaskStates(task=TASK, n=N), probes=probes or BUILT_IN)
