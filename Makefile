# Every target makes or reuses .venv by itself; the commands it runs are echoed.

VENV := .venv
BIN := $(VENV)/bin
PYTHONS ?= python3.13 python3.12 python3.11 python3 python
POSTGRES_URL ?= postgres://postgres@127.0.0.1:5432/buffer_connect
MARIADB_URL ?= mysql://root@127.0.0.1:3306/buffer_connect

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Many tests wait more than they compute; who has run out of tests takes over another's.
PYTEST := $(BIN)/python -m pytest -n 3 --dist worksteal --durations 10
# What a stricter isolation or another time zone of the session could break.
RACES := tests/refresh/test_crash*.py tests/refresh/test_race.py tests/refresh/test_rotation.py \
	tests/refresh/test_standstill*.py tests/test_shared_grants.py tests/connect tests/disconnect
REPEATABLE_READ := ?options=-c%20default_transaction_isolation%3Drepeatable%5C%20read
SERIALIZABLE_ABROAD := ?isolation_level=serializable&init_command=SET%20time_zone%3D%27%2B05%3A00%27
QUICK := not (long or browser or redis or rabbitmq)

# Each worker would rewrite the assertions of all tests anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo demo-check quickstart test test-all test-users test-postgres test-mariadb \
	test-isolation test-browser \
	test-matrix check coverage bench bench-memory reliability mutants docs pictures clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.installed ## run the example site with a local Buffer, a worker and beat
	$(BIN)/python manage.py demo

demo-check: $(VENV)/.installed ## play the demo's story without a person; exits 0 or 1
	$(BIN)/python manage.py demo --check

test: export DATABASE_URL :=
test: $(VENV)/.installed ## run the quick tests, on SQLite
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "$(QUICK)"

quickstart: $(VENV)/.installed ## follow the quick start in an empty folder and print the seconds
	$(BIN)/python -m tests.quickstart

test-all: test test-users test-postgres test-mariadb test-isolation test-browser test-matrix ## run all suites; a missing server fails

test-users test-postgres test-mariadb test-isolation test-browser pictures: \
	export BUFFER_CONNECT_REQUIRE_SERVERS := 1

test-users: export DATABASE_URL :=
test-users: $(VENV)/.servers ## run all tests on SQLite, with a user model whose key is a UUID
	$(PYTEST) -m "not browser" --ds tests.settings_uuid_user

test-postgres: $(VENV)/.servers ## run all that touches a database on PostgreSQL (POSTGRES_URL)
	DATABASE_URL=$(POSTGRES_URL) $(PYTEST) -m "not browser"

test-mariadb: $(VENV)/.servers ## run all that touches a database on MariaDB (MARIADB_URL)
	DATABASE_URL=$(MARIADB_URL) $(PYTEST) -m "not browser"

test-isolation: $(VENV)/.servers ## run races, crashes and callbacks in stricter isolation, five hours abroad
	DATABASE_URL='$(POSTGRES_URL)$(REPEATABLE_READ)' $(PYTEST) $(RACES)
	DATABASE_URL='$(MARIADB_URL)$(SERIALIZABLE_ABROAD)' $(PYTEST) $(RACES)

test-browser pictures: export DATABASE_URL :=
test-browser: $(VENV)/.browser ## run the pages in Chromium, under a strict policy and axe
	$(PYTEST) tests/browser

test-matrix: $(VENV)/.dev ## run the built wheel on every supported Python and Django
	$(BIN)/tox run

check: $(VENV)/.dev ## lint, types, floors, templates and migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	git ls-files -z '*.html' | xargs -0 -r $(BIN)/djade --target-version 5.2 --check
	DATABASE_URL=sqlite:///:memory: $(BIN)/python -m django makemigrations --check --dry-run \
		--settings tests.settings_uuid_user
	$(BIN)/mypy

coverage: $(VENV)/.installed ## run the quick tests and print what they leave out
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -m "$(QUICK)"
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

bench: $(VENV)/.servers ## time the sweep and the callers against a bare loop (PostgreSQL or SQLite)
	$(BIN)/python -m benchmarks

bench-memory: $(VENV)/.servers ## sweep 100,000 due links and print the memory that it takes
	$(BIN)/python -m benchmarks --memory

reliability: $(VENV)/.servers ## let all go wrong for two minutes; no link may be lost that could be saved
	$(BIN)/python -m benchmarks.reliability

mutants: $(VENV)/.installed ## leave out each condition of what is written, and tell which test falls
	$(BIN)/python -m tests.mutation

docs: $(VENV)/.docs ## build the documentation into docs/_build/html
	$(BIN)/sphinx-build -q -E -n -W --keep-going docs docs/_build/html

pictures: $(VENV)/.browser ## draw the pages, wide and narrow, light and dark, into .pictures
	$(BIN)/python -m pytest -q tests/browser/pictures.py

clean: ## remove .venv and everything that was made
	rm -rf $(VENV) .tox .demo .pictures build dist docs/_build .coverage .coverage.* htmlcov \
		.hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

# An interpreter counts when it runs (a version manager's shim may not), is new enough
# and can make a virtual environment.
$(BIN)/python:
	@for python in $(PYTHONS); do \
		if $$python -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "$$python -m venv $(VENV)"; \
			exec $$python -m venv $(VENV); \
		fi; \
	done; \
	echo "No Python 3.11 or newer that can make a virtual environment; tried: $(PYTHONS)" >&2; exit 1

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[sandbox,test]'
	@touch $@

$(VENV)/.servers: $(VENV)/.installed
	$(PIP) --editable '.[postgres,mysql,redis]'
	@touch $@

$(VENV)/.docs: $(VENV)/.installed
	$(PIP) --editable '.[docs]'
	@touch $@

# Dependency groups need pip 25.1.
$(VENV)/.browser: $(VENV)/.installed
	$(PIP) --upgrade 'pip>=25.1'
	$(PIP) --group browser
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(PIP) --upgrade 'pip>=25.1'
	$(PIP) --group dev
	@touch $@
