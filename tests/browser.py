"""A real browser: Debian's Chromium, headless, driven by Playwright; and what must hold of every page in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

_FLAGS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage")
_WITH_WEBGL = (
    "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist",
)  # fmt: skip
_WITHOUT_WEBGL = ("--disable-gpu", "--disable-software-rasterizer")
WAIT_MS = 45_000


def chromium() -> str | None:
    """The path of the system's Chromium; None where there is none."""
    return shutil.which("chromium", path="/usr/local/bin:/usr/bin:/bin")


def launch(playwright: Playwright, *, webgl: bool = True) -> Browser:
    """Start Chromium; without WebGL, which the viewers alone need, pages are drawn a little faster."""
    flags = (*_FLAGS, *(_WITH_WEBGL if webgl else _WITHOUT_WEBGL))
    return playwright.chromium.launch(executable_path=chromium(), args=list(flags), headless=True)


@contextmanager
def somebody(
    browser: Browser,
    url: str,
    *,
    lang: str = "en",
    size: tuple[int, int] = (1280, 800),
    tour: bool = False,
    **options,
) -> Iterator[Page]:
    """A page of a browser context of its own, as another person has; scripts that fail, and whatever the
    Content-Security-Policy forbids, fail the test."""
    context: BrowserContext = browser.new_context(
        base_url=url,
        locale={"en": "en-GB", "zh": "zh-CN"}[lang],
        viewport={"width": size[0], "height": size[1]},
        **options,
    )
    context.set_default_timeout(WAIT_MS)
    if not tour:
        context.add_init_script("localStorage.setItem('firstread-tour', 'seen')")
    wrong: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None
    )
    try:
        yield page
        assert wrong == []
    finally:
        context.close()


def violations(page: Page) -> list[str]:
    """What axe-core finds serious or critical on a page (WCAG 2.2 A and AA), as `rule: selector: why`."""
    page.evaluate(_axe())
    found = page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    return [
        f"{rule['id']}: {node['target']}: {node['failureSummary']}"
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


@cache
def _axe() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
