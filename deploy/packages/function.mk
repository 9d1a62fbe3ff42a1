# Builds any function of an account: what its requirements.lock names, and the account's own package, both with bytecode.
# `sam build` runs this for each function whose template says BuildMethod: makefile. Include it from src/Makefile, which
# is found by its own place: SAM runs make in a copy of the folder.
SHELL := /bin/bash
SOURCE := $(dir $(abspath $(firstword $(MAKEFILE_LIST))))
PACKAGES := $(patsubst %/__init__.py,%,$(wildcard $(SOURCE)*/__init__.py))

build-%:
	@test -n "$(ARTIFACTS_DIR)" || { echo 'Say where to: ARTIFACTS_DIR=folder' >&2; exit 2; }
	@folder="$$("$(SOURCE)../../packages/dependencies.sh" "$(SOURCE)requirements.lock")" && cp -R "$$folder/." "$(ARTIFACTS_DIR)"
	@cp -R $(PACKAGES) "$(ARTIFACTS_DIR)"
	@for package in $(notdir $(PACKAGES)); do \
		find "$(ARTIFACTS_DIR)/$$package" -name __pycache__ -prune -exec rm -rf {} + && \
		"$(PYTHON313)" -m compileall -q --invalidation-mode unchecked-hash -s "$(ARTIFACTS_DIR)" -p /var/task \
			"$(ARTIFACTS_DIR)/$$package" || exit 1; \
	done
