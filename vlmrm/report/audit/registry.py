"""`PROBES`: the probes of an audit by name; those of other packages are loaded only when they are named."""

from vlmrm.registry import Registry
from vlmrm.report.audit.probe import Probe

_ROWS = {
    "tells_goal": "vlmrm.report.audit.tells_goal:PROBE",
    "false_alarms": "vlmrm.report.audit.false_alarms:PROBE",
    "negation": "vlmrm.report.audit.negation:PROBE",
    "opposites": "vlmrm.report.audit.exchanged_words:OPPOSITE",
    "sides": "vlmrm.report.audit.exchanged_words:SIDE",
    "attributes": "vlmrm.report.audit.exchanged_words:ATTRIBUTE",
    "word_order": "vlmrm.report.audit.word_order:PROBE",
    "absent_things": "vlmrm.report.audit.absent_things:PROBE",
    "paraphrases": "vlmrm.report.audit.paraphrases:PROBE",
    "orders": "vlmrm.report.audit.orders:PROBE",
}
BUILT_IN = tuple(_ROWS)
"""Names of the probes that an audit carries out unless told otherwise, in the order of a page."""
PROBES: Registry[Probe] = Registry("probe", "vlmrm.probes", _ROWS)
"""All probes by name, those of other packages included."""
