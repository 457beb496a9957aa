"""C-STORE: acknowledged when the instance is durable, and not before."""

import logging
from collections.abc import Callable
from typing import Any, cast

from pynetdicom import evt

from firstread.access.gate import Denied
from firstread.archive import PRIOR_SOURCE, Part10, Receipt
from firstread.network.callers import Callers
from firstread.network.open_studies import OpenStudies
from firstread.network.statuses import SUCCESS, store_status
from firstread.network.trail import NodeTrail

_log = logging.getLogger("firstread.network")
Receive = Callable[..., Receipt]


class StorageSCP:
    """Gives what is received to the archive, byte for byte.

    Args:
        receive: `Archive.receive`.
        callers: What they may send; None on an association that this node asked for.
        trail: Where it is recorded; None where whoever asked for it records it.
        studies: What open associations hold back; None on an association that this node asked for.
    """

    def __init__(
        self,
        receive: Receive,
        callers: Callers | None,
        trail: NodeTrail | None = None,
        studies: OpenStudies | None = None,
    ) -> None:
        self._callers = callers
        self._trail = trail
        self._receive = receive
        self._studies = studies

    def store(self, event: evt.Event) -> int:
        """Store the instance of one C-STORE request and return its status (PS3.4 table B.2-1)."""
        request = cast(Any, event.request)
        peer = str(event.assoc.requestor.ae_title).strip()
        try:
            if self._callers is not None:
                self._callers.check_store(event)
            instance = Part10.of(
                request.DataSet.getbuffer(),
                sop_class_uid=str(request.AffectedSOPClassUID),
                sop_instance_uid=str(request.AffectedSOPInstanceUID),
                transfer_syntax_uid=str(event.context.transfer_syntax),
                source_ae=peer,
            )
            receipt = self._receive(instance, source=PRIOR_SOURCE if _we_asked(event) else peer)
            if self._trail is not None:
                self._trail.received(event, receipt)
            if self._studies is not None:
                self._studies.came(event.assoc, receipt.study_uid)
        except Exception as error:
            if isinstance(error, Denied) and self._trail is not None:
                self._trail.refused(event, "C-STORE", "denied")
            status = store_status(error)
            # Kind and status only: what the error says can quote the sender.
            _log.warning("C-STORE refused with %04X: %s", status, type(error).__name__)
            return status
        if receipt.outcome == "conflict":
            _log.warning("instance %s came again with other bytes; both are kept", receipt.sop_instance_uid)
        return SUCCESS


def _we_asked(event: evt.Event) -> bool:
    """Tell whether this is an answer to our own C-MOVE (PS3.7 section 9.1.1.1.5): only priors are fetched so."""
    originator = cast(Any, event.request).MoveOriginatorApplicationEntityTitle
    return originator is not None and str(originator).strip() == str(event.assoc.ae.ae_title).strip()
