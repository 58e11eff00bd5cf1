# `make` alone lists the targets. Each target sets up what it needs first; only Python 3.11 and make must be there.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The first Python of at least 3.11; override with `make PYTHON=/path/to/python`.
PYTHON ?= $(shell for p in python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
# Test workers each run their own library threads; more than one a worker only makes them queue.
TEST_ENV := OMP_NUM_THREADS=1
WORKERS := -n logical --maxprocesses 4 --dist loadfile
# Extra arguments for pytest: make test ARGS="tests/store -k kill"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all check bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

setup: $(STAMP) ## make .venv with what the demo, the tests and the checks need

# PyTorch goes first and alone, so that the build it picks (CPU where the index offers one) is left as it is.
$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Cartpath needs Python 3.11 or later: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[models,dev]'
	@touch $@

demo: $(STAMP) ## run the whole way on a simulated shop, in ./demo-shop
	$(BIN)/cartpath demo demo-shop

test: $(STAMP) ## run the tests and the examples in docstrings
	$(TEST_ENV) $(BIN)/python -m pytest $(WORKERS) $(ARGS)

test-all: $(STAMP) ## the same with long kill loops, long fuzz and load
	$(TEST_ENV) $(BIN)/python -m pytest $(WORKERS) -m "" --hypothesis-profile=long $(ARGS)

check: $(STAMP) ## formatting, lint, types, import contracts, known vulnerabilities
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/audit.py constraints.txt

bench: $(STAMP) ## run the benchmarks in benchmarks/
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[bench]'
	@set -e; for script in benchmarks/*/run.py; do echo "== $$script"; $(BIN)/python "$$script"; done

clean: ## remove the demo shop, caches and build outputs (keeps .venv)
	rm -rf demo-shop bench-data build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
