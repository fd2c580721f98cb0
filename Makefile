# librpyc.  `make demo` shows it at work, `make test` tests everything, `make help` lists the rest.

CARGO  ?= $(or $(shell command -v cargo),$(HOME)/.cargo/bin/cargo)
PYTHON ?= python3
export PYTHON

# Everything that is made lies here; CARGO_TARGET_DIR moves it.
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
LIB    := $(TARGET)/release
OUT    := $(TARGET)/c

CFLAGS   ?= -O2 -g
CSTRICT  := -std=c11 -Wall -Wextra -Wpedantic -Werror -pthread
# The dynamic library is found where it was built, wherever the program is started from.
LINK     := -Wl,--as-needed -L$(LIB) -lrpyc -Wl,-rpath,$(LIB)
COMPILE   = @mkdir -p $(@D) && echo "cc $(@F)" && $(CC) $(CSTRICT) $(CFLAGS) -Iinclude
HEADERS  := include/rpyc.h include/rpyc_helpers.h

# A program is its own sources (interop_server*.c) and those that no program of the folder has to itself.
INTEROP := $(wildcard tests/c/*.c)
INTEROP_SERVER := $(filter tests/c/interop_server%,$(INTEROP))
INTEROP_CLIENT := $(filter tests/c/interop_client%,$(INTEROP))
INTEROP_SHARED := $(filter-out $(INTEROP_SERVER) $(INTEROP_CLIENT),$(INTEROP))
# The same programs over bare sessions: their sources with other functions under the same names.
BARE := $(wildcard tests/bare/*.c)

TWIN := $(wildcard tests/twin/*.c)

BENCH := $(patsubst benches/c/%.c,$(OUT)/%,$(wildcard benches/c/*.c)) $(patsubst benches/cpp/%.cpp,$(OUT)/cpp/%,$(wildcard benches/cpp/*.cpp))

EXAMPLES := $(patsubst examples-c/%.c,$(OUT)/%,$(wildcard examples-c/*.c))
CPP      := $(patsubst bindings/cpp/tests/%.cpp,$(OUT)/cpp/%,$(wildcard bindings/cpp/tests/*.cpp)) \
            $(OUT)/cpp/interop_server $(OUT)/cpp/interop_client \
            $(patsubst bindings/cpp/examples/%.cpp,$(OUT)/cpp/%,$(wildcard bindings/cpp/examples/*.cpp))
BORDER   := $(patsubst tests/c_border/%.c,$(OUT)/border/%,$(wildcard tests/c_border/*.c))

.PHONY: all library interop-programs twin-program soak-program soak bench-programs examples border-programs cpp-programs go-programs
.PHONY: go-key demo test test-long twin sanitize bench bench-count bench-conversions check-fast model model-long format format-check lint header clean help
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

all: library ## build the libraries and the program rpyc, in target/release

# One build for both, so that nothing is compiled twice; the libraries do not hold what only the program needs.
# Nothing of who builds it, or where, is in it: two builds are equal, byte for byte.
# REMAP= and PROFILE= in the environment keep what another folder has built.
REMAP ?= --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=cargo --remap-path-prefix=$(CURDIR)=.
# The same for C in crates; who sets CFLAGS sets them for that too.
REMAP_C       = $(subst --remap-path-prefix,-ffile-prefix-map,$(REMAP))
CRATE_CFLAGS  = $(strip $(if $(filter file,$(origin CFLAGS)),,$(CFLAGS)) $(REMAP_C))
# The profile says which code is hot; it fits one version of rustc, and another builds without. PROFILE= does so too.
PROFILE      ?= yes
PROFILE_USE   = $(if $(PROFILE),$(shell CARGO=$(CARGO) $(PYTHON) packaging/profile/profile.py flags $(TARGET)/profiles))
library:
	RUSTFLAGS="$(strip $(RUSTFLAGS) $(REMAP) $(PROFILE_USE))" CFLAGS="$(CRATE_CFLAGS)" $(CARGO) build --release --locked --features tool
	@ln -sf librpyc.so $(LIB)/librpyc.so.0

interop-programs: $(OUT)/interop_server $(OUT)/interop_client $(OUT)/bare_server $(OUT)/bare_client ## build the C programs of the interop tests
twin-program: $(OUT)/twin $(OUT)/twin_bare ## build the native side of the random twin
soak-program: $(OUT)/soak ## build the native side of the soak
bench-programs: $(BENCH) ## build the benchmarks
examples: $(EXAMPLES) ## build the examples in examples-c
border-programs: $(BORDER) $(OUT)/border/every_function_null ## build the C programs of tests/c_border

cpp-programs: $(CPP) ## build the tests and examples of the C++ binding

# A missing source is said in words.
$(OUT)/interop_server $(OUT)/interop_client: $(INTEROP) $(wildcard tests/c/*.h)

$(OUT)/interop_server: $(HEADERS) Makefile | library
	$(if $(INTEROP_SERVER),,$(error there is no tests/c/interop_server*.c))
	$(COMPILE) -Itests/c -o $@ $(INTEROP_SERVER) $(INTEROP_SHARED) $(LINK)
$(OUT)/interop_client: $(HEADERS) Makefile | library
	$(if $(INTEROP_CLIENT),,$(error there is no tests/c/interop_client*.c))
	$(COMPILE) -Itests/c -o $@ $(INTEROP_CLIENT) $(INTEROP_SHARED) $(LINK)
$(OUT)/bare_server $(OUT)/bare_client: $(INTEROP) $(BARE) $(wildcard tests/c/*.h tests/bare/*.h) $(HEADERS) Makefile | library
	@mkdir -p $(@D)/bare && echo "cc $(@F)" && \
	for source in $(INTEROP); do \
	    $(CC) $(CSTRICT) $(CFLAGS) -Iinclude -Itests/c -include tests/bare/rename.h -c $$source \
	        -o $(@D)/bare/$(@F).$$(basename $$source .c).o || exit 1; \
	done
	@$(CC) $(CSTRICT) $(CFLAGS) -Iinclude -Itests/bare -o $@ $(BARE) \
	    $(patsubst tests/c/%.c,$(@D)/bare/$(@F).%.o,$(INTEROP_SHARED) $(if $(filter bare_server,$(@F)),$(INTEROP_SERVER),$(INTEROP_CLIENT))) $(LINK)
$(OUT)/twin: $(TWIN) $(wildcard tests/twin/*.h) tests/c/interop.h tests/c/interop_common.c $(HEADERS) Makefile | library
	$(COMPILE) -Itests/c -o $@ $(TWIN) tests/c/interop_common.c $(LINK)
# The service over bare sessions.
TWIN_BARE := tests/twin/bare/main.c tests/twin/service.c tests/twin/things.c tests/twin/item.c tests/c/interop_common.c
$(OUT)/twin_bare: $(TWIN_BARE) $(BARE) $(wildcard tests/twin/*.h tests/bare/*.h) tests/c/interop.h $(HEADERS) Makefile | library
	@mkdir -p $(@D)/bare && echo "cc $(@F)" && \
	for source in $(TWIN_BARE); do \
	    $(CC) $(CSTRICT) $(CFLAGS) -Iinclude -Itests/c -Itests/twin -include tests/bare/rename.h -c $$source \
	        -o $(@D)/bare/$(@F).$$(basename $$source .c).o || exit 1; \
	done
	@$(CC) $(CSTRICT) $(CFLAGS) -Iinclude -Itests/bare -o $@ $(BARE) $(patsubst %.c,$(@D)/bare/$(@F).%.o,$(notdir $(TWIN_BARE))) $(LINK)
$(OUT)/soak: tests/soak/soak.c $(HEADERS) Makefile | library
	$(COMPILE) -o $@ $< $(LINK)
$(filter-out $(OUT)/cpp/%,$(BENCH)): $(OUT)/%: benches/c/%.c $(wildcard benches/c/*.h) $(HEADERS) Makefile | library
	$(COMPILE) -o $@ $< $(LINK)
$(EXAMPLES): $(OUT)/%: examples-c/%.c $(wildcard examples-c/*.h) $(HEADERS) Makefile | library
	$(COMPILE) -o $@ $< $(LINK)
$(BORDER): $(OUT)/border/%: tests/c_border/%.c $(wildcard tests/c_border/*.h) $(HEADERS) Makefile | library
	$(COMPILE) -Itests/c_border -DLIBRPYC='"$(LIB)/librpyc.so.0"' -o $@ $< $(LINK)


# C++20, for the coroutines; what must be C++17 is compiled so by the tests.
CXXCOMPILE = @mkdir -p $(@D) && echo "c++ $(@F)" && $(CXX) -std=c++20 -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -pthread \
             $(CXXFLAGS) -Iinclude -Ibindings/cpp/include
CXXFLAGS ?= -O0 -g1
CPP_HEADERS := $(HEADERS) $(wildcard bindings/cpp/include/*.hpp bindings/cpp/include/rpyc/*.hpp bindings/cpp/tests/*.hpp bindings/cpp/tests/interop/*.hpp)
$(OUT)/cpp/interop_%: bindings/cpp/tests/interop/%.cpp $(CPP_HEADERS) Makefile | library
	$(CXXCOMPILE) -o $@ $< $(LINK)
$(OUT)/cpp/%: bindings/cpp/tests/%.cpp $(CPP_HEADERS) Makefile | library
	$(CXXCOMPILE) -o $@ $< $(LINK)
$(OUT)/cpp/%: bindings/cpp/examples/%.cpp $(CPP_HEADERS) Makefile | library
	$(CXXCOMPILE) -o $@ $< $(LINK)
$(OUT)/cpp/%: benches/cpp/%.cpp $(CPP_HEADERS) Makefile | library
	$(CXXCOMPILE) -o $@ $< $(LINK)

# cgo finds the library by pkg-config. What that says, and what the headers say, is not part of the key under which go keeps what it
# has built; CGO_CFLAGS is, so a sum of both stands there.
GO ?= go
GO_KEY = -O2 -g -DRPYC_SUM=$(shell { cat include/rpyc.h; echo $(LIB); } | cksum | cut -d' ' -f1)
$(OUT)/pkgconfig/rpyc.pc: $(HEADERS) Makefile
	@mkdir -p $(@D)
	@{ echo 'Name: rpyc'; echo 'Description: RPyC for native programs'; echo 'Version: 0'; \
	   echo 'Cflags: -I$(CURDIR)/include'; \
	   echo 'Libs: -L$(LIB) -lrpyc -Wl,-rpath,$(LIB)'; } > $@
go-key: # for who runs go beside make
	@echo $(GO_KEY)
go-programs: $(OUT)/pkgconfig/rpyc.pc | library ## build the Go binding and its interop programs
	@mkdir -p $(OUT)/go && echo "go build ./..."
	@cd bindings/go && PKG_CONFIG_PATH=$(OUT)/pkgconfig GOPROXY=off CGO_CFLAGS="$(GO_KEY)" $(GO) build -o $(OUT)/go/ ./internal/...

# Written from the header: one call of every function with NULL for each of its pointers.
$(OUT)/border/every_function_null.c: tests/run/null_calls.py $(HEADERS)
	@mkdir -p $(@D)
	$(PYTHON) tests/run/null_calls.py include/rpyc.h $@
$(OUT)/border/every_function_null: $(OUT)/border/every_function_null.c $(wildcard tests/c_border/*.h) Makefile | library
	$(COMPILE) -Itests/c_border -o $@ $< $(LINK)

demo: ## build the library, then show C and Python calling each other; installs RPyC in .venvs
	@$(PYTHON) tests/run/prepare.py demo
	@$(MAKE) --no-print-directory all examples
	@TARGET=$(TARGET) RPYC_PYTHON=$(CURDIR)/.venvs/rpyc-6.0.2/bin/python demo/run.sh

test: ## build and run all tests; installs missing packages
	@TARGET=$(TARGET) CARGO=$(CARGO) $(PYTHON) tests/run/main.py

test-long: ## run the tests that take too long for make test
	@TARGET=$(TARGET) CARGO=$(CARGO) $(PYTHON) tests/run/main.py --long

twin: ## run random programs against stock RPyC; SEEDS=20000 (a number) or SEEDS=100-200 (a range)
	@TARGET=$(TARGET) CARGO=$(CARGO) SEEDS=$(SEEDS) $(PYTHON) tests/run/main.py twin.

soak: ## run servers whose peers connect, end and are killed, for SOAK_MINUTES (60)
	@TARGET=$(TARGET) CARGO=$(CARGO) SOAK_MINUTES=$(or $(SOAK_MINUTES),60) $(PYTHON) tests/run/main.py soak.long

sanitize: ## run the tests of the C++ binding with g++'s sanitizers
	@TARGET=$(TARGET) CARGO=$(CARGO) $(PYTHON) tests/run/main.py cpp.sanitized

bench: all bench-programs ## measure calls, raw sockets and Python's RPyC; QUICK=1: check that the benchmarks run
	@TARGET=$(TARGET) CARGO=$(CARGO) $(PYTHON) benches/run/main.py $(if $(QUICK),--quick)

bench-count: all bench-programs ## compare instruction counts of the hot paths with the baseline; BLESS=1: write the baseline
	@TARGET=$(TARGET) CARGO=$(CARGO) $(PYTHON) benches/run/counts.py $(if $(BLESS),--bless)

.PHONY: profile profile-check release-check
profile: ## record the compiler's profile for the installed rustc
	@TARGET=$(TARGET) CARGO=$(CARGO) $(PYTHON) packaging/profile/profile.py make
profile-check: library ## print how much hot code has changed since the profile was recorded
	@TARGET=$(TARGET) CARGO=$(CARGO) $(PYTHON) packaging/profile/profile.py stale
release-check: profile-check abi ## check that the profile is current and the binary interface unchanged

bench-conversions: all bench-programs go-programs ## measure conversions of numbers, strings and arrays; QUICK=1 as for bench
	@TARGET=$(TARGET) $(CURDIR)/.venvs/rpyc-6.0.2/bin/python benches/run/conversions.py $(if $(QUICK),--quick,--write)

check-fast: ## run the Rust tests only
	$(CARGO) test --locked

MODEL = $(CARGO) test --locked --features model --test model
model: ## run the model checker on the threads, with 1500 schedules for each scenario
	$(MODEL)
model-long: ## the same with 20,000 schedules
	MODEL_SCHEDULES=20000 $(MODEL)

# clang-format 14 decides; other versions break some lines elsewhere. include/rpyc.h is written by cbindgen.
FORMATTED = $(shell find benches bindings demo examples examples-c include tests -name '*.[ch]' -o -name '*.[ch]pp' | \
                   grep -vx -e include/rpyc.h -e '.*/\.work/.*')
format: ## format Rust, C and C++
	$(CARGO) fmt
	clang-format -i $(FORMATTED)
format-check:
	@clang-format --dry-run -Werror $(FORMATTED)
lint: ## check the formatting of Rust and run clippy
	$(CARGO) fmt --check
	@if $(CARGO) clippy --version >/dev/null 2>&1; then \
	    $(CARGO) clippy --locked --all-targets --features tool -- -D warnings && \
	    $(CARGO) clippy --locked --features model --test model -- -D warnings; \
	else echo "clippy is not installed (rustup component add clippy): not run"; fi

header: ## regenerate include/rpyc.h and include/symbols.txt from src/ffi
	BLESS=1 $(CARGO) test --locked --test header

include packaging/packaging.mk

clean: ## remove all build output and the virtual environments
	$(CARGO) clean
	rm -rf .venvs tests/.work

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
