"""What tests of several rooms share."""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import settings

from firstread.archive import Archive, open_archive
from firstread.archive.database import open_engine, upgrade
from firstread.findings import (
    Acquisition,
    Algorithm,
    Category,
    Diameters,
    Finding,
    ModelUse,
    ReaderIdentity,
    ReadResult,
    Timings,
    concepts,
)
from tests import browser as browsers
from tests import postgres
from tests.small_chest import write_small_chest
from tests.tables import make_tables

REPOSITORY = Path(__file__).resolve().parent.parent
DEBIAN_PACKAGE = {
    "Orthanc": "orthanc",
    "dciodvfy": "dicom3tools",
    "dcmcjpeg": "dcmtk",
    "dcmcjpls": "dcmtk",
    "dcmconv": "dcmtk",
    "dcmcrle": "dcmtk",
    "dcmdjpeg": "dcmtk",
    "dcmdjpls": "dcmtk",
    "dcm2xml": "dcmtk",
    "dcmdump": "dcmtk",
    "dsrdump": "dcmtk",
    "gdcmconv": "libgdcm-tools",
    "nginx": "nginx-light",
    "storescu": "dcmtk",
    "openssl": "openssl",
    "pdffonts": "poppler-utils",
    "pdfinfo": "poppler-utils",
    "pdftoppm": "poppler-utils",
    "pdftotext": "poppler-utils",
}

# The same examples in every run: a test that fails today and passes tomorrow helps nobody.
settings.register_profile("firstread", derandomize=True, deadline=None)
settings.load_profile("firstread")


@pytest.fixture(scope="session", autouse=True)
def own_environment(tmp_path_factory: pytest.TempPathFactory):
    """Keep the tests away from the settings and caches of whoever runs them."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for variable in [name for name in os.environ if name.startswith("FIRSTREAD_")]:
            if variable != "FIRSTREAD_TEST_DATA":
                patch.delenv(variable)
        for variable in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
            patch.setenv(variable, str(home / variable.lower()))
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_tables():
    """Archives that tests open get their tables from a template; the migrations have tests of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("firstread.archive.archive.upgrade", make_tables)
        yield


@pytest.fixture(autouse=True)
def own_loggers():
    """What a test does to loggers, by configuring them or by a library that does, ends with it."""
    known = [
        logging.getLogger(name) for name in (None, *logging.root.manager.loggerDict)
        if name is None or name.partition(".")[0] == "firstread"
    ]  # fmt: skip
    before = [(each, each.level, each.propagate, each.disabled) for each in known]
    least = logging.root.manager.disable
    yield
    for each, level, propagate, disabled in before:
        each.setLevel(level)
        each.propagate, each.disabled = propagate, disabled
    logging.disable(least)


@pytest.fixture(scope="session")
def shared_ct() -> Path:
    """The folder of real chest CTs, which is not part of the repository."""
    data = Path(os.environ.get("FIRSTREAD_TEST_DATA") or REPOSITORY.parent / "shared" / "data")
    if not (data / "ct").is_dir():
        pytest.skip("no real chest CT here; name their folder with FIRSTREAD_TEST_DATA")
    return data / "ct"


@pytest.fixture(scope="session")
def debian_tool() -> Callable[[str], str]:
    """A function from the name of a program that judges our output to its path; skips where it is missing."""

    def find(name: str) -> str:
        # Not from the environment's own folder: pynetdicom installs namesakes of dcmtk's programs there.
        path = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin")
        if path is None:
            package = DEBIAN_PACKAGE.get(name, "its package")
            pytest.skip(f"{name} is not installed; scripts/install-debian-packages installs {package}")
        return path

    return find


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A PostgreSQL server with a database `template` that has the archive's tables; skips where there is none."""
    programs = postgres.programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed; scripts/install-debian-packages installs postgresql")
    with postgres.server(programs) as server:
        server.execute("CREATE DATABASE template")
        engine = open_engine(server.url("template"))
        upgrade(engine)
        engine.dispose()
        yield server


@pytest.fixture(scope="module")
def browser(request):
    """Chromium; skips where there is none. Not longer than a module: Playwright's loop runs until it is closed.

    A module of pages that draw with WebGL is marked with `webgl`.
    """
    if browsers.chromium() is None:
        pytest.skip("Chromium is not installed; scripts/install-debian-packages installs chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = browsers.launch(playwright, webgl=bool(request.node.get_closest_marker("webgl")))
        yield launched
        launched.close()


@pytest.fixture
def quick_hashing(monkeypatch):
    """Passwords are hashed with little work, where the work is not what is tested."""
    from argon2 import PasswordHasher

    from firstread.access.accounts import passwords

    passwords._nobodys.cache_clear()
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))
    yield
    passwords._nobodys.cache_clear()


@pytest.fixture
def postgres_url(postgres_server: postgres.Server) -> Iterator[str]:
    """The URL of an empty archive's database of the test's own."""
    with postgres_server.empty_archive() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """None for SQLite in the archive's folder, else the URL of an empty PostgreSQL database."""
    return request.getfixturevalue("postgres_url") if request.param == "postgresql" else None


@pytest.fixture
def archive(tmp_path: Path, database_url: str | None) -> Iterator[Archive]:
    """An archive of the test's own, on both databases."""
    with open_archive(tmp_path / "archive", url=database_url) as opened:
        yield opened


@pytest.fixture
def sqlite_archive(tmp_path: Path) -> Iterator[Archive]:
    """An archive where what is tested does not depend on the database."""
    with open_archive(tmp_path / "archive") as opened:
        yield opened


@pytest.fixture
def result() -> ReadResult:
    """A small result with one finding and no masks."""
    rule = Category(
        scheme="Lung-RADS", version="2022", value="4A", rule="solid, 8 mm to less than 15 mm, baseline",
        management="3-month LDCT",
    )  # fmt: skip
    finding = Finding(
        id="N1",
        concept=concepts.NODULE,
        probability=0.93,
        site=concepts.LUNG,
        laterality="right",
        zone="upper",
        center_lps_mm=(-61.5, 12.25, -104.0),
        size_mm=(9.5, 8.75, 10.0),
        diameter_mm=Diameters(long=9.8, short=8.2, mean=9.0),
        volume_mm3=382.0,
        attenuation="solid",
        category=rule,
        categories=(rule,),
        sop_instance_uid="1.2.826.0.1.3680043.8.498.1.3",
        tracking_uid="1.2.826.0.1.3680043.8.498.1.4",
        algorithms=(Algorithm(name="lung_nodule_detector", version="1.0.0", digest="0" * 64),),
    )
    return ReadResult(
        study_uid="1.2.826.0.1.3680043.8.498.1.1",
        series_uid="1.2.826.0.1.3680043.8.498.1.2",
        reader=ReaderIdentity(name="lung_nodule", version="1.0.0"),
        models=(ModelUse(name="lung_nodule_detector", version="1.0.0", digest="0" * 64, precision="f32"),),
        acquisition=Acquisition(
            modality="CT", slices=200, spacing_mm=(1.25, 0.7, 0.7), study_date=date(2024, 5, 17)
        ),
        timings_s=Timings(load=1.0, total=2.0),
        warnings=("One slice was interpolated.",),
        category=rule,
        impression="One solid nodule of 9.0 mm in the right lung.",
        findings=(finding,),
    )


@pytest.fixture(scope="session")
def small_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small chest as a CT series."""
    return write_small_chest(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="session")
def ball_reader(tmp_path_factory: pytest.TempPathFactory):
    """The folder in which a third party's reader, `ball`, is installed for this process."""
    folder = install_ball_reader(tmp_path_factory.mktemp("site"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield folder


def install_ball_reader(folder: Path) -> Path:
    """Install a third party's reader, `ball`, in a folder for those who have it on their path; return it."""
    metadata = folder / "ball_reader-1.0.dist-info"
    metadata.mkdir(parents=True)
    shutil.copy(REPOSITORY / "tests" / "ball_reader.py", folder)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: ball-reader\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[firstread.readers]\nball = ball_reader:BallReader\n")
    return folder
