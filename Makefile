# Holdfast. Each command installs what it needs first: see .ci/packages and .ci/toolchain.
#
#   make run      open the window; without a display, on a virtual one, with a sample pinned through it
#   make test     every test there is, the real window included
#   make build    release programs: target/release/holdfast-desktop and target/release/holdfast
#   make lint     formatting, clippy, svelte-check, eslint, generated bindings
#   make bench    upload speed against curl and cp, many small files, peak memory, time to a usable window
#   make crash    the service killed 200 times under load: nothing acknowledged is lost (HOLDFAST_SEED repeats a run)
#   make fuzz-api call the pinning service with what its own description allows and forbids (schemathesis)
#
# `make run HOME_DIR=DIR` keeps its state in DIR.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := build

HOME_DIR ?=
home_option := $(if $(HOME_DIR),--home "$(abspath $(HOME_DIR))")

ui_sources := $(shell find ui -name node_modules -prune -o -path 'ui/dist*' -prune -o -type f -print)
modules := ui/node_modules/.package-lock.json
# Other people's software that tests compare with: a folder of tests/ each.
test_modules := $(patsubst %/package.json,%/node_modules/.package-lock.json,$(wildcard tests/*/package.json))
ui_built := target/ui-built

.PHONY: run test build lint bench crash fuzz-api bindings web-view tools desktop force

run: tools web-view
	@if [ -n "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ] || [ "$$(uname -s)" = Darwin ]; then
		cargo build --release --package holdfast-desktop
		exec target/release/holdfast-desktop $(home_option)
	else
		.ci/packages desktop
		cargo build --release --package holdfast-desktop --package holdfast-cli --package holdfast-tests --bins
		exec target/release/virtual-desktop $(home_option)
	fi

build: tools web-view
	cargo build --release --package holdfast-desktop --package holdfast-cli

# Building all targets first makes the programs that the scenarios start, with the features that the tests have.
test: tools desktop web-view $(test_modules)
	npm --prefix ui test
	cargo build --workspace --all-targets
	status=0
	cargo test --workspace --no-fail-fast | tee target/test-results.txt || status=$$?
	awk '/^test result:/ { passed += $$4; failed += $$6 } END { print passed " passed, " failed " failed" }' target/test-results.txt
	exit $$status

lint: tools desktop web-view
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	cargo test --workspace --lib ipc::bindings
	npm --prefix ui run check
	npm --prefix ui run lint

bench: tools desktop web-view
	cargo build --release --package holdfast-desktop --package holdfast-cli --package holdfast-tests --bins
	target/release/bench
	target/release/bench-service

crash: tools
	HOLDFAST_CRASHES=200 cargo test --package holdfast-service --test service -- --exact --nocapture \
		crash::killed_at_any_moment_it_keeps_every_acknowledged_pin_and_no_block_too_many

fuzz-api: tools target/schemathesis/installed
	cargo build --package holdfast-cli
	target/schemathesis/bin/python tests/schemathesis/run.py "$${CARGO_TARGET_DIR:-target}/debug/holdfast"

target/schemathesis/installed: tests/schemathesis/requirements.txt
	python3 -m venv target/schemathesis
	target/schemathesis/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

# Writes ui/src/lib/bindings/ipc.ts again after a change of src-tauri/src/ipc.
bindings: tools
	UPDATE_BINDINGS=1 cargo test --workspace --lib ipc::bindings

tools:
	@.ci/packages build
	@.ci/toolchain

desktop:
	@.ci/packages desktop

web-view: $(ui_built)

%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	npm --prefix $* ci --ignore-scripts --no-audit --no-fund
	touch $@

$(ui_built): $(modules) $(ui_sources) $(if $(wildcard ui/dist/assets),,force)
	npm --prefix ui run build
	mkdir -p target
	touch $@
