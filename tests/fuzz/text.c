/* SPDX-License-Identifier: MIT */
/*
 * text.c - lists of operations as text, and as a C program that compiles by itself
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

bool read_ops(const char *file, struct op *ops, int *n)
{
	char line[200], name[64];
	FILE *f = fopen(file, "re");

	*n = 0;
	if (!f)
		return false;
	while (*n < OPS_MAX && fgets(line, sizeof(line), f)) {
		struct op *o = &ops[*n];

		if (sscanf(line, "%63s %d %d %d %d %d %d", name, &o->a[0], &o->a[1], &o->a[2],
			   &o->a[3], &o->a[4], &o->a[5]) != 1 + ARGS)
			continue;
		for (o->code = 0; o->code < N_OPS; o->code++)
			if (!strcmp(kinds()[o->code].name, name))
				break;
		if (o->code < N_OPS)
			(*n)++;
	}
	fclose(f);
	return true;
}

void write_ops(FILE *f, const struct op *ops, int n)
{
	for (int i = 0; i < n; i++) {
		fprintf(f, "%s", kinds()[ops[i].code].name);
		for (int j = 0; j < ARGS; j++)
			fprintf(f, " %d", ops[i].a[j]);
		fprintf(f, "\n");
	}
}

static void arg_text(char *buf, size_t size, char letter, int v, int thread)
{
	unsigned u = (unsigned)v;

	switch (letter) {
	case 'P':
	case 'D':
		path_text(buf, size, v, thread);
		break;
	case 'F':
		snprintf(buf, size, "slot_table()[%u]", u % 12);
		break;
	case 'S':
		snprintf(buf, size, "%u", u % 12);
		break;
	case 'O':
		flags_text(buf, size, open_flags[u % (unsigned)n_open_flags]);
		break;
	case 'M':
		snprintf(buf, size, "0%o", (unsigned)file_modes[u % (unsigned)n_file_modes]);
		break;
	case 'N':
		snprintf(buf, size, "%d", sizes[u % (unsigned)n_sizes]);
		break;
	case 'L':
		snprintf(buf, size, "%d", offsets[u % (unsigned)n_offsets]);
		break;
	case 'G':
		snprintf(buf, size, "%u", 5 + u % 16);
		break;
	default:
		snprintf(buf, size, "%u", u & 7);
	}
}

static void print_call(FILE *f, int i, const struct op *o, int thread)
{
	const struct kind *k = &kinds()[o->code];
	char buf[700];
	char last = ' ';

	fprintf(f, "\terrno = T_UNTOUCHED;\n\tnote_op(%d, \"%s\", (long)(", i, k->name);
	for (const char *s = k->text; *s; s++) {
		unsigned arg = (unsigned)(s[1] - '0');
		bool part =
			last == '_' || (last >= 'A' && last <= 'Z') || (last >= 'a' && last <= 'z');

		if (!part && arg < ARGS && k->arg[arg] == *s) {
			arg_text(buf, sizeof(buf), *s, o->a[arg], thread);
			fprintf(f, "%s", buf);
			s++;
			last = ' ';
		} else {
			fputc(*s, f);
			last = *s;
		}
	}
	fprintf(f, "));\n");
}

static void copy_file(FILE *f, const char *src, const char *name)
{
	char path[1000], line[1000];
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", src, name);
	in = fopen(path, "re");
	while (in && fgets(line, sizeof(line), in))
		if (strncmp(line, "#include \"", 10) != 0)
			fputs(line, f);
	if (in)
		fclose(in);
}

/* Blocks of threads are nested functions, those of children the body of an if. */
static void print_body(FILE *f, const struct op *ops, int n)
{
	int stack[OPS_MAX / 100], depth = 0, thread = -1;

	for (int i = 0; i < n; i++) {
		const struct op *o = &ops[i];

		switch (o->code) {
		case OP_fork:
			fprintf(f, "\t{\n\tpid_t pid;\n\tif (forked(&pid)) {\n");
			stack[depth++] = i;
			break;
		case OP_threads:
			stack[depth++] = i;
			thread = 0;
			fprintf(f, "\t{\n\tstruct worker w[3];\n\tvoid t0(void *arg T_UNUSED) {\n"
				   "\tmkdir(\"t0\", 0755);\n");
			break;
		case OP_next:
			thread++;
			fprintf(f,
				"\t}\n\tvoid t%d(void *arg T_UNUSED) {\n\tmkdir(\"t%d\", 0755);\n",
				thread, thread);
			break;
		case OP_end:
			if (!depth)
				break;
			o = &ops[stack[--depth]];
			if (o->code == OP_fork) {
				fprintf(f, "\tleave(%d, true);\n\t}\n\treaped(pid);\n\t}\n",
					o->a[0]);
				break;
			}
			fprintf(f, "\t}\n");
			for (int t = 0; t <= thread; t++)
				fprintf(f, "\tw[%d].run = t%d;\n", t, t);
			fprintf(f, "\tworkers(w, %d);\n\t}\n", thread + 1);
			thread = -1;
			break;
		case OP_exec:
			if (!depth)
				fprintf(f,
					"\texec_self(argv, %d);\n\t/* fall through */\n\tcase %d:\n",
					i + 1, i + 1);
			break;
		case OP_leave:
			if (!depth)
				fprintf(f, "\tleave(%d, false);\n", o->a[0]);
			break;
		default:
			if (thread < 0 || kinds()[o->code].where == ANY)
				print_call(f, i, o, thread);
		}
	}
}

void print_program(FILE *f, const struct op *ops, int n, const char *src)
{
	fprintf(f,
		"/*\n * cc -w -o repro THIS.c -lpthread -lutil; then in an empty directory: repro, and again in\n"
		" * another one with T_PRELOAD=/path/to/libfastio.so in the environment (and\n"
		" * FASTIO_...); the transcripts on standard output have to be equal.  What was found\n"
		" * is at the end, in main().\n */\n#define _GNU_SOURCE\n");
	copy_file(f, src, "../progs/t.h");
	copy_file(f, src, "../fault/progs/raw.h");
	copy_file(f, src, "calls.h");
	copy_file(f, src, "calls_names.h");
	copy_file(f, src, "calls_streams.h");
	copy_file(f, src, "calls_system.h");
	copy_file(f, src, "alone.h");
	if (n && ops[0].a[5] == 1)
		fprintf(f, "\n/* as user 65534, in a directory of that user */");
	fprintf(f, "\nint main(int argc, char **argv)\n{\n\tint at = alone_main(argc, argv);\n\n"
		   "\tswitch (at) {\n\tcase 0:\n");
	print_body(f, ops, n);
	fprintf(f, "\t}\n\treturn 0;\n}\n");
}
