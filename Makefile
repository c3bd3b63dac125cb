# Gesso's commands. Everything they need is installed into .venv on first use, from the lock files.
PYTHON ?= python3
BIN := .venv/bin
TESTS ?=

# A checkout that was moved, or whose Python is gone, is installed anew: a venv knows its own path.
ifneq ($(shell test -x $(BIN)/python && cat .venv/.gesso-root 2>/dev/null),$(CURDIR))
$(shell rm -f .venv/.gesso-run .venv/.gesso-dev)
endif

.DEFAULT_GOAL := help
.PHONY: help run test lint format protos bench docs clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16

run: .venv/.gesso-run ## start the whole platform and stay in the foreground until Ctrl-C
	@exec $(BIN)/gesso up

test: .venv/.gesso-dev ## run the tests, or some of them: make test TESTS=tests/unit
	@test ! -d ../shared/apis || $(BIN)/python scripts/documents
	@$(BIN)/python -m pytest --durations=15 $(TESTS)

lint: .venv/.gesso-dev ## check style, types, layers, contracts and generated code
	@scripts/lint

format: .venv/.gesso-dev ## mend what ruff can mend
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

protos: .venv/.gesso-dev ## make libs/gesso from protos/
	@$(BIN)/python scripts/protos

bench: .venv/.gesso-dev ## measure requests, processor time and holds against an instant upstream
	@$(BIN)/python -m benchmarks

docs: .venv/.gesso-dev ## make docs/configuration.md from the services' configuration classes
	@$(BIN)/python scripts/docs

clean: ## remove what was installed and cached; the platform's state in .gesso stays
	@rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.gesso-run: requirements.lock requirements-bootstrap.lock pyproject.toml
	@$(PYTHON) scripts/bootstrap run

.venv/.gesso-dev: requirements-dev.lock requirements.lock requirements-bootstrap.lock pyproject.toml
	@$(PYTHON) scripts/bootstrap dev
