# Each target only calls the command behind it; the README shows those for machines without make.
# ARGS goes to the command: make demo ARGS="--port 9000", make test ARGS="-k undo".

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: demo test check format lint types bench faults eval lock clean

demo: $(INSTALLED)
	@exec $(BIN)/python -m tests.sandbox $(ARGS)

test: $(INSTALLED)
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --no-loadscope-reorder $(ARGS)

check: lint types test

format: $(INSTALLED)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lint: $(INSTALLED)
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: $(INSTALLED)
	$(BIN)/mypy

bench: $(INSTALLED)
	$(BIN)/python -m tests.bench $(ARGS)

faults: $(INSTALLED)
	@$(BIN)/python -m tests.faults $(ARGS)

eval: $(INSTALLED)
	@$(BIN)/python -m tests.eval $(ARGS)

# The product alone, then the tools beside it. Keeps the pins that still hold; ARGS=--upgrade moves them all.
COMPILE = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --system-certs --quiet $(ARGS)
lock: $(INSTALLED)
	$(COMPILE) pyproject.toml --output-file requirements.txt
	$(COMPILE) --group dev --constraints requirements.txt --output-file requirements-dev.txt

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(INSTALLED): requirements.txt requirements-dev.txt pyproject.toml .ci/install
	@echo "Installing into .venv …" >&2
	@PYTHON="$(PYTHON)" .ci/install
	@touch $@
