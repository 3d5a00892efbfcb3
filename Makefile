# Everything needs Python 3.11 or newer, git and make; the rest is installed into .venv.
PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

# They kill runs at every step, race them, and break the network at every request.
SLOW := tests/test_crash.py tests/test_concurrent.py tests/test_faults.py tests/test_workflow_kills.py

.PHONY: help demo test quick lint docs pins bench clean

help:  ## Show this list.
	@sed -n 's/^\([a-z]*\):.*##/  make \1\t/p' Makefile | expand -t 16

demo: .venv/.demo  ## Make a sample project and release it, from fragment to installed package.
	@$(BIN)/tagready demo

test: .venv/.test  ## Run all tests, with coverage.
	$(BIN)/python -m pytest -n auto $(SLOW:%=--ignore %) --cov
	$(BIN)/python -m pytest -n auto $(SLOW)

quick: .venv/.test  ## Run the tests but for those that kill, race and break networks, without coverage.
	$(BIN)/python -m pytest -n auto $(SLOW:%=--ignore %)

lint: .venv/.lint  ## Check style, types and layers.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/.docs  ## Build the documentation; a warning is an error.
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build

pins: .venv/.bench  ## Resolve anew what the generated workflows install, by hash.
	$(BIN)/python tools/pins.py
	$(BIN)/tagready init --upgrade --yes

bench: .venv/.bench .venv/.test  ## Time prepare-release, check, verify and publish against what people run today.
	$(BIN)/python bench/speed.py
	$(BIN)/python bench/checking.py
	$(BIN)/python bench/proof.py
	PYTHONPATH=tests/support $(BIN)/python bench/uploading.py --big 500

clean:  ## Remove what the other targets made.
	rm -rf .venv dist docs/_build .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/.installed: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@# Some environments keep Python from caching bytecode; then every start would compile the package again.
	@$(BIN)/python -m compileall -q src
	@touch $@

.venv/.demo: .venv/.installed
	$(BIN)/python -m pip install --quiet --editable .[demo]
	@touch $@

.venv/.%: .venv/.installed
	$(BIN)/python -m pip install --quiet --group $*
	@touch $@

.venv/.lint: .venv/.test
.SECONDARY:
