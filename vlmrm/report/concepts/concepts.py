"""`Concepts`: what raises and lowers a reward, as a table, as JSON, and as a section of a report."""

from vlmrm.report.concepts.concept_numbers import ConceptNumbers
from vlmrm.report.concepts.section import concept_section
from vlmrm.report.section import Section


class Concepts(ConceptNumbers):
    """What raises and what lowers a reward, on some frames."""

    def section(self) -> Section:
        """Return the concepts as a section of a report: ``report.with_section(found.section())``."""
        return concept_section(self)
