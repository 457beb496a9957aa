import threading

import requests

from firstread.archive import open_archive
from firstread.web import create_app
from tests.archive.samples import instances
from tests.network.dicomweb.conftest import running


def keepers():
    return [thread for thread in threading.enumerate() if thread.name == "metadata-keeper"]


def test_the_service_is_mounted_with_its_description_and_without_pages(tmp_path):
    with (
        open_archive(tmp_path / "archive") as archive,
        running(create_app(archive, keep_metadata=False)) as url,
    ):
        assert requests.get(f"{url}/dicom-web/studies", timeout=10).status_code == 204
        paths = requests.get(f"{url}/openapi.json", timeout=10).json()["paths"]
        assert "/dicom-web/studies/{study}/series/{series}/metadata" in paths
        for page in ("/docs", "/redoc"):  # their scripts would come from elsewhere
            assert requests.get(url + page, timeout=10).status_code == 404


def test_metadata_is_kept_while_the_app_runs_and_not_longer(tmp_path):
    with open_archive(tmp_path / "archive") as archive:
        with running(create_app(archive)) as url:
            archive.receive(instances(1)[0])
            assert requests.get(f"{url}/dicom-web/studies", timeout=10).status_code == 200
            assert len(keepers()) == 1
        assert keepers() == []
