# A thin front for CMake, CTest and pytest. `make help` lists the targets.
#
# Everything installs what it needs itself (Debian packages, as root).

PYTHON ?= /usr/bin/python3
JOBS ?= $(shell nproc)

# What failed beside others runs twice more alone, and must pass both times: see scripts/e2e.
ALONE = ctest -j 1 --rerun-failed --repeat until-fail:2

.PHONY: help run build test unit e2e soak asan tsan clang bench bench-data bench-ports bench-state bench-proxies format tidy clean

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

run: ## install what is missing, build, and show two networks on an engine
	@scripts/install-packages build
	@$(MAKE) --no-print-directory binary
	@scripts/install-packages run
	@$(PYTHON) -B scripts/demo

build: ## leave build/release/drawbridge
	@scripts/install-packages build
	@$(MAKE) --no-print-directory binary

.PHONY: binary
binary:
	@cmake --preset release -DBUILD_TESTING=OFF >/dev/null
	@cmake --build --preset release -j $(JOBS)

test: ## install, build and run every test: unit, kernel, end to end
	@scripts/install-packages build
	@scripts/install-packages test
	@$(MAKE) --no-print-directory asan-build
	@$(MAKE) --no-print-directory -j 2 --output-sync=target asan-tests binary-beside
	@$(MAKE) --no-print-directory tsan e2e

unit: ## unit and kernel tests, quickly: the debug build without sanitizers
	@cmake --preset dev >/dev/null
	@cmake --build --preset dev -j $(JOBS)
	@ctest --preset dev -j 5

asan: ## unit and kernel tests under the address and undefined-behaviour sanitizers
	@$(MAKE) --no-print-directory asan-build
	@$(MAKE) --no-print-directory asan-tests

.PHONY: asan-build asan-tests binary-beside
asan-build:
	@cmake --preset asan >/dev/null
	@cmake --build --preset asan -j $(JOBS)

# Kernel tests wait most of the time: the compiler has what they leave.
binary-beside:
	@nice -n 19 $(MAKE) --no-print-directory binary

asan-tests:
	@ctest --preset asan -j 5 || $(ALONE) --preset asan

tsan: ## tests of what runs on several threads, under the thread sanitizer
	@cmake --preset tsan >/dev/null
	@cmake --build --preset tsan -j $(JOBS) --target thread_tests
	@ctest --preset tsan -j $(JOBS)

clang: ## unit and kernel tests as clang builds them
	@cmake --preset clang >/dev/null
	@cmake --build --preset clang -j $(JOBS)
	@ctest --preset clang -j 5

e2e: ## end-to-end tests on three private engines side by side; needs the binaries of `build` and `asan`
	@PYTHON=$(PYTHON) scripts/e2e

soak: ## ROUNDS (1000) of create, run, remove with the daemon killed at random, and a census (about 20 minutes)
	@scripts/install-packages build
	@scripts/install-packages test
	@$(MAKE) --no-print-directory binary
	@$(PYTHON) -B tests/soak/kills.py

bench: ## measure against Docker's bridge driver and the IPAM's ceilings, write docs/benchmarks*.md (about 25 minutes)
	@scripts/install-packages build
	@scripts/install-packages run
	@cmake --preset release -DBUILD_TESTING=OFF -DDRAWBRIDGE_BENCH=ON >/dev/null
	@cmake --build --preset release -j $(JOBS)
	@$(PYTHON) -B bench/addresses.py
	@$(PYTHON) -B bench/control_plane.py

bench-data: ## measure the traffic of 1 to 1,000 networks against Docker's bridge driver, write docs/benchmarks-data.md (about 25 minutes)
	@scripts/install-packages build
	@scripts/install-packages run
	@cmake --preset release -DBUILD_TESTING=OFF -DDRAWBRIDGE_BENCH=ON >/dev/null
	@cmake --build --preset release -j $(JOBS)
	@$(PYTHON) -B bench/data_plane.py

bench-ports: ## measure published ports against docker-proxy, beside 1 and 1,000 networks, write docs/benchmarks-ports.md (about 20 minutes)
	@scripts/install-packages build
	@scripts/install-packages run
	@cmake --preset release -DBUILD_TESTING=OFF -DDRAWBRIDGE_BENCH=ON >/dev/null
	@cmake --build --preset release -j $(JOBS)
	@$(PYTHON) -B bench/published_ports.py

bench-state: ## measure starts, looks, engine restarts and crowds with hundreds of networks, write docs/benchmarks-state.md (about 10 minutes)
	@scripts/install-packages build
	@scripts/install-packages run
	@$(MAKE) --no-print-directory binary
	@$(PYTHON) -B bench/state.py

bench-proxies: ## measure how soon a proxy reaches a container that starts, and the API calls of 200 networks, write docs/benchmarks-proxies.md (about 10 minutes)
	@scripts/install-packages build
	@scripts/install-packages run
	@$(MAKE) --no-print-directory binary
	@$(PYTHON) -B bench/proxies.py

format: ## format the C++ code (clang-format-19)
	@git ls-files '*.cc' '*.h' | xargs clang-format-19 -i

tidy: ## check the C++ code (clang-tidy-19)
	@cmake --preset clang >/dev/null
	@git ls-files '*.cc' | grep -v -e '^tests/' -e '^bench/' | \
	  xargs -P $(JOBS) -n 4 clang-tidy-19 --quiet -p build/clang

clean: ## remove build/
	@rm -rf build
