"""Who acts at the command line: the user of the operating system."""

import getpass
import os

from firstread.access.actor import Actor


def this_user() -> Actor:
    """Return the user that this process runs as; who can read the archive's files may do everything with them."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"uid {os.getuid()}"
    return Actor("local", name)
