# Every target does its own set-up; Elasticsearch itself is fetched by whoever first starts it.
.PHONY: install demo test bench bench-engine lint clean

VENV := .venv
INSTALLED := $(VENV)/.installed
ARGS ?=

install: $(INSTALLED)

$(INSTALLED): pyproject.toml
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or later is needed'; exit 1; }
	@python3 -c 'import ensurepip' 2>/dev/null || $(MAKE) --no-print-directory system-venv
	python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,demo]'
	touch $(INSTALLED)

# Debian keeps what makes virtual environments in a package of its own.
.PHONY: system-venv
system-venv:
	@[ "$$(id -u)" = 0 ] || { echo 'python3-venv is missing: install it (sudo apt-get install python3-venv)'; exit 1; }
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv

demo: install
	$(VENV)/bin/lanewatch demo $(ARGS)

test: install
	$(VENV)/bin/python -m pytest $(ARGS)

bench: install
	$(VENV)/bin/python -m bench $(ARGS)

bench-engine: install
	$(VENV)/bin/python -m bench.engine $(ARGS)

lint: install
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis
