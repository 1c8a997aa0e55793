"""Tables, the column schema and toy densities: how data comes in, and what each column can hold."""

from pushforward.data._coding import encode, unseen_categories
from pushforward.data._doubts import column_warnings
from pushforward.data._energies import ENERGIES, Energy
from pushforward.data._images import Images, read_images
from pushforward.data._infer import infer_schema
from pushforward.data._kinds import KindSpec, parse_kind, parse_override
from pushforward.data._read import as_table, read_batches, read_table
from pushforward.data._schema import Column, Schema
from pushforward.data._tables import Table, constant_columns, match_columns, require_rows
from pushforward.data._toy import (
    TOYS,
    Toy,
    checkerboard,
    checkerboard_log_density,
    eight_gaussians,
    eight_gaussians_log_density,
    entropy,
    moons,
    moons_log_density,
    parabola,
    parabola_log_density,
    pinwheel,
    pinwheel_log_density,
    rings,
    rings_log_density,
    spirals,
    spirals_log_density,
    square_1d,
    square_1d_log_density,
)
from pushforward.data._write import TableWriter, write_table
from pushforward.data.shards._rows import ParquetRows
from pushforward.data.sound._clips import Clips, read_clips
from pushforward.data.sound._mel import Mel
from pushforward.data.text._options import TextOptions

__all__ = [
    "ENERGIES",
    "TOYS",
    "Clips",
    "Column",
    "Energy",
    "Images",
    "KindSpec",
    "Mel",
    "ParquetRows",
    "Schema",
    "Table",
    "TableWriter",
    "TextOptions",
    "Toy",
    "as_table",
    "checkerboard",
    "checkerboard_log_density",
    "column_warnings",
    "constant_columns",
    "eight_gaussians",
    "eight_gaussians_log_density",
    "encode",
    "entropy",
    "infer_schema",
    "match_columns",
    "moons",
    "moons_log_density",
    "parabola",
    "parabola_log_density",
    "parse_kind",
    "parse_override",
    "pinwheel",
    "pinwheel_log_density",
    "read_batches",
    "read_clips",
    "read_images",
    "read_table",
    "require_rows",
    "rings",
    "rings_log_density",
    "spirals",
    "spirals_log_density",
    "square_1d",
    "square_1d_log_density",
    "unseen_categories",
    "write_table",
]
