"""The experiments, one module per topic; ``base.experiment`` files them."""
