"""Where a reward is fooled: an audit of many probes.

- `audit`, `Audit`: all probes on one reward, as a table and a page.
- `PROBES`: probes by name, those of other packages included.
- `Probe`, `Need`, `Limits`, `Finding`, `Exhibit`: what a probe is made of.
- `Audited`: what a probe is given.
"""

from vlmrm.report.audit.audit_numbers import Answered
from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.auditing import audit
from vlmrm.report.audit.outcome import Audit
from vlmrm.report.audit.probe import Exhibit, Finding, Limits, Need, Probe
from vlmrm.report.audit.registry import BUILT_IN, PROBES

__all__ = [
    "BUILT_IN",
    "PROBES",
    "Answered",
    "Audit",
    "Audited",
    "Exhibit",
    "Finding",
    "Limits",
    "Need",
    "Probe",
    "audit",
]
