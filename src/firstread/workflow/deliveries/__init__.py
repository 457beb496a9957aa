"""Results on their way to PACS, web, folder and webhook: each document once, however often it is tried."""

from firstread.network.failures import DeliveryFailed, PassingFailure, PermanentFailure
from firstread.workflow.deliveries.back_off import wait_s
from firstread.workflow.deliveries.deliver import deliver, unusable_destinations
from firstread.workflow.deliveries.documents import documents_for
from firstread.workflow.deliveries.kept import keep_result
from firstread.workflow.deliveries.ledger import (
    DeliveryStatus,
    drop_deliveries,
    list_deliveries,
    retry_deliveries,
)

__all__ = [
    "DeliveryFailed",
    "DeliveryStatus",
    "PassingFailure",
    "PermanentFailure",
    "deliver",
    "documents_for",
    "drop_deliveries",
    "keep_result",
    "list_deliveries",
    "retry_deliveries",
    "unusable_destinations",
    "wait_s",
]
