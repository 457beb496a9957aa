"""`firstread serve`: the roles of an installation, run until they are told to stop."""

import json
import signal
import sys
import threading
from typing import Annotated, Literal

import typer


def serve(
    role: Annotated[
        Literal["scp"],
        typer.Option(
            "--role", help="What this process does. scp: listen for DICOM, store and answer queries."
        ),
    ] = "scp",
    as_json: Annotated[
        bool, typer.Option("--json", help="Say where it listens as one line of JSON.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but warnings and errors.")] = False,
) -> None:
    """Run the DICOM node until SIGTERM or Ctrl-C: store what is sent, answer queries, send what is asked for.

    Nobody may associate before the setting dicom_callers lists them. What is acknowledged is on the disk and in the
    database. On SIGTERM no new connection is taken, and what is under way gets 10 seconds.

    \b
    Examples
      FIRSTREAD_DICOM_CALLERS=CT1,PACS@10.0.0.5 FIRSTREAD_DICOM_HOST=0.0.0.0 firstread serve
      firstread serve --role scp --quiet

    Exit codes: 0 stopped, 2 a setting cannot be used or the port is taken, 5 the archive is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    import logging
    import resource

    from firstread.archive import archive_of
    from firstread.dicom.quiet import quiet as pydicom_quiet
    from firstread.network import Node
    from firstread.network.configured import listening_of
    from firstread.settings import load_settings

    logging.basicConfig(
        stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING
    )
    settings = load_settings()
    listening = listening_of(settings)
    # Each association has three files open; the usual limit of 1024 is for programs that call select.
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    # pydicom's remarks on what peers send quote it.
    with pydicom_quiet(), archive_of(settings) as archive, Node(archive, listening) as node:
        if as_json:
            print(
                json.dumps({"ae_title": listening.ae_title, "host": listening.host, "port": node.port}),
                flush=True,
            )
        elif not quiet:
            print(f"{listening.ae_title} listens on {listening.host} port {node.port}.", file=sys.stderr)
            if listening.acceptance.callers == ():
                print("Nobody may associate yet: list them in the setting dicom_callers.", file=sys.stderr)
        stop.wait()
