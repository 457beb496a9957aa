"""Who acts at the command line."""

import getpass

from firstread.access import Actor


def local_actor() -> Actor:
    """Return whoever runs this process, by the name that the operating system gives them."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = ""
    return Actor("local", name)
