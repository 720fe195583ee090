"""The command line of the scripts that read Xen's source: help with examples, a tree or a clone."""

from __future__ import annotations

import argparse
from pathlib import Path


def parser(script: str, description: str | None, examples: str) -> argparse.ArgumentParser:
    """Texts stand in the help as they are written."""
    return argparse.ArgumentParser(
        prog=f"scripts/{script}",
        description=description,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_tree(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "tree",
        metavar="XEN_TREE",
        type=Path,
        help="Xen's source: a checkout or an unpacked archive",
    )


def add_repository(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("repository", metavar="XEN_GIT", type=Path, help="a clone of xen.git")
