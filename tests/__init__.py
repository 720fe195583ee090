"""What several tests need."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Reference data that is larger than the project should carry; a clone alone does without.
SHARED = ROOT.parent / "shared"
GOLDEN = ROOT / "tests" / "golden"

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the reference data is not beside this checkout (../shared)"
)
