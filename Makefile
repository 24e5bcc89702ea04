# `make` lists what there is to make.
#
# The registry's torch brings CUDA along, some gigabytes. On a machine without a GPU its CPU build does:
#     make setup PIP_ARGS="--extra-index-url URL"
# URL is the one of the CPU wheels that pytorch.org names. Whatever pip takes may stand there.

PYTHON ?= python3
PIP_ARGS ?=
ARGS ?=
# A file of tests runs in one process, as many files at once as there are cores.
SPREAD := -n auto --dist loadfile --no-loadscope-reorder
BIN := .venv/bin
STAMP := .venv/made
PAGE := tests/results/dashboard/page
NPM := .venv/npm

.DEFAULT_GOAL := help
.PHONY: help setup demo test check gpu-check format clean

# Says how to get the browser that the dashboard's tests need; without one they are skipped.
browser = @for name in chromium chromium-browser google-chrome; do \
  command -v $$name > /dev/null && exit 0; done; \
  echo 'make $@: the tests of the dashboard need Chromium: apt install chromium'

# Checks the types of the dashboard's scripts. Without npm it is skipped; on CI it fails.
page = if command -v npm > /dev/null; then $(NPM)/node_modules/.bin/tsc --project $(PAGE); \
  elif [ -z "$$CI" ]; then echo 'skipped: it needs npm (apt install nodejs npm)'; \
  else echo 'it needs npm: apt install nodejs npm' >&2; false; fi

# $(call step,name,command): says what runs and, if it fails, what failed.
step = @printf '%s\n' '== $(1)'; $(2) || { printf '%s\n' 'make $@: $(1) failed' >&2; exit 1; }

help:
	@printf '%s\n' \
	  'make setup    the environment, in .venv (PYTHON=python3.12 for another Python, PIP_ARGS for pip)' \
	  'make demo     a small search on the embedded images' \
	  'make test     the tests (ARGS="-k scaling" for some, ARGS="-m slow" for the long ones)' \
	  'make check    what CI runs: format, lint, types, page, layering, tests' \
	  'make gpu-check   on a GPU: checks what needs one, and measures it, into gpu-check/' \
  'make format   formats the code and mends what the linter can' \
	  'make clean    removes .venv and caches; runs/ stays'

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'make setup: Python 3.11 or newer is needed, for example: make setup PYTHON=python3.12' >&2; exit 1; }
	@echo '== setup: .venv, some minutes the first time'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check $(PIP_ARGS) \
	  -c constraints.txt -e '.[dev]'
	@touch $@

$(NPM)/made: $(PAGE)/package.json $(PAGE)/package-lock.json | $(STAMP)
	@mkdir -p $(NPM) && cp $^ $(NPM)
	@npm ci --prefix $(NPM) --ignore-scripts --no-audit --no-fund --loglevel=error > /dev/null
	@touch $@

demo: setup
	@$(BIN)/nas search --budget 12

test: setup
	$(browser)
	@$(BIN)/pytest --quiet $(SPREAD) $(ARGS)

check: setup $(if $(shell command -v npm 2> /dev/null),$(NPM)/made)
	$(browser)
	$(call step,format,$(BIN)/ruff format --quiet --check .)
	$(call step,lint,$(BIN)/ruff check --quiet .)
	$(call step,types,$(BIN)/mypy --no-error-summary)
	$(call step,page,$(page))
	$(call step,layering,out=$$($(BIN)/lint-imports --no-logo) || { echo "$$out"; false; })
	$(call step,tests,$(BIN)/pytest --quiet $(SPREAD) $(ARGS))

gpu-check: setup
	@$(BIN)/python -m benchmarks.gpu_check $(ARGS)

format: setup
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

clean:
	rm -rf .venv build dist ./*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
