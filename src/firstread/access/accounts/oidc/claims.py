"""From what a provider says of a person to what is known of them here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from firstread.access.accounts.account import ROLES
from firstread.settings import Settings

_MOST = 100  # values of a claim


@dataclass(frozen=True)
class Identity:
    """A person as the provider knows them."""

    issuer: str
    subject: str
    name: str
    display_name: str
    email: str
    roles: frozenset[str]
    departments: frozenset[str]


def identity_of(issuer: str, claims: Mapping[str, Any], settings: Settings) -> Identity:
    """Return who it is; a role that no claim gives is not theirs."""
    subject = str(claims["sub"])
    email = _text(claims, "email") if claims.get("email_verified", True) is True else ""
    name = _text(claims, "preferred_username") or email or subject
    groups = _values(claims, settings.oidc_roles_claim)
    mapping = settings.oidc_roles or {role: role for role in ROLES}
    return Identity(
        issuer=issuer,
        subject=subject,
        name=re.sub(r"[^\w.@+-]+", "-", name).strip("._@+-")[:100] or "person",
        display_name=_text(claims, "name") or name[:200],
        email=email,
        roles=frozenset(mapping[group] for group in groups if group in mapping),
        departments=frozenset(_values(claims, settings.oidc_departments_claim)),
    )


def _values(claims: Mapping[str, Any], path: str) -> list[str]:
    """Return the texts of a claim, which may be in another: `realm_access.roles`; a name with dots comes first."""
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    listed = found if isinstance(found, list) else [found]
    return [value for value in listed[:_MOST] if isinstance(value, str) and value]


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return "".join(filter(str.isprintable, value))[:200] if isinstance(value, str) else ""
