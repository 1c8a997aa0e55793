"""Help, completion and the lazy group."""

import dataclasses
import inspect
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import pushforward as pf
from pushforward import __version__
from pushforward.cli import main
from pushforward.cli._app import COMMANDS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(works, name):
    text = works(name, "--help").stdout
    examples = text.split("Examples:\n")[1].strip().splitlines()
    assert all(f"pushforward {name}" in example for example in examples)
    assert re.search(r"Usage: \S+ \S+.*\n\n  [A-Z]", text)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_uses_options_that_exist(name):
    command = main.commands[name]
    known = {opt for parameter in command.get_params(click.Context(command)) for opt in parameter.opts}
    for example in command.examples:
        used = set(re.findall(r"(?<= )--?[a-z][a-z-]*", example.split("|")[-1] if "cat " in example else example))
        assert used <= known | {"-"}, example


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does(name):
    command = main.commands[name]
    silent = [p.name for p in command.params if isinstance(p, click.Option) and not p.help]
    assert not silent


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_on_the_page_of_the_docs(name):
    assert f"pushforward {name}" in (ROOT / "docs" / "cli.md").read_text("utf-8")


def test_fit_has_the_defaults_of_training():
    """Those of the flow, and of a flow that does not say otherwise, those of `pushforward.fit`."""
    library = inspect.signature(pf.fit).parameters
    shell = {option.name: option for option in main.commands["fit"].params}
    training = dataclasses.asdict(pf.flows.Training())
    assert training == {name: library[name].default for name in training}
    assert all(str(shell[name].show_default).startswith("the flow's own") for name in training)
    assert shell["validation"].default == library["validation"].default


def test_every_file_of_a_command_is_in_the_list():
    marked = [
        path.stem[1:] for path in (ROOT / "src/pushforward/cli").glob("_*.py") if "@make_command" in path.read_text()
    ]
    assert sorted(marked) == sorted(COMMANDS)


def test_short_help_is_not_cut(works):
    listed = works("--help").stdout.split("Commands:\n")[1].split("\n\n")[0].splitlines()
    assert [line.split()[0] for line in listed] == list(COMMANDS)
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)


def test_a_command_without_an_example_cannot_be_made():
    from pushforward.cli.frame._command import command

    with pytest.raises(TypeError, match="needs an example"):
        command()(lambda: None)


def test_a_command_is_imported_when_it_is_used():
    code = "import sys\nfrom pushforward.cli import main\nmain.commands['show']\nprint(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "pushforward.cli._show" in found
    assert not {"pushforward.cli._fit", "jax", "numpy", "rich"} & set(found)


def test_version(works):
    assert works("--version").stdout.split()[-1] == __version__


def test_an_unknown_command_suggests_the_nearest(fails):
    assert fails("scroe", code=2) == ("No such command 'scroe'.", "did you mean score? see `pushforward --help`")


def test_an_unknown_option_suggests_the_nearest(fails):
    error, hint = fails("sample", "model.safetensors", "--temprature", "2", code=2)
    assert (error, hint) == (
        "No such option '--temprature'.",
        "did you mean --temperature? see `pushforward sample --help`",
    )


def test_a_missing_argument_is_named(fails):
    assert fails("score", "model.safetensors", code=2) == ("Missing argument 'DATA'.", "see `pushforward score --help`")


def test_without_a_command_the_help_is_shown(run):
    result = run()
    assert result.exit_code == 2
    assert "Commands:" in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_this_program(works, shell):
    script = works("completion", shell).stdout
    assert f"_PUSHFORWARD_COMPLETE={shell}_complete" in script


@pytest.mark.parametrize(
    ("words", "found"),
    [("pushforward sc", "score"), ("pushforward score --qu", "--quiet"), ("pushforward fit --flow nsf-", "nsf-ar")],
)
def test_completion_knows_commands_options_and_flows(monkeypatch, capsys, words, found):
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    monkeypatch.setenv("_PUSHFORWARD_COMPLETE", "bash_complete")
    with pytest.raises(SystemExit):
        main.main([], prog_name="pushforward")
    assert f"plain,{found}" in capsys.readouterr().out.split()


def test_the_cache_of_compiled_programs_is_the_users(monkeypatch, tmp_path):
    from pushforward.cli.frame._cache import cache_folder, use_compilation_cache

    monkeypatch.delenv("PUSHFORWARD_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "pushforward" / "jax"
    monkeypatch.setenv("PUSHFORWARD_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine" / "jax"
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    use_compilation_cache()
    import os

    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == str(tmp_path / "mine" / "jax")
    monkeypatch.setenv("PUSHFORWARD_CACHE", "")
    assert cache_folder() is None


def test_what_the_user_set_for_jax_goes_first(monkeypatch):
    import os

    from pushforward.cli.frame._cache import use_compilation_cache

    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/elsewhere")
    use_compilation_cache()
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == "/elsewhere"
