#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2317
#
# tools.bats - shell, perl, sqlite and the small tools

load apps

setup() {
	apps_setup
}

teardown() {
	apps_teardown
}

@test "shell loops, redirections, here-documents, pipes" {
	local sh
	for sh in dash bash; do
		[[ -n $(command -v $sh) ]] || continue
		app -T "$sh" -c 'for i in $(seq 300); do echo "$i" >"f$i"; done
			for i in $(seq 1 3 300); do echo more >>"f$i"; done
			for i in $(seq 1 7 300); do : >"f$i"; done
			for i in $(seq 1 11 300); do cat <<-END >"h$i"
				here $i
				END
			done
			cat f* | sort -n | tail -3; ls | wc -l; (echo sub; echo shell) >both 2>&1
			{ echo out; echo err >&2; } >o 2>e; cat e o; test -s f1 || echo empty; wc -c <h1
			while read -r line; do echo "<$line>"; done <both | tee teed; read -r x <teed; echo "$x"'
	done
}

@test "split, csplit, sort, sed -i, tee, truncate, touch, ln, mv, dd, shuf" {
	[[ $FIRST != *libasan* ]] || skip "AddressSanitizer: it does not accept aligned_alloc as coreutils use it"
	app -T sh -c 'set -e; seq 20000 >all; split -l 50 -a 4 all part; cat part* | cmp - all
		csplit -q -n 4 -f cs all "/00$/" "{*}"; cat cs* | cmp - all
		sed -i s/7/seven/ part*; grep -c seven partaaaa; sort -rn -o all all; head -1 all
		echo teed | tee t1 t2 t3 >/dev/null; truncate -s 100 t1; touch -d 2001-02-03 t2; ln t1 t4; ln -s t2 t5
		mv t3 t6; dd if=all of=dd bs=512 count=3 conv=notrunc 2>/dev/null; cp t1 t7; cmp t1 t7
		comm -12 t6 t5; paste t6 t5 >t8; fold -w 3 t8 >t9; stat -c "%n %s %Y" t2; rm cs*; mkdir d
		mv part* d; find d -name "part*z" -print0 | xargs -0 rm; tac all | head -2; install -D -m 600 all x/y/z'
}

@test "perl: open, print, rename, opendir, utime, -i" {
	need perl
	cat >"$SRC/p.pl" <<-'END'
		use strict; use File::Temp; use File::Copy; use File::Path;
		mkdir "p";
		for my $i (1 .. 400) {
		  open(my $f, ">", "p/$i") or die "$i: $!";
		  print $f "line $_\n" for 1 .. $i % 30;
		  close $f or die;
		  chmod 0600, "p/$i" if $i % 9 == 0;
		  utime 1000000000 + $i, 1000000000 + $i, "p/$i" if $i % 5 == 0;
		  rename "p/$i", "p/r$i" if $i % 21 == 0;
		  die "size $i" if -e "p/$i" and -s "p/$i" != length(join "", map {"line $_\n"} 1 .. $i % 30);
		  unlink "p/$i" if $i % 4 == 0;
		}
		opendir(my $d, "p"); my @all = sort grep {!/^\./} readdir $d; print scalar(@all), "@all\n";
		open(my $a, "+>", "both"); print $a "abc"; seek($a, 0, 0); print scalar(<$a>), "\n"; close $a;
		copy("both", "copied"); mkpath("a/b/c"); move("copied", "a/b/c/moved"); print `cat a/b/c/moved`, "\n";
		rmtree("a");
		my @st = stat("p/5"); print "$st[7] $st[9]\n";
	END
	app -T -d 50 sh -c 'perl "$1" && perl -i -pe s/line/LINE/ p/[1-9] && cat p/3' sh "$SRC/p.pl"
}

@test "sqlite3: rollback journal and WAL" {
	need sqlite3
	cat >"$SRC/in.sql" <<-'END'
		create table t (id integer primary key, text);
		begin; insert into t select value, 'row ' || value from generate_series(1, 3000); commit;
		insert into t values (100000, 'one by one'); insert into t values (100001, 'another');
		begin; delete from t where id % 3 = 0; rollback;
		delete from t where id % 5 = 0; update t set text = upper(text) where id < 50;
		pragma integrity_check; vacuum; select count(*), sum(id) from t; .backup copy.db
	END
	local mode
	for mode in delete truncate wal; do
		app -T sh -c '{ echo "pragma journal_mode=$2;"; cat "$1"; } | sqlite3 a.db && sqlite3 copy.db .dump |
			sha1sum && ls && rm a.db copy.db' sh "$SRC/in.sql" "$mode"
	done
}

@test "patch and diff" {
	need patch diff
	app -T sh -c 'mkdir a; for i in $(seq 100); do seq $i >a/$i; done; cp -r a b
		for i in $(seq 100); do echo changed >>b/$i; done; rm b/7; echo new >b/new
		diff -ruN a b | sed "s/\t.*//" >p; patch -sp1 -d a <p; diff -r a b; rm p'
}

@test "gzip, xz, bzip2 on many files" {
	app -T sh -c 'for i in $(seq 60); do seq $i >$i; done; gzip -n [1-3]*; xz 4*; gzip -d 1*.gz
		zcat 2*.gz | sort -n | sha1sum; xz -d 4*; ls; cat 1* 4* | sha1sum'
}

@test "date stamps: what is written later is newer" {
	app -T bash -c 'for i in $(seq 20); do echo $i >a$i; sleep 0.012; echo $i >b$i
		[[ b$i -nt a$i ]] || echo "b$i is not newer"; done; ls -rt | tr "\n" " "'
}
