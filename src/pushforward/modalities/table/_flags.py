"""The options that tables add to commands."""

from pushforward.modalities._options import (
    COUNT,
    PRIOR,
    Number,
    Option,
    named_text,
    named_value,
    names,
    odd_options,
    word,
)
from pushforward.modalities.table.conditionals._options import CONDITIONAL_OPTIONS
from pushforward.modalities.table.parts._shard import parse_shard
from pushforward.modalities.table.private._options import PRIVATE_OPTIONS

LEARN = ("fit", "compare")
"""The commands that learn from one."""
WHOLE = (*LEARN, "score", "predict", "classify", "sample", "plot", "distill", "outliers", "check", "report")
"""The commands that read a table of whole rows."""
READ = (*WHOLE, "impute", "synthesize")
"""The commands that read a table."""

OPTIONS = (
    Option(
        name="condition",
        commands=LEARN,
        metavar="A,B",
        parse=names,
        many=True,
        help="Columns to be conditional on: learn the others given these.",
    ),
    Option(
        name="weights",
        commands=LEARN,
        metavar="COLUMN",
        parse=word,
        help="Column of weights: a row of weight 2 counts like two rows.",
    ),
    Option(
        name="drop",
        commands=(*LEARN, "synthesize"),
        metavar="A,B",
        parse=names,
        many=True,
        help="Columns to leave out.",
    ),
    Option(
        name="kinds",
        spelt="--column",
        commands=(*LEARN, "synthesize"),
        metavar="NAME:KIND",
        parse=word,
        many=True,
        help="What a column can hold: unbounded, positive, integer, integer(0,10), bounded(0,1), circular(360), "
        "categorical, or of dates and times circular(day), circular(week) or circular(year); with values that have a "
        "probability of their own, as positive+atoms(0). The name * stands for all others. Inferred where it is not "
        "given. Repeatable.",
    ),
    Option(
        name="background",
        commands=LEARN,
        both_ways=True,
        help="Whether one Gaussian, and one twice as wide, are mixed with the flow, for rows far from all others.  "
        "[default: for at most 5,000 rows of numbers without conditions]",
    ),
    Option(
        name="ensemble",
        commands=LEARN,
        metavar="N",
        parse=COUNT,
        default=1,
        help="Fit N flows that begin differently, and take the mean of their densities: N times the seconds, for rows "
        "that are told better and ranges that hold what they say.",
    ),
    Option(
        name="incomplete",
        commands=("fit",),
        help="Learn from rows with missing cells too: these are drawn given the others, again and again, while the "
        "model is trained. Assumes that they are missing at random.",
    ),
    Option(
        name="drop_missing",
        commands=(*WHOLE, "synthesize"),
        help="Leave out rows with an empty, NaN or infinite cell.",
    ),
    Option(
        name="missing",
        commands=READ,
        metavar="VALUE",
        parse=word,
        many=True,
        help="A value that stands for a missing cell, such as -99. Repeatable.",
    ),
    Option(
        name="keep",
        commands=("score", "predict", "classify", "outliers", "impute"),
        metavar="A,B",
        parse=names,
        many=True,
        help="Columns to write beside what is found as they are, such as identifiers and dates.",
    ),
    Option(
        name="delimiter",
        commands=READ,
        metavar="SIGN",
        parse=word,
        help="Between the cells of a text table: , ; | tab or blank. Found out where it is not given.",
    ),
    Option(name="decimal", commands=READ, metavar="SIGN", parse=word, help="The decimal mark of a text table: . or ,."),
    Option(name="comment", commands=READ, metavar="SIGN", parse=word, help="Lines of text that begin so are left out."),
    Option(
        name="encoding",
        commands=READ,
        metavar="NAME",
        parse=word,
        help="Of a text table that is not UTF-8: cp1252, utf-16, latin-1.",
    ),
    Option(
        name="dates",
        commands=READ,
        metavar="ORDER",
        parse=word,
        help="How dates such as 03/04/2024 begin: day-first or month-first. Found out where a row settles it.",
    ),
    Option(
        name="given",
        commands=("sample", "plot"),
        metavar="COLUMN=VALUE",
        parse=named_value,
        many=True,
        named=True,
        help="The value of a condition, for a conditional model. Repeatable.",
    ),
    Option(
        name="columns",
        commands=("plot", "report"),
        metavar="A,B",
        parse=names,
        many=True,
        help="The columns to draw, in this order; by default those of the model.",
    ),
    Option(
        name="label",
        commands=("plot",),
        metavar="COLUMN=TEXT",
        parse=named_text,
        many=True,
        named=True,
        help="What to call a column in the picture, such as alcohol='Alcohol (% vol)'. Repeatable.",
    ),
    PRIOR,
    Option(
        name="truth",
        commands=("classify",),
        metavar="COLUMN",
        parse=word,
        help="The column of DATA that holds the right classes: how good the probabilities are is told.",
    ),
    Option(
        name="interval",
        commands=("predict",),
        metavar="SHARE",
        parse=Number(0, 1, above=True, below=True),
        many=True,
        help="Where a column lies with this probability, such as 0.9: its lower and its upper end. Repeatable.",
    ),
    Option(
        name="quantile",
        commands=("predict",),
        metavar="SHARE",
        parse=Number(0, 1, above=True, below=True),
        many=True,
        help="The value below which a column lies with this probability; 0.5 is the median. Repeatable.",
    ),
    Option(
        name="draws",
        commands=("predict",),
        metavar="N",
        parse=Number(2, whole=True),
        default=1000,
        help="How many draws for each row, where the model has several columns.",
    ),
    Option(
        name="given_file",
        commands=("sample",),
        metavar="FILE",
        parse=word,
        help="A table with the model's conditions.",
    ),
    Option(
        name="shard",
        commands=("score", "sample"),
        metavar="I/N",
        parse=parse_shard,
        help="Only the rows of part I of N, counted from 1. All N parts, one behind the other, are what the command "
        "writes without this.",
    ),
    *odd_options("row", "rows"),
    Option(
        name="window",
        commands=("fit",),
        metavar="ROWS",
        parse=COUNT,
        help="Read files of Parquet while the fit goes on, and shuffle so many rows together.",
        shown="as many as take 64 MiB, of files with more than 8 million cells",
    ),
    Option(
        name="target",
        commands=("synthesize",),
        metavar="A,B",
        parse=names,
        many=True,
        help="Columns that a report predicts from the others, to see whether the rows are of use; by default all, or "
        "the first ten.",
    ),
    Option(
        name="holdout",
        commands=("synthesize",),
        metavar="SHARE",
        parse=Number(0, 1, above=True, below=True),
        default=0.2,
        help="Share of the rows that the model never sees: what is told of the others is measured beside them.",
    ),
    *CONDITIONAL_OPTIONS,
    *PRIVATE_OPTIONS,
)
