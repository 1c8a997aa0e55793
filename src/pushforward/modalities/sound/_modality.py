"""The modality of sound."""

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pushforward.modalities._base import Modality
from pushforward.modalities._options import Number, Option, word
from pushforward.modalities._told import Figure, Look, Told

OPTIONS = (
    Option(
        name="rate",
        commands=("fit",),
        metavar="N",
        parse=Number(1, 10**6, whole=True),
        help="Resample all clips to so many samples a second.",
    ),
    Option(
        name="channel",
        commands=("fit", "score", "distill"),
        metavar="[mix|N]",
        parse=word,
        default="mix",
        help="The number of the channel, from 1; or mix for the mean of all.",
    ),
    Option(
        name="bits",
        commands=("fit",),
        metavar="N",
        parse=Number(1, 16, whole=True),
        help="Of the whole numbers that samples are, at most 16; images at most 8.",
    ),
    Option(name="labels", commands=("fit",), help="Learn them given their labels, the names of their folders."),
    Option(name="mel", commands=("fit",), help="Learn them given their mel spectrograms, as a vocoder."),
    *(
        Option(name=f"mel_{part}", commands=("fit",), metavar="N", parse=Number(0), help=said, shown=shown)
        for part, said, shown in (
            ("frame", "Samples of a frame of the spectrogram; with --mel.", "1024"),
            ("hop", "Samples from one frame to the next.", "256"),
            ("bands", "Bands of the spectrogram.", "80"),
            ("low", "Where the lowest band begins, in hertz.", "0"),
            ("high", "Where the highest band ends, in hertz.", "8000, or half of the rate"),
        )
    ),
    Option(
        name="length",
        commands=("fit",),
        metavar="N",
        parse=Number(1, whole=True),
        help="Samples of a segment, of which clips are cut.",
        shown="about a quarter of a second",
    ),
    Option(name="pad", commands=("fit", "distill"), help="Fill clips up with silence, so that none is too short."),
    Option(
        name="skip_bad",
        commands=("fit", "score", "distill"),
        help="Leave out files that are no sound, silent, or of NaN.",
    ),
    Option(
        name="label",
        commands=("sample", "interpolate", "score"),
        metavar="NAME",
        parse=word,
        help="The label of all clips, with a model that knows labels; `score` takes it from their folders otherwise.",
    ),
    Option(
        name="like",
        commands=("sample",),
        metavar="CLIP",
        parse=word,
        help="A clip whose length is taken, and whose spectrogram is given to a vocoder; or a folder of them.",
    ),
    Option(
        name="match",
        commands=("sample",),
        metavar="ROUNDS",
        parse=Number(1, 1000, whole=True),
        help="Bring the bands of a vocoder's clips to those of --like, in so many rounds, such as 10.",
    ),
    Option(
        name="seconds",
        commands=("sample",),
        metavar="NUMBER",
        parse=Number(0, above=True),
        help="Of a clip; by default those of a segment in training, or of --like.",
    ),
)
GLANCE = 1000
"""Files of a folder that are looked at to tell what it holds."""


class SoundModality(Modality):
    """Clips of one rate in folders, single files, and arrays."""

    name = "sound"
    plural = "clips of sound"
    row = "segment"
    flow = "waveglow"
    events = frozenset({"sound"})
    options = OPTIONS
    pictures: ClassVar[Mapping[str, str]] = {
        "samples": "waves of draws, beside the clips of DATA if those are given",
        "mel": "mel spectrograms of draws, beside those of DATA",
        "layers": "a draw on its way from the noise to the wave",
        "loss": "the training and validation loss by epoch",
    }
    extra_commands = frozenset({"distill", "interpolate"})
    size_hint = "choose another length with --length"

    def claims(self, source: str) -> bool:
        """Whether it is a file of sound, a folder with one, or an archive with `audio`."""
        path = Path(source)
        return _is_sound(path) or _holds_sound(path) or _holds_audio(path)

    def read(self, source: str, given: Mapping[str, Any], talk: Any) -> Any:
        """Clips and, if they are to be learned, labels."""
        from pushforward.modalities.sound._read import read_to_fit

        return read_to_fit(source, given, talk)

    def settings(self, given: Mapping[str, Any], data: Any, common: Mapping[str, Any]) -> Any:
        """The common settings, and what training makes of the clips."""
        from pushforward._errors import UsageError
        from pushforward.modalities.sound._settings import SoundSettings

        parts = {name[4:]: given[name] for name in given if name.startswith("mel_") and given[name] is not None}
        if parts and not given["mel"]:
            raise UsageError(f"--mel-{next(iter(parts))} is for --mel.", "give --mel as well")
        whole = {name: value if name in ("low", "high") else int(value) for name, value in parts.items()}
        mel = (whole or True) if given["mel"] else False
        own = {name: given[name] for name in ("length", "pad")}
        return SoundSettings(**common, conditional=given["labels"], mel=mel, **own)

    def is_conditional(self, given: Mapping[str, Any]) -> bool:
        """Whether labels or spectrograms are learned."""
        return given["labels"] or given["mel"]

    def build(self, data: Any, settings: Any, key: Any) -> Any:
        """The flow of whole numbers."""
        from pushforward.modalities.sound._prepare import build

        return build(data, settings, key)

    def prepare(self, data: Any, settings: Any, key: Any) -> Any:
        """Segments, labels and spectrograms, and the flow."""
        from pushforward.modalities.sound._prepare import prepare

        return prepare(data, settings, key)

    def facts_from_json(self, data: Mapping[str, Any]) -> Any:
        """What a file says of rate, bits, labels and spectrograms."""
        from pushforward.modalities.sound._facts import SoundFacts

        return SoundFacts.from_json(data)

    def plan(self, data: Any, settings: Any) -> str:
        """Count, seconds, rate, segments, and what is left out."""
        from pushforward.modalities.sound._plan import plan

        return plan(data, settings)

    def figure(self, model: Any) -> Figure:
        """Nats per sample, or a student's divergence from its teacher."""
        (length,) = model.flow.event_shape
        if "teacher" in model.settings:
            meaning = "divergence from the teacher, over the student's draws,"
            return Figure(1.0 / length, "nats per sample from the teacher", meaning, False)
        return Figure(1.0 / length, "nats per sample", "negative log-probability of each whole number", True)

    def report(self, data: Any, model: Any) -> dict[str, Any]:
        """Clips, rate, bits and the figure."""
        loss, scale = model.result.best_loss, self.figure(model).scale
        return {
            "clips": len(data.clips),
            "seconds": data.clips.seconds,
            **model.facts.to_json(),
            "nats_per_sample": -scale * loss if math.isfinite(loss) else None,
        }

    def score(self, model: Any, source: str, target: str, given: Mapping[str, Any], talk: Any) -> None:
        """One row for each clip."""
        from pushforward.modalities.sound._model import SoundModel
        from pushforward.modalities.sound._score import score

        score(SoundModel(model), source, target, given, talk)

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
        """A file, a folder or an array."""
        from pushforward.modalities.sound._model import SoundModel
        from pushforward.modalities.sound._sample import sample

        sample(SoundModel(model), count, target, given, temperature=temperature, seed=seed, talk=talk)

    def plot(
        self, model: Any, source: str | None, what: str | None, given: Mapping[str, Any], look: Look, seed: int
    ) -> tuple[Any, str]:
        """Waves, if nothing else is asked for."""
        from pushforward.modalities.sound._model import SoundModel
        from pushforward.modalities.sound._pictures import picture

        what = what or "samples"
        return picture(SoundModel(model), source, what, look, seed), what

    def tell(self, model: Any) -> Told:
        """Rate, bits, labels and spectrograms."""
        return model.facts.told()

    def distill(self, model: Any, lesson: Any, given: Mapping[str, Any]) -> Any:
        """A student that is fast at samples."""
        from pushforward.modalities.sound._student import taught

        return taught(model, lesson, given)

    def interpolate(
        self, model: Any, sources: Sequence[str], target: Path, given: Mapping[str, Any], talk: Any
    ) -> None:
        """Clips between two."""
        from pushforward.modalities.sound._commands import interpolate
        from pushforward.modalities.sound._model import SoundModel

        interpolate(SoundModel(model), sources, target, given, talk)


def _is_sound(path: Path) -> bool:
    from pushforward.data.sound._endings import is_sound

    return is_sound(path)


def _holds_sound(path: Path) -> bool:
    """Whether a file of sound is among the first files below a folder."""
    return path.is_dir() and any(map(_is_sound, itertools.islice(path.rglob("*"), GLANCE)))


def _holds_audio(path: Path) -> bool:
    """Whether an archive holds an array `audio`; any file that cannot be read holds none."""
    import zipfile

    if path.suffix != ".npz" or not path.is_file():
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return "audio.npy" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False
