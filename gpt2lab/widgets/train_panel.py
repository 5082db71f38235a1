"""The training panel: a toy model learns in front of you; stop it, change it, start again."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import ipywidgets
import numpy as np
from traitlets import Bunch

from gpt2lab.ablations import VARIANTS
from gpt2lab.errors import DivergenceError, validates
from gpt2lab.figures.style import BLUE, FADED, GRID, ORANGE, SMALL, Picture
from gpt2lab.model import GPT2
from gpt2lab.tasks import Task, get_task
from gpt2lab.training import History, TrainConfig, train
from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.traits import Choice, Number, Whole
from gpt2lab.zoo.recipes import Preset

TASKS = ("reverse", "sort", "brackets", "reference")
SHAPE = dict(n_layers=2, n_heads=4, d_model=32)
EXAMINATIONS = 20  # in one run
BETWEEN_PICTURES = 0.5  # seconds


@dataclass(frozen=True)
class Learned:
    """How far a run has come."""

    task: str
    change: str  # what was changed in the model
    step: int
    steps: int
    loss: float  # of the last batch, nats per scored token; nan before the first
    accuracy: float  # on held-out cases, all scored tokens of a case right; nan before the first evaluation
    note: str = ""

    def __repr__(self) -> str:
        if not self.step:
            return f"{self.task}, {self.change}: not trained yet"
        far = f"{self.step} steps" if self.step == self.steps else f"{self.step} of {self.steps} steps"
        seen = "not examined yet" if np.isnan(self.accuracy) else f"accuracy {self.accuracy:.2f} on held-out cases"
        return f"{self.task}, {self.change}: {far}, {seen}{self.note}"


class TrainPanel(Panel[Learned]):
    """Train a small GPT-2 (2 layers, 4 heads, width 32) and watch the loss and the accuracy.

    The button trains in the background, so that it can stop again; changing a setting throws the model
    away. From Python, ``run()`` trains and returns when it is done.

    Attributes
    ----------
    task : str
        "reverse", "sort", "brackets" or "reference".
    variant : str
        Which part is changed, a key of ``gpt2lab.ablations.VARIANTS``.
    steps : int, 20 to 2,000
    rate : float, 0.0001 to 0.3
        The highest learning rate; a tenth of the steps are warm-up.
    seed : int, 0 to 99
    model : GPT2
        What has been trained so far, in evaluation mode.
    history : History
        Everything that was measured.
    result : Learned
    """

    task = Choice(TASKS, label="Task")
    variant = Choice(tuple(VARIANTS), label="Model")
    steps = Whole(200, low=20, high=2000, label="Steps")
    rate = Number(3e-3, 1e-4, 0.3, log=True, label="Learning rate")
    seed = Whole(0, low=0, high=99, label="Seed")
    rows = (("task", "variant"), ("steps", "rate", "seed"))

    @validates
    def __init__(self, task: str = "reverse", **settings: object) -> None:
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._trained_with: dict[str, object] = {}
        self._fresh({"task": task})
        super().__init__(task=task, **settings)
        self._button = ipywidgets.Button(description="Train", tooltip="start or stop training", icon="play")
        self._button.on_click(lambda _: self._pressed())
        self.children = [self.children[0], self._button, *self.children[1:]]

    # Driving it

    @property
    def training(self) -> bool:
        """Whether the background is at work."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def picture(self) -> Picture:
        """The present picture, to be shown by a cell."""
        return self._picture

    def run(self) -> Learned:
        """Train from the start with the present settings; returns when done."""
        self.stop()
        self._train()
        return self.result

    def start(self) -> None:
        """Train in the background; the picture moves."""
        if self.training:
            return
        self._stopping.clear()
        self._thread = threading.Thread(target=self._train, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End a run in the background after its present step."""
        self._stopping.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._thread = None
        self._stopping.clear()

    def accuracy_by_step(self) -> dict[int, float]:
        """Held-out accuracy at each evaluation."""
        return {int(e["step"]): e["accuracy"] for e in self.history.evaluations}

    # How it works

    def _pressed(self) -> None:
        if self.training:
            self.stop()
        else:
            self.start()

    def _setting_changed(self, change: Bunch) -> None:
        self.stop()
        super()._setting_changed(change)

    def _fresh(self, settings: dict[str, object]) -> None:
        self._task: Task | None = None
        self.model: GPT2 | None = None
        self.history, self._note = History(), ""
        self._trained_with = settings

    def _train(self) -> None:
        self._fresh(self.settings())
        self._task = get_task(self.task)
        self.model = Preset(shape=SHAPE, variant=self.variant).model(self._task, self.seed)
        config = TrainConfig(
            steps=self.steps, learning_rate=self.rate, warmup_steps=self.steps // 10, weight_decay=0.01,
            batch_size=32, eval_every=max(1, self.steps // EXAMINATIONS), eval_sequences=128, seed=self.seed,
            progress=False,
        )  # fmt: skip
        self._show_button("Stop", "stop")
        shown = time.monotonic()

        def look(step: int, history: History) -> bool:
            nonlocal shown
            self.history = history
            if time.monotonic() - shown > BETWEEN_PICTURES:
                self._refresh()
                shown = time.monotonic()
            return self._stopping.is_set()

        try:
            self.history = train(self.model, self._task, config, on_step=look)
            if not self.model.causal:  # its input held the answers; only generation tests it without them
                fair = self._task.evaluate_generated(self.model, config.eval_sequences)["accuracy"]
                self._note = f", which it can read in its input; without them {fair:.2f}"
        except DivergenceError as error:
            self._note = f"; stopped, because the loss exploded at step {error.step}"
        except Exception as error:  # in the background thread it would not be shown
            self._note = f"; stopped by {type(error).__name__}: {str(error).splitlines()[0]}"
        self._show_button("Train again", "play")
        self._refresh()

    def _show_button(self, text: str, icon: str) -> None:
        self._button.description, self._button.icon = text, icon

    def measure(self) -> Learned:
        if self._trained_with != self.settings():
            self._fresh(self.settings())
        history, title = self.history, VARIANTS[self.variant].title
        accuracy = history.evaluations[-1]["accuracy"] if history.evaluations else float("nan")
        loss = history.loss[-1] if history.loss else float("nan")
        return Learned(self.task, title, history.steps, self.steps, loss, accuracy, self._note)

    def draw(self) -> Picture:
        picture = Picture(9.6, 4.6, f"Training on {self.task}")
        left, right = picture.add_axes((0.075, 0.16, 0.39, 0.62)), picture.add_axes((0.59, 0.16, 0.39, 0.62))
        loss = np.array(self.history.loss)
        top = 1.1 * float(np.log(get_task(self.task).encoding.n_vocab))
        if len(loss):
            x = np.arange(1, len(loss) + 1)
            width = min(10, len(loss))
            total = np.concatenate([[0.0], loss.cumsum()])
            mean = (total[width:] - total[:-width]) / width
            left.plot(x, loss, color=GRID, linewidth=1.2)
            left.plot(x[width - 1 :], mean, color=BLUE)
        by_step = self.accuracy_by_step()
        right.plot(list(by_step), list(by_step.values()), color=ORANGE, marker="o", markersize=5, clip_on=False)
        left.axhline(top / 1.1, color=FADED, linewidth=1.4, linestyle=":")
        left.text(self.steps, top / 1.1, "guessing ", ha="right", va="bottom", fontsize=SMALL, color=FADED)
        left.set_title("Loss of the batch, nats")
        right.set_title("Held-out cases all right")
        left.set_ylim(0, 1.12 * top)
        right.set_ylim(-0.02, 1.04)
        right.set_yticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "25 %", "50 %", "75 %", "100 %"])
        for axes in (left, right):
            axes.set_xlim(0, self.steps)
            axes.set_xlabel("step")
            axes.grid(axis="y")
        if not self.history.steps:
            for axes in (left, right):
                axes.text(
                    self.steps / 2,
                    axes.get_ylim()[1] / 2,
                    "press Train",
                    ha="center",
                    va="center",
                    color=BLUE,
                )
        picture.text(0.012, 0.93, repr(self.result), fontsize=14, fontweight="bold")
        return picture
