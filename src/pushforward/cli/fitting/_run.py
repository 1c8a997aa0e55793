"""The work of `pushforward fit`: it asks the modality of the data for all that depends on them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax

from pushforward._errors import DataError, FileError
from pushforward.cli.fitting._report import print_report, say_result
from pushforward.cli.fitting._request import Request, check_recipe, check_target
from pushforward.cli.frame._command import take_own
from pushforward.cli.frame._failures import Stopped, WrongUsage
from pushforward.cli.frame._opened import refuse_replaced
from pushforward.modalities import Modality, modality_of
from pushforward.modalities._learn import prepared, trained
from pushforward.modalities._model import Model, write_model
from pushforward.modalities._settings import Settings
from pushforward.modalities._talk import Talk


def run(request: Request, talk: Talk) -> None:
    """Fit, save and report; nothing of an older model is lost if any of it fails."""
    for path in (request.model, request.kept_in):
        check_target(path)
        refuse_replaced(path, request.source)
    modality = modality_of(request.source, request.flow)
    flow = modality.meant(request.flow or modality.flow)
    given = take_own("fit", modality, request.own, "")
    check_recipe(flow, request.settings, conditional=modality.is_conditional(given))
    data = modality.read(request.source, given, talk)
    settings = modality.settings(given, data, {"flow": flow, **request.common(progress=not talk.quiet)})
    _check_build(modality, data, settings)
    if settings.checkpoint is None and modality.keeps(data, settings):
        settings = replace(settings, checkpoint=request.kept_in)
    _say_checkpoint(settings, talk)
    talk.say(f"fitting {flow} to {modality.plan(data, settings)}")
    first = jax.process_index() == 0
    if first:
        settings = replace(settings, callbacks=modality.callbacks(data, settings, request.model, talk))
    with _told(talk):
        model = _learned(modality, data, settings, request)
    say_result(model, modality, request.model, talk)
    if request.as_json and first:
        print_report(request.model, model, modality, data)


def _learned(modality: Modality, data: Any, settings: Settings, request: Request) -> Model:
    """The model, which is then in its file; the checkpoint goes."""
    with _kept(settings):
        ready, key = prepared(modality, data, settings)
        model = modality.finished(trained(modality, ready, settings, key), ready)
    if jax.process_index() == 0:
        _save(model, request, settings)
        if settings.checkpoint is not None:
            Path(settings.checkpoint).unlink(missing_ok=True)
    return model


def _save(model: Model, request: Request, settings: Settings) -> None:
    """Save the model; if that fails, say how the training is not lost."""
    try:
        write_model(request.model, model)
    except FileError as error:
        kept = settings.checkpoint
        again = "" if kept is None else f"; then add `--resume --checkpoint {kept}`: the training is kept there"
        raise FileError(error.message, f"{error.hint}{again}") from None


@contextmanager
def _told(talk: Talk) -> Iterator[None]:
    """Warnings of the library become lines of the shell."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: talk.warn(str(message))
        yield


@contextmanager
def _kept(settings: Settings) -> Iterator[None]:
    """Ctrl-C becomes a sentence that says what is kept."""
    checkpoint = None if settings.checkpoint is None else Path(settings.checkpoint)
    before = None if checkpoint is None else _written_at(checkpoint)
    try:
        yield
    except KeyboardInterrupt:
        if checkpoint is None:
            raise Stopped("such a fit keeps nothing on the way.", "run the same command again") from None
        if _written_at(checkpoint) == before:
            raise Stopped("training had just begun, and nothing was saved.", "run the same command again") from None
        raise Stopped(
            f"training is kept in {checkpoint}.", "run the same command with --resume to go on from there"
        ) from None


def _written_at(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.exists() else None


def _check_build(modality: Modality, data: Any, settings: Settings) -> None:
    """Build the flow without numbers, so that an option or a size that does not fit is told as what it is."""
    options = settings.options or {}
    error = _build_error(modality, data, settings)
    if error is None:
        return
    see = f"see `pushforward flows {settings.flow}`"
    if options and _build_error(modality, data, replace(settings, options={})) is None:
        given = " ".join(f"--set {name}={value}" for name, value in options.items())
        raise WrongUsage(f"{given}: {error}", see)
    raise WrongUsage(error, f"{modality.size_hint}, or {see} for --set" if modality.size_hint else see)


def _build_error(modality: Modality, data: Any, settings: Settings) -> str | None:
    try:
        jax.eval_shape(lambda key: modality.build(data, settings, key), jax.random.key(0))
    except DataError:
        raise
    except (ValueError, TypeError, KeyError, ZeroDivisionError) as error:
        return str(error).strip().splitlines()[0]
    return None


def _say_checkpoint(settings: Settings, talk: Talk) -> None:
    if settings.checkpoint is None:
        return
    kept = Path(settings.checkpoint)
    if settings.resume and not kept.exists():
        talk.say(f"no checkpoint {kept}: training starts from the beginning")
    elif settings.resume:
        talk.say(f"going on from {kept}")
    elif kept.exists():
        talk.warn(f"{kept} of an unfinished fit will be replaced; --resume would go on from it")
