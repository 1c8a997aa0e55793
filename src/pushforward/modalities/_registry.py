"""Which modalities there are, and which one a source, a flow or a file is of."""

from importlib import import_module

from pushforward.modalities._base import Modality

_HOMES = tuple(f"pushforward.modalities.{name}" for name in ("table", "image", "sound", "series"))
"""One line a modality; the first is what data are taken for that no other claims."""
_MODALITIES: dict[str, Modality] = {}


def modalities() -> dict[str, Modality]:
    """All modalities by name."""
    for home in _HOMES:
        modality: Modality = import_module(home).MODALITY
        _MODALITIES.setdefault(modality.name, modality)
    return _MODALITIES


def register(modality: Modality) -> None:
    """Add a modality of your own, or one in place of another of its name: commands and files then know it.

    Args:
        modality: Its name must not be empty.
    """
    modalities()[modality.name] = modality


def modality_named(name: str) -> Modality:
    """The modality of a file.

    Raises:
        FileError: If it is not known here.
    """
    known = modalities()
    if name not in known:
        from pushforward._errors import FileError

        raise FileError(
            f"the file holds a model of the kind {name!r}, which is not known here.",
            f"known are {', '.join(known)}; `pushforward.modalities.register` adds others before loading",
        )
    return known[name]


def modality_of(source: str, flow: str | None = None) -> Modality:
    """The modality that reads a source for a flow; without a flow, that of the data.

    Raises:
        DataError: If the flow's modality cannot read the source.
    """
    known = modalities()
    claiming = [modality for modality in known.values() if modality.claims(source)]
    if flow is None:
        chosen = (claiming[::-1] or [*known.values()])[0]
    else:
        able = [modality for modality in known.values() if modality.takes(flow)]
        chosen = ([modality for modality in able if modality in claiming] or able)[0]
        if claiming and chosen not in claiming:
            _refuse(source, flow, claiming[-1], chosen)
    chosen.check_source(source)
    return chosen


def _refuse(source: str, flow: str, found: Modality, wanted: Modality) -> None:
    from pushforward._errors import DataError

    raise DataError(
        f"{source}: holds {found.plural}, and --flow {flow} is for {wanted.plural}.",
        f"choose a flow of {found.plural}, such as --flow {found.flow}, or give {wanted.plural}",
    )
