"""The one error type of our own: a file that is not what it claims to be."""


class CheckpointError(RuntimeError):
    """A checkpoint file or directory that cannot be used; the message names it and says why.

    Mistakes in an argument raise ``ValueError`` instead.
    """
