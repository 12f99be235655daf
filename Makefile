# Firebreak from a fresh Debian 12 machine: `make demo` shows the main job, `make test` proves it.

# Everything the project needs, in one list. `make deps` installs what is missing, as root or with sudo.
PACKAGES = build-essential cmake ninja-build ccache pkg-config git ca-certificates \
  libgrpc++-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev libabsl-dev librocksdb-dev libssl-dev \
  libspdlog-dev libfmt-dev libgtest-dev libgmock-dev libboost-dev libcurl4-openssl-dev libyaml-cpp-dev \
  libsimdjson-dev rapidjson-dev libcli11-dev libre2-dev libzstd-dev libisal-dev libjemalloc-dev \
  python3 python3-sklearn python3-jsonschema python3-yaml nodejs node-ajv openssl curl jq prometheus prometheus-alertmanager
# Only for developing and measuring; `make deps-dev` adds them.
PACKAGES_DEV = clang clang-tidy clang-format libclang-rt-14-dev wrk restic borgbackup casync

BUILD ?= build/release
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: all deps deps-dev build build-all demo test test-slow test-mutation bench clean

all: build

deps:
	@missing=$$(for p in $(PACKAGES); do dpkg -s $$p 2>/dev/null | grep -q '^Status: install ok' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  echo "installing: $$missing"; \
	  $(SUDO) apt-get update -qq && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi

deps-dev: deps
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES_DEV) >/dev/null

$(BUILD)/build.ninja:
	cmake -G Ninja -S . -B $(BUILD) -DCMAKE_BUILD_TYPE=Release -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=8

# The three programs.
build: deps $(BUILD)/build.ninja
	ninja -C $(BUILD) firebreakd firebreak firebreak-agent

# The programs and every test.
build-all: deps $(BUILD)/build.ninja
	ninja -C $(BUILD)

demo: build
	/usr/bin/python3 tests/e2e/main_job/main_job.py --bin $(BUILD)/bin

# Every test; ends with `N passed, N failed`. Slow suites run where time allows (see tests/run.py).
test: build-all
	/usr/bin/python3 tests/run.py --build $(BUILD)

test-slow: build-all
	/usr/bin/python3 tests/run.py --build $(BUILD) --slow

# Faults planted in the engine that runs playbooks, one at a time; every one must be noticed.
test-mutation: deps
	cmake -G Ninja -S . -B build/mutation -DCMAKE_BUILD_TYPE=Debug -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=8
	ninja -C build/mutation runs_test runs_sim
	/usr/bin/python3 tests/mutation/run.py --build build/mutation

bench: deps-dev build-all
	/usr/bin/python3 tests/bench/run.py --build $(BUILD)

clean:
	rm -rf build
