/* SPDX-License-Identifier: MIT */
/*
 * alone.h - the frame of a printed reproducer: the observer, which starts the program again
 */
#ifndef ALONE_H
#define ALONE_H

/* Argument lists as those of the player: PROGRAM --play SHARED - DIRECTORY [AT SLOTS] */
T_UNUSED static int alone_main(int argc, char **argv)
{
	static char self[300], file[40] = "/tmp/repro.XXXXXX", dir[256];
	char *args[] = {self, (char *)"--play", file, (char *)"-", dir, NULL};
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int top, pair[2], st, fd;
	pid_t pid, watcher;

	self[n < 0 ? 0 : n] = 0;
	self_path = self;
	if (argc > 3 && !strcmp(argv[1], "--dump")) {
		map_shared(argv[2]);
		dump_tree("a child", open(argv[3], O_RDONLY | O_DIRECTORY));
		exit(0);
	}
	if (argc > 4) {
		begin(argv[2], argv[4]);
		if (argc > 6)
			slots_from(argv[6]);
		return argc > 5 ? atoi(argv[5]) : 0;
	}
	fd = mkstemp(file);
	if (fd < 0 || ftruncate(fd, sizeof(*shared)) || !getcwd(dir, sizeof(dir)))
		exit(70);
	close(fd);
	map_shared(file);
	top = open(".", O_RDONLY | O_DIRECTORY);   /* HOME_FD */
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair); /* TELL_FD and another */
	watcher = fork();
	if (watcher == 0) {
		strcpy(home, dir);
		observe(top, pair[1]);
		_exit(0);
	}
	shared->observer = watcher;
	pid = fork();
	if (pid == 0) {
		const char *lib = getenv("T_PRELOAD");

		close(pair[1]);
		if (lib)
			setenv("LD_PRELOAD", lib, 1);
		execv(self, args);
		_exit(127);
	}
	waitpid(pid, &st, 0);
	emit("ended: %x\n", (unsigned)st);
	usleep(getenv("T_PRELOAD") ? 500000 : 0); /* what is left is done by then */
	kill(watcher, SIGKILL);
	dump_tree("in the end", top);
	unlink(file);
	fwrite(shared->text, 1, shared->len, stdout);
	exit(0);
}

#endif /* ALONE_H */
