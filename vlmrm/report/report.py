"""`Report`: how good some rewards are, as a table, as JSON, and as a page."""

from collections.abc import Mapping
from dataclasses import replace

from vlmrm.data.task_frames import Policy
from vlmrm.errors import SpecError
from vlmrm.report.agents import rank_agents
from vlmrm.report.page import render_page
from vlmrm.report.report_numbers import ReportNumbers
from vlmrm.report.saving import Page
from vlmrm.report.section import Section
from vlmrm.rewards.protocols import FrameReward
from vlmrm.tasks import Task


class Report(ReportNumbers, Page):
    """Rewards judged on the same labelled frames, the best first; a notebook shows its page."""

    def html(self) -> str:
        """Return the page, one file that needs no other."""
        return render_page(self)

    @property
    def best_asked(self) -> FrameReward:
        """The best reward that can be asked about other pictures; `SpecError` where all are tables of scores."""
        for entry in self.entries:
            if (reward := entry.evidence.candidate.reward) is not None:
                return reward
        raise SpecError("all that is reported are tables of scores. Report a reward that can score other pictures.")

    def with_agents(self, task: Task, agents: Mapping[str, Policy], *, episodes: int = 3) -> "Report":
        """Return the report with how each reward ranks agents beside how the environment's own return does.

        Args:
            task: The task that they act in.
            agents: The agents by their names; `vlmrm.training.run_agents` makes them of a run.
            episodes: Episodes of each.
        """
        candidates = [entry.evidence.candidate for entry in self.entries]
        return replace(self, agents=rank_agents(candidates, task, agents, episodes=episodes))

    def with_section(self, section: Section) -> "Report":
        """Return the report with a section more, as ``audit(reward, frames).section()`` makes one.

        Args:
            section: What to add, after the rewards.
        """
        return replace(self, sections=(*self.sections, section))
