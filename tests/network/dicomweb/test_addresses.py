from types import SimpleNamespace

import pytest
from starlette.requests import Request

from firstread.network.dicomweb.addresses import service_url, stored
from firstread.network.dicomweb.problems import Problem
from firstread.settings import Settings
from tests.archive.samples import instances
from tests.dicom.ct_series import ROOT

STUDY, SERIES = f"{ROOT}.1", f"{ROOT}.1.1"


@pytest.fixture
def filled(archive):
    for series in (2, 1):
        for instance in reversed(instances(2, series=series)):
            archive.receive(instance)
    archive.receive(instances(1, seed=1)[0])  # another version of the first
    return archive


def test_instances_are_named_by_number_within_their_series_each_once(filled):
    found = stored(filled, STUDY, within=None)
    assert [each.sop_instance_uid[-3:] for each in found] == ["2.1", "2.2", "1.1", "1.2"]
    assert [each.sop_instance_uid for each in stored(filled, STUDY, SERIES, within=None)] == [
        f"{SERIES}.1",
        f"{SERIES}.2",
    ]
    (one,) = stored(filled, STUDY, SERIES, f"{SERIES}.2", within=None)
    assert one.path == f"studies/{STUDY}/series/{SERIES}/instances/{SERIES}.2"
    assert filled.files.path(one.file).stat().st_size == one.size


@pytest.mark.parametrize(
    "uids",
    [("1.2",), (STUDY, "1.2"), (STUDY, SERIES, "1.2"), (STUDY, f"{STUDY}.2", f"{SERIES}.1"), ("' OR 1=1",)],
)
def test_what_is_not_there_is_404(filled, uids):
    with pytest.raises(Problem) as raised:
        stored(filled, *uids, within=None)
    assert raised.value.status == 404


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080/dicom-web"),
        ("localhost", "http://localhost:9999/dicom-web"),  # a client that leaves the port out
        ("node.example", "http://node.example/dicom-web"),  # a proxy's name stays as it is
        ("reading.example:8443", "https://reading.example:8443/dicom-web"),  # a proxy that speaks TLS
    ],
)
def test_the_url_is_the_one_that_the_client_called(host, expected):
    app = SimpleNamespace(state=SimpleNamespace(settings=Settings(public_url="https://reading.example")))
    scope = {"type": "http", "scheme": "http", "server": ("127.0.0.1", 9999), "path": "/", "query_string": b"",
             "headers": [(b"host", host.encode())], "app": app}  # fmt: skip
    assert service_url(Request(scope)) == expected
