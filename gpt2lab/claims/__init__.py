"""Wrong statements in circulation, each with its verdict, what is right, a source, and often an experiment.

>>> claims.get("R1").experiment()
"""

from gpt2lab.claims.base import (
    TOPICS,
    VERDICTS,
    Claim,
    Experiment,
    Figures,
    all_claims,
    extra_claims,
    get,
    listing,
)

__all__ = ["TOPICS", "VERDICTS", "Claim", "Experiment", "Figures", "all_claims", "extra_claims", "get", "listing"]
