"""python -m xenops_cpu is xenops-cpu."""

import sys

from .cli.main import main

sys.exit(main())
