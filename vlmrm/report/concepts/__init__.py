"""What raises a reward: directions that the embeddings of many frames share, found by a sparse autoencoder.

- `find_concepts`, `Concepts`: what each of them does to a reward, with frames and sentences, as a table and a section.
- `Concept`, `ActiveFrame`, `NearSentence`: what is known of one of them.
- `train_autoencoder`, `AutoencoderOptions`, `SparseAutoencoder`: embeddings taken apart.
- `effects_of`: what each latent does to any score of embeddings.
- `with_concepts`: a report with the concepts of its best reward.
- `read_sentences`: sentences of a file, which may name concepts.
"""

from vlmrm.report.concepts.autoencoder import AutoencoderOptions, SparseAutoencoder, train_autoencoder
from vlmrm.report.concepts.concept import ActiveFrame, Concept
from vlmrm.report.concepts.concepts import Concepts
from vlmrm.report.concepts.effects import effects_of
from vlmrm.report.concepts.finding import find_concepts
from vlmrm.report.concepts.on_page import with_concepts
from vlmrm.report.concepts.sentences import NearSentence, read_sentences

__all__ = [
    "ActiveFrame",
    "AutoencoderOptions",
    "Concept",
    "Concepts",
    "NearSentence",
    "SparseAutoencoder",
    "effects_of",
    "find_concepts",
    "read_sentences",
    "train_autoencoder",
    "with_concepts",
]
