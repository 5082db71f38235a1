"""What a run put on screen: the sentences that were read, and the runs of the model on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gpt2lab.explorer.models import Encoding
from gpt2lab.explorer.pair import Pair
from gpt2lab.explorer.runs import Run
from gpt2lab.explorer.sentences import aligned
from gpt2lab.explorer.text import HINT, UNKNOWN, fitting, read, typed_ids


@dataclass(frozen=True)
class Shown:
    """What stays until the next run, whatever is selected or typed meanwhile.

    Attributes
    ----------
    runs : the run as it is and, if something is changed or compared, the second one; none if nothing was run
    text, text_b : str
        The sentences that were read.
    given : bool
        The first is token ids that were set, or typed behind "ids:".
    second : ids of the second sentence, as many as the first has; none without one
    lengths : tokens of both sentences, before they were brought to one length
    patched : what is put in, as in ``gpt2lab.studies.patch_words``
    note : str
        What of the text is not shown.
    hint : str
        What to type, if there was nothing to run.
    """

    runs: tuple[Run, ...] = ()
    text: str = ""
    text_b: str = ""
    given: bool = False
    second: tuple[int, ...] = ()
    lengths: tuple[int, int] = (0, 0)
    patched: tuple[str, ...] = ()
    note: str = ""
    hint: str = ""

    @property
    def sentences(self) -> bool:
        """Whether the two runs are of two sentences."""
        return bool(self.second) and not self.patched


def read_and_run(
    pair: Pair,
    encoding: Encoding,
    text: str,
    ids: list[int] | None,
    text_b: str,
    ablated: Sequence[str],
    patched: Sequence[str],
) -> Shown:
    """Read the sentences, bring them to one length, and run the model on them.

    Parameters
    ----------
    ids : token ids in place of the text's own, or None
    text_b : str
        The second sentence; empty for none.

    Raises
    ------
    InputError
        For ids that the model does not have, and patches that cannot be made on this text. A model that is the
        learner's own may raise anything.
    """
    limits = pair.context_length, pair.vocab_size
    first, note = read(encoding, text, *limits) if ids is None else fitting(ids, pair.context_length)
    if not first:
        return Shown(hint=UNKNOWN if note else HINT)
    second, note_b = read(encoding, text_b, *limits)
    lengths = len(first), len(second)
    first, second, cut = aligned(first, second)
    return Shown(
        runs=tuple(pair.runs(first, ablated, second, patched, lengths)),
        text=text,
        text_b=text_b,
        given=ids is not None or typed_ids(text, None) is not None,
        second=tuple(second),
        lengths=lengths,
        patched=tuple(patched),
        note=" ".join(filter(None, (note, note_b, cut))),
    )
