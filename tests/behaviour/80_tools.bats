#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Everyday tools leave what they leave in stock.

load ../lib/common

# A small tree with most kinds of entries; its times are old and the same in every run.
make_tree() {
	local d=${1:-src} i
	mkdir -p "$d/deep/er" "$d/many" "$d/empty dir"
	for i in {1..60}; do
		printf 'file %d\nline two\n' "$i" >"$d/many/f$i"
	done
	seq 1 3000 >"$d/deep/numbers"
	head -c 300000 /dev/zero | tr '\0' 'z' >"$d/deep/er/large"
	: >"$d/empty"
	echo secret >"$d/private"
	chmod 0600 "$d/private"
	echo '#!/bin/sh' >"$d/script"
	chmod 0755 "$d/script"
	chmod 0444 "$d/many/f7"
	ln "$d/many/f1" "$d/deep/hard"
	ln -s many/f2 "$d/link"
	ln -s nowhere "$d/dangling"
	mkfifo "$d/fifo"
	chmod 2775 "$d/deep/er"
	find "$d" -exec touch -h -d '2020-02-02 02:02:02' {} +
}

tree_and_archive() {
	make_tree src
	tar cf archive.tar -C src .
	tar czf archive.tgz -C src .
	rm -rf src
}

tree() {
	make_tree src
}

two_trees() {
	make_tree src
	make_tree dst
	echo changed >dst/many/f3
	rm dst/many/f4
}

@test "tools: tar xf" {
	fiveways -t -d create/write -s tree_and_archive sh -c 'mkdir out && tar xf archive.tar -C out && ls -R out'
}

@test "tools: tar xf over an existing tree" {
	tree_twice() {
		tree_and_archive
		make_tree out
		echo longer than before >out/many/f9
	}
	fiveways -t -d create/write -s tree_twice tar xf archive.tar -C out
}

@test "tools: tar xzf and tar cf" {
	fiveways -d create/write -s tree_and_archive sh -c \
		'mkdir out && tar xzf archive.tgz -C out && tar cf again.tar --sort=name -C out . && cmp archive.tar again.tar; tar tvf again.tar | wc -l'
}

@test "tools: tar --remove-files and -C" {
	fiveways -d unlink -s tree sh -c 'tar cf x.tar --sort=name --remove-files -C src many && ls -R src'
}

@test "tools: cp -a" {
	fiveways -t -d none -s tree cp -a src copy
}

@test "tools: cp -r over an existing tree" {
	fiveways -d none -s two_trees sh -c 'rm -f src/fifo; cp -r src/. dst'
}

@test "tools: cp in all its forms" {
	fiveways -d none -s tree sh -c 'cp src/many/* src/deep && cp -p src/private x && cp -l src/script y &&
		cp -s "$PWD/src/private" z && cp --parents src/deep/numbers . && cp -f src/private src/many/f7 &&
		cp --sparse=always src/deep/er/large s && cp -b x src/private && cp -u src/empty src/script; rm z'
}

@test "tools: rm -rf" {
	fiveways -d unlink -s tree rm -rf src
}

@test "tools: rm -r of parts" {
	fiveways -d unlink -s tree sh -c 'rm -r src/many src/link && rm src/deep/hard; rm src/none; rm src/deep; ls -R src'
}

@test "tools: find -delete" {
	fiveways -d unlink -s tree find src -name 'f*' -delete
}

@test "tools: find -exec" {
	fiveways -d none -s tree sh -c 'find src -type f -name "f*" -exec sh -c "echo more >>\$0; cp \$0 \$0.copy" {} \; ; find src -newer src/empty -type f | sort'
}

@test "tools: mv" {
	fiveways -t -d none -s tree sh -c 'mv src/many moved && mv src/private src/script moved && mv -n moved/f1 moved/f2; mv moved/f3 moved/f4'
}

@test "tools: mv to another file system" {
	[[ -d /dev/shm && -w /dev/shm ]] || skip "no /dev/shm"
	fiveways -t -d unlink -s tree sh -c 'd=$(mktemp -d /dev/shm/t.XXXXXX) && mv src "$d/there" && find "$d" | wc -l && mv "$d/there" back && rmdir "$d"'
}

@test "tools: install" {
	fiveways -d none -s tree sh -c 'install -d -m 0750 bin && install -m 0755 src/script bin && install -p -m 0640 src/many/f* bin &&
		install -D src/private a/b/c && install -b src/private bin/script'
}

@test "tools: touch, ln, truncate, mkdir, rmdir" {
	fiveways -d none sh -c 'touch a b c && ln a d && ln -s b e && ln -sf c e && truncate -s 100 a && mkdir -p x/y/z &&
		rmdir x/y/z && touch -d 2001-01-01 c && stat -c "%n %Y %s" c && touch -r c a && ln -f b a'
}

@test "tools: sed -i" {
	fiveways -d none -s tree sed -i.orig s/line/row/ src/many/f1 src/many/f2 src/deep/numbers src/private
}

@test "tools: gzip, gunzip, xz, zstd" {
	fiveways -t -d create/write,unlink -s tree sh -c 'gzip -n -r src/many; gunzip src/many/f3.gz; gzip -nk src/private; zcat src/many/f5.gz'
}

@test "tools: dd" {
	not_asan "does not accept aligned_alloc as coreutils use it"
	fiveways -s tree sh -c 'dd if=src/deep/numbers of=a bs=100 status=none && dd if=src/deep/numbers of=a bs=7 seek=3 count=2 conv=notrunc status=none &&
		dd if=src/private of=b conv=fsync status=none && dd if=src/deep/er/large of=c bs=4k oflag=append conv=notrunc status=none && dd if=a of=d bs=64 skip=2 status=none'
}

@test "tools: patch and diff" {
	need patch diff
	make_patch() {
		two_trees
		(diff -ruN src/many dst/many | sed 's/\t.*//') >p || true
	}
	fiveways -d none -s make_patch sh -c 'rm -f src/fifo dst/fifo; cd src && patch -p1 <../p && patch -R -p1 <../p && patch -p1 -b <../p; cd .. && diff -r src dst'
}

@test "tools: sort -o, split, csplit, tee, join" {
	not_asan "does not accept aligned_alloc as coreutils use it"
	fiveways -s tree sh -c 'sort -rn -o src/deep/numbers src/deep/numbers && split -l 100 src/deep/numbers part. && cat part.* | sort -n | tee one two three >four &&
		sort -S 20k -n four | uniq | tail -n 3; csplit -s -z -n 3 two 100 "{20}"; sort part.aa -o part.aa; comm -12 one two | wc -l; rm part.*'
}

@test "tools: shell redirections" {
	fiveways sh -c 'for i in 1 2 3 4 5 6 7 8 9; do echo $i >f$i; echo more >>f$i; cat f$i >g$i; : >e$i; done; cat <<X >h
here $((1 + 1))
X
		(echo a; echo b) >i; { echo c; cat i; } >j; exec 7>k; echo seven >&7; cat k; echo more >&7; exec 7>&-; cat j k; set -C; echo no >h; echo yes >|h; cat h; rm g*; ls'
}

@test "tools: bash with noclobber, process substitution, coprocess" {
	fiveways -d none bash -c 'for i in {1..30}; do echo $i >f$i; done; diff <(cat f1) <(cat f2); mapfile -t a <f3; echo "${a[@]}"; read -r x <f4; echo "$x"
		coproc cat; echo through >&"${COPROC[1]}"; read -r y <&"${COPROC[0]}"; echo "$y" >g; eval "exec ${COPROC[1]}>&-"; wait; cat g; printf "%s\n" "$(<f5)" >h; cat h'
}

@test "tools: pipelines" {
	fiveways -d none -s tree sh -c 'find src -type f -print0 | sort -z | xargs -0 cat | tee all | wc -c; find src -name "f*" -type f | xargs -P 3 -n 5 sh -c "for f; do cp \$f \$f.new; done" x; cat src/many/*.new | wc -l'
}

@test "tools: git" {
	need git
	no_git_index() {
		# the index holds inode numbers and times
		git -C repo status --porcelain >"$T/$1.status_out" 2>&1
		git -C repo fsck --strict >>"$T/$1.status_out" 2>&1
		cmp "$T/stock.status_out" "$T/$1.status_out"
		rm -f repo/.git/index clone/.git/index
	}
	fiveways -w 60 -x clone/.git/objects -d create/write -s tree -a no_git_index -e HOME="$T/home" -e GIT_CONFIG_NOSYSTEM=1 \
		-e GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' -e GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' sh -c '
		set -e
		export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
		git init -q -b main repo && cd repo && cp -a ../src/. . && rm fifo && git add . && git commit -q -m one
		git checkout -q -b side && sed -i s/two/three/ many/f1* && git rm -q many/f20 && git commit -q -am two
		git checkout -q main && test -e many/f20 && echo main >new && git add new && git commit -q -m three
		git merge -q -m merge side && git log --oneline && git tag v1 && git stash list && git gc -q && git fsck
		cd .. && git clone -q repo clone && cd clone && git checkout -q HEAD~1 && git status --short && git rev-parse HEAD^{tree}'
}

@test "tools: python" {
	[[ -x /usr/bin/python3 ]] || skip "no python3"
	cat >"$T/script.py" <<-'P'
		import glob, io, json, os, pathlib, shutil, sqlite3, subprocess, tempfile, zipfile
		for i in range(40):
		    with open(f"f{i}", "w") as f:
		        f.write("line\n" * i)
		    assert os.path.getsize(f"f{i}") == 5 * i
		with tempfile.TemporaryDirectory(dir=".") as d:
		    for i in range(20):
		        pathlib.Path(d, f"t{i}").write_bytes(bytes(range(i)))
		    print(sorted(os.listdir(d)))
		with tempfile.NamedTemporaryFile(dir=".") as f:
		    f.write(b"named"); f.flush(); print(open(f.name).read())
		shutil.copytree("src/many", "copy"); shutil.copy2("src/private", "p"); shutil.rmtree("src/many")
		with zipfile.ZipFile("z.zip", "w") as z:
		    for n in sorted(glob.glob("copy/*")):
		        z.writestr(zipfile.ZipInfo(n, (2020, 1, 1, 0, 0, 0)), open(n).read())
		with zipfile.ZipFile("z.zip") as z:
		    print(z.testzip(), len(z.namelist())); z.extractall("unzipped")
		shutil.make_archive("a", "gztar", "copy"); shutil.unpack_archive("a.tar.gz", "un"); os.unlink("a.tar.gz")
		json.dump({"k": list(range(100))}, open("j", "w")); print(json.load(open("j"))["k"][-1])
		with open("rw", "w+b") as f:
		    f.write(b"0123456789"); f.seek(3); print(f.read(2)); f.seek(0); f.write(b"ab"); f.truncate(5)
		print(open("rw", "rb").read())
		with open("ap", "a") as f:
		    f.write("1"); f.flush(); f.write("2")
		os.replace("ap", "ap2"); print(open("ap2").read())
		fd = os.open("low", os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o640); os.write(fd, b"x"); os.fchmod(fd, 0o604); os.close(fd)
		print(oct(os.stat("low").st_mode), subprocess.run(["cat", "low"], capture_output=True).stdout)
		try: open("low", "x")
		except FileExistsError as e: print(type(e).__name__)
		db = sqlite3.connect("db"); db.execute("create table t (a)"); db.executemany("insert into t values (?)", [(i,) for i in range(100)]); db.commit()
		print(db.execute("select sum(a) from t").fetchall()); db.close()
		pid = os.fork()
		if pid == 0:
		    open("child", "w").write("c"); os._exit(0)
		os.waitpid(pid, 0); print(open("child").read())
		for p in sorted(pathlib.Path(".").glob("f*")): p.unlink()
	P
	fiveways -w 60 -s tree /usr/bin/python3 "$T/script.py"
}

@test "tools: python threads and processes" {
	[[ -x /usr/bin/python3 ]] || skip "no python3"
	cat >"$T/script.py" <<-'P'
		import concurrent.futures as cf, os, asyncio
		def work(i):
		    os.makedirs(f"w{i}", exist_ok=True)
		    for j in range(20):
		        with open(f"w{i}/{j}", "w") as f: f.write(str(i * j))
		    return sum(int(open(f"w{i}/{j}").read()) for j in range(20))
		with cf.ThreadPoolExecutor(4) as ex: print(list(ex.map(work, range(8))))
		with cf.ProcessPoolExecutor(2) as ex: print(list(ex.map(work, range(8, 12))))
		async def main():
		    loop = asyncio.get_running_loop()
		    print(await asyncio.gather(*(loop.run_in_executor(None, work, i) for i in range(12, 16))))
		    p = await asyncio.create_subprocess_exec("cat", "w12/3", stdout=asyncio.subprocess.PIPE)
		    print((await p.communicate())[0])
		asyncio.run(main())
	P
	fiveways -w 60 -d none /usr/bin/python3 "$T/script.py"
}

@test "tools: make in a small project" {
	need make gcc
	project() {
		local i
		for i in 1 2 3 4; do
			printf '#include "all.h"\nint f%d(void) { return %d; }\n' "$i" "$i" >"f$i.c"
			echo "int f$i(void);"
		done >all.h
		echo '#include "all.h"
int main(void) { return f1() + f2() + f3() + f4(); }' >main.c
		printf '%s\n' 'OBJ = main.o f1.o f2.o f3.o f4.o' 'prog: $(OBJ)' '	$(CC) -o $@ $^' '	@echo linked' \
			'%.o: %.c all.h config.h' '	$(CC) -c -o $@ $<' 'config.h:' '	echo "#define X 1" > $@.tmp && mv $@.tmp $@' \
			'clean:' '	rm -f $(OBJ) prog config.h' >Makefile
		find . -type f -exec touch -d '2020-02-02 02:02:02' {} +
	}
	fiveways -w 60 -d none -s project sh -c 'make && ./prog; echo $?; make; make clean && make -s -j2 && touch -d "1 day" f2.c && make 2>/dev/null; make -q 2>/dev/null; echo $?'
}

@test "tools: zip and unzip" {
	need zip unzip
	fiveways -t -d unlink -s tree sh -c 'rm src/fifo; (cd src && zip -q -X -y -r ../z.zip .) && mkdir out && unzip -q z.zip -d out && unzip -tq z.zip; rm z.zip'
}

@test "tools: cpio, ar, rsync" {
	need ar
	fiveways -d none -s tree sh -c 'ar rcD x.a src/many/f* && ar t x.a | wc -l && mkdir o && cd o && ar xo ../x.a && ls | wc -l
		cd .. && command -v cpio >/dev/null && (cd src && find . -type f | sort | cpio -o --quiet -H newc --reproducible >../c) && mkdir i && (cd i && cpio -id --quiet <../c); rm -f c
		command -v rsync >/dev/null && rsync -a src/ rs; true'
}

@test "tools: perl" {
	need perl
	fiveways -d none -s tree sh -c 'perl -pi -e "s/two/2/" src/many/f* && perl -e "for (1..40) { open F, q(>), qq(p\$_); print F \$_; close F; unlink qq(p\$_) if \$_ % 3 == 0; rename qq(p\$_), qq(q\$_) if \$_ % 5 == 0 } opendir D, q(.); print join q( ), sort readdir D"; cat src/many/f1'
}
