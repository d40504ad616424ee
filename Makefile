# Everything that people do with a checkout. Needs python3 (3.11 or later) and nothing else; all else goes into .venv.
#
#   make demo          the main job: tune the shipped models on their rewards, and build the page
#   make test          the tests, but for those that take minutes
#   make test-nightly  those too
#   make lint          style and types
#   make bench         how fast the parts are beside their peers, held to tests/benchmarks/baseline.json
#   make starts        train the models that ship, from nothing (hours)
#   make clean         what was built (never runs/)

SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: demo test test-nightly lint bench starts install clean

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUNS ?= runs
SITE ?= site
JOBS ?= 2
PYTEST ?= $(BIN)/python -m pytest
TEST_JOBS ?= 2

STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
BENCH_STAMP := $(VENV)/.installed-bench
PANOPTIC := build/panoptic-env/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check

demo: $(STAMP)
	$(BIN)/rewardmark run demo --out $(RUNS) --jobs $(JOBS) --threads 1
	$(BIN)/rewardmark board $(RUNS) --out $(SITE)
	@echo
	@echo "The page: $(abspath $(SITE))/index.html"

# First, a file at a time on each core, all tests but those that measure time; then those, with nothing beside them. Both
# run even where the first failed.
define run-tests
	status=0; \
	OMP_NUM_THREADS=1 $(PYTEST) -n $(TEST_JOBS) --dist loadfile -m "($(1)) and not alone" || status=1; \
	$(PYTEST) -m "($(1)) and alone" || status=1; \
	exit $$status
endef

test: $(DEV_STAMP)
	$(call run-tests,not slow)

test-nightly: $(DEV_STAMP)
	$(call run-tests,slow or not slow)

# Types are checked under the packages' real name, through a link that stands for the installed package.
lint: $(DEV_STAMP)
	$(BIN)/ruff check .
	mkdir -p build/typing
	ln -sfn ../.. build/typing/rewardmark
	cd build/typing && $(abspath $(BIN))/mypy --config-file ../../pyproject.toml \
		--namespace-packages --explicit-package-bases \
		-p rewardmark.rewards -p rewardmark.tasks -p rewardmark.baselines -p rewardmark.leaderboard

bench: $(BENCH_STAMP) $(PANOPTIC)
	$(BIN)/rewardmark bench --out $(RUNS) --compare tests/benchmarks/baseline.json

starts: $(STAMP)
	$(BIN)/rewardmark run starts --out build/starts --jobs 2 --threads 1
	$(BIN)/python -m rewardmark.leaderboard.ship build/starts baselines/checkpoints

install: $(STAMP)

# Installed again only when the two files that say what to install have changed. torch comes first and alone: a pinned
# version without more lets pip take the build without CUDA where an index or folder offers one (see README.md).
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Rewardmark needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -q -c constraints.txt "torch==$$(sed -n 's/^torch==//p' constraints.txt)"
	$(PIP) install -q -c constraints.txt -e .
	@touch $@

$(DEV_STAMP): $(STAMP)
	$(PIP) install -q -c constraints.txt -e ".[dev]"
	@touch $@

# panopticapi's core wants an older NumPy than all else, so it runs in an environment of its own.
$(PANOPTIC):
	$(PYTHON) -m venv build/panoptic-env
	build/panoptic-env/bin/python -m pip --disable-pip-version-check install -q "numpy<2" panopticapi-lite==0.2.0
	@touch $@

$(BENCH_STAMP): $(STAMP)
	$(PIP) install -q -c constraints.txt -e ".[bench]"
	@touch $@

clean:
	rm -rf build/typing build/lib dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks $(SITE)
