#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Pipes, sockets, terminals, messages are release points: whoever learns of them finds all work in place.

load ../lib/common

@test "release: write to a pipe" {
	fiveways -o release write
}

@test "release: writev to a pipe" {
	fiveways -o release writev
}

@test "release: dprintf to a pipe" {
	fiveways -o release dprintf
}

@test "release: write by syscall() to a pipe" {
	fiveways -o release raw_write
}

@test "release: splice into a pipe" {
	fiveways -o release splice
}

@test "release: vmsplice into a pipe" {
	fiveways -o release vmsplice
}

@test "release: sendfile into a pipe" {
	fiveways -o release sendfile
}

@test "release: close of a pipe" {
	fiveways -o release close
}

@test "release: dup2 over a pipe" {
	fiveways -o release dup2_over
}

@test "release: close_range over a pipe" {
	fiveways -o release close_range
}

@test "release: closefrom over a pipe" {
	fiveways -o release closefrom
}

@test "release: write to a socket" {
	fiveways -o release socket_write
}

@test "release: send" {
	fiveways -o release send
}

@test "release: sendto" {
	fiveways -o release sendto
}

@test "release: sendmsg" {
	fiveways -o release sendmsg
}

@test "release: sendmmsg" {
	fiveways -o release sendmmsg
}

@test "release: shutdown of a socket" {
	fiveways -o release shutdown
}

@test "release: close of a socket" {
	fiveways -o release socket_close
}

@test "release: a datagram" {
	fiveways -o release dgram
}

@test "release: connect" {
	fiveways -o release connect
}

@test "release: open of a FIFO" {
	fiveways -o release open_fifo
}

@test "release: write to a terminal" {
	fiveways -o release tty_write
}

@test "release: write to a shared eventfd" {
	fiveways -o release eventfd
}

@test "release: a pipe of our own that a child holds" {
	fiveways -o release own_pipe
}

@test "release: a socketpair of our own that a child holds" {
	fiveways -o release own_socketpair
}

@test "release: an eventfd of our own that a child holds" {
	fiveways -o release own_eventfd
}

@test "release: a pipe of our own that a spawned program holds" {
	fiveways -o release own_spawned
}

@test "release: a pipe of our own that a program holds after vfork" {
	fiveways -o release own_vforked
}

@test "release: a pipe of our own that a program of popen holds" {
	fiveways -o release own_popened
}

@test "release: a close-on-exec pipe that a forked child reads" {
	fiveways -o release kept_forked
}

@test "release: a close-on-exec pipe that a grandchild reads, its parent has executed something" {
	fiveways -o release kept_grandchild
}

@test "release: a close-on-exec pipe that the child duplicated before exec" {
	fiveways -o release kept_dup
}

@test "release: a close-on-exec pipe (a socket) that the child duplicated before exec" {
	fiveways -o release kept_dup_socket
}

@test "release: a close-on-exec pipe (an eventfd) that the child duplicated before exec" {
	fiveways -o release kept_dup_eventfd
}

@test "release: a close-on-exec pipe that was duplicated after vfork" {
	fiveways -o release kept_vfork_dup
}

@test "release: a close-on-exec pipe that the child made inheritable before exec" {
	fiveways -o release kept_setfd
}

@test "release: a close-on-exec pipe that was made inheritable" {
	fiveways -o release kept_cleared
}

@test "release: a close-on-exec pipe that has a duplicate" {
	fiveways -o release kept_dup_before
}

@test "release: a close-on-exec pipe that posix_spawn duplicates" {
	fiveways -o release kept_spawned
}

@test "release: a close-on-exec pipe that the child sent away before exec" {
	fiveways -o release kept_sent
}

@test "release: a pipe of our own that was sent away" {
	fiveways -o release own_sent
}

@test "release: a pipe of our own that was sent away by syscall()" {
	fiveways -o release own_sent_raw
}

@test "release: a pipe of our own in an epoll that a child waits for" {
	fiveways -o release own_epoll
}

@test "release: a pipe of our own that signals another process" {
	fiveways -o release own_sigio
}

@test "release: msgsnd" {
	fiveways -o release msgsnd
}

@test "release: semop" {
	fiveways -o release semop
}

@test "release: mq_send" {
	fiveways -o release mq_send
}

@test "release: kill of the observer" {
	fiveways -o release kill
}

@test "release: sigqueue" {
	fiveways -o release sigqueue
}

@test "release: pidfd_send_signal" {
	fiveways -o release pidfd
}

@test "release: tgkill" {
	fiveways -o release tgkill
}

@test "release: kill by syscall()" {
	fiveways -o release syscall_kill
}

@test "release: kill by a second thread" {
	fiveways -o release kill_in_thread
}
