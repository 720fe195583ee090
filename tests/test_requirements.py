"""The locked packages are what setup.cfg asks for, each with its hashes."""

import re
from configparser import ConfigParser

import pytest
from packaging.requirements import Requirement

from tests import ROOT


def asked() -> dict[str, list[Requirement]]:
    """By lock file: what setup.cfg wants of it."""
    setup = ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")

    def lines(text: str) -> list[Requirement]:
        return [Requirement(line) for line in text.split("\n") if line and "%(" not in line]

    run = lines(setup["options"]["install_requires"])
    extras = dict(setup["options.extras_require"])
    browser, mutation = lines(extras.pop("browser")), lines(extras.pop("mutation"))
    docs = lines(extras.pop("docs"))
    engines = lines(extras.pop("fleet")) + lines(extras.pop("engines"))
    return {
        "run": run,
        "dev": run + [one for name in extras for one in lines(extras[name])],
        "browser": run + browser,
        "engines": run + engines,
        "mutation": run + lines(extras["test"]) + mutation,
        "docs": run + docs,
    }


@pytest.mark.parametrize("name", ["run", "dev", "browser", "engines", "mutation", "docs"])
def test_the_lock_is_up_to_date(name: str) -> None:
    """Every requirement is there, in a version that it allows; scripts/lock makes it so."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    locked = dict(re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE))
    for requirement in asked()[name]:
        assert requirement.name.lower() in locked, f"run scripts/lock: {requirement}"
        assert locked[requirement.name.lower()] in requirement.specifier


@pytest.mark.parametrize("name", ["run", "dev", "browser", "engines", "mutation", "docs"])
def test_every_package_has_hashes(name: str) -> None:
    """Nothing is installed that is not the very file; no registry is named."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    packages = re.split(r"\n(?=[\w.-]+==)", text)[1:]
    assert packages
    assert all("--hash=sha256:" in package for package in packages)
    assert "://" not in text
