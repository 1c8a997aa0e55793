"""The laws of maps, distributions and recipes, to run on your own: what fails is told in words."""

from pushforward.testing._bijection import check_bijection
from pushforward.testing._distribution import check_distribution
from pushforward.testing._law import Failure, LawError
from pushforward.testing._parts import perturb
from pushforward.testing._recipe import check_recipe

__all__ = ["Failure", "LawError", "check_bijection", "check_distribution", "check_recipe", "perturb"]
