"""Sound: clips of one rate, whole numbers with uniform noise, given labels or mel spectrograms."""

from pushforward.modalities.sound._modality import SoundModality

MODALITY = SoundModality()
