#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Who was told of another's progress sees it: acquire points; and what is none.

load ../lib/common

@test "acquire: read from a shared pipe" {
	fiveways acquire read
}

@test "acquire: recv from a shared socketpair" {
	fiveways acquire recv
}

@test "acquire: a shared eventfd" {
	fiveways acquire eventfd
}

@test "acquire: poll of a shared pipe" {
	fiveways acquire poll
}

@test "acquire: select of a shared pipe" {
	fiveways acquire select
}

@test "acquire: epoll_wait, the event of a shared pipe" {
	fiveways acquire epoll
}

@test "acquire: epoll_wait, one data for our own pipe and a shared one" {
	fiveways acquire epoll_same_data
}

@test "acquire: epoll_wait, the same, our own added later" {
	fiveways acquire epoll_same_data_later
}

@test "acquire: epoll_wait, the data of our own given to a shared one" {
	fiveways acquire epoll_mod
}

@test "acquire: epoll_wait, a member added by a duplicate" {
	fiveways acquire epoll_dup
}

@test "acquire: epoll_wait, an epoll in an epoll" {
	fiveways acquire epoll_nested
}

@test "acquire: a pipe that a child inherits later" {
	fiveways acquire inherited
}

@test "acquire: wait" {
	fiveways acquire wait
}

@test "acquire: a signal handler that sets a flag" {
	fiveways acquire signal_flag
}

@test "acquire: a signal handler that writes to a pipe of our own" {
	fiveways acquire signal_own_pipe
}

@test "acquire: signalfd" {
	fiveways acquire signalfd
}

@test "acquire: sigwait" {
	fiveways acquire sigwait
}

@test "acquire: flock taken from another" {
	fiveways acquire flock
}

@test "acquire: a child of vfork makes a file" {
	fiveways acquire vfork
}

@test "acquire: posix_spawn makes a file" {
	fiveways acquire posix_spawn
}

@test "acquire: system" {
	fiveways acquire system
}

@test "private: a program that wakes itself loses nothing" {
	local mode
	fiveways acquire own
	for mode in sync uring lag; do
		[[ $(stat_sum $mode .cause.channel) == 0 ]] || fail "mode $mode: a barrier for a channel of our own"
		(($(stat_sum $mode .dir.known) >= 30)) || fail "mode $mode: beliefs were dropped"
	done
}

@test "private: node's thread pool loses nothing by waking the loop" {
	command -v node >/dev/null || skip "no node"
	cat >"$T/loop.js" <<-'J'
		const fs = require("fs").promises, {spawn} = require("child_process");
		(async () => {
		    await new Promise(ended => spawn("true").on("exit", ended)); // forks
		    await fs.mkdir("d");
		    for (let i = 0; i < 300; i += 4)
		        await Promise.all([0, 1, 2, 3].map(k => fs.writeFile("d/f" + (i + k), "text of " + i)));
		})();
	J
	fiveways -d create -e UV_THREADPOOL_SIZE=1 node "$T/loop.js"
	(($(stat_sum sync .cause.channel) <= 2)) || fail "barriers: $(cat "$T/sync.stats")"
	(($(stat_sum sync .dir.known) >= 200)) || fail "beliefs: $(cat "$T/sync.stats")"
}

@test "private: asyncio loses nothing by waking the loop" {
	[[ -x /usr/bin/python3 ]] || skip "no python3"
	cat >"$T/loop.py" <<-'P'
		import asyncio, concurrent.futures, os, subprocess
		def put(i):
		    fd = os.open(f"d/f{i}", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)
		    os.write(fd, b"text of %d" % i)
		    os.close(fd)
		async def main():
		    loop, pool = asyncio.get_running_loop(), concurrent.futures.ThreadPoolExecutor(1)
		    subprocess.run(["true"])
		    await (await asyncio.create_subprocess_exec("true")).wait()
		    for i in range(0, 300, 4):
		        await asyncio.gather(*(loop.run_in_executor(pool, put, i + k) for k in range(4)))
		os.mkdir("d")
		asyncio.run(main())
	P
	fiveways -d create /usr/bin/python3 "$T/loop.py"
	(($(stat_sum sync .cause.channel) <= 4)) || fail "barriers: $(cat "$T/sync.stats")"
	(($(stat_sum sync .dir.known) >= 200)) || fail "beliefs: $(cat "$T/sync.stats")"
}
