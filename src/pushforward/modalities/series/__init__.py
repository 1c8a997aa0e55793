"""Series: several of them on a regular grid of times, forecast together."""

from pushforward.modalities.series._modality import SeriesModality

MODALITY = SeriesModality()
