#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2317
#
# git.bats - a repository: clone, checkout, add, commit, gc, fsck

load apps

setup() {
	need git
	apps_setup
	export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' \
		GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL="$HOME/gitconfig"
	cat >"$HOME/gitconfig" <<-END
		[user]
			name = A
			email = a@example.org
		[init]
			defaultBranch = main
		[pack]
			threads = 1
		[gc]
			auto = 0
		[advice]
			detachedHead = false
		[safe]
			directory = *
	END
	make_repository
}

teardown() {
	apps_teardown
}

# Two branches that differ in a third of the files, and a tag.
make_repository() {
	REPO=$BATS_FILE_TMPDIR/repo
	[[ ! -d $REPO ]] || return 0
	/usr/bin/python3 "$BATS_TEST_DIRNAME/tree.py" "$REPO.part" "$FILES"
	(
		cd "$REPO.part" || exit
		git init -q .
		git add -A
		git commit -qm first
		git tag first
		git switch -qc other
		git ls-files -z '*[147]' | xargs -0 rm -f
		git ls-files -z '*[258]' | xargs -0 sh -c 'for f; do test -h "$f" || echo more >>"$f"; done' sh
		mkdir added
		for i in {1..200}; do echo "$i" >"added/$i"; done
		git add -A
		git commit -qm second
		git switch -q main
		git gc -q
	)
	mv "$REPO.part" "$REPO"
}

# What is recorded, without what depends on the moment; and the index has to know the files as
# they are, or git would have to look into each of them.
state() {
	local repo
	for repo in $(find . -maxdepth 2 -name .git | sort); do
		repo=${repo%/.git}
		{
			echo "$repo"
			git -C "$repo" for-each-ref
			git -C "$repo" rev-parse HEAD
			git -C "$repo" ls-files -s
			git -C "$repo" status --porcelain
			git -C "$repo" cat-file --batch-all-objects --batch-check
		} >>"$S/$1.out" 2>&1
		git -C "$repo" fsck --full --strict --no-dangling >>"$S/$1.out" 2>&1 ||
			fail "$1: fsck finds faults: $(tail -5 "$S/$1.out")"
		[[ -z $(git -C "$repo" diff-files) ]] ||
			fail "$1: the index of $repo does not know the files:" \
				"$(git -C "$repo" diff-files | head -5)"
		rm -rf "$repo/.git"
	done
}

@test "git clone of a local repository" {
	app -T -n state git clone -q "$REPO" copy
}

@test "git clone over a transport" {
	app -T -n state git clone -q "file://$REPO" copy
}

@test "git checkout to and fro" {
	app -T -n state sh -c 'git clone -q "$1" copy && cd copy && git checkout -q origin/other &&
		git checkout -q first && git checkout -q --detach origin/other~0 && git status --short' sh "$REPO"
}

@test "git add, commit, status, stash, reset, clean" {
	app -T -n state sh -c 'set -e; mkdir r; cd r; git init -q .; cp -r "$1"/dir* .
		git add -A; git commit -qm one; git status --short
		for f in $(git ls-files "dir1*" | grep -v " " | head -50); do echo changed >>"$f"; done
		git stash -q; git status --short; git stash pop -q; git commit -qam two
		mkdir junk; for i in 1 2 3 4 5 6 7 8 9; do echo $i >junk/$i; done; git clean -qfd
		git reset -q --hard HEAD~1; git status --short; git log --format=%H --all; ls' sh "$REPO"
}

@test "git gc, repack, fsck, worktree, archive" {
	app -T -n state sh -c 'set -e; git clone -q --no-local "$1" r; cd r
		for i in $(seq 30); do echo $i >file$i; git add file$i; done; git commit -qm more
		git gc -q --prune=now; git repack -adq; git fsck --full --strict
		git worktree add -q ../tree2 first; echo more >>../tree2/file; git -C ../tree2 add -A
		git -C ../tree2 commit -qm tree2; git worktree list | wc -l; git worktree remove ../tree2
		git archive HEAD | tar -x -C .. ; git bundle create -q ../b.bundle HEAD; rm ../b.bundle
		git checkout -q -b again origin/other' sh "$REPO"
}

@test "git rebase, merge with a conflict, cherry-pick, am" {
	app -T -n state sh -c 'set -e; git init -q r; cd r
		for i in $(seq 100); do echo $i >f$i; done; git add -A; git commit -qm base
		git switch -qc side; for i in $(seq 20); do echo side >f$i; git commit -qam s$i; done
		git switch -q main; echo main >f1; echo main >f99; git commit -qam m
		git merge side -m merge || true; git status --short; git checkout -q --theirs f1; git add f1
		git commit -qm merged; git switch -qc linear main~1
		git cherry-pick side~15..side >/dev/null; git format-patch -q -5 -o ../p
		git switch -qc based side; git rebase -q --onto linear side~5
		GIT_SEQUENCE_EDITOR="sed -i 2,3s/pick/squash/" GIT_EDITOR=true git rebase -q -i HEAD~4
		git switch -q --detach main~1; git am -q ../p/*.patch || git am --abort
		git switch -q main; git log --format=%T --all; rm -rf ../p' sh
}
