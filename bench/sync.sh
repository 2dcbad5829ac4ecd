# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# sync.sh - programs that make their files durable; sourced by run.sh
#
# The rows are like those of programs.sh.  $SYNC_FILES files each; five times as many for git add and
# commit where a flush is as quick as the machine's.
# shellcheck disable=SC2016,SC2034
SYNCS=(
	'sync-create||out_none|nomtime|src_none|$BENCH phases --dir $MNT/bench --name out --files $SYNC_FILES --phases create --fsync each'
	'sync-rename||out_none|nomtime|src_none|$BENCH phases --dir $MNT/bench --name out --files $SYNC_FILES --phases create,update --method temp+rename --fsync each'
	'sync-git-add|git|out_repository|nomtime -.git/index|src_git_files|git -C $OUT -c core.fsync=all add .'
	'sync-git-commit|git|out_staged|nomtime -.git/index|src_staged|git -C $OUT -c core.fsync=all -c user.name=bench -c user.email=bench@localhost commit -qm tree'
	'sync-dpkg|dpkg dpkg-deb dpkg-query|out_dpkg|nomtime|src_debs|dpkg --root=$OUT --log=/dev/null --force-depends --no-force-unsafe-io --unpack $SRC/debs/*.deb'
)

# Takes a mirror of packages, so it is only measured if it is named
APTS=(
	'sync-apt|debootstrap chroot unshare|out_root|nomtime -var/log/* -var/cache/* -run/* -tmp/* -etc/.pwd.lock|src_root|unshare -m sh -c "$IN_ROOT" - $OUT apt-get -q -y -o Dpkg::Use-Pty=0 --no-download install $APT_PACKAGES'
)
IN_ROOT='mount -t proc proc "$1/proc" && root=$1 && shift && DEBIAN_FRONTEND=noninteractive exec env -u TMPDIR chroot "$root" "$@"'
APT_PACKAGES='git python3-minimal vim-nox gcc'

SLOW="$SLOW sync-apt sync-create sync-rename sync-git-add"
SYNC_FS=ext4,xfs,ext4-5ms,xfs-5ms
EATMYDATA=$(compgen -G '/usr/lib/*/libeatmydata.so' || true)
SYNC_METHODS=stock${EATMYDATA:+,eatmydata},preload
! "$BUILD/fastio" --fsync group true 2>/dev/null || SYNC_METHODS+=,preload-group
# Packages of this system that have many small files and are where something is built
SYNC_PACKAGES='linux-libc-dev libc6-dev perl-base git'

export GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z'

out_repository() {
	cp -a "$SRC/git-files" "$OUT"
	git init -q -b main "$OUT"
}

out_staged() { cp -a "$SRC/staged" "$OUT"; }

out_dpkg() {
	mkdir -p "$OUT/var/lib/dpkg/info" "$OUT/var/lib/dpkg/updates"
	: >"$OUT/var/lib/dpkg/status"
}

src_git_files() {
	local files=$((SYNC_FILES * 5))
	[ -z "$FS_FLUSH_US" ] || files=$SYNC_FILES
	[ -d "$SRC/git-files" ] || "$BENCH" mktree --files "$files" "$SRC/git-files"
}

src_staged() {
	src_git_files
	[ ! -d "$SRC/staged" ] || return 0
	cp -a "$SRC/git-files" "$SRC/staged"
	git init -q -b main "$SRC/staged"
	git -C "$SRC/staged" add .
}

# Packages that are installed here, made again once per session, without their scripts
src_debs() {
	local name root=$WORK/package
	if [ ! -d "$WORK/debs" ]; then
		say "packing $SYNC_PACKAGES"
		mkdir "$WORK/debs"
		for name in $SYNC_PACKAGES; do
			dpkg-query -W "$name" >/dev/null 2>&1 || continue
			rm -rf "$root"
			mkdir -p "$root/DEBIAN"
			dpkg-query -L "$name" | grep -v '^/\.$' |
				tar c --no-recursion -C / -T - 2>/dev/null | tar x -C "$root" || return 1
			dpkg-query -s "$name" | grep -Ev '^(Status|Conffiles| /)' >"$root/DEBIAN/control"
			dpkg-deb --root-owner-group -z1 -b "$root" "$WORK/debs" >/dev/null || return 1
		done
		rm -rf "$root"
	fi
	[ -d "$SRC/debs" ] || cp -a "$WORK/debs" "$SRC/debs"
}

out_root() { cp -a "$SRC/root" "$OUT"; }

# make_root DIR SUITE MIRROR, with the archives of the packages
make_root() {
	debootstrap --variant=minbase "$2" "$1" ${3:+"$3"} || return 1
	chroot "$1" apt-get -q update || return 1
	# shellcheck disable=SC2086
	chroot "$1" apt-get -q -y -d install $APT_PACKAGES
}

# A small system with the packages' archives in its cache and the libraries where they are here
src_root() {
	local mirror suite root=$WORK/root file
	if [ ! -d "$root" ]; then
		say "making a system to install $APT_PACKAGES in"
		suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
		mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 2>/dev/null |
			awk -v suite="$suite" '$1 == suite { print $2; exit }')
		if ! make_root "$root" "$suite" "$mirror" >"$WORK/err" 2>&1; then
			tail -n 3 "$WORK/err" >&2
			return 1
		fi
		mkdir -p "$root$WORK"
		for file in "$LIB" $EATMYDATA; do
			install -D "$file" "$root$file" || return 1
		done
	fi
	[ -d "$SRC/root" ] || cp -a "$root" "$SRC/root"
}
