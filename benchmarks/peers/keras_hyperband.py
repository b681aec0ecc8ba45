"""KerasTuner's Hyperband as its getting-started guide has it, with `max_model_size`; prints one line of JSON.

    pip install keras keras-tuner six torch torchvision
    KERAS_BACKEND=torch python keras_hyperband.py --budget 100000 --seconds 900 --seed 0 --data FOLDER

The same space as ray_asha.py, 20 epochs at most. KerasTuner draws anew where a model is too large, and trains one after
the other on all cores. It has no limit of time: a callback ends it. The best model by validation is tested once.
"""

import argparse
import contextlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import keras_tuner
import numpy as np

MAXIMUM_EPOCHS, BATCH_SIZE = 20, 128


class OutOfTime(keras_tuner.errors.FatalError):  # type: ignore[misc]
    """The time is up; KerasTuner takes any other exception for a failed trial and draws the next."""


class Deadline(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends the search after a batch."""

    def __init__(self, at: float) -> None:
        super().__init__()
        self.at = at

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Whether the time is up."""
        if time.monotonic() > self.at:
            raise OutOfTime


def build(parameters: keras_tuner.HyperParameters) -> keras.Model:
    layers: list[Any] = [keras.Input((28, 28, 1)), keras.layers.Rescaling(1 / 255)]
    for index in range(1, parameters.Int("convolutions", 1, 3) + 1):
        layers.append(
            keras.layers.Conv2D(parameters.Choice(f"channels_{index}", [8, 16, 32, 64, 128]), 3, padding="same")
        )
        layers += [keras.layers.BatchNormalization()] if parameters.Boolean("batch_norm") else []
        layers += [keras.layers.ReLU(), keras.layers.MaxPooling2D()]
    is_flat = parameters.Choice("head", ["flatten", "average"]) == "flatten"
    layers.append(keras.layers.Flatten() if is_flat else keras.layers.GlobalAveragePooling2D())
    layers.append(keras.layers.Dropout(parameters.Float("dropout", 0.0, 0.5)))
    if dense := parameters.Choice("dense", [0, 64, 128]):
        layers.append(keras.layers.Dense(dense, activation="relu"))
    model = keras.Sequential([*layers, keras.layers.Dense(10, activation="softmax")])
    optimizer = keras.optimizers.get(parameters.Choice("optimizer", ["adam", "sgd", "rmsprop"]))
    optimizer.learning_rate = parameters.Float("lr", 1e-4, 1e-1, sampling="log")
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def read(folder: Path, name: str) -> Any:
    """An IDX file of torchvision's layout."""
    content = (folder / "FashionMNIST" / "raw" / name).read_bytes()
    dimensions = content[3]
    shape = [int.from_bytes(content[4 + 4 * index : 8 + 4 * index]) for index in range(dimensions)]
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--budget", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    deadline = Deadline(time.monotonic() + arguments.seconds)
    keras.utils.set_random_seed(arguments.seed)
    images, labels = (read(arguments.data, f"train-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1"))
    order = np.random.default_rng(0).permutation(len(images))
    training, validation = order[6000:], order[:6000]
    with tempfile.TemporaryDirectory() as place:
        tuner = keras_tuner.Hyperband(
            build,
            objective="val_accuracy",
            max_epochs=MAXIMUM_EPOCHS,
            max_model_size=arguments.budget,
            seed=arguments.seed,
            directory=place,
            project_name="search",
        )
        with contextlib.suppress(OutOfTime):
            tuner.search(
                images[training][..., None],
                labels[training],
                validation_data=(images[validation][..., None], labels[validation]),
                batch_size=BATCH_SIZE,
                callbacks=[deadline],
                verbose=0,
            )
        (best,) = tuner.oracle.get_best_trials(1)
        model = tuner.load_model(best)
        test = [read(arguments.data, f"t10k-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1")]
        found = {
            "weights": int(sum(np.prod(weight.shape) for weight in model.trainable_weights)),
            "validation_accuracy": float(best.score),
            "test_accuracy": float(model.evaluate(test[0][..., None], test[1], verbose=0)[1]),
            "begun": len(tuner.oracle.trials),
        }
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
