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

install: $(LIB)/librpyc.so $(DIST)/librpyc.a ## libraries, headers, rpyc.pc, CMake package, man pages; PREFIX= LIBDIR= DESTDIR=
	@$(INSTALL_ENV) packaging/install.sh install

uninstall: ## removes what make install with the same PREFIX, LIBDIR and DESTDIR installs
	@$(INSTALL_ENV) packaging/install.sh uninstall

deb: $(LIB)/librpyc.so $(DIST)/librpyc.a ## Debian packages, in target/deb
	@MAKE="$(MAKE)" OUT="$(TARGET)/deb" packaging/deb.sh

.PHONY: abi
abi: ## the binary interface against the committed one; BLESS=1 makes this one the committed
	@$(PYTHON) packaging/abi/abi.py $(if $(BLESS),bless,check)
