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
	sed -i -E 's/ in [0-9.]+ *(ms|m|s)( [0-9]+s)?$//' "$S/$1.out"
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

# Packages from tarballs, each of which writes files of its own when it is installed.
script_project() {
	local i made=$BATS_FILE_TMPDIR/scripts
	if [[ ! -d $made ]]; then
		mkdir "$made.part"
		for i in 1 2 3; do
			mkdir -p "$S/package$i/package"
			(
				cd "$S/package$i/package" || exit
				cat >package.json <<-END
					{ "name": "scripted$i", "version": "1.0.$i", "bin": "run.js", "scripts": {
						"preinstall": "echo pre >pre.txt", "install": "node build.js",
						"postinstall": "sh -c 'cat pre.txt made/* | sort >all.txt; rm pre.txt'" } }
				END
				printf '%s\n' 'const fs = require("fs"); fs.mkdirSync("made"); for (let i = 0; i < 60; i++) {
					fs.writeFileSync(`made/${i}.js`, `exports.n = ${i};\n`);
					if (require(`${process.cwd()}/made/${i}.js`).n !== i) throw i; }' >build.js
				echo '#!/usr/bin/env node' >run.js
				tar czf "$made.part/scripted$i.tgz" -C .. package
			)
		done
		echo '{ "name": "top", "version": "1.0.0", "scripts": { "prepare": "ls node_modules >listed" },
			"dependencies": { "scripted1": "file:scripted1.tgz", "scripted2": "file:scripted2.tgz",
			"scripted3": "file:scripted3.tgz" } }' >"$made.part/package.json"
		mv "$made.part" "$made"
	fi
	cp "$made/"* .
}

@test "npm install and npm ci of packages with install scripts" {
	MODES="auto lag"
	# shellcheck disable=SC2016
	app -T -p script_project -n normal sh -c 'i="--offline --no-audit --no-fund --no-progress
		--no-update-notifier --logs-max=0 --userconfig=/dev/null --cache=cache --foreground-scripts"
		npm install $i && test -x node_modules/.bin/scripted2 && npm ci $i && sha1sum node_modules/*/all.txt'
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
