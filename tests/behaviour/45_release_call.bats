#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Calls after which another process may look are release points: whoever learns of them finds all work in place.

load ../lib/common

@test "release: fsync, that file" {
	fiveways -o release fsync
}

@test "release: fdatasync, that file" {
	fiveways -o release fdatasync
}

@test "release: sync_file_range, that file" {
	fiveways -o release sync_file_range
}

@test "release: sync" {
	fiveways -o release sync
}

@test "release: syncfs" {
	fiveways -o release syncfs
}

@test "release: mmap, that file" {
	fiveways -o release mmap
}

@test "release: dup, that file" {
	fiveways -o release dup
}

@test "release: fdopen, that file" {
	fiveways -o release fdopen
}

@test "release: flock of a file just written" {
	fiveways -o release lock_file
}

@test "release: flock taken" {
	fiveways -o release take_flock
}

@test "release: chdir" {
	fiveways -o release chdir
}

@test "release: umask" {
	fiveways -o release umask
}

@test "release: dlopen" {
	fiveways -o release dlopen
}

@test "release: setrlimit" {
	fiveways -o release setrlimit
}

@test "release: setuid" {
	fiveways -o release setuid
}

@test "release: an unknown syscall()" {
	fiveways -o release unknown_syscall
}

@test "release: access by path, that file" {
	fiveways -o release stat
}

@test "release: readdir, that directory" {
	fiveways -o release readdir
}

@test "release: fchdir" {
	fiveways -o release fchdir
}

@test "release: chroot" {
	fiveways -o -d none release chroot
}

@test "release: unshare" {
	fiveways -o release unshare
}

@test "release: setns" {
	fiveways -o release setns
}

@test "release: mount" {
	fiveways -o release mount
}

@test "release: umount" {
	fiveways -o release umount
}

@test "release: setgid" {
	fiveways -o release setgid
}

@test "release: prctl" {
	fiveways -o release prctl
}

@test "release: prctl, seccomp" {
	fiveways -o release seccomp
}

@test "release: ptrace" {
	fiveways -o release ptrace
}

@test "release: capset" {
	fiveways -o release capset
}

@test "release: personality" {
	fiveways -o release personality
}

@test "release: shmat" {
	fiveways -o release shmat
}

@test "release: sem_init" {
	fiveways -o release sem_init
}

@test "release: io_uring_setup" {
	fiveways -o release io_uring_setup
}

@test "release: msync, that file" {
	fiveways -o release msync
}

@test "release: copy_file_range, that file" {
	fiveways -o release copy_file_range
}

@test "release: sendfile, that file" {
	fiveways -o release sendfile_from
}

@test "release: splice, that file" {
	fiveways -o release splice_from
}

@test "release: ioctl, that file" {
	fiveways -o release ioctl
}

@test "release: scandir, that directory" {
	fiveways -o release scandir
}

@test "release: getdents, that directory" {
	fiveways -o release getdents
}

@test "release: open by path, that file" {
	fiveways -o release open
}

@test "release: chmod by path, that file" {
	fiveways -o release chmod
}

@test "release: chown by path, that file" {
	fiveways -o release chown
}

@test "release: utimes by path, that file" {
	fiveways -o release utimes
}

@test "release: truncate by path, that file" {
	fiveways -o release truncate
}

@test "release: readlink by path, that file" {
	fiveways -o release readlink
}

@test "release: listxattr by path, that file" {
	fiveways -o release listxattr
}

@test "release: lstat by path, that file" {
	fiveways -o release lstat
}

@test "release: a user that the files do not have" {
	fiveways -o release getpwnam
}

@test "release: a group that the files do not have" {
	fiveways -o release getgrgid
}
