# The two commands are `make run` and `make test`; `make help` lists the rest.
# Variables: PORT (8000), PYTHON (python3), VENV (.venv), and those of the README's table.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
export VENV

SOURCES = $$(find . -name '*.py' -not -path './.*' -not -path './node_modules/*')
TEMPLATES = $$(find templates -name '*.html')
FOR_TESTS = DJANGO_SETTINGS_MODULE=tests.settings
COMPILE = $(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --python-version 3.11
IN_PRODUCTION = HTTPS=1 ALLOWED_HOSTS=crm.example SECRET_KEY=$$($(BIN)/python -c "import secrets; print(secrets.token_urlsafe(50))")

.DEFAULT_GOAL = help
.PHONY: run dev seed bench test lint types rules format messages lock clean help python developer browser

run: python ## Set up what is missing and serve on http://127.0.0.1:8000 (PORT=… changes it)
	@exec $(PYTHON) -m crm.launch run

dev: export DEBUG = 1
dev: python ## The same with Django's reloading server and its error pages
	@exec $(PYTHON) -m crm.launch dev

seed: python ## Add N made-up opportunities (N=1000; OPTIONS="--seed 7 --open 0.4 --today 2026-03-02")
	@$(PYTHON) -m crm.lib.environment requirements.txt
	@$(BIN)/python manage.py migrate --no-input --verbosity 0
	@$(BIN)/python manage.py seed $(or $(N),1000) $(OPTIONS)

test: developer browser lint types rules ## Set up and run everything: lint, types, checks, and all tests
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST)

bench: developer ## Measure pages beside a bare Django view (OPTIONS="--count 1000000"); takes minutes
	@$(BIN)/python -m tests.performance $(OPTIONS)

lint: developer ## Style of code and templates
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/djade --check --target-version 5.2 $(TEMPLATES)
	$(BIN)/django-upgrade --check --target-version 5.2 $(SOURCES)

types: developer ## Types, and which app may import which
	$(BIN)/mypy
	$(BIN)/lint-imports

rules: developer ## Migrations are complete; production settings are safe
	$(FOR_TESTS) $(BIN)/python manage.py makemigrations --check --dry-run
	@echo 'manage.py check --deploy --fail-level WARNING, with production variables'
	@$(IN_PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

format: developer ## Let the formatters rewrite code and templates
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/djade --target-version 5.2 $(TEMPLATES)

messages: developer ## Bring the translation catalogues up to date with the source, and compile them
	$(BIN)/python -m crm.lib.messages update

lock: developer ## Lock the newest allowed packages again
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
	$(COMPILE) --group node -o requirements-node.txt
	$(BIN)/python -m crm.lib.assets lock

clean: ## Remove what can be made again (the database stays)
	rm -rf $(VENV) static/vendor staticfiles test-results .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} + -o -name '*.mo' -exec rm {} +

help: ## List these commands
	@sed -n 's/^\([a-z]*\):[^=]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not here; install Python 3.11 or newer" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name a newer one: make run PYTHON=python3.12" >&2; exit 1; }

developer: python
	@$(PYTHON) -m crm.lib.environment requirements-dev.txt
	@$(BIN)/python -m crm.lib.assets
	@$(BIN)/python -m crm.lib.messages compile

browser: developer
	@$(BIN)/python -m tests.e2e.chromium
