# One command per verb; scripts/setup makes the environment and is instant when nothing changed.
# PYTHON=/path/to/python3 chooses the interpreter, ARGS="..." is passed on to the program a verb runs.

.DEFAULT_GOAL := help
.PHONY: help run test lint types bench pitfalls soak mutants pictures lock clean setup setup-dev

PYTHON ?=
ARGS ?=
python := .venv/bin/python

help: ## list these verbs
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

run: setup ## start the demo: the real daemon, a sandbox CRM and a sample receiver
	@$(python) -m daemon demo $(ARGS)

test: lint types ## run every check and test, the same as CI
	@sh scripts/browser
	@$(python) -m pytest -p no:cacheprovider -n auto --maxprocesses 4 --dist worksteal $(ARGS)

lint: setup-dev ## check style, format and the direction of imports
	@$(python) -m ruff check --quiet .
	@$(python) -m ruff format --quiet --check .
	@.venv/bin/lint-imports --no-logo --no-cache

types: setup-dev ## check types
	@$(python) -m mypy

bench: setup-dev ## measure against the bare pipeline
	@$(python) -m bench $(ARGS)

pitfalls: setup-dev ## put pollhook and a common poller through every known pitfall
	@$(python) -m bench.pitfalls $(ARGS)

soak: setup-dev ## run the long forms of the proofs
	@$(python) -m pytest -m soak --timeout 3600 $(ARGS)

mutants: setup-dev ## take each remedy out of a copy, and see that its tests notice
	@$(python) -m tests.mutants $(ARGS)

pictures: setup-dev ## renew the pictures of the README from the running demo
	@sh scripts/browser
	@$(python) -m tests.ui.pictures

lock: ## renew requirements*.txt from pyproject.toml
	@PYTHON="$(PYTHON)" sh scripts/lock

clean: ## remove the environment and all caches, keep data/
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	@PYTHON="$(PYTHON)" sh scripts/setup run

setup-dev:
	@PYTHON="$(PYTHON)" sh scripts/setup dev
