/* SPDX-License-Identifier: MIT */
/* doctor_elf.c - can the library help this program? */
#include "doctor.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SCRIPTS 4 /* interpreters that are scripts themselves */

#if defined(__x86_64__)
#define OUR_MACHINE EM_X86_64
#else
#define OUR_MACHINE EM_AARCH64
#endif

struct image {
	const char *data;
	size_t size;
	struct stat st;
};

static bool find_in_path(const char *name, char *out)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/'))
		return realpath(name, out) != NULL;
	for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
		size_t n = strcspn(p, ":");
		char candidate[PATH_MAX];

		snprintf(candidate, sizeof(candidate), "%.*s/%s", (int)n, p, name);
		if (!access(candidate, X_OK) && realpath(candidate, out))
			return true;
		p += n + (p[n] == ':');
	}
	return realpath(name, out) != NULL; /* in the current directory */
}

static int load(const char *path, struct image *im)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *data = MAP_FAILED;

	if (fd >= 0 && !fstat(fd, &im->st) && im->st.st_size > 0)
		data = mmap(NULL, (size_t)im->st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		close(fd);
	if (data == MAP_FAILED)
		return io_failed("look at", path, fd >= 0 && !im->st.st_size ? ENOEXEC : errno);
	im->data = data;
	im->size = (size_t)im->st.st_size;
	return EXIT_OK;
}

/* The dynamic linker that the program asks for, or NULL; *dynamic: it has a dynamic section. */
static const char *interpreter(const struct image *im)
{
	const ElfW(Ehdr) *eh = (const void *)im->data;
	const ElfW(Phdr) * ph;

	if (eh->e_phoff > im->size || eh->e_phnum > (im->size - eh->e_phoff) / sizeof(*ph))
		return NULL;
	ph = (const void *)(im->data + eh->e_phoff);
	for (int i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_INTERP && ph[i].p_filesz && ph[i].p_offset < im->size &&
		    ph[i].p_filesz <= im->size - ph[i].p_offset &&
		    !im->data[ph[i].p_offset + ph[i].p_filesz - 1])
			return im->data + ph[i].p_offset;
	return NULL;
}

/*
 * The mark of Go's linker, which is followed by the size of a pointer; in other places it is a
 * text.
 */
static bool is_go(const struct image *im)
{
	static const char mark[] = "\xff Go buildinf:";
	const char *p = im->data, *end = im->data + im->size;

	for (; (p = memmem(p, (size_t)(end - p), mark, sizeof(mark) - 1)); p++)
		if (end - p > (ptrdiff_t)sizeof(mark) && (p[sizeof(mark) - 1] & ~(4 | 8)) == 0 &&
		    p[sizeof(mark) - 1])
			return true;
	return false;
}

/* Does the program, or a library of it, load one whose name begins so?  Asks the dynamic linker, as ldd
 * does; the program is not run. */
static bool loads(const char *interp, const char *path, const char *library)
{
	char *argv[] = {(char *)interp, (char *)"--list", (char *)path, NULL}, line[PATH_MAX + 64];
	struct piped list;
	bool found = false;

	if (!piped_start(&list, argv, false, true))
		return false;
	while (fgets(line, sizeof(line), list.output))
		found |= !strncmp(line + strspn(line, " \t"), library, strlen(library));
	piped_end(&list);
	return found;
}

static void look_at_rights(const char *path, const struct image *im)
{
	bool caps = getxattr(path, "security.capability", NULL, 0) > 0;

	if (access(path, X_OK))
		find(FIND_NOTE, "chmod +x", "%s may not be executed", path);
	if ((im->st.st_mode & S_ISUID && im->st.st_uid != getuid()) ||
	    (im->st.st_mode & S_ISGID && im->st.st_gid != getgid()))
		find(FIND_NO, "run it as the user whose rights it takes",
		     "it is setuid or setgid: the dynamic linker preloads nothing");
	else if (caps && geteuid() != 0)
		find(FIND_NO, "run it as root",
		     "it has file capabilities: the dynamic linker preloads nothing");
	else if (caps || im->st.st_mode & (S_ISUID | S_ISGID))
		find(FIND_NOTE, NULL,
		     "it is setuid or has file capabilities: for other users nothing is preloaded");
}

static void look_at_elf(const char *path, const struct image *im)
{
	const ElfW(Ehdr) *eh = (const void *)im->data;
	const char *interp;

	if (im->data[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
	    eh->e_machine != OUR_MACHINE) {
		find(FIND_NO, NULL, "it is for another architecture than the library");
		return;
	}
	look_at_rights(path, im);
	interp = interpreter(im);
	if (is_go(im))
		find(FIND_NO, NULL,
		     "it is a Go program: Go makes its system calls itself, and the library does not "
		     "see them");
	else if (!interp)
		find(FIND_NO, "use a dynamically linked build of it",
		     "it is statically linked: nothing can be preloaded");
	else if (strstr(interp, "ld-musl"))
		find(FIND_NO, "build libfastio with that libc, or use a glibc build of the program",
		     "it is linked with musl, the library with glibc");
	else if (loads(interp, path, "liburing.so"))
		find(FIND_NO, NULL,
		     "it loads liburing, whose system calls the library does not see: nothing is "
		     "deferred");
	else if (loads(interp, path, "libasan.so"))
		find(FIND_NO, "use a build of it without AddressSanitizer",
		     "it loads libasan, which ends the program if another library is preloaded "
		     "before it");
	else
		find(FIND_OK, NULL, "%s is dynamically linked (%s): the library can be preloaded",
		     path, interp);
}

/* "#! /usr/bin/env name", "#!/bin/sh -e": the interpreter, into name */
static bool script(const struct image *im, char *name, size_t room)
{
	char line[PATH_MAX], *save = NULL, *word, *slash;
	size_t n = im->size - 2 < sizeof(line) - 1 ? im->size - 2 : sizeof(line) - 1;

	memcpy(line, im->data + 2, n);
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	word = strtok_r(line, " \t", &save);
	slash = word ? strrchr(word, '/') : NULL;
	if (slash && !strcmp(slash, "/env"))
		do {
			word = strtok_r(NULL, " \t", &save);
		} while (word && (word[0] == '-' || strchr(word, '=')));
	if (word)
		snprintf(name, room, "%s", word);
	return word != NULL;
}

static int look(const char *name, int depth)
{
	char path[PATH_MAX], interp[PATH_MAX];
	struct image im = {0};
	int rc = EXIT_OK;

	if (!find_in_path(name, path))
		return io_failed("find the program", name, errno);
	if (load(path, &im) != EXIT_OK)
		return EXIT_IO;
	if (im.size > sizeof(ElfW(Ehdr)) && !memcmp(im.data, ELFMAG, SELFMAG)) {
		look_at_elf(path, &im);
	} else if (im.size > 2 && !memcmp(im.data, "#!", 2) && depth < SCRIPTS &&
		   script(&im, interp, sizeof(interp))) {
		find(FIND_OK, NULL, "%s is a script for %s", path, interp);
		rc = look(interp, depth + 1);
	} else {
		rc = io_failed("look at", path, ENOEXEC);
	}
	munmap((void *)im.data, im.size);
	return rc;
}

int doctor_program(const char *name)
{
	return look(name, 0);
}
