# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# slow.sh - programs where each request is a round trip; sourced by run.sh
#
# The rows are like those of programs.sh.  $NEAR is the directory of the sources on the server, where
# reading them costs no round trip: what is unpacked lies there.  $SRC is the same directory as the program
# sees it.  The file system is mounted afresh before each run, so the kernel knows nothing of it.
# shellcheck disable=SC2016,SC2034
SLOWS=(
	'slow-tar|tar|out_empty|mtime|src_tar|tar xf $NEAR/tree.tar -C $OUT'
	'slow-cp-r|cp|out_none|nomtime|src_tree|cp -r $SRC/tree $OUT'
	'slow-rm-rf|rm|out_tree|gone|src_tree|rm -rf $OUT'
	'slow-grep-r|grep|out_none|output|src_tree|grep -rc return $SRC/tree'
	'slow-tar-c|tar|out_none|output|src_tree|tar c -C $SRC/tree .'
	'slow-git-checkout|git|out_git_here|nomtime -.git/index|src_git|git -C $OUT checkout -q -f HEAD'
	"slow-npm-ci|npm node|out_npm|nomtime|src_npm|${NPM_CI//\$SRC/\$NEAR}"
	'slow-unzip|unzip zip|out_empty|mtime nolinkmtime|src_zip|unzip -q $NEAR/tree.zip -d $OUT'
	'slow-zipfile|/usr/bin/python3 zip|out_empty|nomtime|src_zip|/usr/bin/python3 -m zipfile -e $NEAR/tree.zip $OUT'
	'slow-create||out_none|nomtime|src_none|$BENCH phases --json --dir $MNT/bench --name out --files $FILES --dirs $SLOW_DIRS --phases create'
)

SLOW="$SLOW ${SLOWS[*]%%|*}"
SLOW_FS=fuse-1ms
SLOW_METHODS=stock,preload

out_git_here() {
	mkdir "$OUT"
	rm -f "$SRC/repo.git/index"
	cp -a "$SRC/repo.git" "$OUT/.git"
}
