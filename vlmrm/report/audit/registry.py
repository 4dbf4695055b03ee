"""`PROBES`: the probes of an audit by name; those of other packages are loaded only when they are named."""

from vlmrm.errors import SpecError
from vlmrm.registry import Registry
from vlmrm.report.audit.probe import Probe

_ROWS = {
    "tells_goal": "vlmrm.report.audit.tells_goal:PROBE",
    "false_alarms": "vlmrm.report.audit.false_alarms:PROBE",
    "borders": "vlmrm.report.audit.borders:PROBE",
    "nearer_pairs": "vlmrm.report.audit.nearer_pairs:PROBE",
    "other_goals": "vlmrm.report.audit.other_goals:PROBE",
    "negation": "vlmrm.report.audit.negation:PROBE",
    "opposites": "vlmrm.report.audit.exchanged_words:OPPOSITE",
    "sides": "vlmrm.report.audit.exchanged_words:SIDE",
    "attributes": "vlmrm.report.audit.exchanged_words:ATTRIBUTE",
    "word_order": "vlmrm.report.audit.word_order:PROBE",
    "absent_things": "vlmrm.report.audit.absent_things:PROBE",
    "paraphrases": "vlmrm.report.audit.paraphrases:PROBE",
    "rare_words": "vlmrm.report.audit.rare_words:PROBE",
    "nonsense": "vlmrm.report.audit.nonsense:PROBE",
    "orders": "vlmrm.report.audit.orders:PROBE",
    "alike_pairs": "vlmrm.report.audit.alike_pairs:PROBE",
    "blank_frames": "vlmrm.report.audit.blank_frames:PROBE",
    "written_words": "vlmrm.report.audit.written_words:PROBE",
    "stood_on_head": "vlmrm.report.audit.stood_on_head:PROBE",
    "mirror": "vlmrm.report.audit.changed_pictures:MIRROR",
    "sharpness": "vlmrm.report.audit.changed_pictures:SHARPNESS",
    "light": "vlmrm.report.audit.changed_pictures:LIGHT",
    "camera_shift": "vlmrm.report.audit.changed_pictures:CAMERA",
    "occlusion": "vlmrm.report.audit.changed_pictures:COVER",
    "texture": "vlmrm.report.audit.changed_pictures:TEXTURE",
    "pixel_attack": "vlmrm.report.audit.pixel_attack:PROBE",
    "goal_look_alike": "vlmrm.report.audit.goal_look_alike:PROBE",
    "borrowed_attack": "vlmrm.report.audit.borrowed_attack:PROBE",
    "reversed": "vlmrm.report.audit.episode_order:REVERSED",
    "shuffled": "vlmrm.report.audit.episode_order:SHUFFLED",
    "loops": "vlmrm.report.audit.episode_order:LOOP",
    "frozen_frames": "vlmrm.report.audit.frozen_frames:PROBE",
    "stages": "vlmrm.report.audit.stages:PROBE",
    "random_policy": "vlmrm.report.audit.unearned_pay:RANDOM",
    "doing_nothing": "vlmrm.report.audit.unearned_pay:IDLE",
    "survival_bonus": "vlmrm.report.audit.survival_bonus:PROBE",
    "exploits": "vlmrm.report.audit.exploits:PROBE",
    "best_exploit": "vlmrm.report.audit.best_exploit:PROBE",
}
BUILT_IN = tuple(_ROWS)
"""Names of the probes that an audit carries out unless told otherwise, in the order of a page."""


def _require_probe(name: str, entry: object) -> None:
    """Refuse what is no probe, or one of another name, under which its finding could not be found."""
    if not isinstance(entry, Probe):
        raise SpecError(f"probe {name!r} is a {type(entry).__name__}. Name a record of vlmrm.report.audit.Probe.")
    if entry.name != name:
        raise SpecError(f"probe {name!r} calls itself {entry.name!r}. Give both, entry point and Probe, the same name.")


PROBES: Registry[Probe] = Registry("probe", "vlmrm.probes", _ROWS, check=_require_probe)
"""All probes by name, those of other packages included."""
