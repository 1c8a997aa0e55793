"""Options of private fits; declaring them imports nothing."""

from pushforward.modalities._options import Number, Option, named_bounds, named_list

PRIVATE_OPTIONS = (
    Option(
        name="epsilon",
        commands=("fit",),
        metavar="NUMBER",
        parse=Number(0, above=True),
        help="Fit with differential privacy of single rows, with this epsilon in nats: 1 is strict, 10 is loose. Needs "
        "the limits or categories of every column.",
    ),
    Option(
        name="delta",
        commands=("fit",),
        metavar="NUMBER",
        parse=Number(0, 1, above=True, below=True),
        shown="1e-05",
        help="The delta of --epsilon; take it far below one over the number of rows.",
    ),
    Option(
        name="clip_norm",
        commands=("fit",),
        metavar="NUMBER",
        parse=Number(0, above=True),
        shown="1",
        help="Longest gradient of a row of a private fit.",
    ),
    Option(
        name="bounds",
        commands=("fit",),
        metavar="COLUMN=LOW:HIGH",
        parse=named_bounds,
        many=True,
        named=True,
        help="Of a private fit: between what the values of a column can lie. Repeatable.",
    ),
    Option(
        name="categories",
        commands=("fit",),
        metavar="COLUMN=A,B",
        parse=named_list,
        many=True,
        named=True,
        help="Of a private fit: all categories that a column can have. Repeatable.",
    ),
)
