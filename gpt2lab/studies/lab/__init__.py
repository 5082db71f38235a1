"""The ablation lab: GPT-2 with one part removed, several seeds each, and the curves that came out."""

from gpt2lab.studies.lab.curves import Curves, load_lab
from gpt2lab.studies.lab.rows import Row

__all__ = ["Curves", "Row", "load_lab"]
