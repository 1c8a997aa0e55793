PYTHON ?= python3
BIN := .venv/bin
# Tests run in this many processes; 0 keeps them in one.
WORKERS ?= 2

export PYTHONHASHSEED := 0
export MPLBACKEND := Agg
export NO_MKDOCS_2_WARNING := 1
export PUSHFORWARD_TYPECHECK ?= 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-all test-lower lint types layers format docs docs-serve docs-generate docs-figures bench bench-quick clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

# One environment, three stamps: a change of pyproject.toml installs again.
.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "pushforward needs Python 3.11 or newer; try make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.package: pyproject.toml .venv/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/.develop: pyproject.toml .venv/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,docs]'
	@touch $@ .venv/.package

.venv/.bench: pyproject.toml .venv/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@ .venv/.package

# "numpy>=2.1.0" -> "numpy==2.1.0", in what the package and its tests need
LOWEST = $(shell sed -n '/^\(dependencies\|test\) = \[/,/^]/s/.*"\(.*\)>=\(.*\)".*/\1==\2/p' pyproject.toml)

.venv-lower/.made: pyproject.toml
	$(PYTHON) -m venv .venv-lower
	.venv-lower/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test]' $(LOWEST)
	@touch $@

demo: .venv/.package ## fit two moons and a real table; models, scores, samples and pictures in demo/
	$(BIN)/python examples/demo.py

# Compiling is most of the tests' time. Without LLVM's optimisation it takes two thirds as long, and with XLA's plain
# code for fused operations two thirds of that; test-all compiles as a user does. A jaxlib gets the flags that it knows,
# unless XLA_FLAGS is set already.
QUICK_FLAGS := --xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false

test: lint types layers docs ## everything that must hold before a change is merged
	XLA_FLAGS="$${XLA_FLAGS-$$($(BIN)/python tests/xla_flags.py $(QUICK_FLAGS))}" $(BIN)/python -m pytest -n $(WORKERS) --durations=40 --durations-min=5

test-all: lint types layers docs ## the same, and the slow tests
	$(BIN)/python -m pytest -n $(WORKERS) -m '' --hypothesis-profile=thorough

test-lower: .venv-lower/.made ## the tests on the oldest versions that pyproject.toml allows
	XLA_FLAGS="$${XLA_FLAGS-$$(.venv-lower/bin/python tests/xla_flags.py $(QUICK_FLAGS))}" \
		.venv-lower/bin/python -m pytest -n $(WORKERS) tests/unit tests/laws

lint: .venv/.develop ## style and format
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: .venv/.develop ## mend style and format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: .venv/.develop ## types
	$(BIN)/basedpyright

layers: .venv/.develop ## which package may import which
	$(BIN)/lint-imports --no-logo

docs: .venv/.develop ## the documentation, in site/
	$(BIN)/mkdocs build --strict

docs-serve: .venv/.develop ## the documentation, on a local page that follows your edits
	$(BIN)/mkdocs serve

docs-generate: .venv/.develop ## write the tables made from the code and the pages of the course again
	$(BIN)/python docs/generate.py

docs-figures: .venv/.develop ## run the examples and keep their pictures for the course
	$(BIN)/python docs/make_figures.py
	$(BIN)/python docs/generate.py

bench: .venv/.bench ## compare with other libraries; results in benchmarks/results/
	$(BIN)/python -m benchmarks

bench-quick: .venv/.bench ## the same in under six minutes
	$(BIN)/python -m benchmarks --quick

clean: ## remove everything that make made
	rm -rf .venv .venv-lower .cache build demo dist site .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	find src tests examples benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
