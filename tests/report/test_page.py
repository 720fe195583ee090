"""The HTML report of a pool: what it says, in which order, that it is one file."""

from __future__ import annotations

import base64
import hashlib
import re
from itertools import pairwise

import pytest
from attrs import evolve

from tests.report.pool import POOL, VMS, both, member, outline, said
from tests.support.hosts import example, names
from tests.support.pools import real
from xenops_cpu import report
from xenops_cpu.cpus.updates import outdated_host
from xenops_cpu.hosts.moment import Moment
from xenops_cpu.interface import GuestType, SecurityKind, Verdict
from xenops_cpu.pools import words
from xenops_cpu.pools.fleet import Standing
from xenops_cpu.pools.grade import GRADES
from xenops_cpu.pools.member import member_of
from xenops_cpu.pools.vm import Vm
from xenops_cpu.report import vms as vm_words


@pytest.fixture(name="html", scope="module")
def _html() -> str:
    return report.page("The pool <west>", POOL, VMS, date_line="made today")


def test_it_opens_with_the_verdicts(html: str) -> None:
    """First which VMs cannot go where and what to do; then VMs, hosts, the level, the sources."""
    head, _, main = html.partition("<main")
    assert "The pool <west> 3 hosts, 5 VMs · made today" in said(head + "</body></html>")
    text = said(f"<main{main}".replace("</body>", "").replace("</html>", ""))
    order = (
        "3 of 5 VMs cannot go to every host, 1 of them nowhere: 3 of 3 hosts refuse some.",
        "What to do",
        "foreign cannot go to any host",
        "the VM was started on a CPU of AuthenticAMD, the host has one of GenuineIntel: xapi "
        "refuses that",
        "Which VM can go where",
        "Why, and what to do",
        "Hosts that are alike are one row",
        "Every one of 3 hosts gives guests 3 features (names and rules of Xen 4.17)",
        "Which hosts differ",
        "Who costs the others what",
        "What is lost, and why",
        "Safety and speed",
        "What is not seen",
        "What all this rests on",
        "Terms",
    )
    places = [text.index(words) for words in order]
    assert places == sorted(places)


def test_it_says_who_cannot_go_where_why_and_what_helps(html: str) -> None:
    """Each finding names VMs, hosts, the missing features, the risk and what to do."""
    text = said(html)
    for expected in (
        "modern on old: would go only by force: the host lacks features",
        "MOVBE: the host's record does not have it. If forced: ",
        "tsx on old: resumes or migrates here, only because Xen takes in more",
        "tsx on new-1, new-2: would go only by force",
        "foreign on every host: cannot run here",
        "Shut it down and start it on this host: it then gets what is given here.",
    ):
        assert expected in text
    parts = re.findall(r'<svg class="bar".*?</svg>', html)
    assert len(parts) == 5
    for part in parts:
        widths = [float(width) for width in re.findall(r'width="([\d.]+)"', part)]
        assert sum(widths) == pytest.approx(100, abs=0.1)


def test_it_tells_features_costs_and_losses(html: str) -> None:
    """Which hosts differ in what, who costs what, what is lost and why, what it means."""
    text = said(html)
    for expected in (
        "other instructions MOVBE",
        "old MOVBE",
        "Not on old.",
        "Immunities that not every host has",
        "MDS_NO: guests ",
        "Extra work for guests, because some hosts need it",
    ):
        assert expected in text


def test_links_lead_to_elements_of_the_page(html: str) -> None:
    """Every id is there once, and every link leads to one."""
    page = outline(html)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] or "" for attributes in page.all("a")]
    assert len(links) > 15
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_it_is_one_file_without_scripts_or_network(html: str) -> None:
    """Nothing is loaded, run or sent: no script, no address, and a policy that forbids both."""
    page = outline(html)
    assert not list(page.all("script", "img", "link", "iframe", "object", "form"))
    assert not re.search(r"https?:|url\(|@import|javascript:", html)
    assert not any(
        {"style", "onclick", "onload"} & attributes.keys() for _, attributes in page.tags
    )


def test_the_policy_allows_this_style_alone(html: str) -> None:
    """The policy's hash is that of the style as it stands in the page; all else is forbidden."""
    policy = next(
        attributes["content"]
        for attributes in outline(html).all("meta")
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    style = html[html.index("<style>") + len("<style>") : html.index("</style>")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def test_a_screen_reader_finds_its_way(html: str) -> None:
    """Language, title, landmarks, one h1, headings in order, captions, headers with scope."""
    page = outline(html)
    assert next(page.all("html"))["lang"] == "en"
    for tag in ("title", "main", "header", "nav", "footer", "h1"):
        assert len(list(page.all(tag))) == 1, tag
    first_link = next(page.all("a"))
    assert (first_link["class"], first_link["href"]) == ("skip", "#main")
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    tables = len(list(page.all("table")))
    assert tables == len(list(page.all("caption"))) == len(list(page.all("thead"))) > 3
    assert {header["scope"] for header in page.all("th")} == {"row", "col", "rowgroup"}
    assert all(cell["data-label"] for cell in page.all("td"))
    roles = {"table": "table", "tr": "row", "td": "cell", "tbody": "rowgroup"}
    for tag, role in roles.items():
        assert {attributes["role"] for attributes in page.all(tag)} == {role}


def test_nothing_is_said_by_colour_alone(html: str) -> None:
    """Whatever has the colour of a verdict has a glyph or words that say it as well."""
    for words_ in re.findall(r'<td[^>]* class="(?:good|bad)">([^<]*)</td>', html):
        assert words_.strip() in ("✓ yes", "✕ no")
    for glyph, words_ in re.findall(r'class="tone \w+"><span[^>]*>(.)</span> ([^<]*)<', html):
        assert glyph in "✓▲✕"
        assert words_.strip()


def test_hvm_and_pv_are_told_once_where_they_agree() -> None:
    """A feature lost to both guest types is one row; what only one loses is told of that one."""
    pool = [both("a", "FPU TSC MOVBE SMEP", "FPU TSC MOVBE"), both("b", "FPU TSC", "FPU TSC")]
    html = report.page("both", pool)
    text = said(html)
    losses = html[html.index('id="losses"') : html.index('id="safety"')]
    assert losses.count("<code>MOVBE</code>") == losses.count("<code>SMEP</code>") == 1
    assert "All guests: Not on b." in said(
        losses[losses.index("<table") : losses.index("</table>")] + "</table>"
    )
    assert "all guests FPU TSC" in text
    assert text.count("HVM and PVH: Not on b.") == 1


def test_equal_hosts_and_vms_are_one_row() -> None:
    """64 hosts and 5,000 VMs of few kinds take as few rows as the kinds have."""
    hosts = [evolve(POOL[i % 2], name=f"h{i}") for i in range(64)]
    vms = [evolve(VMS[i % 4], name=f"vm{i}") for i in range(5000)]
    html = report.page("large", hosts, vms)
    text = said(html)
    assert len(list(outline(html).all("tr"))) < 40
    assert len(html) < 150_000
    assert "h0, h2, h4, h6, h8, h10 and 26 more" in text
    assert "vm1, vm5, vm9 and 1,247 more cannot go to h0, h2, h4 and 29 more" in text
    assert "3,750 of 5,000 VMs cannot go to every host" in text


def test_what_is_too_much_is_counted_and_said() -> None:
    """A fleet in which no VM is like another ends in counts, and the headline counts them all."""
    features = ["FPU", "TSC", "MOVBE", "RTM", "AVX", "AVX2", "SSE", "SSE2", "FMA"]
    kinds = (
        " ".join(f for bit, f in enumerate(features) if number >> bit & 1) for number in range(512)
    )
    vms = [
        Vm(f"vm{number}", GuestType.HVM, names(kind), "GenuineIntel")
        for number, kind in enumerate(kinds)
    ]
    html = report.page("unlike", POOL, vms)
    assert "cannot go to every host" in said(html)
    assert re.search(r"[\d,]+ more VMs in [\d,]+ more groups are counted above", said(html))
    assert re.search(r"[\d,]+ more findings are counted above", said(html))
    assert len(list(outline(html).all("tr"))) < 200


def test_without_vms_it_tells_of_some_as_they_would_be() -> None:
    """It says that none was given, and checks one at the level and one of each kind of host."""
    pool = (POOL[0], *(member(f"new-{n}", "FPU TSC MOVBE", "RTM MD_CLEAR") for n in (1, 2)))
    text = said(report.page("no VMs", pool))
    assert "No VM was given. These are VMs as they would be" in text
    assert (
        "VMs that start at the pool's level can go to every host, those that were started on one "
        "host alone cannot."
    ) in text
    assert "a VM started on new-1 alone (HVM) cannot go to old" in text
    alike = said(report.page("alike", POOL[1:]))
    assert "VMs can go to every host, wherever they were started." in alike


def test_one_host_and_no_vm() -> None:
    """The smallest pool has a report too, and one without such guests says that."""
    text = said(report.page("one", [member_of(example("epyc-xen-4.17"), "epyc")]))
    assert "There is one host: a VM that was started on it can come back to it." in text
    assert "AMD EPYC Processor" in text
    assert "Which hosts differ" not in text
    nothing = report.page("none", [evolve(POOL[0], offers={})], guests=[GuestType.PV])
    assert "No host runs such guests." in said(nothing)
    assert "✓" not in nothing, "that is no good news"


def test_all_is_well() -> None:
    """Where every VM can go everywhere, the page says so first and has no findings."""
    text = said(report.page("fine", POOL[1:], VMS[:2]))
    assert "All 2 VMs can go to every host." in text
    assert "What to do" not in text
    assert "Why, and what to do" not in text
    assert "Nothing: no host has a feature that the level has not." not in text


def test_hosts_of_several_vendors_are_warned_of() -> None:
    """No VM can move between vendors: the first box says so."""
    html = report.page("mixed", [POOL[0], member("amd", "FPU", vendor="AuthenticAMD")])
    box = html[html.index('<section class="verdict') : html.index("</section>")]
    assert "These hosts have CPUs of GenuineIntel and AuthenticAMD" in box


def test_every_fact_says_what_it_rests_on() -> None:
    """Rows of hosts and VMs refer to their sources by number; what was assumed is told, once."""
    gold = real("xeon-gold-6154")
    assert gold.host is not None
    read = evolve(gold.host, moment=Moment("2026-08-21T10:02:11Z"), microcode=0x02007006)
    hosts = [
        evolve(gold, host=read),
        evolve(POOL[0], certain=False, notes=("taken for 4.17",)),
    ]
    vms = [
        evolve(VMS[0], source="pool.xml: last_boot_CPU_flags"),
        evolve(VMS[1], source="pool.xml: last_boot_CPU_flags", notes=("assumed HVM",)),
        evolve(VMS[2], notes=("assumed HVM",)),
    ]
    html = report.page("sources", hosts, vms)
    text = said(html)
    assert (
        "[1] simulated: what Xen 4.17 would offer on Intel Xeon Gold 6154 2026-08-21T10:02:11Z "
        "1 host: xeon-gold-6154" in text
    )
    assert "[2] typed on the command line not told 1 host: old; 1 VM: tsx" in text
    assert "[3] pool.xml: last_boot_CPU_flags not told 2 VMs: plain, modern" in text
    assert "rules of Xen 4.17, assumed" in text
    assert "family 6, model 85, stepping 4 4.17 0x02007006 36 in 1" in text
    assert "old: taken for 4.17" in text
    assert text.count("modern, tsx: assumed HVM") == 1
    for anchor in ("source-1", "source-2", "source-3"):
        assert f'href="#{anchor}"' in html


def test_newer_microcode_is_told_beside_the_one_that_runs() -> None:
    """In the words of info and audit; not of a host that has the newest."""
    old = real("xeon-silver-4214+2019-05")
    new = real("xeon-gold-6154")
    assert old.host is not None
    assert new.host is not None
    read = evolve(old.host, microcode=0x05000021)
    html = report.page(
        "microcode",
        [evolve(old, host=read), evolve(new, host=evolve(new.host, microcode=0x02007006))],
    )
    sentence = outdated_host(read)
    assert "05003901 of 2025-05-12 is public" in sentence
    assert f"0x05000021 {sentence}" in said(html)
    assert said(html).count("is public") == 1


def test_what_was_not_compared_is_said() -> None:
    """Notes on verdicts stand under them with the number of VMs; an unknown vendor in the box."""
    vms = [evolve(VMS[0], name=f"v{n}", vendor="") for n in range(12)]
    html = report.page("vendors", POOL[1:], [*vms, VMS[4]])
    box = html[html.index('<section class="verdict') : html.index("</section>")]
    assert "All 13 VMs can go to every host." in box
    assert "Of 12 VMs the vendor was not compared with that of every host that takes it in" in box
    text = said(html)
    assert "12 VMs: the vendors were not compared: one is not known" in text
    assert "12 VMs: the highest CPUID leaves were not compared: no policy is known" in text
    sure = report.page("vendors", POOL[1:], [VMS[0], VMS[4]])
    assert "the vendor was not compared" not in said(sure)


def test_a_level_that_hosts_refuse_is_warned_of() -> None:
    """What is OR-ed into a level and not taken in by a host of it stands in the first box."""
    offers = POOL[1].offers[GuestType.HVM]
    strict = evolve(POOL[1], offers={GuestType.HVM: evolve(offers, max=names("FPU"))})
    html = report.page("refused", [POOL[0], strict])
    box = html[html.index('<section class="verdict') : html.index("</section>")]
    assert "MD_CLEAR is in the level because another host has it" in box


def test_every_kind_has_words() -> None:
    """No verdict, standing, guest type or kind of finding is without a word for people."""
    assert GRADES.keys() == vm_words.MEANINGS.keys() == set(Verdict)
    assert vm_words.TONES.keys() == vm_words.STANDINGS.keys() == set(Standing)
    assert words.GUESTS.keys() == set(GuestType)
    assert words.SECURITY.keys() == set(SecurityKind)
