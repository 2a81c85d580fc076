# Everything a person or CI runs here. Needed beforehand: make and Python 3.11 or newer; the rest is set up on first use.

VENV   ?= .venv
BIN    := $(VENV)/bin
PY     := $(BIN)/python
# Wheels alone: building a source package would fetch a build backend that no hash of ours vouches for.
PIP    := $(PY) -m pip --disable-pip-version-check --no-input --quiet install
LOCKED := --require-hashes --only-binary :all:
# A test must never reach the broker or database that a developer's shell happens to point at.
NO_SETTINGS := env $(foreach name,$(filter LEADS_%,$(.VARIABLES)),-u $(name))
PYTEST := $(NO_SETTINGS) $(PY) -m pytest --quiet

ifndef PYTHON
PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
endif

# An activated environment, user packages or another project's path must not leak into ours.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV
export PYTHONNOUSERSITE := 1

.DEFAULT_GOAL := help
.PHONY: help demo test format-check lint types imports unit integration acceptance readme chaos sabotage format derive hooks bench lock audit sbom clean
.DELETE_ON_ERROR:

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | awk -F'|' '{ printf "%-22s%s\n", $$1, $$2 }'

# ---- what most people want ----

demo: $(VENV)/.run ## start a real Kafka and watch a few hundred leads being onboarded
	@$(BIN)/leads demo

PARTS := format-check lint types imports unit integration

test: $(VENV)/.dev ## every check, in this order: format, lint, types, imports, unit, integration
	@for part in $(PARTS); do \
		printf '\n==== %s ====\n' "$$part"; \
		$(MAKE) --no-print-directory "$$part" || { \
			printf '\nmake test is red in "%s"; "make %s" runs that part alone.\n' "$$part" "$$part" >&2; exit 1; }; \
	done

# ---- the parts of `make test` ----

format-check: $(VENV)/.dev ## is the code formatted?
	@$(PY) -m ruff format --check --output-format concise .

lint: $(VENV)/.dev ## ruff, all rules less the reasoned exceptions of pyproject.toml
	@$(PY) -m ruff check .

types: $(VENV)/.dev ## mypy --strict over packages, tests and bench
	@$(PY) -m mypy

imports: $(VENV)/.dev ## streams -> actions -> topics, never back
	@$(PY) -c 'from importlinter.cli import lint_imports_command as run; run()' --no-logo

unit: $(VENV)/.dev ## tests without any server
	@$(PYTEST) -n logical -m 'not servers' tests/unit

# Most of these wait for timers and for other processes: three at a time keep two cores busy. The longest come first.
ON_SERVERS := $(PYTEST) -n 3 --dist loadfile --no-loadscope-reorder $(addprefix tests/,readme acceptance integration unit)

integration: $(VENV)/.dev ## tests on a real Kafka, PostgreSQL and mail server, and the commands of README.md
	@$(ON_SERVERS) -m 'servers and not long'

acceptance: $(VENV)/.dev ## the same with the long journeys of whole installations, about twelve minutes
	@$(ON_SERVERS) -m servers

readme: $(VENV)/.dev ## only the commands of README.md
	@$(PYTEST) tests/readme

# LEADS_CHAOS=full or nightly, LEADS_CHAOS_SEED=N, LEADS_CHAOS_SOAK=MINUTES: docs/chaos.md
CHAOS := $(foreach name,LEADS_CHAOS LEADS_CHAOS_SEED LEADS_CHAOS_SOAK,$(if $($(name)),$(name)=$($(name))))

chaos: $(VENV)/.dev ## kill, pause and cut off everything there is, and look what became of the leads (ARGS=...)
	@$(NO_SETTINGS) $(CHAOS) $(PY) -m pytest -q -s tests/chaos tests/acceptance/test_killed_workers.py $(ARGS)

# With names, only those: make sabotage ARGS="'commit past a gap' 'merge without time'"
sabotage: $(VENV)/.dev ## take out each mechanism in a copy: does a test fall? (rewrites docs/guarantees.md; ARGS=...)
	@$(NO_SETTINGS) $(PY) -m tests.sabotage $(ARGS)

# ---- for those who change the code ----

format: $(VENV)/.dev ## format the code and repair what ruff can repair
	@$(PY) -m ruff check --fix --quiet --exit-zero . && $(PY) -m ruff format .

derive: $(VENV)/.dev ## bring what README.md derives from code up to date
	@$(PY) -m streams.interfaces.cli.derive

hooks: $(VENV)/.dev ## run format, lint, types and imports before each commit
	@$(PY) -m pre_commit install

bench: $(VENV)/.dev ## measure against plain aiokafka, stock Faust and a naive loop (ARGS=...)
	@$(NO_SETTINGS) $(PY) -m bench $(ARGS)

# Upgrades happen in pyproject.toml (direct ones) and here (what those need): `make lock UPGRADE=--upgrade`.
COMPILE := -m uv --no-config pip compile --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' --quiet

lock: $(VENV)/.dev ## write the hashed locks anew from pyproject.toml
	@$(PY) $(COMPILE) $(UPGRADE) pyproject.toml --group build --output-file requirements.lock
	@$(PY) $(COMPILE) $(UPGRADE) pyproject.toml --group build --extra dev --constraint requirements.lock \
		--output-file requirements-dev.lock
	@$(PY) $(COMPILE) $(UPGRADE) --group pyproject.toml:audit --output-file requirements-audit.lock

# Red when an advisory names a pinned package, and also when the advisories cannot be asked.
audit: $(VENV)/audit/.ready ## ask the public advisories about every package the worker runs on
	@$(VENV)/audit/bin/python -m pip_audit --strict --require-hashes --disable-pip --progress-spinner off \
		--requirement requirements.lock

sbom: $(VENV)/audit/.ready ## write dist/sbom.json (CycloneDX): what the worker runs on, with hashes
	@mkdir -p dist
	@$(VENV)/audit/bin/python -W ignore -m cyclonedx_py requirements requirements.lock --pyproject pyproject.toml \
		--output-reproducible --output-file dist/sbom.json
	@echo 'Wrote dist/sbom.json'

clean: ## remove the environment and every cache (your data stays)
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- set-up: redone when a lock or pyproject.toml changed ----

$(PY):
	@test -n "$(PYTHON)" || { echo 'No Python 3.11 or newer found; install one, or name it: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo '"$(PYTHON) -m venv" failed; on Debian and Ubuntu the package python3-venv is missing.' >&2; exit 1; }

$(VENV)/.run: requirements.lock pyproject.toml | $(PY)
	@echo 'Setting up $(VENV) from requirements.lock (the first time this downloads about 70 MB) ...' >&2
	@$(PIP) $(LOCKED) --requirement requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@echo 'Adding the development tools from requirements-dev.lock ...' >&2
	@$(PIP) $(LOCKED) --requirement requirements-dev.lock
	@touch $@

$(VENV)/audit/.ready: requirements-audit.lock | $(PY)
	@echo 'Setting up $(VENV)/audit from requirements-audit.lock ...' >&2
	@$(PY) -m venv $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip --disable-pip-version-check --no-input --quiet install $(LOCKED) \
		--requirement requirements-audit.lock
	@touch $@
