#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A process that asks about its pending files gets the stock answers.

load ../lib/common

@test "read your writes: stat" {
	fiveways rw_query stat
}

@test "read your writes: lstat" {
	fiveways rw_query lstat
}

@test "read your writes: stat64, lstat64, fstatat64" {
	fiveways rw_query stat64
}

@test "read your writes: stat through a symlink" {
	fiveways rw_query stat_symlink
}

@test "read your writes: fstatat" {
	fiveways rw_query fstatat
}

@test "read your writes: fstat of the open file" {
	fiveways rw_query fstat
}

@test "read your writes: the old __xstat entry points" {
	fiveways rw_query xstat
}

@test "read your writes: statx" {
	fiveways rw_query statx
}

@test "read your writes: access family" {
	fiveways rw_query access
}

@test "read your writes: access is the first to ask" {
	fiveways rw_query access_first
}

@test "read your writes: faccessat is the first to ask" {
	fiveways rw_query faccessat_first
}

@test "read your writes: readlink" {
	fiveways rw_query readlink
}

@test "read your writes: opendir and readdir" {
	fiveways rw_query opendir
}

@test "read your writes: fdopendir" {
	fiveways rw_query fdopendir
}

@test "read your writes: a directory stream opened before the work" {
	fiveways rw_query opendir_before
}

@test "read your writes: rewinddir" {
	fiveways rw_query rewinddir
}

@test "read your writes: scandir" {
	fiveways rw_query scandir
}

@test "read your writes: glob" {
	fiveways rw_query glob
}

@test "read your writes: nftw" {
	fiveways rw_query nftw
}

@test "read your writes: ftw" {
	fiveways rw_query ftw
}

@test "read your writes: fts" {
	fiveways rw_query fts
}

@test "read your writes: realpath" {
	fiveways rw_query realpath
}

@test "read your writes: extended attributes" {
	fiveways rw_query xattr
}

@test "read your writes: getxattr is the first to ask" {
	fiveways rw_query getxattr_first
}

@test "read your writes: statvfs, statfs, pathconf" {
	fiveways rw_query pathconf
}

@test "read your writes: inotify_add_watch" {
	fiveways rw_query inotify
}

@test "read your writes: the events of a directory that is watched" {
	fiveways -d create rw_query watching
	[[ $(stat_sum lag .stop.watch) == 1 ]]
}

@test "read your writes: fanotify" {
	fiveways -d create rw_query watching_all
}

@test "read your writes: fcntl, ioctl, lseek on the open file" {
	fiveways rw_query fd_query
}

@test "read your writes: size and link count after each step" {
	fiveways rw_query size_by_step
}

@test "read your writes: times of modification are in order" {
	fiveways rw_query times
}
