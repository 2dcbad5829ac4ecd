// SPDX-License-Identifier: MIT
//
// npm-cache.js - warms an npm cache: node npm-cache.js DIR FILES
//
// Serves generated packages from a registry of its own on 127.0.0.1, installs them
// once with a cache in DIR/cache, and leaves DIR/package.json, DIR/package-lock.json and
// DIR/url (the registry's address, now gone) for 'npm ci --offline'.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const path = require('path');
const zlib = require('zlib');
const { spawn } = require('child_process');

const [dir, filesArg] = process.argv.slice(2);
const files = Number(filesArg);
if (!dir || !(files > 0)) {
	console.error('usage: node npm-cache.js DIR FILES');
	process.exit(2);
}

const PER_PACKAGE = 40;
const packages = Math.max(1, Math.ceil(files / PER_PACKAGE));

let state = 12345;
function random(n) { // an LCG: the same packages each time
	state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
	return (state >> 8) % n;
}

function tarEntry(name, data, mode) {
	const head = Buffer.alloc(512);
	const field = (text, at) => head.write(text, at, 'latin1');
	field(name, 0);
	field(mode.toString(8).padStart(7, '0') + '\0', 100);
	field('0000000\0', 108);
	field('0000000\0', 116);
	field(data.length.toString(8).padStart(11, '0') + '\0', 124);
	field('03561140600\0', 136);
	field('        ', 148);
	field('0', 156);
	field('ustar\x0000', 257);
	let sum = 0;
	for (const b of head)
		sum += b;
	field(sum.toString(8).padStart(6, '0') + '\0 ', 148);
	const pad = Buffer.alloc((512 - data.length % 512) % 512);
	return Buffer.concat([head, data, pad]);
}

function body(name) {
	const lines = [`// ${name}`];
	const n = 5 + random(random(10) ? 60 : 600);
	for (let i = 0; i < n; i++)
		lines.push(`exports.f${i} = (x) => x * ${random(100000)} + ${random(100000)};`);
	return Buffer.from(lines.join('\n') + '\n');
}

function makePackage(i) {
	const name = `fastio-bench-${i}`;
	const meta = { name, version: '1.0.0', main: 'index.js', license: 'MIT' };
	const parts = [tarEntry('package/package.json', Buffer.from(JSON.stringify(meta)), 0o644)];
	for (let f = 1; f < PER_PACKAGE; f++) {
		const sub = ['', 'lib/', 'lib/util/', 'test/'][f % 4];
		const file = `package/${sub}${f === 1 ? 'index' : 'file' + f}.js`;
		parts.push(tarEntry(file, body(file), f % 13 ? 0o644 : 0o755));
	}
	parts.push(Buffer.alloc(1024));
	const tgz = zlib.gzipSync(Buffer.concat(parts), { level: 6 });
	const integrity = 'sha512-' + crypto.createHash('sha512').update(tgz).digest('base64');
	return { name, meta, tgz, integrity };
}

const store = new Map();
for (let i = 0; i < packages; i++) {
	const p = makePackage(i);
	store.set(p.name, p);
}

const server = http.createServer((req, res) => {
	const [, name, dash] = decodeURIComponent(req.url).split('/');
	const p = store.get(name);
	if (!p) {
		res.writeHead(404).end('{}');
	} else if (dash === '-') {
		res.writeHead(200, { 'content-type': 'application/octet-stream' }).end(p.tgz);
	} else {
		const tarball = `${url}${p.name}/-/${p.name}-1.0.0.tgz`;
		const dist = { tarball, integrity: p.integrity };
		res.writeHead(200, {
			'content-type': 'application/json',
			'cache-control': 'public, max-age=31536000',
		}).end(JSON.stringify({
			name: p.name,
			'dist-tags': { latest: '1.0.0' },
			versions: { '1.0.0': { ...p.meta, dist } },
		}));
	}
});

let url;
server.listen(0, '127.0.0.1', () => {
	url = `http://127.0.0.1:${server.address().port}/`;
	const dependencies = {};
	for (const name of store.keys())
		dependencies[name] = '1.0.0';
	const project = { name: 'project', version: '1.0.0', private: true, dependencies };
	fs.writeFileSync(path.join(dir, 'package.json'), JSON.stringify(project, null, '\t') + '\n');
	fs.writeFileSync(path.join(dir, 'url'), url + '\n');
	const npm = spawn('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund',
		'--no-progress', '--no-update-notifier', '--loglevel=error', '--logs-max=0',
		'--userconfig=/dev/null', '--cache=cache', `--registry=${url}`],
		{ cwd: dir, stdio: ['ignore', 'ignore', 'inherit'] });
	npm.on('exit', (code) => {
		server.close();
		server.closeAllConnections();
		fs.rmSync(path.join(dir, 'node_modules'), { recursive: true, force: true });
		process.exitCode = code === 0 ? 0 : 1;
	});
});
