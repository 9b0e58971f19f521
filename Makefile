# Everything runs in .venv, which is made on first use; Python >= 3.11 and make are all that must be there beforehand.

# The first Python that runs and is new enough; a name on PATH alone may be a shim for a version that is not chosen.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: help demo test lint bench bench-sizing bench-corpus clean

help:
	@echo 'make demo          the main job on the project in fixtures/accounting; the bundle goes to migration/'
	@echo 'make test          all tests (those that need a Docker Engine, terraform, a browser or npm tools skip where there is none)'
	@echo 'make lint          formatting, lint and types'
	@echo 'make bench         time of the demo from a cold start, of cron conversion, of reading metrics, of sizing;'
	@echo '                   the main job beside ansible-playbook --list-tasks on real projects'
	@echo 'make bench-sizing  errors of attribution and sizing on simulated hosts'
	@echo 'make bench-corpus  what is understood of real roles'
	@echo 'make clean         removes what these made'

$(INSTALLED): pyproject.toml .ci/make_venv.py
	$(PYTHON) .ci/make_venv.py $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# Exit status 1 says that the bundle is written and something in it waits for a person; a demo may show that.
demo: $(INSTALLED)
	@rm -f migration/plan.json
	$(BIN)/migrate-analyze fixtures/accounting/inventory/ --out migration --force || test $$? -eq 1
	@test -s migration/plan.json

# on PATH: programs that come as Python packages, which generated scripts call by name (aws, shellcheck, hadolint)
test: $(INSTALLED)
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest $(PYTEST_OPTIONS)

lint: $(INSTALLED)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

bench: $(INSTALLED)
	$(BIN)/python tests/bench/demo.py
	$(BIN)/python tests/bench/cron.py
	$(BIN)/python tests/bench/report.py
	OPENBLAS_NUM_THREADS=1 $(BIN)/python tests/bench/metrics.py
	$(BIN)/python tests/bench/reading.py

bench-sizing: $(INSTALLED)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python tests/bench/sizing.py

bench-corpus: $(INSTALLED)
	$(BIN)/python tests/bench/corpus.py

clean:
	rm -rf $(VENV) migration build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
