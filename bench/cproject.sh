#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# cproject.sh - generates a C project with a makefile: cproject.sh DIR FILES
set -euo pipefail

dir=$1
n=$2
mkdir -p "$dir"

for ((i = 0; i < n; i++)); do
	cat >"$dir/unit$i.h" <<-EOF
		#ifndef UNIT${i}_H
		#define UNIT${i}_H
		int unit$i(int x);
		#endif
	EOF
	cat >"$dir/unit$i.c" <<-EOF
		#include "unit$i.h"
		#include "unit$(((i + 1) % n)).h"
		#include <stdio.h>

		static const int table[] = { $i, $((i * 7 % 101)), $((i * 13 % 97)) };

		int unit$i(int x)
		{
			for (int k = 0; k < 3; k++)
				x = x * 31 + table[k];
			return x > 1000000 ? x % 1000003 : x;
		}
	EOF
done

{
	echo '#include <stdio.h>'
	for ((i = 0; i < n; i++)); do echo "#include \"unit$i.h\""; done
	echo 'int main(void) { int x = 1;'
	for ((i = 0; i < n; i++)); do echo "x = unit$i(x & 0xffff);"; done
	printf '%s\n' 'printf("%d\n", x); return 0; }'
} >"$dir/main.c"

cat >"$dir/Makefile" <<'EOF'
O = out
SRC = $(wildcard *.c)
OBJ = $(SRC:%.c=$(O)/%.o)

all: $(O)/libunits.a $(O)/program

$(O)/%.o: %.c
	cc -O0 -MMD -MF $(@:.o=.d) -c -o $@ $<

$(O)/libunits.a: $(filter-out $(O)/main.o,$(OBJ))
	ar rcsD $@ $^

$(O)/program: $(O)/main.o $(O)/libunits.a
	cc -o $@ $^
EOF
