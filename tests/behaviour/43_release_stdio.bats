#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Streams are release points: whoever learns of them finds all work in place.

load ../lib/common

@test "release: a line printed to a terminal" {
	fiveways -o release tty_stdio
}

@test "release: fprintf and fflush" {
	fiveways -o release fflush
}

@test "release: fflush, what was printed fits the buffer" {
	fiveways -o release fflush_only
}

@test "release: fprintf and fflush(NULL)" {
	fiveways -o release fflush_all
}

@test "release: printf and fflush(stdout)" {
	fiveways -o release printf_fflush
}

@test "release: puts, flushed by exit" {
	fiveways -o release puts_exit
}

@test "release: perror" {
	fiveways -o release perror
}

@test "release: fputs, line buffered" {
	fiveways -o release line_fputs
}

@test "release: fputc, line buffered" {
	fiveways -o release line_fputc
}

@test "release: fprintf, line buffered" {
	fiveways -o release line_fprintf
}

@test "release: putc_unlocked, line buffered" {
	fiveways -o release line_putc_unlocked
}

@test "release: fwrite, unbuffered" {
	fiveways -o release unbuffered_fwrite
}

@test "release: fprintf, unbuffered" {
	fiveways -o release unbuffered_fprintf
}

@test "release: fputc, unbuffered" {
	fiveways -o release unbuffered_fputc
}

@test "release: fclose" {
	fiveways -o release fclose
}

@test "release: fseek of a stream with output" {
	fiveways -o release fseek
}

@test "release: fwrite of more than the buffer" {
	fiveways -o release overflow_fwrite
}

@test "release: putc_unlocked of more than the buffer" {
	fiveways -o release overflow_putc
}

@test "release: fprintf of more than the buffer" {
	fiveways -o release overflow_fprintf
}
