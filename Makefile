# The verbs that people expect. `./lab` is the lab itself; this file is for those who change it.
PYTHON := .venv/bin/python
DEV := .venv/.dev-requirements
# Worlds are apart, so test files run side by side; each running rehearsal takes about 1 GiB of memory.
TEST_WORKERS ?= 2
PYTEST := $(PYTHON) -m pytest -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: help setup test unit rehearsal browser screenshots pictures lint format bench clean
help:  ## list these verbs
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ -/'

setup: $(DEV)  ## make .venv with everything that tests and checks need
$(DEV): lab requirements.txt constraints.txt requirements-dev.txt
	./lab --version
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

test: setup  ## all tests: the unit tests, then the rehearsal's
	$(PYTEST)

unit: setup  ## the unit tests alone: no process, no network
	$(PYTEST) tests/unit

rehearsal: setup  ## the tests on the real engine and the real API server
	$(PYTEST) tests/rehearsal

browser: setup  ## the page in Debian's Chromium, where it is installed (apt-get install chromium)
	$(PYTHON) -m pytest tests/browser

screenshots: setup  ## pictures of each page of the lab that stands, in both languages at two widths, in build/screenshots
	$(PYTHON) -m tests.browser.screenshots

pictures: setup  ## README's pictures, in docs/pictures, of the lab that stands with k03 in play
	$(PYTHON) -m tests.browser.screenshots --readme

lint: setup  ## lint, formatting, types, and the rooms' one-way imports
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	.venv/bin/lint-imports
	.venv/bin/basedpyright

format: setup  ## format the code and mend what can be mended
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

bench: setup  ## the rehearsal's speed and memory, as ratios taken in one run
	$(PYTHON) -m tests.bench

clean:  ## remove .venv and caches of this checkout; tools built for all checkouts stay
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache build
