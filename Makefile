# Needs Python 3.11 or newer, make and pip. Everything is installed into $(VENV), from requirements.lock, with hashes.

PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
SOURCES := pyproject.toml requirements.lock tools/locked.py

.DEFAULT_GOAL := help
.PHONY: help demo install test test-all bench lint format types pages lock clean

help: ## list what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed-demo ## install what a first evening needs, and run it
	@$(BIN)/holdfast demo

install: $(VENV)/.installed-dev ## install everything, for working on Holdfast

# Four at a time, on two cores as well: most of what takes time here waits for processes that were killed.
test: $(VENV)/.installed-dev ## run the quick tests, in parallel
	@$(BIN)/python -m pytest -n 4 --dist worksteal -m "not slow and not bench" $(PYTEST_ARGS)

test-all: $(VENV)/.installed-dev ## run every test, the slow ones too
	@$(BIN)/python -m pytest -n 4 --dist worksteal -m "not bench" $(PYTEST_ARGS)

bench: $(VENV)/.installed-dev ## measure, side by side: all of it, or BENCH="buckets help"
	@$(BIN)/python -m benchmarks $(BENCH)
	@$(if $(BENCH),,$(BIN)/python -m pytest -q -s -m bench --timeout=0)

lint: $(VENV)/.installed-dev ## check style, format and who imports whom
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo "Not formatted. Next: make format"; exit 1; }
	@$(BIN)/lint-imports --no-logo

format: $(VENV)/.installed-dev ## put the code into shape
	@$(BIN)/ruff check --quiet --fix-only
	@$(BIN)/ruff format

types: $(VENV)/.installed-dev ## check types
	@$(BIN)/mypy

pages: $(VENV)/.installed-dev ## write the pages that follow from the code
	@$(BIN)/python -m tools.pages

# Keeps what is pinned; `make lock UPGRADE=1` takes the newest of everything.
lock: ## pin the dependencies again, after a change in pyproject.toml
	@command -v uv >/dev/null || { echo "Locking for every platform at once is done by uv, which is not on PATH. Next: pip install uv"; exit 1; }
	@uv pip compile --quiet --universal --all-extras --group build --generate-hashes --no-header --no-emit-index-url \
		--no-emit-find-links $(if $(UPGRADE),--upgrade) --output-file requirements.lock pyproject.toml
	@echo "requirements.lock is up to date."

clean: ## remove what was made here: the environment, caches and builds
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Holdfast needs Python 3.11 or newer; $(PYTHON) is older. Next: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# A stamp for each set of extras, so that nothing is installed again until the lock or the project changes.
$(VENV)/.installed-demo: EXTRAS := aws local
$(VENV)/.installed-dev: EXTRAS := --all
$(VENV)/.installed-demo $(VENV)/.installed-dev: $(SOURCES) | $(BIN)/python
	@echo "Installing into $(VENV) ($(EXTRAS)) ..."
	@$(BIN)/python tools/locked.py $(EXTRAS) > $@.txt
	@$(PIP) install --no-deps --require-hashes --requirement $@.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
