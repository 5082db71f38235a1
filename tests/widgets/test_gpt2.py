"""The panels of the chapter on the whole model, driven from Python."""

import pytest
import torch

from gpt2lab.config import GPT2Config
from gpt2lab.figures.block_diagram import block_diagram
from gpt2lab.model import GPT2
from gpt2lab.widgets.budget_panel import BudgetPanel, flops_per_token
from gpt2lab.widgets.sizes_panel import SIZES, SizesPanel, parameters_by_part


@pytest.mark.parametrize("config", [*SIZES.values(), GPT2Config.tiny(d_ff=50)], ids=str)
def test_parts_sum_to_the_model(config):
    with torch.device("meta"):
        model = GPT2(config)
    parts = parameters_by_part(config)
    assert sum(parts.values()) == model.n_parameters()
    assert parts["feed-forward"] == sum(p.numel() for block in model.blocks for p in block.ffn.parameters())
    assert parts["attention"] == sum(p.numel() for block in model.blocks for p in block.attn.parameters())


def test_sizes_panel_reports_the_chosen_size():
    panel = SizesPanel(size="GPT-2 XL", shares=True)
    assert panel.result.total == 1_557_611_200 and panel.largest == "feed-forward"


def test_arithmetic_agrees_with_torchs_own_count():
    from torch.utils.flop_counter import FlopCounterMode

    config, T = GPT2Config.tiny(vocab_size=64, n_layers=2), 16
    model = GPT2(config).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.trace(torch.zeros(1, T, dtype=torch.long))
    weights, scores = flops_per_token(config, T)
    output_layer = 2 * T * config.d_model * config.vocab_size
    assert counter.get_total_flops() == T * (weights + scores) + output_layer


def test_budget_panel():
    panel = BudgetPanel(context=1024)
    assert panel.result.cache_bytes == 2 * 12 * 1024 * 768 * 4
    at = panel.at(panel.crossover)
    torch.testing.assert_close(at.weight_flops, at.score_flops, rtol=1e-3, atol=0.0)
    before = panel.result.weight_bytes
    panel.numbers = "float16 or bfloat16"
    assert panel.result.weight_bytes == before / 2
    with pytest.raises(ValueError, match="context must be a whole number from 1 to 16384"):
        panel.context = 0


def test_what_the_lines_are_stands_above_them():
    """The dotted line at the present length runs over the whole height of the axes."""
    picture = BudgetPanel(context=1024).draw()
    picture.draw_without_rendering()
    for axes in picture.axes:
        legend = axes.get_legend().get_window_extent()
        assert legend.y0 >= axes.bbox.y1 - 2 and legend.x1 <= picture.bbox.x1


def test_the_diagram_is_not_blank():
    import io

    import numpy as np
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(block_diagram().png())).convert("L"), dtype=float)
    assert pixels.std() > 20
