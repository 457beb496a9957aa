"""OHIF, as npm has it, on our DICOMweb: behind one address with firstread, as docs/how-to/ohif.md tells.

nginx runs with the files that the page names, over TLS, and who looks has logged in.
"""

import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
from base64 import b64encode
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from firstread.archive import open_archive
from firstread.findings import NOTICE
from tests.access.accounts.conftest import PASSWORD, make_person
from tests.authority import Authority
from tests.browser import somebody
from tests.viewed import ct, encoded, viewed
from tests.waiting import free_port, wait_for
from tests.web.pages.people import node_on
from tests.web.pages.test_tview import BALLS, GEOMETRY, SHAPE, ball, chest

pytestmark = [pytest.mark.timeout(300), pytest.mark.webgl]

DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "ohif"
PACKAGE = "@ohif/app@3.13.2"
SHA512 = "WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=="
CACHE = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "firstread-tests"
)  # before it is changed
PAGE_MS = 60_000


@pytest.fixture(scope="module")
def ohif():
    """The folder of OHIF's files, fetched from npm the first time."""
    there = CACHE / "ohif-3.13.2" / "package" / "dist"
    if there.is_dir():
        return there
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed: OHIF cannot be fetched")
    CACHE.mkdir(parents=True, exist_ok=True)
    command = ["npm", "pack", PACKAGE, "--silent", "--pack-destination", str(CACHE)]
    fetched = subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=CACHE)
    if fetched.returncode:
        pytest.skip(f"npm cannot fetch {PACKAGE}: no network?")
    packed = CACHE / fetched.stdout.split()[-1]
    content = packed.read_bytes()
    packed.unlink()
    assert b64encode(hashlib.sha512(content).digest()).decode() == SHA512
    half = CACHE / f"ohif-{os.getpid()}"
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        archive.extractall(half, filter="data")
    try:
        half.rename(there.parents[1])
    except OSError:  # another run was faster
        shutil.rmtree(half)
    return there


@contextmanager
def nginx(program, folder, files, certificate, key, port, upstream):
    """Run nginx with our site, its example's names replaced by what there is here."""
    shutil.copytree(files, folder / "ohif", copy_function=os.symlink)
    (folder / "ohif" / "app-config.js").unlink()
    shutil.copy(DEPLOY / "app-config.js", folder / "ohif")
    site = (DEPLOY / "nginx.conf").read_text()
    for example, here in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "reading.hospital.example": "127.0.0.1",
        "/etc/ssl/certs/reading.pem": str(certificate),
        "/etc/ssl/private/reading.key": str(key),
        "/srv/ohif": str(folder / "ohif"),
        "http://127.0.0.1:8080": upstream,
    }.items():
        assert site.count(example) == 1, example
        site = site.replace(example, here)
    own = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"{'user root; ' if os.geteuid() == 0 else ''}daemon off; pid {folder}/pid; error_log {folder}/log; events {{}}"
        f"http {{ include /etc/nginx/mime.types; access_log off; {own} {site} }}"
    )
    command = [program, "-e", f"{folder}/log", "-c", f"{folder}/nginx.conf"]
    with subprocess.Popen(command) as process:
        try:
            wait_for(lambda: (folder / "pid").exists() or None, 10)
            yield f"https://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def reading_room(ohif, debian_tool, tmp_path_factory):
    """The address of both, and a study that was read, of the department of somebody with an account."""
    folder = tmp_path_factory.mktemp("ohif")
    certificate, key = Authority(debian_tool("openssl"), folder, "hospital").issue("reading")
    slices = ct(chest(BALLS), GEOMETRY)
    for each in slices:
        each.InstitutionalDepartmentName = "Chest"
    port, own = free_port(), free_port()
    public = f"https://127.0.0.1:{port}"
    with open_archive(folder / "archive") as archive:
        study = viewed(archive, encoded(slices), [ball(*one) for one in BALLS])
        make_person(archive.engine, "ada", roles=["radiologist"], departments=["Chest"], language="en")
        with (
            node_on(own, archive, public_url=public) as upstream,
            nginx(debian_tool("nginx"), folder, ohif, certificate, key, port, upstream) as url,
        ):
            yield url, study


def series(page, name):
    return page.locator("[data-cy^=study-browser-thumbnail]", has_text=name)


def picture(page) -> np.ndarray:
    """What is seen where OHIF shows images: red, green, blue."""
    seen = page.locator("[data-cy=viewport-pane]").first.screenshot()
    return np.asarray(Image.open(io.BytesIO(seen)).convert("RGB")).astype(int)


def largest(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the largest piece begins and ends: row, column."""
    found, _ = ndimage.label(mask)
    places = np.argwhere(found == 1 + np.argmax(np.bincount(found.ravel())[1:]))
    return places.min(0), places.max(0) + 1


def test_ohif_shows_the_study_with_our_segmentation_and_our_report(browser, reading_room):
    url, study = reading_room
    viewer = f"/ohif/viewer?StudyInstanceUIDs={study.study_uid}"
    with somebody(browser, url, size=(1400, 900), ignore_https_errors=True) as page:
        page.context.set_default_timeout(PAGE_MS)
        page.goto(viewer)
        # It has no session: the node refuses, and OHIF's error handler sends to the login, and back.
        page.wait_for_url(f"**/login?next={quote(viewer, safe='')}")
        page.locator("#name").fill("ada")
        page.locator("#password").fill(PASSWORD)
        page.locator("#content button.primary").click()
        page.wait_for_url(f"**{viewer}")
        (session,) = [one for one in page.context.cookies() if one["name"] == "__Host-firstread"]
        assert session["secure"] and session["httpOnly"]

        for greeting in ("Skip all", "Confirm and hide"):  # shown when it likes, over what is to be clicked
            page.add_locator_handler(page.get_by_text(greeting), lambda button: button.click())
        series(page, "firstread SR").wait_for()
        for kind in ("key images", "report", "SEG", "SR"):
            assert series(page, f"firstread {kind}: {NOTICE}").count() == 1, kind

        open_series(page, "firstread SEG", page.get_by_text("Do you want to open this Segmentation?"))
        page.get_by_text("Yes", exact=True).click()
        assert_lies_on_a_ball(wait_for(lambda: coloured(page), 60)[0])

        finding = study.result.findings[0]
        open_series(page, "firstread SR", page.get_by_text(f"Volume: {finding.volume_mm3:.2f} mm3"))
        page.get_by_text(f"L: : {finding.diameter_mm.long:.2f} mm").wait_for()
        instance = int(finding.sop_instance_uid.rpartition(".")[2])
        page.get_by_text(re.compile(rf"\({SHAPE[0] - instance + 1}/{SHAPE[0]}\)")).wait_for()

        open_series(page, "firstread report", page.locator('object[type="application/pdf"][data^="blob:"]'))


def open_series(page, name, shows):
    """Double click until it is open: OHIF takes no notice while it still works on what was asked for before."""
    for _ in range(PAGE_MS // 10_000):
        series(page, name).dblclick()
        for _ in range(100):
            if shows.first.is_visible():
                return
            page.wait_for_timeout(100)
    raise AssertionError(f"OHIF does not open {name}")


def coloured(page) -> tuple[np.ndarray] | None:
    """The picture once it has a colour of the segmentation over its grey."""
    seen = picture(page)
    return (seen,) if overlay(seen).sum() > 100 else None


def overlay(seen: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(seen, -1, 0)
    return (red > 150) & (red - blue > 60) & (red > green)


def assert_lies_on_a_ball(seen: np.ndarray) -> None:
    """The body fills known rows and columns of the image: from it, where the ball must be; within a pixel of it."""
    body = np.argwhere(chest(())[SHAPE[0] // 2] > -1000)
    first, beyond = body.min(0), body.max(0) + 1
    corner, end = largest((seen.min(-1) > 20) | overlay(seen))
    pixel = (end - corner) / (beyond - first)
    middle = np.mean(largest(overlay(seen)), axis=0)
    off = [(middle - corner) / pixel - (np.array(index[1:]) + 0.5 - first) for index, _ in BALLS]
    assert min(np.abs(each).max() for each in off) < 1, off
