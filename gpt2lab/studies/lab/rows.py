"""The rows of the lab, as data: groups of settings that differ in one thing.

All use the tiny standard shape below unless they say otherwise. Reversing letters needs attention,
positions and depth, and is learned in seconds. Each row gets the same budget for finding its learning
rate: ``RATES`` times ``TUNING_SEEDS``. Only the rows of the group "rate" have theirs given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gpt2lab.ablations import VARIANTS
from gpt2lab.training.config import TrainSettings


@dataclass(frozen=True, kw_only=True)
class Row:
    """One setting of the lab."""

    name: str  # group/what is different
    title: str  # for a legend
    variant: str = "gpt2"  # of gpt2lab.ablations
    task: str = "reverse"
    shape: dict[str, int] = field(default_factory=dict)  # of GPT2Config
    training: TrainSettings = field(default_factory=TrainSettings)  # of TrainConfig, without the learning rate
    rate: float | None = None  # the learning rate; None: the best of RATES, see ``run``

    @property
    def setting(self) -> str:
        """Equal for rows that differ only in their name and rate; one run serves them all."""
        return repr((self.variant, self.task, sorted(self.shape.items()), sorted(self.training.items())))

    @property
    def group(self) -> str:
        """What the row is compared within."""
        return self.name.split("/")[0]


SHAPE = dict(n_layers=2, n_heads=4, d_model=32)
TRAINING = TrainSettings(
    steps=500, batch_size=32, warmup_steps=30, weight_decay=0.01, eval_every=10, eval_sequences=128, diverged_at=None,
)  # fmt: skip
RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)  # each row that is not about rates is trained with all of them
TUNING_SEEDS = (100, 101)  # choose the rate; they are not reported
SEEDS = 5


def _row(
    name: str,
    title: str,
    variant: str = "gpt2",
    task: str = "reverse",
    training: TrainSettings | None = None,
    rate: float | None = None,
    **shape: int,
) -> Row:
    return Row(
        name=name, title=title, variant=variant, task=task, rate=rate,
        shape={**SHAPE, **shape}, training={**TRAINING, **(training or TrainSettings())},
    )  # fmt: skip


def _rows() -> Iterator[Row]:
    for name, change in VARIANTS.items():
        yield _row(f"parts/{name}", change.title, name)
    yield _row("parts/no-warmup", "no warm-up", training=TrainSettings(warmup_steps=0))
    yield _row("parts/no-clipping", "no clipping", training=TrainSettings(clip_norm=None))
    for depth in (1, 2, 4, 8, 12):
        for variant, title in (("gpt2", "with"), ("no-residual", "without")):
            name = "with" if variant == "gpt2" else "without"
            layers = f"{depth} layer{'s' * (depth > 1)}"
            yield _row(f"depth/{name}-{depth}", f"{layers}, {title} residuals", variant, n_layers=depth)
    for rate in RATES:
        for variant, title in (("gpt2", "pre-LN"), ("no-layernorm", "no LayerNorm"), ("post-ln", "post-LN")):
            yield _row(
                f"rate/{variant}-{rate:g}", f"{title}, learning rate {rate:g}", variant,
                rate=rate, n_layers=4,
            )  # fmt: skip
    for n_heads in (1, 2, 4, 8, 16):
        yield _row(
            f"heads/{n_heads}",
            f"{n_heads} head{'s' * (n_heads > 1)} of width {32 // n_heads}",
            n_heads=n_heads,
        )
    for task in ("reverse", "sort"):
        for variant in ("gpt2", "no-positions"):
            title = "with positions" if variant == "gpt2" else "without positions"
            yield _row(f"order/{task}-{variant}", f"{task}, {title}", variant, task)
    for task in ("reverse", "sort"):
        for variant, title in (("gpt2", "with"), ("no-mask", "without")):
            yield _row(f"mask/{task}-{variant}", f"{task}, {title} the causal mask", variant, task)
    for variant, title in (("gpt2", "with"), ("no-scaling", "without")):
        yield _row(f"scaling/{variant}", f"one head of width 64, {title} 1/√d_head", variant, n_heads=1, d_model=64)
    for variant, title in (("gpt2", "with"), ("no-scaled-init", "without")):
        yield _row(f"init/{variant}", f"12 layers, {title} scaled initialisation", variant, n_layers=12)


ROWS: dict[str, Row] = {row.name: row for row in _rows()}
GROUPS: dict[str, str] = {
    "parts": "One part removed or changed: who still learns to reverse eight letters?",
    "depth": "Residual sums: how deep can a model be without them?",
    "rate": "LayerNorm: which learning rates does a model bear?",
    "heads": "The same width, cut into 1 to 16 heads",
    "order": "Positions: reversing needs them; does sorting?",
    "mask": "Causal mask: what does a model learn that can read its answer?",
    "scaling": "1/√d_head at a wide head",
    "init": "1/√(2·n_layers) at twelve layers",
}
