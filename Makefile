# The checkout's commands; `make help` lists them. Set-up happens once, into .venv, before the first that needs it.
#
#   PYTHON=python3.12   the Python to make .venv with (3.11 to 3.13)
#   ARGS="--quick"      passed on to `dbx-dl demo` or pytest
#   PROCESSES=1         pytest's processes (2)

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
ARGS ?=
PROCESSES ?= 2
VENV := .venv
BIN := $(VENV)/bin
EVERYTHING := .[all,dev]
STAMPS := $(VENV)/.stamps
# The longest tests first, so that no process waits for another at the end.
LAYERS := e2e ranks numerics docs spark unit rules gpu
PYTEST := $(BIN)/python -m pytest
IN_PROCESSES := -n $(PROCESSES) --dist loadscope --no-loadscope-reorder

export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Says every 30 seconds that a long step is still at work.
define with_ticker
while sleep 30 </dev/null >/dev/null 2>&1; do echo "[setup] still at it, $$SECONDS s"; done & ticker=$$!; \
trap "kill $$ticker 2>/dev/null || true" EXIT; $(1)
endef

.PHONY: help
help: ## List the targets
	@echo "make TARGET [ARGS=...]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '  test-%-9s The tests in tests/%s\n' $(foreach layer,$(filter-out docs,$(LAYERS)),$(layer) $(layer))
	@cd tests/benchmarks && for file in bench_*.py; do name=$${file#bench_}; [ $$name = train.py ] || \
	printf '  bench-%-8s The benchmark in %s\n' "$${name%.py}" "$$file"; done

# ---- what people type ------------------------------------------------------------------------------------------------

.PHONY: demo test docs test-docs lint format bench wheel horovod doctor clean
demo: ready ## Real images and a real table the whole way, with Keras and PyTorch (ARGS="--quick --dir D")
	@$(BIN)/dbx-dl demo $(ARGS)

test: ready ## All test layers, but no benchmarks
	@$(PYTEST) $(wildcard $(addprefix tests/,$(LAYERS))) $(IN_PROCESSES) $(ARGS)

docs: $(STAMPS)/docs ## The documentation as a site, into docs/_site
	@$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_site
	@echo "docs/_site/index.html"

test-docs: ready $(STAMPS)/docs ## Every code block of README and docs, and the site
	@$(PYTEST) tests/docs -m "matrix or not matrix" $(ARGS)

test-matrix: ready ## The variants that `make test` leaves out (marker matrix); writes docs/results.md
	@DBX_DL_RESULTS=docs $(PYTEST) tests -m matrix $(ARGS) || { status=$$?; [ $$status = 5 ] && echo "there are no matrix tests yet" || exit $$status; }

FLOOR := .venv-floor
test-floor: $(STAMPS)/created ## Unit and Spark tests at the lower bounds of setup.py, in .venv-floor (a further 8 GB)
	@$(PYTHON) -m venv $(FLOOR)
	@$(FLOOR)/bin/pip install -q setuptools
	@$(FLOOR)/bin/python conf/list_floor.py >$(FLOOR)/floor.txt
	@echo "[setup] installing the lower bounds (minutes; what they are is in $(FLOOR)/floor.txt)"
	@$(call with_ticker,$(FLOOR)/bin/pip install -q -c $(FLOOR)/floor.txt '$(EVERYTHING)')
	@$(FLOOR)/bin/pip install -q --no-deps --no-build-isolation -e .
	@$(FLOOR)/bin/python -m dbx_dl.runtime.jars
	@$(FLOOR)/bin/python -m pytest tests/unit tests/spark $(IN_PROCESSES) $(ARGS)

test-%: ready
	@if [ -d tests/$* ]; then $(PYTEST) tests/$* $(ARGS); else echo "there are no tests in tests/$* yet"; fi

lint: $(STAMPS)/editable ## Ruff, mypy and the layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(STAMPS)/editable ## Format the code and mend what Ruff can
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: ready ## The benchmarks in tests/benchmarks (ratios within one run)
	@benchmarks=$$(find tests/benchmarks -name 'bench_*.py' -exec basename {} .py \; 2>/dev/null | sort || true); \
	if [ -z "$$benchmarks" ]; then echo "there are no benchmarks yet"; fi; \
	for name in $$benchmarks; do echo "[bench] $$name"; $(BIN)/python -m "tests.benchmarks.$$name" $(ARGS); done

bench-train: ready ## Feed, launch and training step against their peers (single ones: python -m tests.benchmarks.bench_NAME)
	@for part in feed launch train "train --framework keras"; do echo "[bench] $$part"; \
	$(BIN)/python -m tests.benchmarks.bench_$$part || exit 1; done

bench-%: ready
	@$(BIN)/python -m tests.benchmarks.bench_$* $(ARGS)

wheel: $(STAMPS)/packages ## This package's wheel, into dist/
	@rm -rf build
	@$(BIN)/pip wheel -q --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/dbx_dl-*.whl

doctor: $(STAMPS)/editable ## Check this machine for everything a run needs
	@$(BIN)/dbx-dl doctor

clean: ## Remove what was built and cached in the checkout (.venv and ~/.cache/dbx_dl stay)
	@rm -rf build dist docs/_site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# ---- set-up, one stamp per step --------------------------------------------------------------------------------------

.PHONY: ready
ready: $(STAMPS)/editable $(STAMPS)/horovod
	@$(BIN)/python -m dbx_dl.runtime.jars

$(STAMPS)/created:
	@conf/check_tools.sh $(PYTHON)
	@echo "[setup] creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/packages: constraints.txt setup.py | $(STAMPS)/created
	@echo "[setup] installing the locked packages (3 to 5 minutes; 8 GB, or 4 GB with a CPU-only torch)"
	@$(call with_ticker,$(BIN)/pip install -q -c constraints.txt '$(EVERYTHING)') || { echo "[setup] error: pip could not install \
	the packages: check the network and pip's index settings ($(BIN)/pip config list), then run make again" >&2; exit 1; }
	@touch $@

$(STAMPS)/docs: $(STAMPS)/editable
	@$(BIN)/pip install -q -c constraints.txt --no-build-isolation -e '.[docs]'
	@touch $@

$(STAMPS)/editable: $(STAMPS)/packages pyproject.toml
	@$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	@touch $@

horovod: $(STAMPS)/horovod ## Horovod's wheel, built once per machine, installed and checked
$(STAMPS)/horovod: $(wildcard conf/horovod/*) $(STAMPS)/packages $(STAMPS)/editable
	@wheel=$$(conf/horovod/build_wheel.sh $(BIN)/python | tail -n 1); \
	$(BIN)/pip install -q --no-deps --force-reinstall "$$wheel"
	@echo "[setup] checking that Horovod works with PyTorch and with TensorFlow"
	@$(BIN)/python -m dbx_dl.runtime.doctor horovod.torch horovod.tensorflow
	@touch $@
