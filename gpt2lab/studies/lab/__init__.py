"""The ablation lab: GPT-2 with one part removed, several seeds each, and the curves that came out."""

from gpt2lab.studies.lab.curves import Curves, load_lab
from gpt2lab.studies.lab.rows import Row
from gpt2lab.studies.lab.table import Table, group_table

__all__ = ["Curves", "Row", "Table", "group_table", "load_lab"]
