"""Every secret and certificate of docs/how-to/rotate-secrets.md is replaced while a scanner goes on sending."""

import re
import socket
import ssl
import threading
from pathlib import Path

import pyotp
from sqlalchemy import select, update

from firstread.access.accounts.account import create_account
from firstread.access.accounts.models import AccountRow
from firstread.access.accounts.totp import begin_enrolment, finish_enrolment, take_code
from firstread.access.audit.chain import keys_of
from firstread.access.audit.verify import verify
from firstread.access.this_user import this_user
from firstread.archive import archive_of
from firstread.archive.columns import now
from firstread.archive.database import reading, writing
from firstread.archive.models import Study
from firstread.dicom.deidentify.options import options_of
from firstread.network.outgoing import files_of_folder
from firstread.network.peers import Peer
from firstread.network.scu import Caller, PeerFailed
from firstread.network.tls import TLSFiles, client_context
from firstread.research.projects import add_project, project_named, reseal
from firstread.research.sealed import seal_with
from firstread.service.roles import Role
from firstread.service.service import Service
from firstread.settings import Settings, is_secret
from tests.access.granting import allow
from tests.authority import Authority
from tests.dicom.ct_series import anatomy, ct_series, write
from tests.waiting import free_port, wait_for

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "rotate-secrets.md"
FILES = ("_certificate", "_tls_key", "_syslog_key", "_authorities")
ELSEWHERE = {"instances_key"}
"""Of a store of objects, which this node has not; it is a setting that is read on the start as the others are."""


def secret_settings():
    return {name for name, field in Settings.model_fields.items() if is_secret(field) or name.endswith(FILES)}


def test_every_secret_and_certificate_is_in_the_how_to():
    rows = [line for line in HOW_TO.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    named = set(re.findall(r"`([a-z_]+)`", "\n".join(rows)))
    assert secret_settings() <= named
    assert named <= set(Settings.model_fields)


class Scanner:
    """Sends studies of one image, one after another, each until it is acknowledged."""

    def __init__(self, port, folder, files):
        self.files = files
        self.acknowledged = []
        self._peer = Peer("FIRSTREAD", "127.0.0.1", port, tls=True)
        self._folder = folder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        (image,) = ct_series(anatomy(1, 16))
        while not self._stop.is_set():
            number = len(self.acknowledged) + 1
            image.StudyInstanceUID, image.SeriesInstanceUID = f"1.2.3.{number}", f"1.2.3.{number}.1"
            image.SOPInstanceUID = f"1.2.3.{number}.1.1"
            outgoing = files_of_folder(write(self._folder / str(number), [image]))
            while not self._send(outgoing):
                assert not self._stop.is_set(), "the last study was not taken"
            self.acknowledged.append(image.StudyInstanceUID)

    def _send(self, outgoing):
        try:
            caller = Caller("CT1", client_context(self.files), seconds=20.0, tries=1, first_wait_s=0.05)
            return not caller.send(self._peer, outgoing).refused
        except PeerFailed:
            self._stop.wait(0.05)
            return False

    def go_on(self):
        """Wait until two more studies were taken: one may have been under way before."""
        wanted = len(self.acknowledged) + 2
        wait_for(lambda: len(self.acknowledged) >= wanted, 60)

    def stop(self):
        self._stop.set()
        self._thread.join(60)


class Installation:
    """A node whose settings change, and which is started again with them."""

    def __init__(self, scanner_port, **values):
        self.values = {"dicom_port": scanner_port, "api_port": 0, "archive_reserve_mib": 0, **values}
        self.changed = set()
        self.service = None

    @property
    def settings(self):
        return Settings(**self.values)

    def start(self):
        self.service = Service(self.settings, frozenset({Role.SCP, Role.API}))

    def stop(self):
        if self.service is not None:
            assert self.service.stop(10.0)

    def restart(self, **changed):
        self.stop()
        self.values |= changed
        self.changed |= set(changed)
        self.start()

    def web_certificate(self, authorities):
        context = ssl.create_default_context(cafile=authorities)
        port = self.service.facts()["api"]["port"]
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            return secure.getpeercert()["serialNumber"]


def put(path, content):
    """Write a file as the how-to says, beside it first: who reads it meanwhile gets one or the other."""
    beside = path.with_suffix(".new")
    beside.write_bytes(content)
    beside.replace(path)


def replace(paths, fresh):
    for path, new in zip(paths, fresh, strict=True):
        put(path, new.read_bytes())


def test_every_secret_and_certificate_is_replaced_and_no_study_is_lost(
    tmp_path, postgres_server, postgres_url, debian_tool
):
    openssl = debian_tool("openssl")
    first, second = Authority(openssl, tmp_path, "first"), Authority(openssl, tmp_path, "second")
    trusted = tmp_path / "trusted.pem"  # by both sides
    trusted.write_bytes(first.file.read_bytes())
    web, dicom, collector = (first.issue(name) for name in ("web", "dicom", "collector"))
    port = free_port()
    node = Installation(
        port,
        archive_dir=tmp_path / "archive",
        database_url=postgres_url,
        dicom_callers=["CT1"],
        **dict(zip(("api_tls_certificate", "api_tls_key"), web, strict=True)),
        **dict(zip(("dicom_tls_certificate", "dicom_tls_key"), dicom, strict=True)),
        **dict(zip(("audit_syslog_certificate", "audit_syslog_key"), collector, strict=True)),
        audit_syslog=f"127.0.0.1:{free_port()}",  # which is away
        dicom_tls_authorities=trusted,
        destinations={"his": "webhook:https://his.invalid/", "pacs": f"dicom:tls:PACS@127.0.0.1:{free_port()}"},
        oidc_issuer="https://login.invalid",
        oidc_client_id="firstread",
    )  # fmt: skip
    for name in (
        "destination_authorities",
        "alert_authorities",
        "audit_syslog_authorities",
        "oidc_authorities",
    ):
        node.values[name] = trusted
    keys = {name: f"first {name} " * 4 for name in ("audit_key", "second_factor_key", "crosswalk_key")}
    node.values |= keys | {
        "destination_secrets": {"his": "first"}, "alert_secrets": {"page": "first"}, "oidc_client_secret": "first",
    }  # fmt: skip
    with archive_of(node.settings) as archive:
        allow(archive, "role:node", "study.store")
        with writing(archive.engine) as connection:
            person = create_account(connection, "ada").id
            device = begin_enrolment(connection, person)
            finish_enrolment(connection, person, pyotp.TOTP(device).now())
        crosswalk = seal_with(keys["crosswalk_key"])
        add_project(archive.engine, crosswalk, "lungs", options_of([]), actor=this_user())
    node.start()
    scanner = Scanner(port, tmp_path / "sent", TLSFiles(*first.issue("scanner"), trusted))
    try:
        scanner.go_on()

        # Certificates, of the next authority, while it runs. Both sides believe both authorities first.
        put(trusted, first.file.read_bytes() + second.file.read_bytes())
        node.restart()
        shown = node.web_certificate(trusted)
        for paths in (web, dicom, collector):
            replace(paths, second.issue("renewed"))
        node.service.renew()  # what SIGHUP does
        assert node.web_certificate(trusted) != shown
        scanner.go_on()
        scanner.files = TLSFiles(*second.issue("new-scanner"), trusted)
        scanner.go_on()
        put(trusted, second.file.read_bytes())
        node.restart()
        scanner.go_on()
        node.changed |= {name for name in secret_settings() if name.endswith(FILES)}

        # Keys of the node's own.
        node.restart(audit_key="second audit key " * 3, audit_former_keys=[keys["audit_key"]])
        scanner.go_on()
        new = "second key of factors " * 2
        node.restart(second_factor_former_keys=[new])
        node.restart(second_factor_key=new, second_factor_former_keys=[keys["second_factor_key"]])
        node.restart(second_factor_former_keys=[])
        scanner.go_on()
        node.stop()
        renewed = seal_with("second crosswalk key " * 2)
        with archive_of(node.settings) as archive:
            reseal(archive.engine, crosswalk, renewed, actor=this_user())
        node.start()
        node.restart(crosswalk_key="second crosswalk key " * 2)
        scanner.go_on()

        # What it shows to others: their side has changed, too.
        node.restart(destination_secrets={"his": "second"})
        node.restart(alert_secrets={"page": "second"})
        node.restart(oidc_client_secret="second")
        scanner.go_on()

        # The login at the database: another one for the same tables.
        role = f"second_{port}"
        postgres_server.execute(f"CREATE ROLE {role} LOGIN SUPERUSER")
        node.restart(database_url=postgres_url.replace("//firstread@", f"//{role}@"))
        scanner.go_on()
    finally:
        scanner.stop()
        node.stop()

    assert node.changed == secret_settings() - ELSEWHERE
    with archive_of(node.settings) as archive:
        with reading(archive.engine) as connection:
            stored = set(connection.execute(select(Study.study_uid)).scalars())
            secrets = [node.values["audit_key"], *node.values["audit_former_keys"]]
            trail = verify(connection, keys=keys_of([each.encode() for each in secrets]))
        assert set(scanner.acknowledged) <= stored and len(scanner.acknowledged) > 15
        assert trail.sound and trail.sealed == trail.events
        with writing(archive.engine) as connection:
            connection.execute(update(AccountRow).values(totp_step=0))
            assert take_code(connection, person, pyotp.TOTP(device).at(now()))
            assert project_named(connection, renewed, "lungs").name == "lungs"
    postgres_server.execute(f"DROP ROLE {role}")
