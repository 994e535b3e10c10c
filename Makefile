# Six verbs. `make demo` and `make test` are all a newcomer needs.
#   demo     install into .venv, paint the sample photographs, name the pictures
#   test     install with the development tools, run the tests (minutes)
#   check    format, lint, types, guards of the structure
#   bench    measure this machine; writes benchmarks/results/*.json (many minutes)
#   figures  carry what was measured into README.md and docs/
#   clean    remove what the other verbs made, .venv excepted

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
FAST := not slow and not gpu and not network
GUARDS := tests/test_layers.py tests/test_house.py tests/test_import.py tests/test_public_names.py

.PHONY: demo test check bench figures clean
.DELETE_ON_ERROR:

demo: .venv/.demo-installed
	$(BIN)/impasto demo -o demo-output

# One thread per worker: several workers that each take every core only wait for one another.
test: .venv/.dev-installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "$(FAST)" -n auto --maxprocesses 8 $(PYTEST_FLAGS)

check: .venv/.dev-installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest $(GUARDS)

bench: .venv/.dev-installed
	$(BIN)/python benchmarks/speed_stylize.py
	$(if $(PAIRS),$(BIN)/python benchmarks/quality_transfer.py $(PAIRS))
	$(BIN)/python benchmarks/publish.py

figures: .venv/.dev-installed
	$(BIN)/python benchmarks/publish.py

clean:
	rm -rf demo-output build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache
	find src tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	$(PYTHON) -m venv .venv

# The stamps are newer than what they were made from once an install has succeeded; an install that
# fails leaves none and is tried again.
.venv/.demo-installed: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) -e ".[demo]"
	@touch $@

.venv/.dev-installed: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) -e ".[dev]"
	@touch $@
