# Every target does its own set-up; Elasticsearch itself is fetched by whoever first starts it.
.PHONY: install system demo test test-fast test-random bench bench-engine lint clean

VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
ARGS ?=

install: $(INSTALLED)

$(INSTALLED): pyproject.toml
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or later is needed'; exit 1; }
	@python3 -c 'import ensurepip' 2>/dev/null || $(MAKE) --no-print-directory system-venv
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --editable '.[dev,demo]'
	touch $(INSTALLED)

# Debian keeps what makes virtual environments in a package of its own.
.PHONY: system-venv
system-venv:
	@[ "$$(id -u)" = 0 ] || { echo 'python3-venv is missing: install it (sudo apt-get install python3-venv)'; exit 1; }
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv

# What some tests use besides Python, as program=package. They are skipped, and say why, where it cannot be installed.
SYSTEM_PROGRAMS := nginx=nginx-light chromium=chromium node=nodejs npm=npm prometheus=prometheus prometheus-alertmanager=prometheus-alertmanager

system:
	@PATH="$$PATH:/usr/sbin:/usr/local/sbin"; missing=; \
	for pair in $(SYSTEM_PROGRAMS); do command -v "$${pair%%=*}" >/dev/null || missing="$$missing $${pair#*=}"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "not installed, so tests that need it are skipped:$$missing"; exit 0; fi; \
	echo "installing$$missing"; \
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; } \
		>/dev/null 2>&1 || echo "apt-get could not install it, so tests that need it are skipped:$$missing"

demo: install
	$(VENV)/bin/lanewatch demo $(ARGS)

# Three processes on two cores, each with a cluster of its own, since tests on a cluster mostly wait; then the models.
# PARALLEL= runs everything in one.
PARALLEL := --numprocesses 3 --dist loadgroup --no-loadscope-reorder

test: install system
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(NODE_MODULES); fi
	$(PYTHON) -m pytest $(PARALLEL) $(ARGS)

# What needs no cluster and trains no models.
test-fast: install
	$(PYTHON) -m pytest $(PARALLEL) -m 'not cluster and not trains' $(ARGS)

# Part of the code and the least percentage of its lines and branches that tests take which need no cluster.
FLOORS := proxy/engine=97 proxy/job_config=91 proxy/api/rules=92

.PHONY: coverage
coverage: install
	$(PYTHON) -m pytest $(PARALLEL) -m 'not cluster' --cov --cov-report= $(ARGS)
	@for floor in $(FLOORS); do part=$${floor%=*}; least=$${floor#*=}; \
		total=$$($(VENV)/bin/coverage report --include="$$part/*" --format=total --precision=1); \
		echo "$$part: $$total % of lines and branches are tested, at least $$least % must be"; \
		$(VENV)/bin/coverage report --include="$$part/*" --format=total --fail-under="$$least" >/dev/null || exit 1; \
	done

# Every scenario of failure and attack, also those that take long; a table of what came of them ends it.
.PHONY: test-faults
test-faults: install system
	$(PYTHON) -m pytest -m 'faults or scenario' -rs $(ARGS)

# Hours of mixed load with random kills; ends with 1 if memory grew, anything stalled, was lost or came twice.
.PHONY: soak
soak: install
	$(PYTHON) -m tests.faults.soak $(ARGS)

# Properties with examples that nobody has seen before; SEED repeats a run.
SEED = $(shell $(PYTHON) -c 'import secrets; print(secrets.randbits(32))')
test-random: install
	@seed=$(SEED); echo "properties with seed $$seed: make test-random SEED=$$seed repeats this run"; \
	$(PYTHON) -m pytest $(PARALLEL) -m 'not cluster' --hypothesis-profile=random --hypothesis-seed=$$seed $(ARGS)

# Five hundred odd requests to every operation, and whatever schemathesis makes of `lanewatch openapi`; SEED repeats it.
.PHONY: fuzz
fuzz: install
	@seed=$(SEED); echo "requests with seed $$seed: make fuzz SEED=$$seed repeats this run"; \
	$(PYTHON) -m pytest tests/fuzz tests/openapi --hypothesis-profile=random --hypothesis-seed=$$seed $(ARGS)

bench: install
	$(PYTHON) -m bench $(ARGS)

bench-engine: install
	$(PYTHON) -m bench.engine $(ARGS)

lint: install
	$(VENV)/bin/ruff check --quiet .
	$(VENV)/bin/ruff format --check --quiet .
	$(VENV)/bin/mypy
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory page-types; \
		else echo 'npm is not installed, so the types of the page are not checked'; fi

# The page needs no build; npm brings the checker of its types and the libraries that `npm run vendor` copies.
NODE_MODULES := node_modules/.package-lock.json
$(NODE_MODULES): package-lock.json
	npm ci --silent
	touch $(NODE_MODULES)

.PHONY: page-types
page-types: $(NODE_MODULES)
	npm run --silent check

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis .coverage node_modules tests/ui/screenshots
