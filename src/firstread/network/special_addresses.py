"""Addresses that nothing is sent to, unless the settings name them: no URL makes this host ask its own surroundings.

Whoever may set a destination could otherwise have this host call what only it can reach: the services under which
clouds tell a machine its secrets, and link-local neighbours (server-side request forgery, CWE-918).
"""

import socket
from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from firstread.errors import UsageError
from firstread.network.acceptance import plain_address
from firstread.settings import Settings

_TELL_SECRETS = {
    ip_address(each)
    for each in ("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200", "192.0.0.192")
}
"""Where Amazon, Azure, Google, Oracle and Alibaba tell a machine its credentials; most are link-local anyway."""


def check_url(url: str, settings: Settings) -> None:
    """Make sure that the host of a URL is one that may be called; see `check_host`.

    Raises:
        UsageError: it is, or its name leads to, a special address that the settings do not name.
    """
    check_host(urlsplit(url).hostname or "", settings.destination_special_addresses)


def check_host(host: str, named: Collection[str] = ()) -> None:
    """Make sure that a host is one that may be called.

    A name is looked up; that an answer could be another one the next time is no way around this, as the certificate
    is checked, too.

    Args:
        host: Name or address.
        named: Addresses and names that the settings allow all the same.

    Raises:
        UsageError: it is, or its name leads to, a special address.
    """
    if host in named:
        return
    try:
        found = {str(each[4][0]) for each in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return  # it cannot be called anyway; the call says why
    if any(is_special(text) and text not in named for text in found):
        raise UsageError(
            "The destination's address is link-local, multicast, or one under which clouds tell secrets.",
            remedy="If it is meant, name it in destination_special_addresses.",
        )


def is_special(text: str) -> bool:
    """Tell whether an address is one that no destination has."""
    address = plain_address(text)
    return address.is_link_local or address.is_multicast or address.is_unspecified or address in _TELL_SECRETS
