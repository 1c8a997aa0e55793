"""What the API pages must be told about our docstrings and classes."""

import re
from collections.abc import Iterator

import griffe

_POSITIONAL = griffe.ParameterKind.positional_or_keyword


class Docstrings(griffe.Extension):
    """Shows an `Example:` as code, and gives every `Part` the constructor that Equinox makes from its fields."""

    def on_package(self, *, pkg: griffe.Module, **_: object) -> None:
        for member in _members(pkg):
            if member.docstring:
                value = re.sub(r"^( *)Example:$", r"\1Examples:", member.docstring.value, flags=re.MULTILINE)
                member.docstring.value = value
            if isinstance(member, griffe.Class) and "__init__" not in member.members and _is_part(member):
                _set_init(member)


def _members(parent: griffe.Module | griffe.Class) -> Iterator[griffe.Object]:
    yield parent
    for member in parent.members.values():
        if isinstance(member, griffe.Module | griffe.Class):
            yield from _members(member)
        elif not member.is_alias:
            yield member


def _is_part(cls: griffe.Class) -> bool:
    return any(base.name == "Part" for base in cls.mro())


def _set_init(cls: griffe.Class) -> None:
    fields: dict[str, griffe.Parameter] = {}
    for owner in (*reversed(cls.mro()), cls):
        fields |= {field.name: _parameter(field) for field in owner.members.values() if _is_field(field)}
    parameters = griffe.Parameters(griffe.Parameter("self", kind=_POSITIONAL), *fields.values())
    cls.set_member("__init__", griffe.Function("__init__", parent=cls, parameters=parameters, returns="None"))


def _is_field(member: griffe.Object) -> bool:
    if not isinstance(member, griffe.Attribute) or member.annotation is None or "property" in member.labels:
        return False
    is_constant = "class-attribute" in member.labels and "instance-attribute" not in member.labels
    return not is_constant and not str(member.annotation).startswith("AbstractVar")


def _parameter(field: griffe.Attribute) -> griffe.Parameter:
    return griffe.Parameter(field.name, annotation=field.annotation, kind=_POSITIONAL, default=_default(field.value))


def _default(value: str | griffe.Expr | None) -> str | griffe.Expr | None:
    """The default of a field: `static(default=())` has `()`, `static()` has none."""
    if not isinstance(value, griffe.ExprCall):
        return value
    return next((a.value for a in value.arguments if isinstance(a, griffe.ExprKeyword) and a.name == "default"), None)
