"""The page in a real browser: no overflow, no violation of WCAG, nothing loaded, and in print.

With XENOPS_CPU_PICTURES=FOLDER the pictures for the docs are kept there (scripts/report-pictures).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from tests.report import browser as browsers
from tests.report.pool import POOL, VMS, berlin, update
from tests.report.test_escape import ATTACKS
from tests.report.test_escape import page as hostile_page
from tests.support.updates import pool, vm
from xenops_cpu import report
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.forecast import forecast
from xenops_cpu.report.update import course_of

pytestmark = pytest.mark.slow

# A4 less the margins of the style, in CSS pixels.
_PAPER_WIDTH = 680
_MOST_BYTES = 150_000


@pytest.fixture(name="browser", scope="module")
def _browser() -> Iterator[Any]:
    with browsers.chromium() as browser:
        yield browser


@pytest.fixture(name="html", scope="module")
def _html() -> str:
    hosts, vms = berlin()
    course = update([host.name for host in hosts], [vm.name for vm in vms[:30]])
    return report.page(
        "Pool Berlin", hosts, vms, date_line="made on 27 November 2026", forecast=course
    )


@pytest.fixture(name="long_names", scope="module")
def _long_names() -> str:
    """Names and notes of which no line can be broken where words end."""
    long = "x" * 120
    hosts = [evolve(host, name=f"{host.name}{long}", notes=(f"/{long}/{long}",)) for host in POOL]
    vms = [evolve(vm, name=f"{vm.name}-{long}", source=f"/{long}.xml") for vm in VMS]
    course = update([host.name for host in hosts], [vm.name for vm in vms])
    return report.page(long, hosts, vms, date_line=long, forecast=course)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 375, 768, 1280])
def test_it_is_for_everybody(
    browser: Any, html: str, tmp_path: Path, width: int, scheme: str
) -> None:
    """axe-core finds nothing, nothing sticks out, and nothing but the file itself is loaded."""
    with browsers.opened(browser, html, tmp_path, width, scheme) as opened:
        assert opened.violations() == []
        assert opened.overflowing() == []
        assert not opened.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        dark = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (dark == "rgb(255, 255, 255)") == (scheme == "light"), "the style is taken"
        assert (opened.complaints, len(opened.requests)) == ([], 1)


@pytest.mark.parametrize("width", [375, 1280])
def test_long_names_stay_within(browser: Any, long_names: str, tmp_path: Path, width: int) -> None:
    """Names without a place to break are broken anywhere before they push the page aside."""
    with browsers.opened(browser, long_names, tmp_path, width) as opened:
        assert opened.overflowing() == []
        assert not opened.page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_the_keyboard_reaches_everything(browser: Any, html: str, tmp_path: Path) -> None:
    """The first Tab shows the link that skips to the report; each link and summary has its turn."""
    with browsers.opened(browser, html, tmp_path) as opened:
        keyboard = opened.page.keyboard
        keyboard.press("Tab")
        assert opened.page.evaluate("document.activeElement.className") == "skip"
        assert opened.page.locator(".skip").bounding_box()["x"] >= 0
        keyboard.press("Enter")
        assert opened.page.evaluate("location.hash") == "#main"
        wanted = opened.page.evaluate("document.querySelectorAll('main a, summary').length")
        reached = set()
        for _ in range(wanted):
            keyboard.press("Tab")
            reached.add(
                opened.page.evaluate(
                    "[...document.querySelectorAll('*')].indexOf(document.activeElement)"
                )
            )
        assert len(reached) == wanted > 5


def test_the_browsers_parser_sees_no_markup_in_names(browser: Any, tmp_path: Path) -> None:
    """What html.parser does not see as markup, Chromium's parser does not either."""
    with browsers.opened(browser, hostile_page("x"), tmp_path) as opened:
        plain = opened.skeleton()
    for attack in ATTACKS:
        with browsers.opened(browser, hostile_page(attack), tmp_path) as opened:
            assert opened.skeleton() == plain, attack
            assert opened.complaints == []


@pytest.mark.parametrize("which", ["html", "long_names"])
def test_print_cuts_nothing_off(
    browser: Any, tmp_path: Path, which: str, request: pytest.FixtureRequest
) -> None:
    """On paper all is black on white, tables fit the width, and their headers come again."""
    with browsers.opened(
        browser, request.getfixturevalue(which), tmp_path, _PAPER_WIDTH, "dark"
    ) as opened:
        opened.page.emulate_media(media="print")
        assert opened.overflowing() == []
        colours = opened.page.evaluate(
            """() => [...new Set([...document.querySelectorAll("body *")].filter(
              e => e.checkVisibility() && e.textContent.trim()).map(
              e => getComputedStyle(e).color))]"""
        )
        assert colours == ["rgb(0, 0, 0)"]
        heads = opened.page.evaluate("getComputedStyle(document.querySelector('thead')).display")
        assert heads == "table-header-group"


def test_a_large_pool_prints_on_few_pages(browser: Any, tmp_path: Path) -> None:
    """64 hosts and 5,000 VMs of few kinds are a handful of pages, not a book."""
    hosts = [evolve(POOL[i % 2], name=f"host-{i:02}") for i in range(64)]
    vms = [evolve(VMS[i % 4], name=f"vm-{i:04}") for i in range(5000)]
    with browsers.opened(browser, report.page("large", hosts, vms), tmp_path) as opened:
        pdf = opened.page.pdf(prefer_css_page_size=True, format="A4")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 8


def _with_forecast() -> str:
    """Four Cascade Lakes with the microcode of 2019 get a Xen that knows of GDS."""
    update = pool(*[("xeon-gold-6240+2019-11",) * 2] * 4, before="4.13", after="4.20")
    hosts = [host.before for host in update.hosts]
    vms = [
        vm(f"web-{number:02}", hosts[0].boot(GuestType.HVM), home=number % 4 + 1)
        for number in range(40)
    ]
    told = forecast(update, vms)
    return report.page("Pool Berlin", hosts, vms, forecast=course_of(told))


def test_pictures_for_the_docs(browser: Any, tmp_path: Path) -> None:
    """Each picture shows the page, is small, and is kept where the docs want it."""
    hosts, vms = berlin()
    html = report.page("Pool Berlin", hosts, vms, date_line="made on 27 November 2026")
    folder = Path(os.environ.get("XENOPS_CPU_PICTURES") or tmp_path)
    for name, width, scheme, height in (
        ("report-wide", 1280, "light", 1000),
        ("report-dark", 1280, "dark", 1000),
        ("report-phone", 375, "light", 1000),
    ):
        with browsers.opened(browser, html, tmp_path, width, scheme) as opened:
            opened.picture(folder / f"{name}.webp", height)
    with browsers.opened(browser, html, tmp_path, _PAPER_WIDTH) as opened:
        opened.page.emulate_media(media="print")
        opened.picture(folder / "report-print.webp", 960)
    with browsers.opened(browser, _with_forecast(), tmp_path) as opened:
        opened.picture(folder / "report-forecast.webp", begin="forecast", end="steps")
    for picture in folder.glob("report-*.webp"):
        data = picture.read_bytes()
        assert data[:4] == b"RIFF"
        assert data[8:12] == b"WEBP"
        assert 5_000 < len(data) < _MOST_BYTES, picture.name
