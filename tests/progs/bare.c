/* SPDX-License-Identifier: MIT */
/* bare.c - runs a command with descriptors 0 to 2 only: bare CMD [ARG]... */
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2)
		return 64;
	closefrom(3);
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
