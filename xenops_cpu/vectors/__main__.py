"""python -m xenops_cpu.vectors: cases on standard input, one a line; answers, one a line."""

from __future__ import annotations

import sys

from .answers import answers


def main() -> int:
    for line in answers(sys.stdin):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
