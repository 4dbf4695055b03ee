"""Encoders: pictures and sentences become unit vectors in one space.

- `load_encoder`: from a name to an encoder.
- `list_models`: the models that come with the package.
- `Encoder`: what every encoder offers.
- `EnsembleEncoder`: several encoders as one.
- `Domain`, `DomainWatch`: what a small model knows, and warnings outside of it.
- `Preprocessing`: how one model wants its pictures.
- `import_open_clip`: the open_clip package, also where torchvision does not match torch.

Importing this package does not import open_clip; loading a model does.
"""

from vlmrm.encoders.cards import ModelCard
from vlmrm.encoders.domain import Domain
from vlmrm.encoders.domain_watch import DomainWatch
from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.ensemble import EnsembleEncoder
from vlmrm.encoders.open_clip.torchvision_mend import import_open_clip
from vlmrm.encoders.registry import list_models, load_encoder
from vlmrm.frames.preprocessing import Preprocessing

__all__ = [
    "Domain",
    "DomainWatch",
    "Encoder",
    "EnsembleEncoder",
    "ModelCard",
    "Preprocessing",
    "import_open_clip",
    "list_models",
    "load_encoder",
]
