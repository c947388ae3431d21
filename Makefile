# Everything happens in a local virtual environment, .venv, that is set up when it is first needed.
#   make quickstart   from training data to molecular dynamics, on a small example
#   make test         all tests
# Needed: Python 3.10 or newer (`make PYTHON=python3.12 …` names one), a C++17 compiler, make.

PYTHON ?= python3
MAKEFLAGS += --no-print-directory
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# Older pips take the versions of build requirements from the first of these, newer ones from the second.
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_BUILD_CONSTRAINT := $(PIP_CONSTRAINT)

PACKAGE := pyproject.toml CMakeLists.txt README.md LICENSE potentials/reference.filters.snnp \
  $(shell find cmake cpp lammps_plugin python -type f -not -name '*.pyc')
CXX_SOURCES := $(shell find cpp examples lammps_plugin python tests -name '*.h' -o -name '*.cc' -o -name '*.cpp')

.PHONY: quickstart test test-cpp test-python lint format clean

quickstart: $(VENV)/package.stamp
	$(BIN)/python examples/01_quickstart/run.py

# pytest comes last: what it says about the tests is the last line.
test:
	$(MAKE) test-cpp
	$(MAKE) lint
	$(MAKE) test-python

test-cpp: $(VENV)/tools.stamp
	$(BIN)/cmake --preset release --log-level=NOTICE
	$(BIN)/cmake --build --preset release --parallel
	$(BIN)/ctest --preset release

test-python: $(VENV)/package.stamp
	$(BIN)/python -m pytest

lint: $(VENV)/tools.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/clang-format --dry-run --Werror $(CXX_SOURCES)

format: $(VENV)/tools.stamp
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/clang-format -i $(CXX_SOURCES)

clean:
	rm -rf build $(VENV)

$(VENV)/created.stamp:
	rm -rf $(VENV)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "snnp needs Python 3.10 or newer")'
	$(PYTHON) -m venv $(VENV)
	touch $@

# Alone: by far the largest download, it stays when something else changes.
$(VENV)/torch.stamp: $(VENV)/created.stamp
	$(PIP) "$$(grep '^torch==' constraints.txt)"
	touch $@

$(VENV)/package.stamp: $(VENV)/torch.stamp constraints.txt $(PACKAGE)
	$(PIP) -c constraints.txt ".[fit,validate,test]"
	touch $@

$(VENV)/tools.stamp: $(VENV)/created.stamp constraints.txt
	$(PIP) -c constraints.txt cmake clang-format ruff
	touch $@
