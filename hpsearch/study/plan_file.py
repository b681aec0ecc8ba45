"""Study files that say what to train: an architecture and a recipe, sweeps over some of their values, variants, seeds.

What such a file does not say is not done: no batch norm, no momentum, no schedule, no dropout, no penalty. A search
file, which gives a budget and leaves the rest to the search, is read by `file`.
"""

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from hpsearch.dataset import ImageSize, Preparation
from hpsearch.errors import InputError
from hpsearch.network.architecture import Arch, CnnArchitecture, FcnArchitecture
from hpsearch.network.budget import Budget
from hpsearch.study.file import StudyText
from hpsearch.study.origin import Origin, PrintedFigures, Source, Text
from hpsearch.study.planned import PlannedStudy, Training
from hpsearch.study.recipe import Recipe
from hpsearch.study.spec import StudySpec, explain_value_error
from hpsearch.study.study_name import check_study_name
from hpsearch.study.training_words import describe_value
from hpsearch.study.trial_config import Seed, ValidationFraction
from hpsearch.wording import describe_allowed, describe_unknown, quote

_TABLES = ("architecture", "recipe", "sweep", "variant")
_LISTS = ("widths", "stages")
"""Keys whose one value is a list."""
_MAXIMUM_TRIALS = 10_000

ARCHITECTURES: dict[Arch, type[FcnArchitecture] | type[CnnArchitecture]] = {
    "fcn": FcnArchitecture,
    "cnn": CnnArchitecture,
}
ARCHITECTURE_TYPES: dict[Arch, dict[str, Any]] = {
    arch: {name: get_type_hints(model, include_extras=True)[name] for name in model.model_fields if name != "arch"}
    for arch, model in ARCHITECTURES.items()
}
"""What [architecture] takes, by family: each key with its type."""
RECIPE_TYPES: dict[str, Any] = {name: get_type_hints(Recipe, include_extras=True)[name] for name in Recipe.model_fields}
"""What [recipe] takes."""
PLAIN: dict[str, Any] = {"batch_norm": False, "schedule": "constant", "momentum": 0.0, "nesterov": False}
"""What is not said is not done; a search has other defaults."""
REQUIRED = {
    "epochs": "epochs = 20",
    "batch_size": "batch_size = 128",
    "optimizer": 'optimizer = "adam"',
    "lr": "lr = 1e-3",
}
"""What every training has to say, and an example of it."""

_OF_A_SEARCH = {
    "trials": "replicates = N says how often each is trained",
    "epochs": "epochs belong in [recipe]",
    "arch": "[architecture] tells it by its widths or stages",
    "space": "values to compare belong in [sweep], as lists",
}


class PlanFile(BaseModel):
    """The file's keys, its tables not yet looked into."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Literal[1] = 1
    name: str | None = None
    title: Text | None = None
    """What the study asks."""
    source: Source | None = None
    dataset: Annotated[str, Field(min_length=1)] = "fashion-mnist"
    image_size: ImageSize | None = None
    """Height and width that own images of any size are brought to."""
    grey: bool = False
    """Whether their colours are dropped, too; only with an image size."""
    validation_fraction: ValidationFraction = 0.1
    validation_images: Annotated[int, Field(ge=1)] | None = None
    """In place of the fraction: how many training images are held out."""
    budget: Budget | None = None
    """The most weights that any of the networks may hold; a variant may have its own."""
    seed: Seed = 0
    replicates: Annotated[int, Field(ge=1, le=1000)] = 1
    """How many seeds each training gets."""
    architecture: dict[str, Any] = {}
    recipe: dict[str, Any] = {}
    sweep: dict[str, list[Any]] = {}
    variant: list[dict[str, Any]] = []
    printed: dict[str, PrintedFigures] = {}

    @field_validator("version", mode="before")
    @classmethod
    def _version_is_whole(cls, given: Any) -> Any:
        """A literal takes whatever equals it, so also `true` and 1.0."""
        if type(given) is not int:
            raise ValueError("not a whole number")
        return given


def is_plan(fields: Mapping[str, Any]) -> bool:
    """Whether a study file says what to train, instead of what to search."""
    return any(table in fields for table in _TABLES)


def parse_plan_file(study_text: StudyText) -> PlannedStudy:
    """The planned study that a file describes.

    Raises:
        InputError: A key is unknown or missing, or a value is not allowed; the message has the file, and the line
            where one can be told.
    """
    return _Parser(study_text).parse()


class _Parser:
    """Reads one file; knows it for the messages."""

    def __init__(self, study_text: StudyText) -> None:
        self._text = study_text
        self._file = self._read_keys(study_text.fields)
        self._arch = self._find_arch()
        self._types = ARCHITECTURE_TYPES[self._arch] | RECIPE_TYPES

    def parse(self) -> PlannedStudy:
        file = self._file
        self._check_tables()
        trainings = tuple(self._list_trainings())
        labels = [training.label for training in trainings]
        for label in labels:
            if labels.count(label) > 1:
                raise self._refuse(f"two trainings are called {quote(label)}: give each [[variant]] a label of its own")
        for label in file.printed:
            if label not in labels:
                raise self._refuse(f"[printed] {describe_unknown('label', label, labels)}", label)
        return PlannedStudy(
            name=self._find_name(),
            dataset=file.dataset,
            trainings=trainings,
            replicates=file.replicates,
            seed=file.seed,
            validation_fraction=file.validation_fraction,
            validation_images=file.validation_images,
            origin=Origin(title=file.title, source=file.source, printed=file.printed),
            preparation=None if file.image_size is None else Preparation(size=file.image_size, grey=file.grey),
        )

    def _read_keys(self, fields: Mapping[str, Any]) -> PlanFile:
        for key in fields:
            if key in PlanFile.model_fields:
                continue
            if key in StudySpec.model_fields:
                hint = _OF_A_SEARCH.get(key, "leave it out")
                raise self._refuse(f"{key} belongs to a search, and this file says what to train: {hint}", key)
            raise self._refuse(describe_unknown("key", key, PlanFile.model_fields), key)
        if "validation_fraction" in fields and "validation_images" in fields:
            raise self._refuse("validation_fraction and validation_images say the same: give one", "validation_images")
        try:
            return PlanFile.model_validate_json(_to_json(fields))
        except ValidationError as error:
            raise self._refuse_value(error, fields) from error
        except ValueError as error:  # Python's own limit on the digits of a whole number
            raise self._refuse("a number of thousands of digits is not allowed; give a shorter one") from error

    def _refuse_value(self, error: ValidationError, fields: Mapping[str, Any]) -> InputError:
        """Of a key at the top of the file, or of a table whose form is fixed."""
        first = error.errors()[0]
        key, *deeper = first["loc"]
        name = str(first["loc"][-1])
        if key == "sweep" and deeper:
            given = quote(fields["sweep"][deeper[0]])
            return self._refuse(
                f"[sweep] {name} {given} is no list: give the values to compare, as in {name} = [..., ...]; "
                "a value for all belongs in [recipe] or [architecture]",
                name,
            )
        if first["type"] == "extra_forbidden":
            model = Source if key == "source" else PrintedFigures
            return self._refuse(f"[{key}] {describe_unknown('key', name, model.model_fields)}", name)
        if name == "version":
            return self._refuse(f"version {quote(fields[name])} is not allowed; give 1", name)
        if deeper or first["type"] == "value_error" or name in (*_TABLES, "printed", "source"):
            return self._refuse(explain_value_error(error), name)
        allowed = describe_allowed(get_type_hints(PlanFile, include_extras=True)[name])
        return self._refuse(f"{name} {quote(fields[name])} is not allowed; give {allowed}", name)

    def _find_arch(self) -> Arch:
        file = self._file
        tables = [file.architecture, file.sweep, *file.variant]
        families: tuple[tuple[Arch, str], ...] = (("fcn", "widths"), ("cnn", "stages"))
        found = [arch for arch, key in families if any(key in table for table in tables)]
        if len(found) > 1:
            raise self._refuse("widths make a fully connected network, stages a convolutional one: give one of them")
        if not found:
            raise self._refuse(
                "no network is given: add widths = [400, 400] (fully connected) or stages = [{channels = [8], "
                "kernel = 5}] (convolutional) to [architecture]"
            )
        given = file.architecture.get("arch", found[0])
        if given != found[0]:
            raise self._refuse(
                f"[architecture] arch {quote(given)} does not go with its keys: it is {found[0]}", "arch"
            )
        return found[0]

    def _find_name(self) -> str:
        name = self._file.name
        try:
            return check_study_name(self._text.path.stem if name is None else name)
        except InputError as error:
            raise self._refuse(str(error), "name") from error

    def _check_tables(self) -> None:
        """Every key and value where it is written, so that a message can say where."""
        file = self._file
        self._check_values("[architecture]", file.architecture, ARCHITECTURE_TYPES[self._arch] | {"arch": Arch})
        self._check_values("[recipe]", file.recipe, RECIPE_TYPES)
        for key, values in file.sweep.items():
            self._check_key("[sweep]", key, self._types)
            if not values:
                raise self._refuse(f"[sweep] {key} is an empty list: name at least one value", key)
            for value in values:
                self._check_values("[sweep]", {key: value}, self._types)
            if len({_to_json(value) for value in values}) < len(values):
                raise self._refuse(f"[sweep] {key} has a value twice: give each once", key)
            if key in file.recipe or key in file.architecture:
                table = "recipe" if key in file.recipe else "architecture"
                raise self._refuse(f"{key} stands in [{table}] and in [sweep]: leave it out of one of them", key)
        for variant in file.variant:
            self._check_variant(variant)
        count = math.prod(len(values) for values in file.sweep.values()) * max(1, len(file.variant)) * file.replicates
        if count > _MAXIMUM_TRIALS:
            raise self._refuse(
                f"these are {count:,} trainings, over the {_MAXIMUM_TRIALS:,} allowed: sweep fewer values"
            )

    def _check_variant(self, variant: Mapping[str, Any]) -> None:
        label = variant.get("label")
        if not isinstance(label, str) or not label or not label.isprintable() or len(label) > 80:
            raise self._refuse(
                f'[[variant]] needs a label of one line, up to 80 characters, as in label = "with dropout"; '
                f"given {quote(label)}"
            )
        allowed = {"label": str, "budget": Budget} | self._types
        self._check_values(f"[[variant]] {quote(label)}", variant, allowed)
        for key in variant:
            if key in self._file.sweep:
                raise self._refuse(
                    f"{key} stands in [[variant]] {quote(label)} and in [sweep]: leave it out of one", key
                )

    def _check_key(self, where: str, key: str, types: Mapping[str, Any]) -> None:
        if key not in types:
            raise self._refuse(f"{where} {describe_unknown('key', key, types)}", key)

    def _check_values(self, where: str, table: Mapping[str, Any], types: Mapping[str, Any]) -> None:
        for key, value in table.items():
            self._check_key(where, key, types)
            try:
                TypeAdapter(types[key]).validate_json(_to_json(value), strict=True)
            except ValidationError as error:
                way_on = ""
                if where in ("[architecture]", "[recipe]") and isinstance(value, list) and key not in _LISTS:
                    way_on = f"; values to compare belong in [sweep]: {key} = {_to_json(value)}"
                raise self._refuse(f"{where} {key}{_explain_value(error, types[key], value)}{way_on}", key) from error

    def _list_trainings(self) -> Iterator[Training]:
        file = self._file
        base = {key: value for key, value in file.architecture.items() if key != "arch"} | file.recipe
        for variant in file.variant or [{}]:
            for point in itertools.product(*file.sweep.values()):
                swept = dict(zip(file.sweep, point, strict=True))
                words = [describe_value(key, value) for key, value in swept.items()]
                label = ", ".join([*([variant["label"]] if variant else []), *words]) or self._find_name()
                yield self._build(label, PLAIN | base | variant | swept)

    def _build(self, label: str, values: Mapping[str, Any]) -> Training:
        for key, example in REQUIRED.items():
            if key not in values:
                raise self._refuse(f"{quote(label)} has no {key}: add for example {example} to [recipe]")
        form = ARCHITECTURE_TYPES[self._arch]
        for key in ("widths", "stages"):
            if key in form and key not in values:
                raise self._refuse(f"{quote(label)} has no {key}: add them to [architecture] or to the [[variant]]")
        architecture = {key: value for key, value in values.items() if key in form}
        recipe = {key: value for key, value in values.items() if key in RECIPE_TYPES}
        try:
            return Training(
                label=label,
                architecture=ARCHITECTURES[self._arch].model_validate_json(_to_json(architecture), strict=True),
                recipe=Recipe.model_validate_json(_to_json(recipe), strict=True),
                budget=values.get("budget", self._file.budget),
            )
        except ValidationError as error:
            raise self._refuse(f"{quote(label)}: {explain_value_error(error)}") from error

    def _refuse(self, message: str, key: str | None = None) -> InputError:
        line = self._text.find_line(key) if key is not None else ""
        return InputError(f"study file {str(self._text.path)!r}{line}: {message}")


def _explain_value(error: ValidationError, annotation: Any, value: Any) -> str:
    first, allowed = error.errors()[0], describe_allowed(annotation)
    if first["loc"] or first["type"] == "value_error" or allowed == "a table":  # what is wrong lies deeper
        return f": {explain_value_error(error)}"
    return f" {quote(value)} is not allowed; give {allowed}"


def _to_json(value: Any) -> str:
    """As JSON, in whose strict mode a list is a tuple and a whole number a real one; a date becomes text."""
    return json.dumps(value, default=str)
