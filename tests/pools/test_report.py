"""The HTML report of a pool: what it holds, that it is one file, and that people can use it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from attrs import evolve, field, mutable

from tests.cli.test_cli import run
from tests.support.hosts import example, names
from xenops_cpu.features.release import release
from xenops_cpu.hosts.offer import Offer
from xenops_cpu.interface import GuestType, SecurityKind, Verdict
from xenops_cpu.pools import report, words
from xenops_cpu.pools.member import Member, member_of
from xenops_cpu.pools.verdict import GRADES
from xenops_cpu.pools.vm import Vm

VOID = {"meta", "br", "link", "img", "hr", "input"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def member(name: str, boot: str, more: str = "", vendor: str = "GenuineIntel") -> Member:
    """A host with HVM guests only."""
    offer = Offer(GuestType.HVM, names(boot), names(f"{boot} {more}"))
    return Member(
        name, vendor, release("4.17"), {GuestType.HVM: offer}, cpu_count=8, socket_count=1
    )


POOL = (
    member("old", "FPU TSC MD_CLEAR", "RTM"),
    member("new-1", "FPU TSC MOVBE MDS_NO ARCH_CAPS"),
    member("new-2", "FPU TSC MOVBE MDS_NO ARCH_CAPS"),
)
VMS = (
    Vm("plain", GuestType.HVM, names("FPU TSC"), "GenuineIntel"),
    Vm("modern", GuestType.HVM, names("FPU MOVBE"), "GenuineIntel"),
    Vm("tsx", GuestType.HVM, names("FPU RTM"), "GenuineIntel"),
    Vm("foreign", GuestType.HVM, names("FPU"), "AuthenticAMD"),
    Vm("new", GuestType.HVM),
)


@mutable
class Outline(HTMLParser):
    """What the page has, element by element; checks that each end tag ends what is open."""

    open: list[str] = field(factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(factory=list)
    text: list[str] = field(factory=list)

    def __attrs_pre_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> at line {self.getpos()[0]}"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)

    def all(self, *tags: str) -> Iterator[dict[str, str | None]]:
        return (attributes for tag, attributes in self.tags if tag in tags)


def outline(html: str) -> Outline:
    made = Outline()
    made.feed(html)
    made.close()
    assert not made.open, f"still open at the end: {made.open}"
    return made


@pytest.fixture(name="html", scope="module")
def _html() -> str:
    long = "read from /a/long/path/of-which-no-line-can-be-broken/" + "x" * 60
    noted = [evolve(POOL[0], notes=(long,)), *POOL[1:]]
    return report.page("The pool <west>", noted, VMS, made="made today")


def said(html: str) -> str:
    return " ".join(" ".join(outline(html).text).split())


def test_it_tells_hosts_features_costs_and_losses(html: str) -> None:
    """Hosts × differing features, who costs what, what is lost and why, what it means."""
    text = said(html)
    for expected in (
        "3 hosts, 5 VMs, made today",
        "HVM and PVH guests: 3 hosts, 3 features in the level",
        "old alone keeps 3 from the others",
        "Features that some hosts give and others do not: 4",
        "not on old",
        "Immunities that guests do not learn of",
        "MDS_NO: guests will think that they need protection from MDS",
        "All guests do extra work because some hosts need it",
    ):
        assert expected in text


def test_it_tells_the_verdict_of_each_vm_on_each_host(html: str) -> None:
    """The table has a row for each VM, and what is no plain yes has a link to its reasons."""
    rows = re.findall(r'<tr><th scope="row">([\w-]+)</th><td>HVM</td>(.*?)</tr>', html)
    verdicts = {name: re.findall(r"<td[^>]*>(?:<a[^>]*>)?([^<]*)", cells) for name, cells in rows}
    assert verdicts == {
        "plain": ["migrates"] * 3,
        "modern": ["only by force", "migrates", "migrates"],
        "tsx": ["only by max", "only by force", "only by force"],
        "foreign": ["impossible"] * 3,
        "new": ["boots"] * 3,
    }
    text = said(html)
    for expected in (
        "modern on old: would go only by force: the host lacks features",
        "missing: MOVBE",
        "tsx on old: resumes or migrates here, only because Xen takes in more",
        "the VM was started on a CPU of AuthenticAMD, the host has one of GenuineIntel",
        "to do: shut it down and start it on this host",
    ):
        assert expected in text
    page = outline(html)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for link in page.all("a"):
        assert (link["href"] or "").removeprefix("#") in ids


def test_it_is_one_file_without_scripts_or_network(html: str) -> None:
    """Nothing is loaded, run or sent: no script, no address, and a policy that forbids both."""
    page = outline(html)
    assert not list(page.all("script", "img", "link", "iframe", "object", "form"))
    assert "http:" not in html
    assert "https:" not in html
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_names_from_outside_are_escaped() -> None:
    """A host or VM may be called anything; on the page it is text."""
    evil = '<script>alert("x")</script>'
    hosts = [evolve(POOL[0], name=evil, notes=(evil,)), *POOL[1:]]
    page = report.page(evil, hosts, [evolve(VMS[1], name=evil)])
    assert "<script" not in page
    assert evil in unescape(page)
    outline(page)


def test_a_screen_reader_finds_its_way(html: str) -> None:
    """Language, title, landmarks, one h1, headings in order, captions, headers with scope."""
    page = outline(html)
    assert next(page.all("html"))["lang"] == "en"
    for tag in ("title", "main", "header", "nav", "footer", "h1"):
        assert len(list(page.all(tag))) == 1, tag
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    tables = len(list(page.all("table")))
    assert tables == len(list(page.all("caption"))) == len(list(page.all("thead"))) > 3
    assert all(header["scope"] in ("row", "col") for header in page.all("th"))
    captions = {attributes["id"] for attributes in page.all("caption")}
    scrolled = [attributes for attributes in page.all("div") if attributes["class"] == "scroll"]
    assert len(scrolled) == tables
    assert all(one["tabindex"] == "0" and one["role"] == "region" for one in scrolled)
    assert {one["aria-labelledby"] for one in scrolled} == captions


def test_it_is_made_for_print_too(html: str) -> None:
    """Print has a style of its own: headers repeat, rows stay whole, nothing is cut off."""
    style = html[html.index("@media print") : html.index("</style>")]
    for rule in ("table-header-group", "break-inside: avoid", "overflow: visible", "@page"):
        assert rule in style


def test_large_pools_stay_readable() -> None:
    """Hosts that give the same share a column; what is too much is counted and said."""
    hosts = [evolve(POOL[i % 2], name=f"h{i}") for i in range(300)]
    vms = [evolve(VMS[i % 4], name=f"vm{i}") for i in range(1500)]
    page = report.page("large", hosts, vms)
    text = said(page)
    assert "500 more VMs are counted above and not told here" in text
    assert "260 more hosts are counted above and not told here" in text
    assert "h0, h2 and 148 more" in text
    assert len(page) < 8_000_000


def test_one_host_and_no_vm() -> None:
    """The smallest pool has a report too."""
    captured = member_of(example("epyc-xen-4.17"), "epyc")
    text = said(report.page("one", [captured]))
    assert "One host alone is its own level" in text
    assert "VMs on hosts" not in text
    assert "No host runs such guests" in said(
        report.page("none", [evolve(POOL[0], offers={})], guests=[GuestType.PV])
    )


def test_hosts_of_several_vendors_are_warned_of() -> None:
    """No VM can move between vendors: the summary says so."""
    text = said(report.page("mixed", [POOL[0], member("amd", "FPU", vendor="AuthenticAMD")]))
    assert "These hosts have CPUs of GenuineIntel and AuthenticAMD" in text


def test_every_kind_has_words() -> None:
    """No verdict, guest type or kind of finding is without a word for people."""
    assert GRADES.keys() == set(Verdict)
    assert words.GUESTS.keys() == set(GuestType)
    assert words.SECURITY.keys() == set(SecurityKind)


def test_the_command_writes_the_file(tmp_path: Path) -> None:
    """report --html FILE writes the page whole; --json has levels and verdicts."""
    file = tmp_path / "pool.html"
    pool = ("cpu:xeon-gold-6154@4.17", "west=cpu:core-i7-4930k@4.17")
    done = run("report", "--html", str(file), *pool, "--vm", pool[0], "--title", "Our pool")
    assert done.returncode == 0, done.stderr
    text = said(file.read_text())
    assert text.startswith("Our pool")
    assert "a VM started on xeon-gold-6154@4.17 on west: would go only by force" in text
    document = json.loads(run("report", *pool, "--vm", pool[0], "--json").stdout)
    assert document["verdicts"]["vms"][0]["verdicts"] == ["Migrates", "Only_by_force"]
    assert run("report", *pool).stdout.startswith("<!DOCTYPE html>")


# In a real browser. The page itself has no script: one is put into a copy of it.

_PROBE = """<pre id="probe"></pre><script>
const parse = c => c.match(/[\\d.]+/g).map(Number);
const light = c => { const [r, g, b] = c.map(v => { v /= 255;
  return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const back = e => { for (; e; e = e.parentElement) {
  const c = parse(getComputedStyle(e).backgroundColor);
  if (c.length < 4 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
let worst = 99, where = "";
for (const e of document.querySelectorAll("body *")) {
  if (!e.checkVisibility() || ![...e.childNodes].some(n => n.nodeType == 3 && n.data.trim()))
    continue;
  const a = light(parse(getComputedStyle(e).color).slice(0, 3)), b = light(back(e));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < worst) { worst = ratio; where = e.tagName + "." + e.className; } }
const reached = [...document.querySelectorAll("a[href], [tabindex='0']")].filter(e => {
  e.focus(); return document.activeElement === e; }).length;
const outlined = [...document.styleSheets[0].cssRules].filter(
  r => r.selectorText == ":focus-visible").map(r => r.style.outline).join();
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
document.getElementById("probe").textContent = JSON.stringify({
  worst, where, reached, outlined, dark,
  wanted: document.querySelectorAll("a[href], [tabindex='0']").length,
  wide: document.documentElement.scrollWidth > innerWidth,
  unnamed: [...document.querySelectorAll("th, caption, a")].filter(
    e => !e.textContent.trim()).length,
  loaded: performance.getEntriesByType("resource").length});
</script>"""


def browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no Chromium here (Debian: apt install chromium)")
    return found


def browse(tmp_path: Path, *options: str) -> str:
    done = subprocess.run(
        [
            browser(), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            f"--user-data-dir={tmp_path / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND",
            *options,
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1300])
def test_in_a_browser(html: str, tmp_path: Path, scheme: str, width: int) -> None:
    """Text has contrast (4.5 to 1), all links and tables are reached by keyboard, nothing loads."""
    page = tmp_path / "probe.html"
    probed = re.sub(r"<meta http-equiv[^>]*>", "", html).replace("</footer>", f"</footer>{_PROBE}")
    page.write_text(probed)
    dark = ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"]
    dom = browse(
        tmp_path, f"--window-size={width},900", *(dark if scheme == "dark" else []),
        "--dump-dom", page.as_uri(),
    )  # fmt: skip
    match = re.search(r'<pre id="probe">(.*?)</pre>', dom)
    assert match is not None
    found = json.loads(unescape(match[1]))
    assert found["worst"] >= 4.5, found
    assert found["reached"] == found["wanted"] > 5, found
    assert found["outlined"].startswith("3px solid")
    assert found["dark"] == (scheme == "dark")
    assert not found["wide"], "the page itself must not scroll sideways"
    assert (found["unnamed"], found["loaded"]) == (0, 0)


@pytest.mark.slow
def test_in_print(html: str, tmp_path: Path) -> None:
    """A browser prints it; what it prints is a PDF of some pages."""
    page, pdf = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text(html)
    browse(tmp_path, f"--print-to-pdf={pdf}", "--no-pdf-header-footer", page.as_uri())
    data = pdf.read_bytes()
    assert data.startswith(b"%PDF")
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", data)) < 20
