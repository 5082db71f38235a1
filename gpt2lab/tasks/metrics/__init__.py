"""How good is it? Accuracy, precision, recall, F1, ROC and AUC, BLEU: each as a formula that can be read."""

from gpt2lab.tasks.metrics.bleu import Bleu, bleu, brevity_penalty, clipped_matches
from gpt2lab.tasks.metrics.classification import accuracy, confusion_matrix, f1, precision, recall
from gpt2lab.tasks.metrics.roc import auc, precision_recall_curve, roc_auc, roc_curve

__all__ = [
    "Bleu",
    "accuracy",
    "auc",
    "bleu",
    "brevity_penalty",
    "clipped_matches",
    "confusion_matrix",
    "f1",
    "precision",
    "precision_recall_curve",
    "recall",
    "roc_auc",
    "roc_curve",
]
