// Addresses of every kind, one at a time and together.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';

import { makeCertificates } from './support/ca.mjs';
import { openRaw } from './support/rawws.mjs';
import { Server, serverTest } from './support/server.mjs';
import { signToken } from './support/token.mjs';
import { within } from './support/wait.mjs';

const JSON_PROTOCOL = 'json.webpubsub.azure.v1';
const ROLES = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];
const ID_WORKER = 16; // the byte of a connection id that names its worker
const HOST = 'a.socket';
const certificates = makeCertificates();
after(() => certificates.remove());

const has6 = Object.values(os.networkInterfaces()).flat()
  .some((one) => one.address === '::1');
const unixListener = (dir) => [{ address: `unix:${path.join(dir, 'wps.sock')}` }];
const pathOf = (address) => address.replace(/^unix:/, '');

// A client at any address, past its greeting; the token is for the host it names.
async function greeted(server, base, options = {}) {
  const aud = `${base}/client/hubs/chat`;
  const token = signToken(server.key, { aud, sub: 'ann', role: ROLES });
  server.hideFromLog(token.split('.')[2]);
  const socket = server.own(await openRaw(`${aud}?access_token=${token}`,
    { protocols: [JSON_PROTOCOL], ...options }));
  socket.id = (await socket.json()).connectionId;
  return socket;
}

const overUnix = (server, address) =>
  greeted(server, `http://${HOST}`, { socketPath: pathOf(address) });

function request(options) {
  return within(new Promise((resolve, reject) => {
    http.request(options, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    }).on('error', reject).end();
  }), 'answer');
}

// The first joins a group and hears what each of them sends to it.
async function chat(sockets) {
  const [first] = sockets;
  await first.ask({ type: 'joinGroup', group: 'deck', ackId: 1 });
  for (const [n, socket] of sockets.entries()) {
    socket.sendJson({ type: 'sendToGroup', group: 'deck', dataType: 'text',
      data: `from ${n}` });
    assert.equal((await first.json()).data, `from ${n}`);
  }
}

const workerOf = (socket) => Buffer.from(socket.id, 'base64url')[ID_WORKER];

serverTest('a Unix socket serves HTTP', { listen: unixListener }, async (server) => {
  const address = server.listening.at(-1);
  const socketPath = pathOf(address);
  assert.equal(await request({ socketPath, path: '/nowhere' }), 404);
  const url = `http://${HOST}/api/hubs/chat/:send`;
  const token = signToken(server.key, { aud: url });
  const socket = await overUnix(server, address);
  assert.equal(await request({ socketPath, method: 'POST',
    path: '/api/hubs/chat/:send', headers: { Host: HOST,
      Authorization: `Bearer ${token}`, 'Content-Type': 'text/plain' } }), 202);
  assert.equal((await socket.json()).data, '');
});

serverTest('clients of a Unix socket are dealt to all workers',
  { listen: unixListener }, async (server) => {
    const sockets = [];
    for (let n = 0; n < 2 * server.workers; n++)
      sockets.push(await overUnix(server, server.listening.at(-1)));
    const counts = new Array(server.workers).fill(0);
    for (const socket of sockets) counts[workerOf(socket)]++;
    assert.deepEqual(counts, new Array(server.workers).fill(2));
    await chat(sockets);
  });

serverTest('a Unix socket of one worker is served by it alone',
  { listen: (dir) => [{ ...unixListener(dir)[0], worker: 0 }] },
  async (server) => {
    for (let n = 0; n < 4; n++)
      assert.equal(workerOf(await overUnix(server, server.listening.at(-1))), 0);
  });

serverTest('a Unix socket may have TLS', { listen: (dir) => [{
  ...unixListener(dir)[0], certificate: certificates.certificate,
  key: certificates.key }] }, async (server) => {
  const child = execFileSync('openssl', ['s_client', '-brief', '-CAfile',
    certificates.caFile, '-verify_return_error', '-unix',
    pathOf(server.listening.at(-1)), '-quiet'],
  { input: 'GET /nowhere HTTP/1.0\r\n\r\n', stdio: ['pipe', 'pipe', 'ignore'] });
  assert.match(child.toString(), /^HTTP\/1\.1 404 /);
});

serverTest('IPv6 is served', { listen: () => has6 ? [{ address: '[::1]:0' }] : [] },
  async (server, _app, t) => {
    if (!has6) {
      t.skip('the machine has no ::1');
      return;
    }
    const base = `http://${server.listening.at(-1)}`;
    assert.match(base, /^http:\/\/\[::1\]:\d+$/);
    assert.equal((await fetch(`${base}/nowhere`)).status, 404);
    await chat([await greeted(server, base), await greeted(server, base)]);
  });

serverTest('clients of all addresses meet in one hub', { listen: (dir) => [
  ...unixListener(dir),
  { address: '127.0.0.1:0', certificate: certificates.certificate,
    key: certificates.key },
  { address: '127.0.0.1:0' },
] }, async (server) => {
  const [unix, secure, plain] = server.listening.slice(-3);
  const sockets = [
    await overUnix(server, unix),
    await greeted(server, `https://${secure}`, { ca: certificates.ca }),
    await greeted(server, `http://${plain}`),
  ];
  for (let n = 0; n < server.workers; n++)
    sockets.push(await greeted(server, server.url(n)));
  await chat(sockets);
});

// A folder for the socket of two servers, one after the other.
function withFolder(name, body) {
  test(name, { timeout: 60_000 }, async () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'wps-sock-'));
    try {
      await body(path.join(dir, 'wps.sock'));
    } finally {
      fs.rmSync(dir, { recursive: true });
    }
  });
}

withFolder('a socket file goes with its server, and one left over is replaced',
  async (file) => {
    execFileSync('/usr/bin/python3', ['-c', 'import socket, sys; ' +
      'socket.socket(socket.AF_UNIX).bind(sys.argv[1])', file]);
    assert.ok(fs.statSync(file).isSocket());
    const server = await Server.start(
      { listen: () => [{ address: `unix:${file}` }] });
    assert.equal(await request({ socketPath: file, path: '/nowhere' }), 404);
    await server.stop();
    assert.equal(fs.existsSync(file), false);
  });

withFolder('a socket file in use, or another file, is left alone', async (file) => {
  const listen = () => [{ address: `unix:${file}` }];
  const server = await Server.start({ listen });
  await assert.rejects(() => Server.start({ listen }),
    /cannot listen on "unix:.*": Address already in use/);
  assert.equal(await request({ socketPath: file, path: '/nowhere' }), 404);
  await server.stop();
  fs.writeFileSync(file, 'not a socket');
  await assert.rejects(() => Server.start({ listen }), /Address already in use/);
  assert.equal(fs.readFileSync(file, 'utf8'), 'not a socket');
});

serverTest('a server without a listener says so',
  { workerCounts: [1], config: { listen: [] } }, (server) =>
    server.logs(/warning core: nobody can connect: there is no "listen"/));
