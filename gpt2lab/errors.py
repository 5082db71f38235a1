"""The two error types of our own: a file that is not what it claims to be, a training that explodes."""


class CheckpointError(RuntimeError):
    """A checkpoint file or directory that cannot be used; the message names it and says why.

    Mistakes in an argument raise ``ValueError`` instead.
    """


class DivergenceError(RuntimeError):
    """Training stopped because the loss exploded.

    Attributes
    ----------
    step : int
        The step whose loss it was, counted from 1.
    loss : float
        In nats.
    checkpoint : Path or None
        The last good one.
    """

    def __init__(self, step: int, loss: float, advice: str, checkpoint: object = None) -> None:
        kept = f"; the last good checkpoint is {checkpoint}" if checkpoint else ""
        super().__init__(f"training diverged at step {step} with a loss of {loss:.4g} nats: {advice}{kept}")
        self.step, self.loss, self.checkpoint = step, loss, checkpoint
