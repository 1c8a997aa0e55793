"""The modality of images."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pushforward.modalities._base import Modality
from pushforward.modalities._options import PRIOR, SHARE, Number, OneOf, Option, odd_options, size, word
from pushforward.modalities._told import Figure, Look, Told

OPTIONS = (
    PRIOR,
    Option(
        name="resize",
        commands=("fit", "score", "classify", "outliers"),
        metavar="HxW",
        parse=size,
        help="Bring all to this height and width.",
    ),
    Option(
        name="mode",
        commands=("fit", "score", "classify", "outliers"),
        metavar="[grey|rgb]",
        parse=OneOf(("grey", "rgb")),
        help="Turn all to grey, or to colour.",
    ),
    Option(
        name="bits",
        commands=("fit",),
        metavar="N",
        parse=Number(1, 8, whole=True),
        help="Keep the highest N of 8 bits.",
    ),
    Option(
        name="labels",
        commands=("fit",),
        help="Learn them given their labels, the names of their folders.",
    ),
    Option(name="flip", commands=("fit",), help="Mirror half of them left to right while training."),
    Option(
        name="shift",
        commands=("fit",),
        metavar="N",
        parse=Number(0, whole=True),
        default=0,
        help="Move them by up to N pixels while training.",
    ),
    Option(
        name="drop_labels",
        commands=("fit",),
        metavar="SHARE",
        parse=SHARE,
        default=0.0,
        help="Leave out this share of the labels, such as 0.1, so that `sample --guidance` works.",
    ),
    Option(
        name="skip_bad",
        commands=("fit", "score", "classify", "attributes", "outliers"),
        help="Leave out files that are no pictures.",
    ),
    Option(
        name="grid",
        commands=("sample", "interpolate"),
        metavar="RxC",
        parse=size,
        help="Rows and columns of the sheet; between four images 6x6 if nothing else is said.",
    ),
    Option(
        name="label",
        commands=("sample", "interpolate"),
        metavar="NAME",
        parse=word,
        help="The label of the images, with a model that knows labels.",
    ),
    Option(
        name="guidance",
        commands=("sample",),
        metavar="NUMBER",
        parse=Number(0),
        default=0.0,
        help="Above 0, more of what sets the label apart; for a fit with --drop-labels.",
    ),
    Option(
        name="denoise",
        commands=("sample",),
        both_ways=True,
        help="Whether to take away the Gaussian noise of a fit with --set noise=0.05; by default yes.",
    ),
    Option(
        name="picture",
        commands=("attributes",),
        metavar="FILE",
        parse=word,
        help="What to move; by default four of the images.",
    ),
    *odd_options("image", "images"),
    Option(
        name="score_by",
        commands=("outliers",),
        metavar="[states|complexity|typicality|log_prob]",
        parse=OneOf(("states", "complexity", "typicality", "log_prob")),
        default="states",
        help="What tells odd images.",
    ),
)
PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
SHEET = (6, 6)
GLANCE = 1000
"""Files of a folder that are looked at to tell what it holds."""


class ImageModality(Modality):
    """Pictures of one size in folders, and arrays of bytes."""

    name = "image"
    plural = "images"
    row = "image"
    flow = "glow"
    events = frozenset({"image"})
    options = OPTIONS
    pictures: ClassVar[Mapping[str, str]] = {
        "samples": "draws",
        "temperatures": "the same noise at several scales",
        "layers": "samples on their way from the noise to the image, after some of the layers",
        "reconstructions": "images of DATA from their whole latent vector and from half of it",
        "nearest": "draws above the images of DATA that are most alike, so that one sees whether the model copies",
        "loss": "the training and validation loss by epoch",
    }
    extra_commands = frozenset({"interpolate", "attributes", "classify", "outliers"})
    size_hint = "bring them to another size with --resize"

    def meant(self, flow: str) -> str:
        """`vae` and `nsf` are here `vae-image` and `nsf-image`."""
        from pushforward.flows import RECIPES

        return f"{flow}-image" if f"{flow}-image" in RECIPES else flow

    def claims(self, source: str) -> bool:
        """Whether it is a picture, a folder with one, or an array of bytes with three or four axes."""
        path = Path(source)
        return _is_picture(path) or _holds_pictures(path) or _holds_bytes(path)

    def read(self, source: str, given: Mapping[str, Any], talk: Any) -> Any:
        """Images and, if they are to be learned, labels."""
        from pushforward.modalities.image._read import read_to_fit

        return read_to_fit(source, given, talk)

    def settings(self, given: Mapping[str, Any], data: Any, common: Mapping[str, Any]) -> Any:
        """The common settings, and what training makes of the images."""
        from pushforward.modalities.image._settings import ImageSettings

        own = {name: given[name] for name in ("flip", "shift", "drop_labels")}
        return ImageSettings(**common, conditional=given["labels"], **own)

    def is_conditional(self, given: Mapping[str, Any]) -> bool:
        """Whether labels are learned."""
        return given["labels"]

    def build(self, data: Any, settings: Any, key: Any) -> Any:
        """The flow of whole grey values."""
        from pushforward.modalities.image._prepare import build

        return build(data, settings, key)

    def prepare(self, data: Any, settings: Any, key: Any) -> Any:
        """Grey values, labels as zeros and ones, and the flow."""
        from pushforward.modalities.image._prepare import prepare

        return prepare(data, settings, key)

    def finished(self, model: Any, ready: Any) -> Any:
        """With what the flow says of the images that were held out, by which odd ones are told."""
        from pushforward.modalities.image.oddity._keep import with_ordinary

        return with_ordinary(model, ready)

    def facts_from_json(self, data: Mapping[str, Any]) -> Any:
        """Levels and labels of a file."""
        from pushforward.modalities.image._facts import ImageFacts

        return ImageFacts.from_json(data)

    def plan(self, data: Any, settings: Any) -> str:
        """Count, size, levels and labels, and what was chosen for them."""
        from pushforward.modalities._talk import plural
        from pushforward.modalities.image._facts import labels_told, size_told
        from pushforward.modalities.image._small import decided, told

        images, labels = data.images, labels_told(data.names) if data.names else ""
        chosen = told(decided(settings, images.shape, len(images)), settings)
        plan = f"{plural(len(images), 'image')} of {size_told(images.shape)}, {images.levels} levels{labels}"
        return f"{plan}\n  {chosen}" if chosen else plan

    def callbacks(self, data: Any, settings: Any, target: Path, talk: Any) -> tuple[Callable[..., Any], ...]:
        """A picture of samples, drawn again and again."""
        from pushforward.modalities.image._facts import ImageFacts
        from pushforward.modalities.image._watch import Samples

        return (Samples(ImageFacts(data.images.levels, data.names), settings.random_state, target, talk),)

    def figure(self, model: Any) -> Figure:
        """Bits per dimension."""
        scale = 1.0 / (math.prod(model.flow.event_shape) * math.log(2.0))
        return Figure(scale, "bits per dimension", "negative log-probability for each number", True)

    def report(self, data: Any, model: Any) -> dict[str, Any]:
        """Count, shape, levels and labels, and the figure."""
        images, loss = data.images, model.result.best_loss
        return {
            "images": len(images),
            "shape": list(images.shape),
            "levels": images.levels,
            "labels": list(data.names),
            "bits_per_dim": self.figure(model).scale * loss if math.isfinite(loss) else None,
        }

    def score(self, model: Any, source: str, target: str, given: Mapping[str, Any], talk: Any) -> None:
        """One row for each image: its name, bits per dimension, log-probability in nats."""
        from pushforward.modalities.image._model import ImageModel
        from pushforward.modalities.image._score import score

        score(ImageModel(model), source, target, given, talk)

    def sample(
        self,
        model: Any,
        count: int | None,
        target: str,
        given: Mapping[str, Any],
        *,
        temperature: float,
        seed: int,
        talk: Any,
    ) -> None:
        """A sheet, a folder or an array."""
        from pushforward.modalities.image._model import ImageModel
        from pushforward.modalities.image._sample import sample

        sample(ImageModel(model), count, target, given, temperature=temperature, seed=seed, talk=talk)

    def plot(
        self, model: Any, source: str | None, what: str | None, given: Mapping[str, Any], look: Look, seed: int
    ) -> tuple[Any, str]:
        """Samples, if nothing else is asked for."""
        from pushforward.modalities.image._model import ImageModel
        from pushforward.modalities.image._pictures import picture

        what = what or "samples"
        return picture(ImageModel(model), source, what, look, seed), what

    def tell(self, model: Any) -> Told:
        """Size, levels and labels."""
        return model.facts.told(model.flow.event_shape)

    def classify(self, model: Any, source: str, target: str, given: Mapping[str, Any], talk: Any) -> None:
        """One row for each image: its likeliest label, the probability of each, its log-probability."""
        from pushforward.modalities.image._classify import classify
        from pushforward.modalities.image._model import ImageModel

        classify(ImageModel(model), source, target, given, talk)

    def outliers(self, model: Any, source: str, target: str, given: Mapping[str, Any], talk: Any) -> None:
        """One row for each odd image."""
        from pushforward.modalities.image._model import ImageModel
        from pushforward.modalities.image.oddity._outliers import outliers

        outliers(ImageModel(model), source, target, given, talk)

    def interpolate(
        self, model: Any, sources: Sequence[str], target: Path, given: Mapping[str, Any], talk: Any
    ) -> None:
        """A row between two images, a sheet between four."""
        from pushforward.modalities.image._commands import interpolate
        from pushforward.modalities.image._model import ImageModel

        interpolate(ImageModel(model), sources, target, {**given, "grid": given["grid"] or SHEET}, talk)

    def attributes(self, model: Any, source: str, target: Path, given: Mapping[str, Any], talk: Any) -> None:
        """Rows of images with less and more of an attribute."""
        from pushforward.modalities.image._commands import attributes
        from pushforward.modalities.image._model import ImageModel

        attributes(ImageModel(model), source, target, given, given["seed"], talk)


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_ENDINGS


def _holds_pictures(path: Path) -> bool:
    """Whether a picture is among the first files below a folder."""
    return path.is_dir() and any(map(_is_picture, itertools.islice(path.rglob("*"), GLANCE)))


def _holds_bytes(path: Path) -> bool:
    """Whether an array in a file is of bytes with three axes or more; any file that cannot be read holds none."""
    if path.suffix not in (".npy", ".npz") or not path.is_file():
        return False
    import numpy as np

    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        arrays = [loaded] if isinstance(loaded, np.ndarray) else [loaded[name] for name in loaded.files[:1]]
    except (OSError, ValueError, EOFError):
        return False
    return any(array.dtype == np.uint8 and array.ndim >= 3 for array in arrays)
