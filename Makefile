# `make help` lists what can be done. Every target sets up what it needs; nothing installs globally.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules

bin := .venv/bin
code := server clients/python tests bench scripts
ARGS ?=
FUZZ_EXECUTIONS ?=
FUZZ_SECONDS ?= 600
SOAK_SECONDS ?= 600
STORM_CALLS ?= 10000
KILLS ?= 200
OUTAGE_S ?= 90

.PHONY: help
help: ## show this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^## / { printf "\n%s\n", substr($$0, 4) } \
	  /^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## Run it

.PHONY: demo
demo: model ## stream a real answer from a real model through the real server
	@$(bin)/python -m weir_server.cli demo $(ARGS)

.PHONY: serve
serve: model ## start the server on loopback; ARGS="--config my.yaml"
	@$(bin)/weir serve $(ARGS)

.PHONY: edge-page
edge-page: ## build the page that calls Weir from a browser (docs/edge.md)
	@scripts/edge-page

.PHONY: bench
bench: setup ## measure Weir against the bare floor, side by side; ARGS="--json out.json"
	@bench/run $(ARGS)

## Set it up

.PHONY: setup
setup: ## make .venv with the server, the checks and the tests
	@scripts/setup-env dev

.PHONY: model
model: ## make .venv with the server and the embedded model: engine and weights
	@scripts/setup-env runtime model

.PHONY: clean
clean: ## remove environments, caches and what builds leave behind
	rm -rf .venv .venv-client .venv-gen .venv-lock .pytest_cache .mypy_cache .ruff_cache .hypothesis \
	  .import_linter_cache .coverage .coverage.* htmlcov gen build \
	  deploy/envoy/web/node_modules deploy/envoy/web/dist
	find $(code) -type d \( -name __pycache__ -o -name '*.egg-info' \) -prune -exec rm -rf {} +

## Check it

.PHONY: check
check: fmt-check lint types imports buf-lint buf-format buf-breaking gen-check docker-lint \
  wheel-check test ## everything that CI holds, the tests last

.PHONY: test
test: ## run the tests; ARGS="-k deadline"
	@scripts/setup-env dev model
	@scripts/test $(ARGS)

.PHONY: test-clients
test-clients: setup ## build the clients of every language, hold them to the golden scenarios
	@scripts/test-clients $(ARGS)

.PHONY: test-services
test-services: setup ## install PostgreSQL, Redis, Chromium and the page's packages, for the tests
	@scripts/install-services
	@scripts/edge-page --packages

.PHONY: test-edge
test-edge: test-services ## run the recipes of deploy/envoy with the real Envoy and Chromium
	@$(bin)/python -m pytest tests/edge $(ARGS)

.PHONY: cover
cover: ## run the tests and show the lines they never reached
	@scripts/setup-env dev model
	@$(bin)/coverage run -m pytest $(ARGS)
	@$(bin)/coverage report

.PHONY: fuzz
fuzz: setup ## fuzz every parser for a long while; FUZZ_SECONDS=600 each, or FUZZ_EXECUTIONS=1000000
	@for target in tests/fuzz/fuzz_*.py; do \
	  $(bin)/python -m "tests.fuzz.$$(basename "$$target" .py)" \
	    $(if $(FUZZ_EXECUTIONS),--executions $(FUZZ_EXECUTIONS),--seconds $(FUZZ_SECONDS)) $(ARGS); \
	done

.PHONY: kill-test
kill-test: setup test-services ## kill servers in the middle of calls and of booking, KILLS=200 times
	@KILLS=$(KILLS) $(bin)/python -m pytest tests/storm/test_kill.py tests/store/test_killed.py \
	  --timeout 600 $(ARGS)

.PHONY: outage-test
outage-test: setup test-services ## take the database and Redis away under load, OUTAGE_S=90 seconds
	@OUTAGE_S=$(OUTAGE_S) $(bin)/python -m pytest tests/storm/test_books_away.py $(ARGS)

.PHONY: storm
storm: setup ## make random calls that meet random faults; STORM_CALLS=10000 of them
	@$(bin)/python -m tests.storm.random_faults --calls $(STORM_CALLS) $(ARGS)

.PHONY: soak
soak: setup ## call a server for long and watch what it holds; SOAK_SECONDS=600
	@$(bin)/python -m tests.storm.soak --seconds $(SOAK_SECONDS) $(ARGS)

.PHONY: fmt
fmt: setup ## format the code and the contract
	@$(bin)/ruff check --quiet --select I --fix $(code)
	@$(bin)/ruff format $(code)
	@$(bin)/buf format --write

.PHONY: fmt-check
fmt-check: setup ## is the code formatted?
	@$(bin)/ruff format --check --diff $(code)

.PHONY: lint
lint: setup ## does the code keep the rules?
	@$(bin)/ruff check $(code)

.PHONY: types
types: setup ## do the types hold, strictly?
	@$(bin)/mypy

.PHONY: imports
imports: setup ## do imports run one way?
	@$(bin)/lint-imports --no-logo

.PHONY: conformance-page
conformance-page: setup ## write docs/conformance.md from a run of all clients
	@$(bin)/python -m tests.conformance.golden
	@$(bin)/python -m tests.conformance --write

.PHONY: docker-lint
docker-lint: setup ## is the Dockerfile sound?
	@$(bin)/hadolint Dockerfile && echo "hadolint: Dockerfile is sound"

.PHONY: docker-install
docker-install: ## run the image's install step in a scratch directory
	@scripts/docker-install

.PHONY: wheel-check
wheel-check: setup ## do the wheels hold the tree and nothing else?
	@$(bin)/python scripts/wheel_check.py

.PHONY: cpp-check
cpp-check: setup ## do the stubs for C++ compile, and those for C# come out? Needs g++ and gRPC's packages
	@scripts/cpp-check

.PHONY: release-dry-run
release-dry-run: setup ## build all that a release uploads, in build/release, and look inside
	@scripts/release-dry-run $(ARGS)

.PHONY: provider-pages
provider-pages: setup ## write docs/providers.md and docs/providers/openai.md from the code
	@$(bin)/python -m tests.docs.provider_tables

## Change the contract

.PHONY: gen
gen: setup ## make the Python stubs from proto/
	@scripts/setup-env gen
	@scripts/gen

.PHONY: gen-check
gen-check: setup ## are the committed stubs what proto/ says?
	@scripts/setup-env gen
	@scripts/gen --check

.PHONY: buf-lint
buf-lint: setup ## does the contract keep the rules?
	@$(bin)/buf lint && echo "buf: the contract keeps the rules"

.PHONY: buf-format
buf-format: setup ## is the contract formatted?
	@$(bin)/buf format --diff --exit-code && echo "buf: the contract is formatted"

.PHONY: buf-breaking
buf-breaking: setup ## would a published caller break?
	@$(bin)/buf breaking --against proto/published.binpb && echo "buf: no published caller breaks"

.PHONY: publish-contract
publish-contract: setup ## freeze proto/ as what callers now rely on
	@$(bin)/buf build --exclude-source-info -o proto/published.binpb
	@echo "proto/published.binpb is now the contract that buf-breaking compares with; commit it."

## Change the dependencies

.PHONY: lock
lock: ## pin requirements/*.in again; ARGS=--upgrade for the newest allowed
	@scripts/setup-env lock
	@scripts/lock $(ARGS)
