# Everything from a fresh clone with gcc, g++, make and Python 3.11. `make test` and `make demo` set up their own
# environment in .venv; the first run downloads about 1 GB.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
PEERS  := $(VENV)/peers
PAGE   := targets/web/page/index.html
PAGE_SOURCES := $(wildcard web_harness/*.json web_harness/*.ts web_harness/*.html web_harness/native/*.c) \
	$(shell find web_harness/src conformance/vectors -name generated -prune -o -type f -print 2>/dev/null) \
	$(wildcard core/src/*.[ch] core/src/*/*.[ch] core/include/*.h core/wasm/*) pico_deploy/measure/result.schema.json
CORE   := $(wildcard core/src/*.[ch] core/src/*/*.[ch] core/include/*.h core/binding/*)

# Debian 12's own Node is too old to build the page; without a newer one the tests that need it are skipped and say so.
WEB_TESTS := $(shell node -e 'const [a, b] = process.versions.node.split(".").map(Number); \
  if (a > 20 || (a === 20 && b >= 19)) console.log("web-test")' 2>/dev/null)

.PHONY: help env system test lint types pytest demo web web-test apk bench-core bench-wasm conformance arm-cost android-arm fuzz corruptions tidy arm-runtimes clean

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make env      create .venv with the project and everything its tests need
env: $(STAMP)

# torch goes first and alone: resolved together with the rest, newer builds with gigabytes of CUDA would be taken.
$(STAMP): pyproject.toml constraints.txt CMakeLists.txt $(CORE)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet "torch==2.13.0" -c constraints.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt scikit-build-core nanobind cmake ninja
	$(BIN)/python -m pip install --quiet --no-build-isolation -c constraints.txt -e ".[dev]"
	touch $@

## make system   install foreign compilers, emulators and a browser for the tests (Debian, as root; else names them)
system:
	.ci/install-packages

## make test     lint, types, C and Python tests
test: system lint types $(WEB_TESTS) pytest

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

pytest: $(STAMP)
	$(BIN)/python -m pytest

## make web      the page of web_harness/, for bench --target web and serve (Node 20.19 or later, clang or ziglang)
web: $(PAGE)

$(PAGE): $(PAGE_SOURCES)
	@command -v npm >/dev/null || { echo "npm is not installed: get Node 20.19 or later; the page is not built" >&2; exit 1; }
	cd web_harness && npm ci --silent && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent build

## make web-test lint and unit tests of the page
web-test: web
	cd web_harness && npm run --silent lint && npm test --silent

## make demo     convert the shipped weights, round-trip a 12 MP photo, verify, measure, report
demo: $(STAMP)
	$(BIN)/python demo/run.py --out out/demo

## make conformance   the published vectors on this machine, then on every compiler and CPU there is here
conformance: $(STAMP)
	$(BIN)/pico-deploy verify conformance/model/bundle --vectors conformance/vectors
	$(BIN)/pico-deploy verify --matrix -o out/conformance

## make apk      the vectors as an Android app, without Gradle (Debian's aapt, smali, zipalign, apksigner, a JDK)
apk: $(STAMP)
	$(BIN)/python android_harness/apk/make_apk.py -o out/conform.apk

# Peers lie beside the environment, for this benchmark alone: torchac is GPL 3, and compressai asks for far more than its
# coder needs. What does not install is named by the benchmark.
$(PEERS)/.installed: $(STAMP) benchmarks/peers.txt
	-$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $(PEERS) -r benchmarks/peers.txt
	mkdir -p $(PEERS) && touch $@

## make bench-core   every kernel set and coders of others: workloads A and B, whole images, integer network, pixels
bench-core: $(PEERS)/.installed
	PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH=$(PEERS) $(BIN)/python benchmarks/core.py

## make bench-wasm   scalar and vector kernels of the WebAssembly module in Node: workloads A and B
bench-wasm: $(STAMP)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python benchmarks/core_wasm.py

## make arm-cost   instructions a symbol on AArch64, by kernel set, under an emulator
arm-cost: $(STAMP)
	$(BIN)/python benchmarks/arm/cost.py

## make arm-runtimes  real AArch64 builds of ONNX Runtime and LiteRT under qemu, against those of this machine
arm-runtimes: $(STAMP)
	$(BIN)/python benchmarks/arm/runtimes.py --out out/arm-runtimes

## make android-arm  every vector through JNI on an AArch64 JVM under qemu (makes that JVM, needs Debian and npm)
android-arm: $(STAMP)
	PYTHONPATH=tests/android_harness $(BIN)/python tests/android_harness/arm_jvm.py

## make fuzz     every fuzz target, core and manifest, for a minute under the sanitizers (needs clang-19)
fuzz: $(STAMP)
	$(BIN)/python core/fuzz/fuzzers.py --seconds 60
	mkdir -p out/fuzz/manifest && $(BIN)/python tests/bundle/fuzz_manifest.py -max_total_time=60 out/fuzz/manifest

## make corruptions   damage real streams and models in a million ways; prints what became of them
corruptions:
	$(PYTHON) core/fuzz/corruptions.py --count 1000000

## make tidy     clang-tidy over all of the core, vector kernels included
tidy:
	for source in $(wildcard core/src/*.c core/src/*/*.c); do clang-tidy-19 --quiet $$source -- -std=c11 -Icore/include -Icore/src || exit 1; done

## make clean    remove what was built and installed here
clean:
	rm -rf $(VENV) build out
