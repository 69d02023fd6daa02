# make demo: see the main job run on real files.  make test: everything that must hold.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PINNED := tests/requirements.txt
FILES := localcloud/fonts.txt localcloud/models.txt

.PHONY: setup demo test lint types unit package lock clean

setup: $(READY)

demo: $(READY)
	$(BIN)/localcloud demo

test: lint types unit

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/localcloud validate

types: $(READY)
	$(BIN)/mypy
	for each in functions/*/; do MYPYPATH=$$each $(BIN)/mypy $$each || exit 1; done

unit: $(READY)
	$(BIN)/pytest -n 2

package: $(READY)
	$(BIN)/localcloud package

# The virtual environment, made anew from the pinned and hashed requirements when they change.
$(READY): $(PINNED) $(FILES) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $(PINNED)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps $(FILES:%=-r %)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Pin again after a change in pyproject.toml; each room's file holds to the one before it.
COMPILE = $(BIN)/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host
lock: $(READY)
	$(COMPILE) -o shared/requirements.txt pyproject.toml
	$(COMPILE) --extra localcloud -c shared/requirements.txt -o localcloud/requirements.txt pyproject.toml
	$(COMPILE) --extra localcloud --extra audit -c localcloud/requirements.txt -o localcloud/audit-requirements.txt pyproject.toml
	$(COMPILE) --extra localcloud --extra audit --extra dev -c localcloud/audit-requirements.txt -c localcloud/requirements.txt -o tests/requirements.txt pyproject.toml

clean:
	rm -rf $(VENV) .cache .localcloud build
