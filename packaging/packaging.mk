# Installing, packages, the ABI's baseline, reference documentation. Part of the Makefile.

PREFIX     ?= /usr/local
LIBDIR     ?= lib
INCLUDEDIR ?= include
BINDIR     ?= bin
MANDIR     ?= share/man
DESTDIR    ?=

# What lies below PREFIX may be said without it.
below = $(if $(filter /%,$(1)),$(1),$(PREFIX)/$(1))

DIST := $(TARGET)/dist

.PHONY: localised install uninstall deb

# In a make of its own, which sees what cargo has made.
all: localised
localised: library
	@$(MAKE) --no-print-directory $(DIST)/librpyc.a

# Nothing is built again that is there: installing needs neither cargo nor a network.
$(LIB)/librpyc.so $(LIB)/librpyc.a:
	@$(MAKE) --no-print-directory library

# Beside other Rust code in one program: only the functions of the header are left to be seen.
$(DIST)/librpyc.a: $(LIB)/librpyc.a packaging/localise.sh include/symbols.txt
	@echo "localise $(@F)"; packaging/localise.sh $< include/symbols.txt $@

INSTALL_ENV = BUILT="$(LIB)" ARCHIVE="$(DIST)/librpyc.a" DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" \
	LIBDIR="$(call below,$(LIBDIR))" INCLUDEDIR="$(call below,$(INCLUDEDIR))" \
	BINDIR="$(call below,$(BINDIR))" MANDIR="$(call below,$(MANDIR))"

install: $(LIB)/librpyc.so $(DIST)/librpyc.a ## install libraries, headers, program, man pages, pkg-config and CMake files; PREFIX= LIBDIR= DESTDIR=
	@$(INSTALL_ENV) packaging/install.sh install

uninstall: ## remove the files that make install with the same variables installs
	@$(INSTALL_ENV) packaging/install.sh uninstall

deb: $(LIB)/librpyc.so $(DIST)/librpyc.a ## build Debian packages, in target/deb
	@MAKE="$(MAKE)" OUT="$(TARGET)/deb" DEB_LEVEL="$(DEB_LEVEL)" packaging/deb.sh

.PHONY: notices
notices: ## regenerate THIRD-PARTY-NOTICES.txt from Cargo.lock
	@CARGO=$(CARGO) $(PYTHON) packaging/notices.py write THIRD-PARTY-NOTICES.txt

.PHONY: abi
abi: ## compare the binary interface with the committed one; BLESS=1: accept the present one
	@$(PYTHON) packaging/abi/abi.py $(if $(BLESS),bless,check)

# libFuzzer over fuzz/, with the toolchain that is there: the flags are those of cargo-fuzz.
FUZZ_TARGETS := $(filter-out seeds,$(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs))))
FUZZ_FLAGS   := --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
	-Cllvm-args=-sanitizer-coverage-trace-compares -Zsanitizer=address -Ccodegen-units=1
FUZZ_OUT     := $(TARGET)/fuzz
SECONDS      ?= 60
HOST          = $(shell $(or $(RUSTC),rustc) -vV 2>/dev/null | sed -n 's/^host: //p')

.PHONY: fuzz fuzz-build fuzz-check
fuzz-check: ## check that the fuzz targets compile, without libFuzzer
	cd fuzz && CUSTOM_LIBFUZZER_PATH=$(FUZZ_OUT)/none $(CARGO) check --locked --target-dir $(FUZZ_OUT)/check
fuzz-build:
	cd fuzz && RUSTC_BOOTSTRAP=1 RUSTFLAGS="$(FUZZ_FLAGS)" $(CARGO) build --release --locked --target $(HOST) \
	    --target-dir $(FUZZ_OUT)
fuzz: fuzz-build ## run libFuzzer on all code that reads bytes of peers; SECONDS= for each target, FUZZ= to select targets
	@set -e; programs=$(FUZZ_OUT)/$(HOST)/release; $$programs/seeds $(FUZZ_OUT)/seeds; \
	for name in $(or $(FUZZ),$(FUZZ_TARGETS)); do \
	    mkdir -p $(FUZZ_OUT)/corpus/$$name $(FUZZ_OUT)/found; \
	    echo "fuzzing $$name for $(SECONDS) s"; \
	    $$programs/$$name -max_total_time=$(SECONDS) -timeout=20 -rss_limit_mb=2048 -max_len=8192 -verbosity=0 -print_final_stats=1 \
	        -artifact_prefix=$(FUZZ_OUT)/found/$$name- $(FUZZ_OUT)/corpus/$$name $(FUZZ_OUT)/seeds/$$name; \
	done

.PHONY: docs man
docs: ## build the C reference as HTML, in target/docs; missing descriptions are errors
	@mkdir -p $(TARGET)/docs
	@(cat docs/Doxyfile; echo "OUTPUT_DIRECTORY=$(TARGET)/docs") | doxygen -
	@echo "$(TARGET)/docs/html/index.html"
.PHONY: site
site: ## build guides and references as a site, in target/site/html; installs mkdocs in .venvs
	@$(PYTHON) tests/run/prepare.py site
	@.venvs/site/bin/python packaging/site/make.py $(TARGET)/site
man: ## regenerate docs/man/*.3 from rpyc.h
	$(PYTHON) packaging/man/man.py docs/man
