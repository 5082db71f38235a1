"""Where the time goes: torch's profiler, its operations in a few groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch.profiler import ProfilerActivity, profile, record_function

GROUPS = ("matmul", "attention", "layer norm", "gelu", "optimiser", "other")
WHOLE = "the whole run"
# Parts of the names of operations. transformers writes its GELU out: of that only what nobody else
# uses is found, its sums and products are "other".
PARTS = {
    "attention": ("scaled_dot_product",),
    "layer norm": ("layer_norm",),
    "gelu": ("aten::gelu", "aten::tanh", "aten::pow"),
    "matmul": ("aten::addmm", "aten::mm", "aten::bmm", "aten::linear", "aten::matmul"),
}


def group_of(names: Sequence[str]) -> str:
    """The group of an operation.

    Parameters
    ----------
    names : sequence of str
        Its name, then that of the operation that called it, and so on outwards. What an optimiser
        calls belongs to it, whatever it is; else the nearest name that has a group decides.
    """
    if any(name.startswith("Optimizer.") for name in names):
        return "optimiser"
    for name in names:
        for group, parts in PARTS.items():
            if any(part in name for part in parts):
                return group
    return "other"


def time_shares(run: Callable[[], object], times: int = 3) -> dict[str, float]:
    """Share of each group in the time of ``run``, over so many calls; they sum to 1.

    "other" is the rest: sums, copies, embeddings, the loss, and Python between the operations. The
    profiler takes time as well, most of it where there are many small operations.
    """
    run()
    with profile(activities=[ProfilerActivity.CPU]) as found, record_function(WHOLE):
        for _ in range(times):
            run()
    seconds = dict.fromkeys(GROUPS, 0.0)
    for event in found.events() or ():
        names, outer = [], event
        while outer is not None:
            names.append(outer.name)
            outer = outer.cpu_parent
        if names[-1] == WHOLE:
            seconds[group_of(names)] += event.self_cpu_time_total
    total = sum(seconds.values())
    return {group: taken / total for group, taken in seconds.items()}
