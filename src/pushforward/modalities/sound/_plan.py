"""What is fitted, in words."""

from pushforward.data.sound._segments import laid_out
from pushforward.modalities._talk import duration, plural
from pushforward.modalities.sound._flow import options_of
from pushforward.modalities.sound._prepare import Sounds, facts_of
from pushforward.modalities.sound._settings import SoundSettings


def plan(data: Sounds, settings: SoundSettings) -> str:
    """`60 clips of 12.0 s in all at 8,000 samples a second, 180 segments of 512 samples, 0.3 % left out`."""
    clips, facts = data.clips, facts_of(data, settings)
    layout = laid_out(clips, facts.length, pad=settings.pad)
    labels = f", given one of {plural(len(data.names), 'label')}" if data.names else ""
    mel = f", given spectrograms of {facts.mel.bands} bands" if facts.mel else ""
    said = f"{plural(len(clips), 'clip')} of {duration(clips.seconds)} in all at {clips.rate:,} samples a second"
    cut = f"{plural(len(layout.clip), 'segment')} of {facts.length:,} samples of {facts.bits} bits"
    total = sum(map(len, clips.waves))
    rest = f", {layout.left_out / total:.1%} of the sound left out at the ends of clips" if layout.left_out else ""
    filled = f", {layout.padded / (len(layout.clip) * facts.length):.1%} of them silence" if layout.padded else ""
    given = settings.options or {}
    chosen = ", ".join(f"{name}={value}" for name, value in options_of(settings).items() if name not in given)
    small = f", with {chosen}: `--set group_size=8` has groups of 8 samples, as in the paper" if chosen else ""
    return f"{said}: {cut}{rest}{filled}{labels}{mel}{small}"
