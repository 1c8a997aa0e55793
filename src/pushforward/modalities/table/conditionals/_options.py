"""Options of commands that ask a model of a whole table for some of its columns; declaring them imports nothing."""

from pushforward.modalities._options import COUNT, Option, word

CONDITIONAL_OPTIONS = (
    Option(
        name="where",
        commands=("sample",),
        metavar="CONDITION",
        parse=word,
        many=True,
        help="What is known of a column: age=50, 'income>40000', 'sex!=F', with = != > >= < <=. The other columns are "
        "drawn given it. Repeatable.",
    ),
    Option(
        name="incomplete",
        commands=("score",),
        help="Score what is there of rows with missing cells: the density of these columns alone, with its standard "
        "error in log_prob_error.",
    ),
    Option(
        name="draws",
        commands=("impute",),
        metavar="N",
        parse=COUNT,
        default=1,
        help="How many times to fill the table; with more than one, the columns row and draw tell which is which.",
    ),
)
