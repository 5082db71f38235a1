"""Seconds until gpt2lab is imported, against torch alone; each in a fresh Python.

The package itself loads its parts on first use. The second row therefore asks for the parts that a
first chapter uses: model, generation, tokenizer and checkpoints.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from _timing import arguments, compare, provenance, report

AT_MOST = 1.15  # times as long as torch


def fresh(code: str) -> Callable[[], object]:
    """A function that runs the code in a new Python."""
    return lambda: subprocess.run([sys.executable, "-c", code], check=True)


def main() -> int:
    arguments(__doc__)
    origin = provenance()
    parts = "from gpt2lab import GPT2, GPT2Config, generate, gpt2_encoding, load_gpt2"
    rows = [
        compare(f"{code} / import torch", fresh(code), fresh("import torch"), target=1 / AT_MOST)
        for code in ("import gpt2lab", parts)
    ]
    return report("import_time", rows, origin)


if __name__ == "__main__":
    sys.exit(main())
