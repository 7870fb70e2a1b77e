# Two commands matter: `make run` and `make test`. Both need Python 3.11 or later and nothing else.

VENV ?= .venv
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11 python,\
	$(if $(shell $(name) -c 'import sys; print(sys.version_info >= (3, 11) or "")' 2>/dev/null),$(name))))
MINUTES ?= 30
ROWS ?= 2000000
BIN := $(VENV)/bin
MADE := $(VENV)/made
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Files in their order: those that take whole processes come first, and the many quick ones fill up what is left.
IN_PARALLEL := -n auto --dist loadfile --no-loadscope-reorder
COMPILE := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	--no-annotate pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help run test test-all check fix demo migrate bench bench-peers faults soak hostile image spec lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(MADE)/run ## Start everything on this machine (PORT=8000, ANDON_HOME=.andon); Ctrl-C stops it
	@exec $(BIN)/andon dev -f andon_worker.functions

demo: $(MADE)/run ## Generate a report, then cancel a big one half-way (ROWS=2000000)
	@exec $(BIN)/andon demo --rows $(ROWS)

migrate: $(MADE)/run ## Bring the database at ANDON_DATABASE_URL to this version's schema
	@exec $(BIN)/andon migrate

test: $(MADE)/dev ## Test every promise, on real stores, in a few minutes (ARGS="-n0 -k cancel")
	$(BIN)/python -m pytest -m "not whole and not slow" $(IN_PARALLEL) $(ARGS)

test-all: test ## Then the rest: browser, deployment, every fault (ARGS="--durations=20")
	$(BIN)/python -m pytest -m "whole and not slow" $(IN_PARALLEL) $(ARGS)

check: $(MADE)/dev ## Lint, formatting, types, layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(MADE)/dev ## Mend what the linter can mend, and format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(MADE)/dev ## Measure Andon alone, about a quarter of an hour (ARGS="--only w1 --scale 0.1")
	@exec $(BIN)/python -m benchmarks $(ARGS)

bench-peers: $(MADE)/dev ## Measure Andon beside its peers, each installed into .andon/bench (over half an hour; needs npm)
	@exec $(BIN)/python -m benchmarks --peers $(ARGS)

faults: $(MADE)/dev ## Run every fault test and whatever else takes long
	@exec $(BIN)/python -m pytest -m "slow or whole" $(ARGS)

soak: $(MADE)/dev ## Kill something at random for MINUTES=30, then check what must hold
	@exec $(BIN)/python -m tests.soak --minutes $(MINUTES)

hostile: $(MADE)/dev ## One tenant sends anything for MINUTES=30, beside another that merely works
	@exec $(BIN)/python -m tests.hostile --minutes $(MINUTES) $(ARGS)

image: ## Build the container images without a daemon (root, buildah, debootstrap)
	deploy/build-images.sh

spec: $(MADE)/dev ## Lint the OpenAPI and AsyncAPI documents, and do the main job with clients generated of them
	SPEC=required $(BIN)/python -m pytest -n0 tests/contract/specification

lock: $(MADE)/run ## Resolve pyproject.toml anew into requirements/*.txt
	echo uv | $(COMPILE:pyproject.toml=-) --upgrade -o requirements/uv.txt
	$(COMPILE) --upgrade --all-extras -o requirements/dev.txt
	$(COMPILE) --upgrade --extra local --extra reports -c requirements/dev.txt -o requirements/run.txt
	$(COMPILE) --upgrade --extra api --extra s3 --extra otel -c requirements/dev.txt -o requirements/api.txt
	$(COMPILE) --upgrade --extra worker --extra reports --extra s3 --extra otel -c requirements/dev.txt -o requirements/worker.txt

clean: ## Remove the venv and the caches; the data in .andon stays
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist

# One venv, which `dev` extends. The stamps make a second call instant.
$(MADE)/venv:
	@[ -n "$(PYTHON)" ] && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Andon needs Python 3.11 or later; name one with: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
		echo "$(PYTHON) can't make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@mkdir -p $(MADE) && touch $@

$(MADE)/run: $(MADE)/venv requirements/run.txt pyproject.toml
	@echo "installing what it takes to run into $(VENV)"
	@$(BIN)/python requirements/install.py requirements/run.txt
	@$(PIP) install --no-deps --editable .
	@touch $@

$(MADE)/dev: $(MADE)/run requirements/dev.txt
	@echo "installing what it takes to develop into $(VENV)"
	@$(BIN)/python requirements/install.py requirements/dev.txt
	@touch $@
