"""The audit trail: who did what to whose data, as DICOM tells it (PS3.15 A.5), chained so that tampering shows."""

from firstread.access.audit.event import Event, EventCode
from firstread.access.audit.record import record, record_now

__all__ = ["Event", "EventCode", "record", "record_now"]
