"""Files: written whole or not at all, read with care; ``records`` is the file of what a learner has done."""

from gpt2lab.files.reading import open_tensors, read_checked, read_json
from gpt2lab.files.writing import UnwritableError, atomic_write, locked

__all__ = ["UnwritableError", "atomic_write", "locked", "open_tensors", "read_checked", "read_json"]
