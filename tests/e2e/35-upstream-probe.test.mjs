// wps -t --upstreams: what it says of handlers, and the status that it ends with.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';

import { answer, closedPort, hangUp, Upstream } from './support/upstream.mjs';

const BUILD = path.resolve(process.env.WPS_BUILDDIR ?? 'build');

async function probe(handlers, more = {}) {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'wps-e2e-'));
  const file = path.join(folder, 'wps.conf');
  await fs.writeFile(file, JSON.stringify({
    plugins: ['cloudevents'], plugin_dir: path.join(BUILD, 'plugins/.libs'),
    public_endpoints: ['https://wps.example.net'],
    listen: [{ address: '127.0.0.1:0' }],
    hubs: { chat: { event_handlers: handlers } }, ...more,
  }), { mode: 0o600 });
  const child = spawn(path.join(BUILD, 'wps'), ['-t', '--upstreams', '-c', file]);
  let output = '';
  child.stdout.on('data', (text) => { output += text; });
  child.stderr.on('data', (text) => { output += text; });
  const code = await new Promise((resolve) => child.on('close', resolve));
  await fs.rm(folder, { recursive: true });
  return { code, output };
}

const AGREES = { 'WebHook-Allowed-Origin': 'wps.example.net' };
const OTHER = { 'WebHook-Allowed-Origin': 'other.example.net' };

// What the application answers by path, and what is said of it.
const CASES = {
  good: [answer(200, '', AGREES), /: agrees$/m],
  other: [answer(200, '', OTHER), /allows other origins than "wps\.example\.net"/],
  silent: [answer(200), /has no WebHook-Allowed-Origin/],
  missing: [answer(404), /knows no such path \(status 404\)/],
  locked: [answer(401), /refuses the handshake \(status 401\)/],
  moved: [answer(307, '', { Location: '/elsewhere' }), /redirects \(status 307\)/],
  broken: [answer(500), /fails \(status 500\)/],
  rude: [hangUp, /closes the connection without an answer/],
};

test('what an application answers is judged in words', async () => {
  const upstream = await Upstream.start((request) => CASES[request.target.split('/')[1]][0]);
  try {
    for (const [name, [, says]] of Object.entries(CASES)) {
      const url = `${upstream.origin}/${name}/{hub}/{event}?code=s3cret`;
      const { code, output } = await probe([{ url }]);
      assert.match(output, says);
      assert.match(output, new RegExp(`^hub "chat": ${upstream.origin}/${name}/`));
      assert.equal(code, name === 'good' ? 0 : 1, output);
      assert.ok(!output.includes('s3cret'));
    }
    const last = upstream.requests.at(-1);
    assert.equal(last.target, '/rude/chat/validate?code=s3cret');
    assert.equal(last.headers['webhook-request-origin'], 'wps.example.net');
    assert.equal(last.headers['ce-awpsversion'], '1.0');
  } finally {
    await upstream.close();
  }
});

test('why there is no connection is said in words', async () => {
  const port = await closedPort();
  const plain = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.end('no TLS'));
  });
  await new Promise((resolve) => plain.listen(0, '127.0.0.1', resolve));
  const cases = [
    [`http://127.0.0.1:${port}/`, /is refused: is the application started/],
    ['http://no-such-host.invalid/', /name cannot be resolved/],
    ['http://169.254.169.254/', /link-local or of a metadata service/],
    [`https://127.0.0.1:${plain.address().port}/`, /TLS fails .*http:\/\//],
  ];
  for (const [url, says] of cases) {
    const { code, output } = await probe([{ url }]);
    assert.match(output, says);
    assert.equal(code, 1);
  }
  plain.close();
});

test('all handlers are tried, and one that is wrong is enough', async () => {
  const upstream = await Upstream.start();
  const port = await closedPort();
  try {
    const { code, output } = await probe([
      { url: `${upstream.origin}/a` }, { url: `http://127.0.0.1:${port}/b` },
      { url: `${upstream.origin}/c`, validation: false },
    ], {});
    assert.equal(code, 1);
    const lines = output.trim().split('\n');
    assert.equal(lines.length, 3);
    assert.match(lines[0], /\/a: agrees$/);
    assert.match(lines[1], /\/b: the connection is refused/);
    assert.match(lines[2], /\/c: is there; validation is off$/);
    assert.equal(upstream.requests.length, 1);
  } finally {
    await upstream.close();
  }
});
