"""`pushforward distill`: a model that is fast at samples, from one that is slow at them."""

from pathlib import Path
from typing import Any

import click

from pushforward.cli.frame import _options as options
from pushforward.cli.frame._command import command as make_command


@make_command(
    "pushforward distill wine.safetensors -o fast.safetensors",
    "pushforward distill wine.safetensors -o fast.safetensors --flow iaf --set num_layers=8 --forward 0.5",
    own="distill",
)
@click.argument("teacher", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "student",
    metavar="MODEL",
    required=True,
    type=click.Path(path_type=Path),
    help="File to write the student to, such as fast.safetensors.",
)
@click.option(
    "--flow",
    type=options.FlowName(),
    show_default="the layers of the teacher, turned round",
    help="Which flow the student is; see `pushforward flows`.",
)
@options.settings
@click.option(
    "--data",
    "source",
    metavar="DATA",
    type=options.Source(),
    help="Rows to measure on, and for --forward to learn from; a conditional model takes its conditions from there.",
)
@click.option(
    "--forward",
    metavar="SHARE",
    type=click.FloatRange(0, 1),
    show_default="0, of sounds with --data 0.5",
    help="Weight of the divergence over the teacher's draws (or DATA) beside that over the student's: above 0, a "
    "student covers more of what its teacher can do.",
)
@click.option(
    "--max-epochs", metavar="N", type=click.IntRange(1), default=50, show_default=True, help="Epochs of 100 steps."
)
@options.seed
@options.json_output
@options.quiet
def command(*, teacher: Path, student: Path, as_json: bool, quiet: bool, **given: Any) -> None:
    """Teach a student that is fast at samples.

    The flow in the file TEACHER is slow at samples, as maf, nsf-ar and made are, which draw column after column. Its
    student is fast at them, and as near to it as the reported divergence says: a flow that you name, or the teacher's
    own layers, each turned round; narrower ones (--set width=64) are faster. No data are needed. The student is a model
    as any other, for `sample`, `score` and `show`; it scores more slowly than its teacher.
    """
    from pushforward.cli.fitting._request import check_recipe, check_settings, check_target
    from pushforward.cli.frame._layout import print_json
    from pushforward.cli.frame._opened import opened, refuse_replaced, require_command
    from pushforward.modalities import Lesson
    from pushforward.modalities._model import write_model
    from pushforward.modalities._talk import Talk

    asked = {name: given.pop(name) for name in ("flow", "settings", "source", "forward", "max_epochs", "seed")}
    check_target(student)
    model, modality, own = opened(teacher, "distill", given)
    require_command(teacher, modality, "distill")
    refuse_replaced(student, teacher, asked["source"])
    settings, flow, talk = asked.pop("settings"), asked["flow"], Talk(quiet=quiet)
    if flow is None:
        check_settings("a student without --flow", settings, {"width": 64, "depth": 2})
    else:
        check_recipe(flow, settings, conditional=model.flow.cond_shape is not None)
    lesson = Lesson(options=dict(settings), progress=not quiet, **asked)
    found, report = modality.distill(model, lesson, own)
    write_model(student, found)
    for line in str(report).splitlines():
        talk.say(line)
    talk.say(f"wrote {student}")
    if as_json:
        print_json({"model": str(student), "teacher": str(teacher), "flow": found.recipe} | report.summary())
