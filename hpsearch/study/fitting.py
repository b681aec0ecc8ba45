"""What of a study's space can be drawn."""

from hpsearch.dataset import DatasetIdentity
from hpsearch.study.feasibility import FittedSpace, fit_space
from hpsearch.study.spec import StudySpec


def fit_spec(spec: StudySpec, dataset: DatasetIdentity) -> FittedSpace:
    """What of a study's space its limits, its target and the images allow.

    Raises:
        BudgetTooSmallError: Nothing fits; the message names the smallest limits that work.
        ArchitectureError: No shape of the space survives on images this small.
    """
    shape, classes = dataset.input_shape, dataset.class_count
    return fit_space(spec.arch, spec.space, spec.limits, shape, classes, operators=spec.operators)
