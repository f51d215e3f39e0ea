# Each target only calls the command behind it; the README shows those for machines without make.
# ARGS goes to the command: make demo ARGS="--port 9000", make test ARGS="-k undo".

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: demo test check format lint types bench lock clean

demo: $(INSTALLED)
	@exec $(BIN)/python -m tests.sandbox $(ARGS)

test: $(INSTALLED)
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

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

# Keeps the pins that still hold; ARGS=--upgrade moves them all.
lock: $(INSTALLED)
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
		--generate-hashes --no-header --no-emit-index-url --system-certs --output-file requirements.lock --quiet $(ARGS)

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(INSTALLED): requirements.lock pyproject.toml .ci/install
	@echo "Installing into .venv …" >&2
	@PYTHON="$(PYTHON)" .ci/install
	@touch $@
