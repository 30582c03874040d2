# What can be done here? `make help` says it. Needs Python 3.11 or newer, nothing else.
.DEFAULT_GOAL := help
.PHONY: help run test docs clients check format lock install install-dev clean
SHELL := /bin/sh
# Each of the many processes here would compile 1,700 modules anew, which is longer than all else that it does to start.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
BIN := $(VENV)/bin
NEWER := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c '$(NEWER)' 2>/dev/null && { echo $$p; exit; }; done; echo python3)
SOURCES := manage.py neuroroute providers tenants usage profiling feedback routing dashboard tests bench
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
# `check --deploy` judges an installation that others reach, so it is asked about one.
PRODUCTION := ENV_FILE=/dev/null HOST=0.0.0.0 PUBLIC_URL=https://llm.neuroroute.test \
	SECRET_KEY=b3f1c6a2d9e84750a1c2f3e4d5b6978812ab34cd56ef7890a1b2c3d4e5f60718

help: ## say what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/base.stamp ## install what is missing, then serve on http://127.0.0.1:8000 (HOST and PORT move it)
	@exec $(BIN)/python -m neuroroute.serve

test: $(VENV)/dev.stamp ## run the tests, three at a time on two cores, and what fails once more, alone; ARGS="-k name" picks some
	@$(BIN)/python -m tests.twice $(ARGS)

docs: $(VENV)/dev.stamp ## write docs/providers.md anew from what the adapters show in their tests
	@WRITE_DOCS=1 $(BIN)/python -m pytest tests/adapters/test_adapters_over_http.py

clients: $(VENV)/dev.stamp ## run real clients against a gateway, write docs/clients.md; ARGS=name runs one (needs npm)
	@$(BIN)/python -m tests.clients.support.run $(ARGS)

check: $(VENV)/dev.stamp ## the gate: format, lint, types, layers, deployment, migrations, schema, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null
	@$(MAKE) --no-print-directory test

format: $(VENV)/dev.stamp ## format the code and mend what the linter can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: $(VENV)/dev.stamp ## pin requirements/*.in with hashes
	@$(LOCK) requirements/uv.in -o requirements/uv.txt
	@$(LOCK) requirements/dev.in -o requirements/dev.txt
	@$(LOCK) requirements/base.in -c requirements/dev.txt -o requirements/base.txt  # what runs is what was tested

install: $(VENV)/base.stamp ## install what runs in production into .venv

install-dev: $(VENV)/dev.stamp ## install what the checks need into .venv

clean: ## remove .venv and the caches; var/ holds your data and stays
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/venv.stamp:
	@$(PYTHON) -c '$(NEWER)' || { \
		echo "NeuroRoute needs Python 3.11 or newer. Name one: make run PYTHON=/path/to/python3.12" >&2; exit 2; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
		echo "Making $(VENV) with $$($(PYTHON) --version)"; $(PYTHON) -m venv --clear $(VENV); }
	@touch $@

$(VENV)/%.stamp: requirements/%.txt requirements/uv.txt $(VENV)/venv.stamp
	@echo "Installing requirements/$*.txt, every file checked by its hash"
	@sh deploy/install.sh $(BIN) requirements/$*.txt
	@touch $@
