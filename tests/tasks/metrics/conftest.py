"""scikit-learn, loaded by the tests that compare with it: at the start of each worker it would take a second."""

import pytest


@pytest.fixture(scope="session")
def sklearn():
    from sklearn import metrics

    return metrics
