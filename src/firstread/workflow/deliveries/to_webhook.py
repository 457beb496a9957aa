"""To a webhook: one signed JSON event a result, and one a signed report."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from firstread.archive import Archive, Part10
from firstread.errors import UsageError
from firstread.findings import ReadResult
from firstread.network.dicomweb.addresses import PREFIX, stored
from firstread.network.dicomweb.problems import Problem
from firstread.network.http_client import Client, tls_of
from firstread.network.signature import SHORTEST_KEY, signature
from firstread.settings import Settings
from firstread.workflow.deliveries.events import (
    PingEvent,
    ReportEvent,
    ResultEvent,
    event_id,
    report_event,
    result_event,
)
from firstread.workflow.result_folder import REPORT_JSON, RESULT_JSON, load_result

_META = 1 << 16


@dataclass(frozen=True)
class ToWebhook:
    """A URL that takes events, signed with a key that it knows too."""

    name: str
    url: str
    key: bytes = field(repr=False)
    public_url: str
    client: Client = field(repr=False)

    @classmethod
    def of(cls, name: str, settings: Settings) -> "ToWebhook":
        """Return the destination of this name.

        Raises:
            UsageError: there is no key, or it is too short, or the settings cannot be used.
        """
        secret = settings.destination_secrets.get(name)
        key = secret.get_secret_value() if secret else ""
        if len(key) < SHORTEST_KEY:
            raise UsageError(
                f"The webhook {name} has no key, or one of fewer than {SHORTEST_KEY} characters.",
                remedy="Set it in destination_secrets.",
            )
        place, public_url = settings.destinations[name].place, str(settings.public_url or "").rstrip("/")
        return cls(name, place, key.encode(), public_url, Client(tls_of(settings)))

    def deliver(self, archive: Archive, folder: Path, document: str) -> None:
        """Post the event of a result or a signed report; again with the same identity, so that the receiver can tell.

        Raises:
            PassingFailure: the receiver is away or busy.
            PermanentFailure: it refused.
        """
        result = load_result(folder)
        links = self._links(archive, folder, result)
        signed = folder / REPORT_JSON
        if signed.is_file():
            content = signed.read_bytes()
            self._post(report_event(json.loads(content), identity=event_id(self.name, content), links=links))
            return
        identity = event_id(self.name, (folder / RESULT_JSON).read_bytes())
        self._post(result_event(result, identity=identity, links=links))

    def test(self) -> str:
        """Post a ping, and say that it was taken.

        Raises:
            PassingFailure, PermanentFailure: it was not.
        """
        self._post(PingEvent(id=uuid4().hex))
        return f"{self.url} takes events"

    def _post(self, event: ResultEvent | ReportEvent | PingEvent) -> None:
        body = event.model_dump_json().encode()
        headers = {
            "Content-Type": "application/json",
            "Firstread-Signature": signature(self.key, body, int(time.time())),
            "Idempotency-Key": event.id,
        }
        answer = self.client.call("POST", self.url, headers=headers, content=body)
        if not 200 <= answer.status < 300:
            raise answer.failure(self.url)

    def _links(self, archive: Archive, folder: Path, result: ReadResult) -> dict[str, str]:
        """Return where the study and those documents that the archive has are found."""
        if not self.public_url:
            return {}
        service = f"{self.public_url}{PREFIX}"
        links = {"study": f"{service}/studies/{result.study_uid}"}
        try:
            there = {
                each.sop_instance_uid: each.path for each in stored(archive, result.study_uid, within=None)
            }
        except Problem:  # the study was removed
            return {}
        for path in sorted(folder.glob("*.dcm")):
            with path.open("rb") as file:
                uid = Part10.parse(file.read(_META)).sop_instance_uid
            if uid in there:
                links[path.name] = f"{service}/{there[uid]}"
        return links
