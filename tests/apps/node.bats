#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2317
#
# node.bats - npm ci of generated packages, and node's own file calls

load apps

setup() {
	need node npm
	apps_setup
	PACKED=$FILES
	[[ -z ${FASTIO_TEST_FULL:-} ]] || PACKED=30000
}

teardown() {
	apps_teardown
}

NPM=(npm ci --offline --ignore-scripts --no-audit --no-fund --no-progress --no-update-notifier
	--logs-max=0 --userconfig=/dev/null --cache=cache)

# A warm cache, filled from a registry on the loopback interface that is gone again.
warm_cache() {
	CACHE=$BATS_FILE_TMPDIR/npm
	[[ ! -d $CACHE ]] || return 0
	rm -rf "$CACHE.part"
	mkdir "$CACHE.part"
	(cd "$CACHE.part" && node "$ROOT/bench/npm-cache.js" . "$PACKED") || fail "cannot fill a cache"
	mv "$CACHE.part" "$CACHE"
}

project() {
	cp -r "$CACHE/." .
}

# Times taken differ; the cache keeps index entries with the time of their use.
normal() {
	sed -i -E 's/ in [0-9.]+m?s//' "$S/$1.out"
	rm -rf cache
}

@test "npm ci from a warm cache" {
	warm_cache
	app -T -p project -n normal "${NPM[@]}" "--registry=$(<"$CACHE/url")"
	[[ $(find "$S/tree.stock/node_modules" -type f | wc -l) -ge $((PACKED * 9 / 10)) ]]
}

@test "npm ci over an existing tree" {
	warm_cache
	again() {
		project
		cp -r "$S/installed" node_modules
		find node_modules -name '*3.js' -delete
	}
	project_dir=$S/project
	mkdir "$project_dir"
	(cd "$project_dir" && project && "${NPM[@]}" "--registry=$(<"$CACHE/url")" >/dev/null)
	mv "$project_dir/node_modules" "$S/installed"
	MODES="auto lag"
	app -T -p again -n normal "${NPM[@]}" "--registry=$(<"$CACHE/url")"
}

@test "node: synchronous, callback, promise and stream writes" {
	cat >"$SRC/f.js" <<-'END'
		const fs = require('fs'), path = require('path');
		fs.mkdirSync('sync');
		for (let i = 0; i < 200; i++) {
		  fs.writeFileSync(`sync/${i}`, 'x'.repeat(i));
		  if (i % 7 === 0) fs.appendFileSync(`sync/${i}`, 'more');
		  if (i % 11 === 0) fs.chmodSync(`sync/${i}`, 0o600);
		  if (i % 13 === 0) fs.renameSync(`sync/${i}`, `sync/r${i}`);
		  if (i % 17 === 1) fs.unlinkSync(`sync/${i}`);
		}
		console.log(fs.readdirSync('sync').length);
		fs.mkdirSync('async');
		(async () => {
		  await Promise.all([...Array(300).keys()].map(async (i) => {
		    await fs.promises.writeFile(`async/${i}`, 'y'.repeat(i * 3));
		    const text = await fs.promises.readFile(`async/${i}`, 'utf8');
		    if (text.length !== i * 3) console.log('short', i, text.length);
		    const st = await fs.promises.stat(`async/${i}`);
		    if (st.size !== i * 3) console.log('stat', i, st.size);
		    if (i % 5 === 0) await fs.promises.unlink(`async/${i}`);
		  }));
		  for (let i = 0; i < 50; i++)
		    await new Promise((done) => fs.createWriteStream(`async/s${i}`).on('close', done)
		      .end(Buffer.alloc(i * 2000, 'z')));
		  await fs.promises.cp('async', 'copied', { recursive: true });
		  await fs.promises.rm('sync', { recursive: true });
		  console.log(fs.readdirSync('copied').length, fs.existsSync('sync'));
		})();
	END
	app node "$SRC/f.js"
}
