"""`firstread send` and `firstread echo`: calls to other DICOM nodes."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstread.cli.archive import AsJson, Quiet
from firstread.cli.read import INTERRUPTED

if TYPE_CHECKING:
    from firstread.network.sending import Outgoing
    from firstread.settings import Settings

REFUSED = 4

To = Annotated[
    str,
    typer.Option(
        "--to", metavar="NODE", help="AE@HOST:PORT, tls:AE@HOST:PORT, or a destination of the settings.",
        show_default=False,
    ),
]  # fmt: skip


def send(
    what: Annotated[
        str,
        typer.Argument(
            metavar="PATH|STUDY",
            help="A folder (any nesting), a DICOM file, or the Study Instance UID of a study in the archive.",
            show_default=False,
        ),
    ],
    to: To,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Send DICOM files to another node with C-STORE, unchanged, each until it is acknowledged.

    A node that is away or out of resources is tried again, later each time, and given up after six calls in vain.

    \b
    Examples
      firstread send out/study-1 --to PACS@10.0.0.5:104
      firstread send 1.2.840.113619.2.55.3 --to pacs --json

    Exit codes: 0 all acknowledged, 2 usage, 3 nothing to send, 4 the node refused some, 5 the node is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.cli.progress_bars import progress_bars
    from firstread.network.configured import caller_of, peer_of
    from firstread.settings import load_settings

    settings = load_settings()
    peer = peer_of(settings, to)
    try:
        with _files(settings, what) as files, progress_bars(shown=not (quiet or as_json)) as progress:
            sent = caller_of(settings).send(peer, files, progress=progress)
    except KeyboardInterrupt:
        print("firstread: stopped; run the same to go on, what was sent is recognised.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    refused = [{"sop_instance_uid": uid, "status": f"{status:04X}"} for uid, status in sent.refused]
    if as_json:
        print(json.dumps({"sent": sent.sent, "refused": refused}, indent=1))
    elif not quiet:
        print(f"{sent.sent} instances sent to {peer}, {len(refused)} refused.")
        for each in refused[:20]:
            print(f"  {each['sop_instance_uid']}: status {each['status']}")
    if refused:
        raise typer.Exit(REFUSED)


def echo(
    node: Annotated[
        str,
        typer.Argument(
            metavar="NODE",
            help="AE@HOST:PORT, tls:AE@HOST:PORT, or a destination of the settings.",
            show_default=False,
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Ask another node whether it is there and hears this one (C-ECHO).

    \b
    Examples
      firstread echo PACS@10.0.0.5:104
      firstread echo pacs

    Exit codes: 0 it answered, 2 usage, 5 it does not answer or rejects this node.
    """  # fmt: skip  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.network.configured import caller_of, peer_of
    from firstread.settings import load_settings

    settings = load_settings()
    peer = peer_of(settings, node)
    seconds = caller_of(settings).echo(peer)
    if as_json:
        print(json.dumps({"node": str(peer), "seconds": round(seconds, 4)}))
    else:
        print(f"{peer} answers, in {1000 * seconds:.0f} ms.")


@contextmanager
def _files(settings: "Settings", what: str) -> Iterator[list["Outgoing"]]:
    from firstread.access.action import Action
    from firstread.cli.acting import acting
    from firstread.errors import NothingReadable
    from firstread.network.outgoing import files_of_folder, files_of_study

    path = Path(what)
    with ExitStack() as opened:
        if path.exists():
            files = files_of_folder(path)
        else:
            archive, grant = opened.enter_context(acting(Action.EXPORT_STUDY, settings))
            files = files_of_study(archive, what, within=grant.within)
        if not files:
            raise NothingReadable(
                f"There is nothing to send in {what[:64]}.",
                remedy="Name a folder or file of DICOM, or the UID of a study in the archive.",
            )
        yield files
