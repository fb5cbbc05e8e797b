# Two commands matter: `make book` and `make test`. Both set up .venv by themselves and need no root rights.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready
PROFILE ?= demo

.PHONY: help book test fuzz lint format clean setup
help:
	@echo "make book    run the notebooks (PROFILE=demo) and build the book; prints where index.html is"
	@echo "make test    run the tests"
	@echo "make fuzz    damage every kind of file 20,000 times and read it (hours; FUZZ=20000)"
	@echo "make lint    ruff, mypy and spelling"
	@echo "make clean   remove .venv, runs, built pages (downloaded data in data/ are kept)"

# Re-made only when the list of dependencies changes. Removed on failure, so that the next call starts clean.
$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "make: no '$(PYTHON)' found. Install Python 3.11 or newer, or say PYTHON=/path/to/python3."; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $$($(PYTHON) --version) is too old; Python 3.11 or newer is needed. Say PYTHON=/path/to/python3.11."; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "make: $(PYTHON) has no venv. On Debian or Ubuntu: apt-get install python3-venv"; exit 2; }
	@$(PYTHON) -m venv --clear $(VENV)
	@echo "make: installing into $(VENV) (a few minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[book,dlib,dask,raters,test,dev]'
	@touch $(STAMP)

setup: $(STAMP)

book: $(STAMP)
	@$(BIN)/dfecs book --profile $(PROFILE)

test: $(STAMP)
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

FUZZ ?= 20000
fuzz: $(STAMP)
	@DFECS_FUZZ=$(FUZZ) $(BIN)/python -m pytest -n 2 tests/readers/test_damaged_files.py tests/trust/test_stored_files.py $(ARGS)

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@git ls-files '*.py' '*.md' '*.yml' '*.yaml' '*.toml' '*.ipynb' | xargs $(BIN)/codespell

format: $(STAMP)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:
	@rm -rf $(VENV) .runs _site .pytest_cache .mypy_cache .ruff_cache
