"""The whole model from text to prediction, each part to be opened in place; a still picture shows the heads."""

from __future__ import annotations

from typing import ClassVar

from gpt2lab.explorer.views.heads import Heads


class Overview(Heads):
    """Its parts are the other views, so its numbers and its picture are those of all heads."""

    name: ClassVar[str] = "overview"
