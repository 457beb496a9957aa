"""What a process of an installation does."""

from collections.abc import Iterable
from enum import StrEnum


class Role(StrEnum):
    """scp: the DICOM node; api: DICOMweb; worker: routes, reads and deliveries."""

    ALL = "all"
    SCP = "scp"
    API = "api"
    WORKER = "worker"


def roles_of(named: Iterable[Role]) -> frozenset[Role]:
    """Return the roles that are meant: those named, or all where all or none is."""
    roles = frozenset(named)
    return roles if roles and Role.ALL not in roles else frozenset(Role) - {Role.ALL}
