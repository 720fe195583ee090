"""A real browser for the page: Debian's Chromium, driven by Playwright.

Playwright brings no browser of its own here. What is looked at is the page as it stands: under its
own policy, from a file.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# Elements that stick out of the window, or whose content sticks out of them; what is hidden from
# eyes on purpose is left out.
_OVERFLOWING = """() => [...document.querySelectorAll("body *")].filter(e => {
  const style = getComputedStyle(e), box = e.getBoundingClientRect();
  const head = e.closest("thead");
  if (!e.checkVisibility() || style.position == "absolute" || e.closest("svg")
    || (head && getComputedStyle(head).position == "absolute")) return false;
  return box.right > innerWidth + 1 || box.left < -1
    || (style.display != "inline" && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0);
}).map(e => `${e.tagName}#${e.id}.${e.className}: ${e.textContent.trim().slice(0, 60)}`)"""
_SKELETON = """() => [...document.querySelectorAll("*")].map(
  e => [e.tagName, ...[...e.attributes].filter(a => a.name != "data-label").map(
    a => a.name + "=" + a.value)].join(" ")).filter(line => !line.startsWith("META"))"""

_TWO_FRAMES = "() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))"


@frozen
class Opened:
    """A page in a window. `complaints`: what the browser wrote to its console."""

    page: Any
    complaints: list[str]
    requests: list[str]

    def overflowing(self) -> list[str]:
        elements: list[str] = self.page.evaluate(_OVERFLOWING)
        return elements

    def skeleton(self) -> list[str]:
        """Elements with their attributes, as the browser's own parser has them."""
        lines: list[str] = self.page.evaluate(_SKELETON)
        return lines

    def violations(self) -> list[str]:
        """What axe-core finds against WCAG and good practice."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page)
        return [
            f"{each['id']}: {node['html'][:200]}"
            for each in found.response["violations"]
            for node in each["nodes"]
        ]

    def picture(self, path: Path, height: int = 900, begin: str = "", end: str = "") -> None:
        """The top of the page as WebP, which is a third of a PNG; of a part of it, from the element
        `begin` to the element `end` (by id), where they are named.
        """
        width, top = self.page.viewport_size["width"], 0
        if begin:
            top = self.page.locator(f"#{begin}").bounding_box()["y"] - 12
            height = self.page.locator(f"#{end}").bounding_box()["y"] - top - 12
        # What lies outside the window can be taken as well, but not whenever the machine is busy.
        self.page.set_viewport_size({"width": width, "height": int(top + height) + 1})
        self.page.evaluate(_TWO_FRAMES)
        session = self.page.context.new_cdp_session(self.page)
        clip = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
        shot = session.send(
            "Page.captureScreenshot", {"format": "webp", "quality": 80, "clip": clip}
        )
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser; skips the test where there is none."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("no Chromium here (Debian: apt install chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: Any, html: str, folder: Path, width: int = 1280, scheme: str = "light"
) -> Iterator[Opened]:
    """The page in a window of that width (CSS pixels) and colour scheme, without a network."""
    file = folder / "page.html"
    file.write_text(html, "utf-8")
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
    )
    page = context.new_page()
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(file.as_uri())
    yield Opened(page, complaints, requests)
    context.close()
