"""The seal of research: what leads from a pseudonym back to a patient, only the installation's key opens."""

from firstread.access.sealed import Seal, Unopenable
from firstread.errors import UsageError
from firstread.settings import Settings

__all__ = ["Seal", "Unopenable", "seal_of", "seal_with"]


def seal_with(secret: str) -> Seal:
    """Return the seal that a secret makes, as `crosswalk_key` or as one that was it.

    Raises:
        UsageError: it is too short.
    """
    return Seal.of(secret, "crosswalk_key")


def seal_of(settings: Settings) -> Seal:
    """Return the seal of an installation.

    Raises:
        UsageError: the settings have no key.
    """
    if settings.crosswalk_key is None:
        raise UsageError(
            "The setting crosswalk_key is not set, so nothing that leads back to a patient can be kept.",
            remedy="Keep what `firstread projects new-key` prints in a file that FIRSTREAD_CROSSWALK_KEY_FILE names.",
        )
    return seal_with(settings.crosswalk_key.get_secret_value())
