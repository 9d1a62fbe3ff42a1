# Everything a person does with MyApp on one machine; `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
ifndef TOGETHER
.NOTPARALLEL:
endif
MAKEFLAGS += --no-print-directory

PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest
CODE := myapp dataflows reports deploy tests $(if $(wildcard benchmarks/*.py),benchmarks)

# Where both accounts' functions and their layer are imported from.
LAMBDA_PATH := deploy/account1_app/src:deploy/account2_warehouse/src:deploy/layers/message_batches/python

# mypy's Django plugin reads the settings; these values only let them load.
SETTINGS := MYAPP_SECRET_KEY=checks MYAPP_DATABASE_HOST=none MYAPP_DATABASE_NAME=none \
	MYAPP_DATABASE_USER=none MYAPP_DATABASE_PASSWORD=none MYAPP_REDIS_URL=redis://none

# Runs a check: silent when it passes, its whole output when it fails.
check = @output=$$($(1) 2>&1) || { printf '%s\n\nmake: this check failed: %s\n' "$$output" '$(1)' >&2; exit 1; }

.PHONY: help setup setup-checks demo test test-slow verify-real check-policies fault-schedules bench-upsert bench-register clean-local \
	lint lint-style lint-types lint-imports lint-pages lint-aws

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what is missing: system packages, .venv
	@deploy/local/setup.sh

setup-checks: ## install what only the tests need as well: shellcheck, nginx, debootstrap
	@deploy/local/setup.sh checks

demo: setup ## run both accounts on this machine until Ctrl-C; run again to resume
	@$(PYTHON) -m deploy.local.demo

# loadfile: a file's tests share what its module fixtures started. (loadgroup silently groups nothing with
# pytest 9.2: pytest-xdist issue 1386.) In the files' own order: by their number of tests, the fault tests, few and
# long, would come last, and one worker would wait for the others. Three of them keep two processors busy: a test often
# waits for what it has started.
test: setup-checks lint ## run every check, then the tests that are quick
	@$(PYTEST) -n 3 --dist loadfile --no-loadscope-reorder -m "not slow"

test-slow: setup-checks ## run the tests that take long
	@$(PYTEST) -n 3 --dist loadfile -m slow

verify-real: setup ## load the GA4 data in DATA=folder and compare MySQL with it
	@test -n "$(DATA)" || { echo 'Name the folder of the data: make verify-real DATA=folder' >&2; exit 2; }
	@$(PYTHON) -m deploy.local.verify_real "$(DATA)"

bench-upsert: setup ## measure the loader beside MySQL's own LOAD DATA, dlt and AWS SDK for pandas (about 40 minutes)
	@PYTHONPATH=$(LAMBDA_PATH) $(PYTHON) -m benchmarks.loading

bench-register: setup ## measure how long events wait for EventBridge, and how long each Lambda imports
	@PYTHONPATH=$(LAMBDA_PATH) $(PYTHON) -m benchmarks.registering

check-policies: setup ## run the line, record every AWS call, and compare them with what the roles' policies allow
	@PYTHONPATH=$(LAMBDA_PATH) $(PYTHON) -m deploy.local.policies

fault-schedules: setup ## try N random schedules of loads and faults, from seed SEED on, each TIMES times
	@PYTHONPATH=$(LAMBDA_PATH) $(PYTHON) -m tests.faults.loading --schedules $(or $(N),1000) --seed $(or $(SEED),1) --times $(or $(TIMES),1)

lint: setup ## style, types, import rules, page and AWS templates; silent when all is well
	@$(MAKE) --jobs=2 --keep-going TOGETHER=yes lint-types lint-aws lint-style lint-imports lint-pages

lint-style:
	$(call check,.venv/bin/ruff check --quiet .)
	$(call check,.venv/bin/ruff format --check --quiet .)

lint-types:
	$(call check,$(SETTINGS) .venv/bin/mypy $(CODE))

lint-imports:
	$(call check,PYTHONPATH=$(LAMBDA_PATH) .venv/bin/lint-imports)

lint-pages:
	$(call check,.venv/bin/djlint --check --quiet templates)
	$(call check,.venv/bin/djlint --lint --quiet templates)

lint-aws:
	$(call check,.venv/bin/cfn-lint $(filter-out %.buildspec.yaml,$(wildcard deploy/*.yaml deploy/*/*.yaml)))

clean-local: ## stop what a run left behind and delete .local/
	@if [ -e .local ]; then $(PYTHON) -m deploy.local.clean; fi
