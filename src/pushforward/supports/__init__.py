"""Where numbers live: what a distribution says of its events, and a map of its two sides."""

from pushforward.supports._kinds import (
    POSITIVE,
    REAL,
    Categories,
    Circle,
    Integers,
    Interval,
    OneHot,
    PartOf,
    Product,
    Sphere,
    Support,
)

__all__ = [
    "POSITIVE",
    "REAL",
    "Categories",
    "Circle",
    "Integers",
    "Interval",
    "OneHot",
    "PartOf",
    "Product",
    "Sphere",
    "Support",
]
