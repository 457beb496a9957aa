import socket
import ssl
import subprocess

import pytest
import requests

from firstread.errors import UsageError
from firstread.network.tls import LiveContext, TLSFiles
from firstread.settings import Settings
from tests.authority import Authority
from tests.waiting import wait_for


@pytest.fixture
def hospital(debian_tool, tmp_path):
    return Authority(debian_tool("openssl"), tmp_path, "hospital")


@pytest.fixture
def served(sqlite_archive, hospital):
    """A running web part over TLS, its URL, and the files of its certificate."""
    from firstread.service.web_part import web_part
    from firstread.web.health import Health

    certificate, key = hospital.issue("web")
    settings = Settings(api_port=0, api_tls_certificate=certificate, api_tls_key=key)
    part = web_part(sqlite_archive, settings, Health({}), with_api=True)
    yield part, f"https://127.0.0.1:{part.facts()['api']['port']}", certificate, key
    part.stop(5)


def serial(port, authorities):
    context = ssl.create_default_context(cafile=authorities)
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        return secure.getpeercert()["serialNumber"]


def test_the_web_service_speaks_tls_and_says_so_to_browsers(served, hospital):
    part, url, *_ = served
    answer = requests.get(f"{url}/health/live", verify=str(hospital.file), timeout=10)
    assert answer.status_code == 200
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert part.facts()["api"]["scheme"] == "https"
    assert part.alive()


def test_old_versions_of_tls_and_plain_http_get_no_answer(served, debian_tool):
    _, url, *_ = served
    where = url.removeprefix("https://")
    command = [debian_tool("openssl"), "s_client", "-connect", where, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]
    assert subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20).returncode
    with pytest.raises(requests.ConnectionError):
        requests.get(url.replace("https", "http"), timeout=10)


def test_a_new_certificate_is_taken_while_connections_are_open(served, hospital):
    part, url, certificate, key = served
    port = int(url.rpartition(":")[2])
    former = serial(port, hospital.file)
    with requests.Session() as session:
        trusted = str(hospital.file)
        assert session.get(f"{url}/health/live", verify=trusted, timeout=10).ok
        for path, fresh in zip((certificate, key), hospital.issue("renewed"), strict=True):
            path.write_bytes(fresh.read_bytes())
        part.renew()
        assert session.get(f"{url}/health/live", verify=trusted, timeout=10).ok
    assert serial(port, hospital.file) != former


def test_half_of_a_new_pair_is_not_taken_until_it_is_whole(hospital):
    certificate, key = hospital.issue("web")
    live = LiveContext(TLSFiles(certificate, key))
    new_certificate, new_key = hospital.issue("renewed")
    certificate.write_bytes(new_certificate.read_bytes())
    assert not live.renew()
    key.write_bytes(new_key.read_bytes())
    assert live.renew()
    assert not live.renew()
    certificate.unlink()
    assert not live.renew()


def test_a_certificate_that_is_none_is_said_at_once(tmp_path):
    with pytest.raises(UsageError, match="TLS file"):
        LiveContext(TLSFiles(tmp_path / "nowhere.pem"))


def test_a_scanner_loses_no_study_while_the_certificate_is_replaced(archive, hospital, tmp_path):
    """Two associations send, one before and one after; the first goes on over what it began with."""
    from firstread.network import Acceptance, Listening, Node, Peer
    from firstread.network.outgoing import files_of_folder
    from firstread.network.scu import Caller
    from firstread.network.tls import client_context
    from tests.access.granting import allow
    from tests.archive.samples import file_names
    from tests.dicom.ct_series import anatomy, ct_series, write

    allow(archive, "role:node", "study.store")
    certificate, key = hospital.issue("node")
    live = LiveContext(TLSFiles(certificate, key))
    files = files_of_folder(write(tmp_path / "files", ct_series(anatomy(6, 16))))
    heard = Acceptance(callers=None, idle_s=10.0)

    def replace(stage, share):
        if share > 0.3 and not replaced:
            replaced.append(share)
            for path, fresh in zip((certificate, key), hospital.issue("renewed"), strict=True):
                path.write_bytes(fresh.read_bytes())
            node.renew()

    replaced = []
    with Node(archive, Listening(port=0, acceptance=heard, tls=live)) as node:
        peer = Peer("FIRSTREAD", "127.0.0.1", node.port, tls=True)
        caller = Caller("CT1", client_context(TLSFiles(authorities=hospital.file)))
        assert caller.send(peer, files, progress=replace).refused == ()
        assert replaced
        caller.echo(peer)
        wait_for(lambda: len(file_names(archive)) == 6)
