"""TView in a real browser: a study that is opened, and what is on its canvases."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

READY = "#tview[data-state=planes]"
LOADED_MS = 60_000


@contextmanager
def opened(
    browser: Browser,
    url: str,
    study_uid: str,
    *,
    query: str = "",
    size=(1366, 768),
    lang: str = "en",
    ready: str = READY,
    errors: str | None = None,
) -> Iterator[Page]:
    """A page that shows a study, every plane of it; any error in its console fails the test, but those that hold the
    words of `errors`."""
    context = browser.new_context(
        base_url=url,
        viewport={"width": size[0], "height": size[1]},
        locale={"en": "en-GB", "zh": "zh-CN"}[lang],
    )
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    try:
        page.goto(f"/studies/{study_uid}/view{query}")
        try:
            page.wait_for_selector(ready, timeout=LOADED_MS)
        except Exception as late:
            shown = page.locator("body").inner_text()[:500]
            raise AssertionError(f"{page.url} is not ready: {wrong}, {shown!r}") from late
        yield page
        unexpected = [each for each in wrong if errors is None or errors not in each]
        assert unexpected == [], unexpected
    finally:
        context.close()


def settled(page: Page) -> None:
    """Wait until what was last asked for is on the screen in every pane that is seen, with all that is over it."""
    page.evaluate(
        """async () => {
          for (const root of document.querySelectorAll("[data-pane]")) {
            const pane = tview.panes[root.dataset.pane];
            if (!root.offsetParent || !pane?.isEnabled || pane.isReady === false) continue;
            while (pane.isWaiting) await new Promise(requestAnimationFrame);
            await pane.rendered();
          }
        }"""
    )


def canvas(page: Page, pane: str) -> np.ndarray:
    """What is drawn in a pane, grey (row, column), a value a CSS pixel; overlays are not in it."""
    settled(page)
    url = page.evaluate(
        """id => {
          const picture = document.querySelector(`[data-pane="${id}"] .picture canvas`);
          return picture.toDataURL("image/png");
        }""",
        pane,
    )
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("L"))


def middle(page: Page, selector: str) -> tuple[float, float]:
    """Return where the middle of what is drawn over a picture is, CSS pixels. A redraw exchanges it for another of the
    same place, so that what was found a moment ago may be gone."""
    found = f"""() => {{
      const box = document.querySelector({selector!r})?.getBoundingClientRect();
      return box?.width ? [box.x + box.width / 2, box.y + box.height / 2] : null;
    }}"""
    until(page, f"({found})() !== null")
    settled(page)
    x, y = page.evaluate(found)
    return x, y


def until(page: Page, true: str, given: object = None, *, limit_ms: int = 45_000) -> None:
    """Wait until an expression is true in the page, whose policy forbids Playwright's own way of waiting for one."""
    for _ in range(limit_ms // 50):
        if page.evaluate(true, given):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"not within {limit_ms} ms: {true}")
