# Two commands on a bare machine: `make run` does the main job, `make test` passes the tests.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13; do $$p -c "" 2>/dev/null && echo $$p && break; done)
VENV   := .venv
BIN    := $(VENV)/bin
# what tests open pages in, as Debian names it; a test of a page in a browser that is missing is skipped and says so
BROWSERS := chromium firefox-esr webkit2gtk-driver xvfb
# commands that tests start need not compile every module anew, whatever the caller's environment says of bytecode
export PYTHONDONTWRITEBYTECODE =

.PHONY: run docs browsers test test-slow check models bench bench-ensembles trials clean help

help:
	@echo "make run        calibrate, score, phase out, draw the paths: everything into output/report.html"
	@echo "make test       lint, types, layering and the default tests"
	@echo "make browsers   where root may install them: Chromium, Firefox and WebKit, which tests open pages in"
	@echo "make test-slow  the tests that take minutes"
	@echo "make docs       the pages of docs/ as a site: output/docs/index.html"
	@echo "make models     rebuild models/vensim/*.mdl from parts, cases, policies and scenarios"
	@echo "make bench      speed ratios, measured side by side"
	@echo "make bench-ensembles  a million stored runs of a study: runs/s, memory, disk (a quarter of an hour)"
	@echo "make trials     the three commands for a technology of one's own, tried on seven (an hour)"

run: $(VENV)/run.ready
	$(BIN)/techcycle reproduce

test: check
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-slow: $(VENV)/test.ready
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m slow

browsers:
	@command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] || { echo "only root installs browsers, with apt-get"; exit 0; }; \
	dpkg -s $(BROWSERS) >/dev/null 2>&1 || apt-get update -qq; \
	for one in $(BROWSERS); do \
	  dpkg -s $$one >/dev/null 2>&1 || \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$one >/dev/null || \
	  echo "$$one cannot be had: tests of pages in it are skipped"; \
	done

check: $(VENV)/test.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/test.ready
	$(BIN)/python -m sphinx -W --keep-going -q docs output/docs

models: $(VENV)/run.ready
	$(BIN)/python -m models.files.build

bench: $(VENV)/run.ready
	$(BIN)/python -m benchmarks.engine

bench-ensembles: $(VENV)/run.ready
	$(BIN)/python -m benchmarks.ensembles

trials: $(VENV)/run.ready
	$(BIN)/python -m analysis.forecasts.own_trials

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "no python3.11, python3.12 or python3.13 here; say: make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.ready: requirements.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/test.ready: requirements-dev.txt $(VENV)/run.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

clean:
	rm -rf $(VENV) output .mypy_cache .ruff_cache .pytest_cache
