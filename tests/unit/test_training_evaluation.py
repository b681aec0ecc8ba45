import math

import pytest
import torch
from torch import Tensor, nn

from hpsearch.training import evaluation
from hpsearch.training.evaluation import evaluate


class Oracle(nn.Module):
    """Reads the class it shall predict from the first pixel."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(images[:, 0, 0, 0].long(), 3).float() * 4


def make_images(predicted: list[int]) -> Tensor:
    return torch.tensor(predicted, dtype=torch.uint8).view(-1, 1, 1, 1)


def test_the_confusion_matrix_counts_labels_by_row_and_predictions_by_column() -> None:
    measured = evaluate(Oracle(), make_images([0, 1, 1, 2, 0]), torch.tensor([0, 1, 2, 2, 2]))
    assert measured.confusion == ((1, 0, 0), (0, 1, 0), (1, 1, 1))
    assert measured.accuracy == pytest.approx(3 / 5)


def test_the_loss_is_the_mean_cross_entropy() -> None:
    measured = evaluate(Oracle(), make_images([0, 1]), torch.tensor([0, 0]))
    right, wrong = (math.log(math.exp(4) + 2) - logit for logit in (4, 0))
    assert measured.loss == pytest.approx((right + wrong) / 2)


def test_the_measures_do_not_depend_on_the_batch_size(monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = make_images([0, 1, 2] * 7), torch.tensor([0, 0, 2] * 7)
    whole = evaluate(Oracle(), images, labels)
    monkeypatch.setattr(evaluation, "EVALUATION_BATCH_SIZE", 4)
    in_parts = evaluate(Oracle(), images, labels)
    assert in_parts.confusion == whole.confusion
    assert in_parts.loss == pytest.approx(whole.loss)


@pytest.mark.parametrize("is_training", [True, False])
def test_an_evaluation_leaves_the_training_mode_as_it_was(is_training: bool) -> None:
    network = Oracle().train(is_training)
    evaluate(network, make_images([0]), torch.tensor([0]))
    assert network.training == is_training
