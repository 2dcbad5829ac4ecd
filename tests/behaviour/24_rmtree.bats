#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Directories are removed in the background, after what is in them.

load ../lib/common

# each LIST...: one run of its own for each look, as the first would finish the removal for the others
each() {
	local look
	for look; do
		fiveways -d unlink,rmdir rmtree "$look" || fail "$look"
	done
}

@test "rmdir in the background: a tree" {
	fiveways -d unlink,rmdir rmtree tree
}

@test "rmdir in the background: what is asked of its name" {
	each look_{stat,lstat,parent,access,rmdir,unlink,chmod,statfs,utimens,realpath,truncate,tree}
}

@test "rmdir in the background: opening it, listing it and its parent" {
	each look_{open,open_plain,opath,opendir,listing,chdir,create_name,tmpfile}
}

@test "rmdir in the background: paths that lead through it" {
	each look_{grandparent,inside,by_link,link_parent,unlink_inside}
}

@test "rmdir in the background: nothing can be made in it" {
	each look_{create,create_link,mkdir,mkdir_link,mkdir_again,mknod,rename_into,rename_over,link_into,symlink_into}
}

@test "rmdir in the background: by a descriptor of it" {
	each held_{links,create,open,stat,dots,list,chdir}
}

@test "rmdir of what is not empty, or will not be" {
	fiveways -d unlink rmtree not_empty
}

@test "rmdir in the background: made again under the same name" {
	fiveways -d unlink,rmdir rmtree again
}

@test "rmdir of the current directory" {
	fiveways -d unlink rmtree current
}

@test "rmdir in the background: SIGKILL right after it" {
	# the tree is compared; what the killed program had counted is lost with it
	fiveways -l -d none rmtree kill
	[[ $(<"$T/lag.status") == 137 && ! -s $T/lag.stats ]]
	grep -q . "$T/lag.tree"
}

@test "rmdir in the background: somebody else has put a file into it" {
	local status=0
	mkdir "$T/w"
	cd "$T/w"
	"$PROGS/rmtree" --fixture
	FASTIO_WARMUP=0 FASTIO_LAG_US=20000 FASTIO_STATS=$T/stats LD_PRELOAD=$FASTIO_PRELOAD \
		"$PROGS/rmtree" stranger 2>"$T/err" || status=$?
	((status == 1)) || fail "status $status"
	grep -q "cannot remove directory '.*d0/sub0': Directory not empty" "$T/err"
	[[ $(jq .deferred.rmdir "$T/stats") == 1 ]]
	[[ -e d0/sub0/stranger ]]
}
