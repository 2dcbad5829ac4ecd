# SPDX-License-Identifier: MIT
#
# libfastio: make, make check, make bench, make install; see README.md

VERSION = 0.1.0

CC ?= gcc
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
BINDIR ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
ZSHDIR ?= $(DATADIR)/zsh/site-functions

B = build

# make V=1 shows the commands
ifeq ($(V),)
Q = @echo "  $(@:build/%=%)";
endif

WARN = -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
       -Wpointer-arith -Wundef
OPT = -O2 -g
CPPFLAGS_ALL = -Iinclude -D_GNU_SOURCE -DFIO_VERSION='"$(VERSION)"' $(CPPFLAGS)
CFLAGS_ALL = -std=gnu11 $(OPT) $(WARN) $(CFLAGS)
DEPFLAGS = -MMD -MP

# SAN=asan|tsan|ubsan builds into a directory of its own
ifneq ($(SAN),)
B := build/$(SAN)
SAN_asan = -fsanitize=address
SAN_tsan = -fsanitize=thread
SAN_ubsan = -fsanitize=undefined -fno-sanitize-recover=undefined
SANFLAGS = $(SAN_$(SAN)) -fno-omit-frame-pointer
ifeq ($(SAN_$(SAN)),)
$(error SAN must be asan, tsan or ubsan)
endif
# The task gets a thread state; the runtime and its options are preloaded in front, and reports are files.
EXTRA = -fPIC $(CPPFLAGS_ALL) tests/sanitize/clone.c -Wl,--wrap=fio_clone \
	$(if $(filter tsan,$(SAN)),-Wl$(comma)--wrap=fio_hidden_pair)
SAN_FIRST = $(CURDIR)/$(B)/first.so
SAN_FIRST_asan = :$(shell $(CC) -print-file-name=libasan.so)
REPORTS = $(CURDIR)/$(B)/reports
SAN_OPTIONS = -DREPORTS='"$(REPORTS)/report"' tests/sanitize/first.c
SAN_ENV = FASTIO_TEST_LIB=$(CURDIR)/$(B)/libfastio.so FASTIO_TEST_UNITS=$(CURDIR)/$(B)/unit \
	  FASTIO_TEST_FIRST=$(SAN_FIRST)$(SAN_FIRST_$(SAN))
endif

# COV=1: gcov's counters, see tests/coverage
ifneq ($(COV),)
B := build/cov
OPT = -O0 -g
SANFLAGS = -fprofile-arcs -ftest-coverage -fprofile-update=atomic -fprofile-info-section=gcov_infos \
	   -fdata-sections
EXTRA = -fPIC $(CPPFLAGS_ALL) -DCOUNTS_FILE='"$(CURDIR)/$(B)/counts/$(@F)"' \
	tests/coverage/counters.c -Wl,-T,tests/coverage/counters.ld
endif

# The background task runs without libc's thread state: no stack protector, no thread-local storage.
# Small variables side by side (-fdata-sections, --sort-section): a child of fork touches few pages.
CORE_FLAGS = -fPIC -fvisibility=hidden -fno-stack-protector -fno-strict-aliasing \
	     -ftls-model=initial-exec -fno-builtin-memcmp -fdata-sections
PRELOAD_FLAGS = -fPIC -fvisibility=hidden -fno-builtin -fno-stack-protector \
		-ftls-model=initial-exec -U_FORTIFY_SOURCE -fdata-sections

# The ring as a library: chains of requests under way in one ring, which the background task of the preload
# drives as well, and the actor that makes it serve many threads
FLIGHT := ring flight group discard prepare request
CORE_SRC := $(wildcard core/*.c core/*.S) $(FLIGHT:%=core/ring/%.c)
RING_SRC := $(wildcard core/ring/*.c)
PRELOAD_SRC := $(wildcard preload/*.c preload/*.S)
BENCH_SRC := $(wildcard bench/*.c)
SLOWFS_SRC := $(wildcard bench/slowfs/*.c)
TOOLS_SRC := $(wildcard tools/*.c)
TEST_SRC := $(wildcard tests/progs/*.c)
FAULT_SRC := $(wildcard tests/fault/progs/*.c)
UNIT_SRC := $(wildcard tests/unit/*.c)

obj = $(patsubst %,$(B)/obj/%.o,$(basename $(1)))

CORE_OBJ := $(call obj,$(CORE_SRC))
PRELOAD_OBJ := $(call obj,$(PRELOAD_SRC))
RING_OBJ := $(call obj,$(RING_SRC))
BENCH_OBJ := $(call obj,$(BENCH_SRC))
FUZZ_SRC := $(wildcard tests/fuzz/*.c)
# The command measures and compares with the means of the benchmark.
TOOLS_OBJ := $(call obj,$(TOOLS_SRC) bench/measure.c bench/tree.c bench/util.c)
TESTS := $(TEST_SRC:tests/progs/%.c=$(B)/tests/%) $(FAULT_SRC:tests/fault/progs/%.c=$(B)/tests/fault-%) \
	 $(B)/tests/fuzz
EXAMPLES := $(patsubst examples/%.c,$(B)/examples/%,$(wildcard examples/*.c))
UNITS := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)

.PHONY: FORCE all check check-unit conformance coverage bench death deb deps examples fuzz install \
	install-core clean lint mutations soak tests units

all: $(B)/libfastio.so $(B)/libfastio-core.a $(B)/fastio-core.pc $(B)/fastio-bench $(B)/fastio \
     $(B)/fastio-audit $(B)/empty.so

# The actor has threads of libc's; ring.c alone is also part of the preload.
$(B)/obj/core/ring/%.o: private CORE_FLAGS += -Icore
$(B)/obj/core/%.o: core/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(CORE_FLAGS) $(SANFLAGS) $(DEPFLAGS) -c -o $@ $<

$(B)/obj/core/%.o: core/%.S
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) -fPIC $(DEPFLAGS) -c -o $@ $<

$(B)/obj/preload/%.o: preload/%.c preload/symbols.def
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(PRELOAD_FLAGS) $(SANFLAGS) $(DEPFLAGS) -c -o $@ $<

$(B)/obj/preload/%.o: preload/%.S preload/symbols.def
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) -fPIC $(DEPFLAGS) -c -o $@ $<

$(B)/obj/bench/%.o: bench/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(DEPFLAGS) -c -o $@ $<

$(B)/obj/tools/%.o: tools/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) -DFIO_LIBDIR='"$(LIBDIR)"' \
		-DFIO_LIBSUB='"$(LIBDIR:$(PREFIX)/%=%)"' $(CFLAGS_ALL) $(DEPFLAGS) -c -o $@ $<

# Where things are installed: what contains it is made again when that has changed.
$(B)/libdir: FORCE
	@mkdir -p $(@D)
	@echo '$(PREFIX) $(LIBDIR)' | cmp -s - $@ || echo '$(PREFIX) $(LIBDIR)' > $@

$(B)/obj/tools/preload.o: $(B)/libdir

# For the command, which takes single parts of the core
$(B)/obj/core.a: $(CORE_OBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(B)/libfastio.map: preload/symbols.def preload/mkmap.sh
	@mkdir -p $(@D)
	sh preload/mkmap.sh "$(CC)" preload/symbols.def > $@.tmp && mv $@.tmp $@

$(B)/libfastio.so: $(CORE_OBJ) $(PRELOAD_OBJ) $(B)/libfastio.map $(filter %.c,$(EXTRA))
	$(Q)$(CC) -shared $(SANFLAGS) -Wl,-Bsymbolic-functions -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete \
		-Wl,-z,noseparate-code -Wl,--sort-section=alignment \
		-Wl,--version-script=$(B)/libfastio.map -Wl,-soname,libfastio.so \
		-o $@ $(EXTRA) $(CORE_OBJ) $(PRELOAD_OBJ) -l:liburing.a $(LDFLAGS)

$(B)/libfastio-core.a: $(RING_OBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(B)/fastio-core.pc: core/ring/fastio-core.pc.in Makefile $(B)/libdir
	@mkdir -p $(@D)
	sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' $< > $@

$(B)/fastio-bench: $(BENCH_OBJ) $(B)/libfastio-core.a
	$(Q)$(CC) -o $@ $^ $(SANFLAGS) -l:liburing.a -lpthread -ldl $(LDFLAGS)

# In front of a library with a sanitizer; see its head
$(B)/first.so: tests/sanitize/first.c
	@mkdir -p $(@D) $(REPORTS) && chmod 1777 $(REPORTS)
	$(Q)$(CC) -shared -fPIC $(OPT) $(WARN) $(SANFLAGS) -Wl,-z,initfirst -Wl,--no-as-needed \
		-o $@ $(SAN_OPTIONS)

# What a preloaded library costs anyway: to compare with, for "fastio-bench overhead"
$(B)/empty.so:
	@mkdir -p $(@D)
	$(Q)$(CC) -shared -nostdlib -x c -o $@ /dev/null

$(B)/fastio: $(TOOLS_OBJ) $(B)/obj/core.a
	$(Q)$(CC) $(SANFLAGS) -o $@ $^ -l:liburing.a -lm $(LDFLAGS)

$(B)/fastio-audit: tools/audit.sh preload/mktreat.sh preload/symbols.def preload/harmless.list
	@mkdir -p $(@D)
	sed 's|@VERSION@|$(VERSION)|' $< > $@.tmp
	sh preload/mktreat.sh "$(CC)" preload/symbols.def preload/harmless.list >> $@.tmp
	chmod 755 $@.tmp && mv $@.tmp $@

$(B)/tests/fault-%: tests/fault/progs/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -Wno-missing-prototypes $(DEPFLAGS) -o $@ $< -lpthread -ldl $(FAULT_LIBS)

# Beside 'all', as it needs libfuse: to measure and to test on
$(B)/fastio-slowfs: $(call obj,$(SLOWFS_SRC) bench/util.c)
	$(Q)$(CC) -o $@ $^ $(SANFLAGS) -lfuse3 -lpthread $(LDFLAGS)

$(B)/tests/fault-faultfs $(B)/tests/fault-recorder: private FAULT_LIBS = -lfuse3

$(B)/tests/fuzz: $(FUZZ_SRC) $(wildcard tests/fuzz/*.h tests/fuzz/*.def) tests/progs/t.h tests/fault/progs/raw.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -Wno-missing-prototypes -o $@ $(FUZZ_SRC) -lpthread -lutil

$(B)/tests/%: tests/progs/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -Wno-missing-prototypes $(DEPFLAGS) -o $@ $< -lpthread -lutil

UNIT_OBJ := $(sort $(CORE_OBJ) $(RING_OBJ))

$(B)/unit/%: tests/unit/%.c $(UNIT_OBJ) $(filter %.c,$(EXTRA) $(SAN_OPTIONS))
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -Icore $(SANFLAGS) $(DEPFLAGS) -o $@ $< $(EXTRA) \
		$(SAN_OPTIONS) $(UNIT_OBJ) -l:liburing.a -lpthread $(UNIT_FLAGS)

# Between the engine, the ring and liburing: what makes the ring fail
comma = ,
$(B)/unit/ring_faults: private UNIT_FLAGS = $(addprefix -Wl$(comma)--wrap=,fio_ring_prepare \
	fio_ring_submit fio_ring_harvest io_uring_submit io_uring_wait_cqe_timeout \
	io_uring_register_probe io_uring_register_files)

$(B)/examples/%: examples/%.c $(B)/libfastio-core.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(SANFLAGS) $(DEPFLAGS) -o $@ $< $(B)/libfastio-core.a \
		-l:liburing.a -lpthread

tests: $(TESTS) $(B)/fastio-slowfs
units: $(UNITS)
examples: $(EXAMPLES)

deps:
	@sh tools/deps.sh build

# SAN=asan|ubsan: all over the sanitizer's build; SAN=tsan: the unit tests, CHECKFLAGS names more
check:
	@bash tools/deps.sh check
	$(MAKE) all examples tests units
ifneq ($(SAN),)
	$(MAKE) SAN= all examples tests
	$(MAKE) $(B)/first.so
	rm -f $(REPORTS)/*
endif
	$(SAN_ENV) bash tests/run.sh $(or $(CHECKFLAGS),$(if $(filter tsan,$(SAN)),tests/unit)) \
		$(if $(SAN),; status=$$?; ! grep -s . $(REPORTS)/* && exit $$status)

# FUZZFLAGS='--seed N --ops N --mode M', see tests/fuzz/run.sh --help
fuzz: all $(B)/tests/fuzz
	bash tests/fuzz/run.sh --seconds 600 $(FUZZFLAGS)

# thousands of trials; FASTIO_TEST_SECONDS, FASTIO_TEST_SEED
death: all tests
	FASTIO_TEST_SECONDS=$${FASTIO_TEST_SECONDS:-600} BATS_LIB_PATH=$${BATS_LIB_PATH:-/usr/lib/bats} \
		bats tests/fault/trials.bats

# FASTIO_TEST_SECONDS of real programs in a loop, FASTIO_TEST_FILES in one process
soak: all tests
	FASTIO_TEST_SECONDS=$${FASTIO_TEST_SECONDS:-600} FASTIO_TEST_FILES=$${FASTIO_TEST_FILES:-1000000} \
		BATS_LIB_PATH=$${BATS_LIB_PATH:-/usr/lib/bats} bats tests/soak

# COVERAGEFLAGS: see tests/coverage/run.sh --help
coverage:
	@bash tools/deps.sh check
	bash tests/coverage/run.sh $(COVERAGEFLAGS)

# Test suites of others, stock and preloaded; see tests/conformance/run.py --help
conformance:
	@bash tools/deps.sh check
	$(MAKE) all
	tests/conformance/run.py $(CONFORMANCEFLAGS)

mutations: all
	bash tests/mutate.sh

bench:
	@bash tools/deps.sh bench
	$(MAKE) all $(B)/tests/fault-recorder $(B)/fastio-slowfs
	bash bench/run.sh $(BENCHFLAGS)

lint:
	clang-format --dry-run -Werror \
		$(filter %.c,$(sort $(CORE_SRC) $(RING_SRC)) $(PRELOAD_SRC) $(BENCH_SRC) $(SLOWFS_SRC) $(TOOLS_SRC)) \
		$(wildcard core/*.h core/ring/*.h include/fastio/*.h examples/*.c bench/*.h bench/slowfs/*.h tools/*.h)
	cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,portability \
		--suppress=unknownMacro --suppress=varFuncNullUB -D__x86_64__ -Iinclude core
	shellcheck $(wildcard bench/*.sh tests/*.sh tests/*/*.sh tools/*.sh preload/*.sh) docs/fastio.bash
	clang-tidy --quiet core/*.c core/ring/*.c -- -std=gnu11 -Iinclude -Icore -D_GNU_SOURCE -DFIO_VERSION='"0"'

install: all install-core
	install -D -m 644 $(B)/libfastio.so $(DESTDIR)$(LIBDIR)/libfastio.so
	install -D -m 755 $(B)/fastio $(DESTDIR)$(BINDIR)/fastio
	install -D -m 755 $(B)/fastio-audit $(DESTDIR)$(BINDIR)/fastio-audit
	install -D -m 755 $(B)/fastio-bench $(DESTDIR)$(BINDIR)/fastio-bench
	install -D -m 644 docs/fastio.1 $(DESTDIR)$(DATADIR)/man/man1/fastio.1
	install -D -m 644 docs/libfastio.7 $(DESTDIR)$(DATADIR)/man/man7/libfastio.7
	install -D -m 644 docs/fastio.bash $(DESTDIR)$(DATADIR)/bash-completion/completions/fastio
	install -D -m 644 docs/fastio.zsh $(DESTDIR)$(ZSHDIR)/_fastio
	install -D -m 644 docs/fastio.fish $(DESTDIR)$(DATADIR)/fish/vendor_completions.d/fastio.fish
	install -d $(DESTDIR)$(PKGCONFIGDIR)
	sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@BINDIR@|$(BINDIR)|; s|@VERSION@|$(VERSION)|' \
		docs/libfastio.pc.in > $(DESTDIR)$(PKGCONFIGDIR)/libfastio.pc

deb:
	bash tools/deb.sh $(B) $(VERSION)

# The ring as a library: archive, header, pkg-config file
install-core: $(B)/libfastio-core.a $(B)/fastio-core.pc
	install -D -m 644 $(B)/libfastio-core.a $(DESTDIR)$(LIBDIR)/libfastio-core.a
	install -D -m 644 $(B)/fastio-core.pc $(DESTDIR)$(PKGCONFIGDIR)/fastio-core.pc
	install -D -m 644 include/fastio/ring.h $(DESTDIR)$(PREFIX)/include/fastio/ring.h

clean:
	rm -rf build

-include $(shell find $(B) \( -path $(B)/deb -o -path $(B)/conformance \) -prune -o -name '*.d' -type f -print 2>/dev/null)
