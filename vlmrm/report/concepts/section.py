"""The concepts of a reward as a section of a report's page."""

from vlmrm.report.concepts.concept import ActiveFrame, Concept
from vlmrm.report.concepts.concept_numbers import ConceptNumbers
from vlmrm.report.concepts.sentences import TELLS
from vlmrm.report.plots import picture_data
from vlmrm.report.section import Section

_SHOWN = 4  # concepts that raise the reward, and as many that lower it


def concept_section(found: ConceptNumbers) -> Section:
    """Return concepts as a section of a report's page.

    Args:
        found: What was found.
    """
    shown = [
        ("What raises it", [_with_pictures(one) for one in found.raising[:_SHOWN]]),
        ("What lowers it", [_with_pictures(one) for one in found.lowering[:_SHOWN]]),
    ]
    return Section(
        name="concepts",
        title=f"What raises {found.reward}",
        numbers=found.to_dict(),
        template="concepts_section.html",
        shown={
            "found": found,
            "parts": [(title, rows) for title, rows in shown if rows],
            "elsewhere": found.paying_elsewhere,
            "others": len(found.concepts) - sum(len(rows) for _, rows in shown),
            "tells": TELLS,
        },
    )


def _with_pictures(one: Concept) -> tuple[Concept, list[tuple[ActiveFrame, str]]]:
    return one, [(frame, picture_data(frame.picture)) for frame in one.frames]
