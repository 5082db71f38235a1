"""How well letters stand out: contrast as the guidelines of the web (WCAG 2) compute it."""

from collections.abc import Sequence

ENOUGH = 4.5  # for text


def luminance(color: Sequence[float]) -> float:
    """From red, green and blue between 0 and 1."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Sequence[float], other: Sequence[float]) -> float:
    """1 for two equal colours, 21 for black and white."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
