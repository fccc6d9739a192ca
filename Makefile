# Two commands need nothing but Python ≥ 3.11 and make: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test check bench setup browser contract lock sabotage clean

run: setup  ## Start a development server at http://127.0.0.1:8000
	$(BIN)/keywright serve

test: setup browser  ## Everything, with PostgreSQL, Valkey, a mail server and a browser from packages
	$(BIN)/pytest -n auto

check: setup  ## Static checks, house rules, sabotage and migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/write_contract.py --check
	$(BIN)/python scripts/write_settings_reference.py --check
	$(BIN)/pytest -q tests/architecture tests/migrations
	$(BIN)/python scripts/sabotage.py

sabotage: setup  ## Switch off each defence and see its test turn red
	$(BIN)/python scripts/sabotage.py

bench: setup  ## Keywright beside the floor and its peers; needs wrk (apt-get install wrk)
	$(BIN)/python -m benchmarks

setup:
	@$(PYTHON) scripts/bootstrap.py

browser: setup
	@sh scripts/install_browser.sh

contract: setup  ## Write contract/ and the reference pages from the code
	$(BIN)/python scripts/write_contract.py
	$(BIN)/python scripts/write_settings_reference.py

lock: setup  ## Lock the dependencies again, with hashes
	$$(command -v uv || echo .tools/uv) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-header --all-extras --group dev pyproject.toml -o requirements/dev.txt

clean:
	rm -rf .venv .tools build dist .mypy_cache .ruff_cache .pytest_cache
