"""Tables: rows of numbers, angles, whole numbers and categories."""

from pushforward.modalities.table._modality import TableModality

MODALITY = TableModality()
