"""What a command line names, of several lists of names."""

import argparse
from collections.abc import Collection, Sequence


def chosen(parser: argparse.ArgumentParser, given: Sequence[str], *lists: Collection[str]) -> list[list[str]]:
    """Of each list the names that are given, in its order; all of a list of which none is.

    A name that stands in no list ends the program in words.
    """
    known = [name for names in lists for name in names]
    wrong = [name for name in given if name not in known]
    if wrong:
        parser.error(f"{', '.join(wrong)}: there is {', '.join(known)}")
    return [[name for name in names if name in given] or list(names) for names in lists]
