"""An installation on many hosts: database, node, workers, scanner and PACS each on its own, over real networks.

The instances are in a bucket, the results in a folder that all hosts see.
"""

import json
import secrets
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid
from sqlalchemy import select

from firstread.access.accounts.account import create_account
from firstread.access.accounts.tokens import create_token
from firstread.archive.database import open_engine, reading, writing
from firstread.archive.models import Delivery, Job, Result, Study, Worker
from tests import postgres
from tests.object_store import KEYS, object_store
from tests.system.fleet import Nursery, Server, nursery
from tests.system.lan import Host, lan
from tests.waiting import wait_for

pytestmark = pytest.mark.timeout(300)

NAMES = ("database", "node", "one", "two", "scanner", "pacs")
ROUTE = {"name": "chest CT", "reader": "ball", "destinations": ["pacs"], "when": {"modality": "CT"}}
PORT, PACS_PORT, API_PORT = 11112, 11113, 8080
PROMPT_S = 60.0


@dataclass
class Installation:
    """What runs on the hosts, and what is seen of it through the database's own socket."""

    hosts: dict[str, Host]
    nurseries: dict[str, Nursery]
    folder: Path
    url: str
    storescu: str
    workers: list[Server] = field(default_factory=list)

    def tell(self, host: str, word: str) -> None:
        """Tell the reader on a host what to do: wait, or nothing."""
        (self.folder / f"{host}.reader").write_text(word)

    def worker(self, host: str) -> Server:
        started = self.nurseries[host].server(f"worker-{host}", "serve", "--role", "worker")
        self.workers.append(started)
        return started

    def send(self, study: Path) -> None:
        node = self.hosts["node"].address
        subprocess.run(
            [*self.hosts["scanner"].within, self.storescu, "-aet", "CT1", "-aec", "FIRSTREAD", "+sd",
             node, str(PORT), str(study)], check=True, timeout=120,
        )  # fmt: skip

    def rows(self, statement):
        engine = open_engine(self.url)
        try:
            with reading(engine) as connection:
                return connection.execute(statement).all()
        finally:
            engine.dispose()

    def token(self) -> str:
        """A token of a program that reads."""
        engine = open_engine(self.url)
        try:
            with writing(engine) as connection:
                account = create_account(connection, "viewer", kind="service", roles=["administrator"])
                lasts = timedelta(days=1)
                return create_token(connection, account.id, "test", scopes=["study.read"], lasts=lasts)
        finally:
            engine.dispose()

    def read_by(self, server: Server) -> list[str]:
        """The studies that a worker reads at this moment."""
        return [
            row.study_uid
            for row in self.rows(
                select(Study.study_uid, Worker.process)
                .join(Job, Job.study_key == Study.id).join(Worker, Worker.id == Job.worker)
                .where(Job.state == "running")
            )
            if f"/{server.pid}/" in row.process
        ]  # fmt: skip

    def delivered(self, study_uid: str) -> bool:
        """Whether a study was read and everything of it sent."""
        states = self.rows(
            select(Delivery.state).join(Result, Result.id == Delivery.result_key)
            .join(Job, Job.id == Result.job_key).join(Study, Study.id == Job.study_key)
            .where(Study.study_uid == study_uid)
        )  # fmt: skip
        return bool(states) and all(row.state == "sent" for row in states)

    def at_pacs(self, study_uid: str) -> list[str]:
        """The modalities of what the PACS has of a study."""
        found = [dcmread(path, stop_before_pixels=True) for path in (self.folder / "pacs").iterdir()]
        return sorted(each.Modality for each in found if each.StudyInstanceUID == study_uid)


@pytest.fixture(scope="module")
def hosts():
    """The hosts by name."""
    with lan(NAMES) as made:
        yield made


@pytest.fixture(scope="module")
def database(hosts):
    """A PostgreSQL server on its host, and its URL for the others: TLS, verified, and a password."""
    programs = postgres.programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed; scripts/install-debian-packages installs postgresql")
    host, password = hosts["database"], secrets.token_hex(8)
    with postgres.server(programs) as server:
        server.execute("CREATE DATABASE firstread")
        authority = server.secure(host.address, password)
        server.stop()
        server.start(address=host.address, within=host.within)
        query = f"sslmode=verify-full&sslrootcert={authority}"
        yield server, f"postgresql://{postgres.USER}:{password}@{host.address}/firstread?{query}"


@pytest.fixture(scope="module")
def stored(hosts):
    """The settings of where the instances are: a bucket on the database's host."""
    host = hosts["database"]
    with object_store(host.address, host.within) as store:
        yield {
            "FIRSTREAD_INSTANCES_URL": f"s3://{store.new_bucket()}/ct",
            "FIRSTREAD_INSTANCES_ENDPOINT": f"http://{store.address}:{store.port}",
            "FIRSTREAD_INSTANCES_REGION": KEYS["region"],
            "FIRSTREAD_INSTANCES_KEY_ID": KEYS["access_key_id"],
            "FIRSTREAD_INSTANCES_KEY": KEYS["secret_access_key"],
        }


@contextmanager
def pacs(host: Host, program: str, folder: Path):
    """dcmtk's storescp."""
    folder.mkdir()
    command = [*host.within, program, "+xa", "-aet", "PACS", "-od", str(folder), "+uf", str(PACS_PORT)]
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.kill()


@pytest.fixture(scope="module")
def installation(hosts, database, stored, ball_reader, debian_tool, tmp_path_factory):
    """The node on its host, and hosts for workers, scanner and PACS."""
    server, url = database
    folder = tmp_path_factory.mktemp("installation")
    common = {
        "FIRSTREAD_ARCHIVE_DIR": str(folder / "archive"),
        "FIRSTREAD_DATABASE_URL": url,
        "FIRSTREAD_DICOM_CALLERS": "any",
        "FIRSTREAD_DESTINATIONS": json.dumps({"pacs": f"PACS@{hosts['pacs'].address}:{PACS_PORT}"}),
        "FIRSTREAD_ROUTES": json.dumps([ROUTE]),
        "FIRSTREAD_STUDY_QUIET_S": "1",
        "FIRSTREAD_WORKER_LOST_S": "4",
        "FIRSTREAD_STOP_GRACE_S": "1",
        **stored,
    }
    with ExitStack() as opened:
        opened.enter_context(pacs(hosts["pacs"], debian_tool("storescp"), folder / "pacs"))
        nurseries = {
            name: opened.enter_context(
                nursery(
                    folder,
                    {
                        **common,
                        "FIRSTREAD_CACHE_DIR": str(folder / f"cache-{name}"),
                        "FIRSTREAD_DICOM_HOST": hosts[name].address,
                        "FIRSTREAD_DICOM_PORT": str(PORT),
                        "FIRSTREAD_API_HOST": hosts[name].address,
                        "FIRSTREAD_API_ALLOW_REMOTE": "true",
                        "BALL_READER": f"@{folder / name}.reader",
                    },
                    within=hosts[name].within,
                    sites=[ball_reader],
                )
            )
            for name in ("node", "one", "two")
        }
        node = nurseries["node"].server("node", "serve", "--role", "scp", "--role", "api")
        wait_for(lambda: "DICOMweb:" in node.log, PROMPT_S)
        yield Installation(hosts, nurseries, folder, server.url("firstread"), debian_tool("storescu"))


@pytest.fixture
def site(installation):
    """The installation without a worker; those that a test starts end with it."""
    for host in ("one", "two"):
        installation.tell(host, "")
    yield installation
    for server in installation.workers:
        server.send(signal.SIGCONT)
        server.kill()
    installation.workers.clear()


@pytest.fixture
def new_study(small_study, tmp_path):
    """Make a study of its own: its folder and its UID."""

    def make() -> tuple[Path, str]:
        uid, series = generate_uid(), generate_uid()
        folder = tmp_path / uid
        folder.mkdir()
        for path in sorted(small_study.glob("*.dcm"))[20:60]:
            image = dcmread(path)
            image.StudyInstanceUID, image.SeriesInstanceUID = uid, series
            image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            image.save_as(folder / path.name)
        return folder, uid

    return make


def test_a_study_sent_to_one_host_is_read_on_another_and_reaches_a_third(site, new_study):
    folder, uid = new_study()
    site.worker("one")
    site.send(folder)
    wait_for(lambda: site.delivered(uid), PROMPT_S)
    sent = site.at_pacs(uid)
    assert {"SR", "SEG"} <= set(sent)
    assert len(sent) == len(set(site.rows(select(Delivery.document)))) > 0
    listed = subprocess.run(
        [*site.hosts["scanner"].within, sys.executable, "-c",
         "import sys; from urllib.request import Request, urlopen\n"
         "asked = Request(sys.argv[1], headers={'Authorization': f'Bearer {sys.argv[2]}'})\n"
         "sys.stdout.write(urlopen(asked).read().decode())",
         f"http://{site.hosts['node'].address}:{API_PORT}/dicom-web/studies?StudyInstanceUID={uid}", site.token()],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert json.loads(listed.stdout)[0]["00201206"]["Value"][0] > 1  # series: the images, and what was found


def test_a_worker_that_joins_takes_what_waits_and_one_that_leaves_hands_back_what_it_reads(site, new_study):
    (first, first_uid), (second, second_uid) = new_study(), new_study()
    site.tell("one", "wait")
    site.tell("two", "wait")
    one = site.worker("one")
    site.send(first)
    wait_for(lambda: site.read_by(one) == [first_uid], PROMPT_S)
    site.send(second)
    two = site.worker("two")
    wait_for(lambda: site.read_by(two) == [second_uid], PROMPT_S)
    site.tell("two", "")
    wait_for(lambda: site.delivered(second_uid), PROMPT_S)
    site.tell("two", "wait")
    one.end(signal.SIGTERM, PROMPT_S)
    wait_for(lambda: site.read_by(two) == [first_uid], PROMPT_S)
    site.tell("two", "")
    wait_for(lambda: site.delivered(first_uid), PROMPT_S)
    (attempts,) = site.rows(
        select(Job.attempts).join(Study, Study.id == Job.study_key).where(Study.study_uid == first_uid)
    )
    assert attempts[0] == 1  # who was told to stop has not failed


def test_what_a_host_that_is_cut_off_was_reading_is_taken_over_and_is_delivered_once(site, new_study):
    folder, uid = new_study()
    site.tell("one", "wait")
    one, host = site.worker("one"), site.hosts["one"]
    site.send(folder)
    wait_for(lambda: site.read_by(one) == [uid], PROMPT_S)
    if host.cable:
        host.pull()
    else:
        one.send(signal.SIGSTOP)
    site.worker("two")
    wait_for(lambda: site.delivered(uid), PROMPT_S)
    sent = site.at_pacs(uid)
    site.tell("one", "")  # it reads to the end what is no longer its own
    if host.cable:
        host.plug()
    else:
        one.send(signal.SIGCONT)
    other, other_uid = new_study()
    site.send(other)
    wait_for(lambda: site.delivered(other_uid), PROMPT_S)
    assert len(site.rows(select(Result.id).join(Job).join(Study).where(Study.study_uid == uid))) == 1
    assert site.at_pacs(uid) == sent
