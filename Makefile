# pegbot: the same commands for people and for CI. `make` lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: help run test test-slow servers lint format peers bench bench-detection lock docs demo clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/run.done: requirements/run.txt pyproject.toml
	@echo "Making the environment in $(VENV) (about a minute, once) …"
	@$(PYTHON) -c 'import sys; sys.exit("pegbot needs Python 3.11 or newer; set PYTHON=…") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes -r requirements/run.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.done: requirements/dev.txt $(VENV)/run.done
	@echo "Installing what tests and linters need …"
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

run: $(VENV)/run.done ## run the daemon on the embedded demo: no keys, no network, paper trading
	@$(BIN)/pegbot run

servers: $(VENV)/dev.done ## install the real servers that the tests use (Debian and npm packages), when allowed to
	@sh tests/install-servers.sh

test: servers ## install what the tests need and run all but the slow ones
	$(BIN)/python -m pytest -n 2

test-slow: servers ## the runs of minutes: millions of ticks, thousands of swaps
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/dev.done ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev.done ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

peers: $(VENV)/peers.done ## an environment for what is measured beside us and wants other versions (degenbot, nautilus_trader)

$(VENV)/peers.done: requirements/peers.txt $(VENV)/run.done
	@$(PYTHON) -m venv $(VENV)/peers
	@$(VENV)/peers/bin/python -m pip --disable-pip-version-check install --quiet -r requirements/peers.txt
	@touch $@

bench-detection: $(VENV)/contenders.done ## who finds depegs best, on simulated months and real tapes (an hour or more)
	$(BIN)/python -m benchmarks.detection

$(VENV)/contenders.done: requirements/contenders.txt $(VENV)/run.done
	@$(PIP) --no-deps -r requirements/contenders.txt
	@touch $@

bench: servers $(VENV)/peers.done $(VENV)/contenders.done ## every figure of the README and docs, beside a named peer
	$(BIN)/python -m benchmarks

demo: $(VENV)/run.done ## make the bundled tape again from its scenario and seed
	$(BIN)/pegbot simulate config/scenarios/demo.toml --seed 7 --out config/demo/tape.parquet --labels config/demo/labels.csv

docs: $(VENV)/run.done ## write docs/configuration.md from the schema
	$(BIN)/python -m bot.reference > docs/configuration.md

lock: ## resolve the dependencies anew and write requirements/*.txt with hashes (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra build pyproject.toml -o requirements/run.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra build --extra live --extra postgres pyproject.toml -o requirements/live.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra dev pyproject.toml -o requirements/dev.txt

clean: ## remove the environment, caches and runtime state of this checkout
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist var tests/fixtures/*/node_modules
