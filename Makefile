# Holdfast. Each command installs what it needs first: see .ci/packages and .ci/toolchain.
#
#   make run      open the window; without a display, on a virtual one, with a sample pinned through it
#   make test     every test there is, the real window included
#   make build    release programs: target/release/holdfast-desktop and target/release/holdfast
#   make lint     formatting, clippy, svelte-check, eslint, generated bindings, licences and known holes
#   make interop  both ways with Kubo and IPFS Cluster, which are built first; says that it is skipped where go is missing
#   make bench    hashing against openssl and tar, uploads against curl and cp, small files, memory, time to a usable window;
#                 fails over a limit of tests/src/bench/limits.rs
#   make bench-short  in two minutes what does not depend on the machine's speed: memory, requests and bytes of uploads
#   make fuzz     hostile archives, blocks, texts, requests and forms, FUZZ_SECONDS (60) each; finds go into tests/crashes/<target>
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
FUZZ_SECONDS ?= 60
home_option := $(if $(HOME_DIR),--home "$(abspath $(HOME_DIR))")

ui_sources := $(shell find ui -name node_modules -prune -o -path 'ui/dist*' -prune -o -type f -print)
modules := ui/node_modules/.package-lock.json
# Other people's software that tests compare with: a folder of tests/ each.
test_modules := $(patsubst %/package.json,%/node_modules/.package-lock.json,$(wildcard tests/*/package.json))
ui_built := target/ui-built
cargo_fuzz := target/tools/bin/cargo-fuzz
cargo_fuzz_version := 0.13.2

.PHONY: run test build lint interop bench bench-short crash fuzz fuzz-api bindings web-view tools desktop force

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
	.ci/dependencies

kubo := target/interop/bin/ipfs
cluster := target/interop/bin/ipfs-cluster-service

ifeq ($(shell command -v go),)
interop:
	@echo "SKIPPED interop with Kubo and IPFS Cluster: go is not on this machine"
else
# Building all targets first is what `make test` does, so that nothing is compiled twice.
interop: tools desktop web-view $(kubo) $(cluster)
	cargo build --workspace --all-targets
	HOLDFAST_KUBO="$(abspath $(kubo))" HOLDFAST_CLUSTER="$(abspath $(cluster))" \
		cargo test --workspace --test kubo --test kubo_remote --test nodes -- --ignored
endif

# Without CGO no C compiler is needed.
$(kubo): tests/kubo/go.mod tests/kubo/go.sum
	CGO_ENABLED=0 nice go -C tests/kubo build -trimpath -buildvcs=false -o "$(abspath $@)" github.com/ipfs/kubo/cmd/ipfs
	touch $@

$(cluster): tests/cluster/go.mod tests/cluster/go.sum
	CGO_ENABLED=0 nice go -C tests/cluster build -trimpath -buildvcs=false -o "$(abspath $@)" \
		github.com/ipfs-cluster/ipfs-cluster/cmd/ipfs-cluster-service
	touch $@

bench: tools desktop web-view
	cargo build --release --package holdfast-desktop --package holdfast-cli --package holdfast-tests --bins
	target/release/bench

# With the programs that `make test` has built.
bench-short: tools desktop web-view
	cargo build --workspace --all-targets
	"$${CARGO_TARGET_DIR:-target}/debug/bench" --short

crash: tools
	HOLDFAST_CRASHES=200 cargo test --package holdfast-service --test service -- --exact --nocapture \
		crash::killed_at_any_moment_it_keeps_every_acknowledged_pin_and_no_block_too_many

# A target may use memory in proportion to its input, which has 16 KiB at most: one piece of 8 MiB is too much.
fuzz: tools $(cargo_fuzz)
	for crate in content service; do
		cargo test --package holdfast-$$crate --test crashes -- --ignored write_the_seeds
		cd $(abspath src-tauri/crates)/$$crate
		targets=$$($(abspath $(cargo_fuzz)) list)
		for target in $$targets; do
			mkdir -p tests/crashes/$$target
			RUSTC_BOOTSTRAP=1 $(abspath $(cargo_fuzz)) run --target-dir $(abspath target/fuzz) $$target -- \
				-max_total_time=$(FUZZ_SECONDS) -max_len=16384 -timeout=10 -malloc_limit_mb=8 -rss_limit_mb=1024 \
				-artifact_prefix=tests/crashes/$$target/
		done
	done

$(cargo_fuzz):
	cargo install cargo-fuzz --version $(cargo_fuzz_version) --locked --root target/tools

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
