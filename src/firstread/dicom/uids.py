"""UIDs that the same read gives again.

A UID here is a name-based UUID under the root 2.25 (PS3.5 B.2), so no registered root is needed and
writing a read twice gives the same objects, which an archive recognises as already stored.
"""

import hashlib
import uuid

import numpy as np

from firstread.findings import ReadResult

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "uid.firstread")
_SEPARATOR = "\x1f"


def derive_uid(*parts: str) -> str:
    """Return the UID that belongs to these parts, in this order; other parts give another UID."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, _SEPARATOR.join(parts)).int}"


def read_digest(result: ReadResult) -> str:
    """Return the sha256 (hex) of what was read, by which models, and what was found.

    How long the read took does not count, so reading the same series again gives the same digest.
    """
    digest = hashlib.sha256(result.model_dump_json(exclude={"timings_s"}).encode())
    for finding in result.findings:
        if finding.mask is not None:
            digest.update(repr((finding.id, finding.mask.offset, finding.mask.voxels.shape)).encode())
            digest.update(np.packbits(finding.mask.voxels).tobytes())
    return digest.hexdigest()
