"""Images: arrays of grey values, with labels or without."""

from pushforward.modalities.image._modality import ImageModality

MODALITY = ImageModality()
