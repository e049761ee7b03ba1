// Listeners with a certificate of a private CA: https and wss.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import https from 'node:https';
import net from 'node:net';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

import { makeCertificates } from './support/ca.mjs';
import { startPython } from './support/python.mjs';
import { connect, openRaw, OP } from './support/rawws.mjs';
import { serverTest, twoWorkers } from './support/server.mjs';
import { once, within } from './support/wait.mjs';

const APP = fileURLToPath(new URL('support/tls-app.mjs', import.meta.url));
const JSON_PROTOCOL = 'json.webpubsub.azure.v1';
const ROLES = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];
const RELIABLE = 'json.reliable.webpubsub.azure.v1';
const certificates = makeCertificates();
after(() => certificates.remove());

function tlsTest(name, options, body) {
  if (typeof options === 'function') [options, body] = [{}, options];
  serverTest(name, { tls: certificates, ...options }, body);
}

// The exit code of the application, and what it said.
async function runApp(server, env) {
  const strings = twoWorkers(server).map((n) => server.connectionString(n));
  const child = spawn(process.execPath, [APP], {
    env: { ...process.env, CONNECTION_STRINGS: JSON.stringify(strings), ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  server.own({ close: () => child.kill() });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => { said += text; });
  const code = await within(
    new Promise((resolve) => child.on('close', resolve)), 'application', 40_000);
  return { code, said };
}

tlsTest('the SDKs work over https and wss with a private CA', async (server) => {
  const { code, said } = await runApp(server,
    { NODE_EXTRA_CA_CERTS: certificates.caFile });
  assert.equal(code, 0, said);
  assert.match(server.log, /listening address=\S+ worker=all tls=yes$/m);
});

tlsTest('an SDK that does not know the CA sends nothing', async (server) => {
  const { code, said } = await runApp(server, { NODE_EXTRA_CA_CERTS: '' });
  assert.equal(code, 1);
  assert.match(said, /self-signed certificate|unable to (get|verify)/);
});

tlsTest('the Python SDK works over https and wss', async (server) => {
  const ask = startPython(server, { REQUESTS_CA_BUNDLE: certificates.caFile });
  const { url, token } = await ask('token', 'ann', []);
  server.hideFromLog(token.split('.')[2]);
  assert.match(url, /^wss:/);
  const socket = server.own(
    await openRaw(url, { protocols: [JSON_PROTOCOL], ca: server.ca }));
  assert.equal((await socket.json()).userId, 'ann');
  await ask('all', 'Hello', 'text/plain');
  assert.equal((await socket.json()).data, 'Hello');
});

tlsTest('pings, large messages and the close handshake are as without TLS',
  async (server) => {
    const socket = await server.rawGreeted('chat', { roles: ROLES });
    socket.send('are you there', OP.PING);
    const pong = await socket.frames.find((f) => f.opcode === OP.PONG);
    assert.equal(pong.text, 'are you there');
    await socket.ask({ type: 'joinGroup', group: 'deck', ackId: 1 });
    const data = 'x'.repeat(900_000);
    socket.sendJson({ type: 'sendToGroup', group: 'deck', dataType: 'text', data });
    assert.equal((await socket.json()).data, data);
    socket.sendJson({ type: 'no such type' });
    assert.equal((await socket.closing()).code, 1007);
    await socket.close();
    await socket.ended();
  });

tlsTest('a message in single bytes arrives', async (server) => {
  const socket = await server.rawGreeted('chat', { roles: ROLES });
  const text = JSON.stringify({ type: 'joinGroup', group: 'deck', ackId: 7 });
  for (const byte of [0x81, 0x80 | text.length, 0, 0, 0, 0, ...Buffer.from(text)])
    socket.write(Buffer.from([byte]));
  assert.equal((await socket.json()).ackId, 7);
});

tlsTest('a slow client gets whole messages and then the close',
  { hubs: { chat: { max_queue_bytes: '1MiB' } } }, async (server) => {
    const [near, far] = twoWorkers(server);
    const slow = await server.rawGreeted('chat', { worker: near, roles: ROLES });
    const ann = await server.rawGreeted('chat', { worker: far, roles: ROLES });
    await slow.ask({ type: 'joinGroup', group: 'deck', ackId: 1 });
    slow.pause();
    for (let ackId = 1; ackId <= 60; ackId++)
      await ann.ask({ type: 'sendToGroup', group: 'deck', ackId,
        dataType: 'text', data: String(ackId).repeat(250_000) });
    slow.resume();
    let frame;
    for (let n = 1; ; n++) {
      frame = await slow.frames.find((f) => f.opcode !== OP.PING);
      if (frame.opcode === OP.CLOSE) break;
      assert.equal(JSON.parse(frame.text).data, String(n).repeat(250_000));
    }
    assert.equal(frame.payload.readUInt16BE(0), 1008);
  });

const recover = (server, url, id, token) => openRaw(
  `${url}&awps_connection_id=${id}&awps_reconnection_token=${token}`,
  { ca: server.ca, protocols: [RELIABLE] });

tlsTest('a session moves to the worker that can recover its client',
  async (server) => {
    const [near, far] = twoWorkers(server);
    const bob = await server.rawGreeted('chat', { worker: far, roles: ROLES });
    const first = await server.raw('chat',
      { worker: near, protocols: [RELIABLE], roles: ROLES });
    const { connectionId, reconnectionToken } = await first.json();
    await first.ask({ type: 'joinGroup', group: 'deck', ackId: 1 });
    first.cut();
    const url = await server.accessUrl('chat', { worker: far });
    const ann = server.own(await recover(server, url, connectionId,
      encodeURIComponent(reconnectionToken)));
    assert.equal((await ann.json()).connectionId, connectionId);
    bob.sendJson({ type: 'sendToGroup', group: 'deck', dataType: 'text',
      data: 'welcome back' });
    assert.equal((await ann.json()).data, 'welcome back');
  });

tlsTest('a refused recovery is closed with 1008', async (server) => {
  const [near, far] = twoWorkers(server);
  const { id } = await server.rawGreeted('chat', { worker: near });
  const url = await server.accessUrl('chat', { worker: far });
  const socket = server.own(await recover(server, url, id, 't'));
  assert.equal((await socket.closing()).code, 1008);
});

function get(server, agent) {
  return new Promise((resolve, reject) => {
    const request = https.get(`${server.url()}/nowhere`,
      { agent, ca: server.ca }, (response) => {
        response.resume();
        response.on('end', () => resolve(
          { status: response.statusCode, reused: request.reusedSocket }));
      });
    request.on('error', reject);
  });
}

tlsTest('a connection serves several requests', async (server) => {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  assert.deepEqual(await get(server, agent), { status: 404, reused: false });
  assert.deepEqual(await get(server, agent), { status: 404, reused: true });
  agent.destroy();
});

// Resolves with what came until the server has ended the connection.
function whatComes(socket) {
  let bytes = Buffer.alloc(0);
  socket.on('data', (more) => { bytes = Buffer.concat([bytes, more]); });
  socket.on('error', () => {});
  return within(new Promise((resolve) =>
    socket.on('close', () => resolve(bytes))), 'end of the connection');
}

tlsTest('who speaks plain HTTP is dropped, and others are served', async (server) => {
  const agent = new https.Agent();
  for (let n = 0; n < 20; n++) {
    const { hostname, port } = new URL(server.url());
    const socket = net.connect(Number(port), hostname);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const bytes = await whatComes(socket);
    assert.doesNotMatch(bytes.toString('latin1'), /HTTP\/1/);
  }
  assert.equal((await get(server, agent)).status, 404);
});

tlsTest('a handshake that stands still is ended with request_timeout',
  { config: { request_timeout: '200ms', idle_timeout: '1h' } },
  async (server) => {
    const { hostname, port } = new URL(server.url());
    const silent = net.connect(Number(port), hostname);
    assert.equal((await whatComes(silent)).length, 0);
    const half = net.connect(Number(port), hostname);
    half.write(Buffer.from([0x16, 3, 1, 2, 0, 1]));
    assert.equal((await whatComes(half)).length, 0);
  });

tlsTest('an ending server says close_notify', async (server) => {
  const socket = connect(new URL(server.url()), { ca: server.ca });
  const answered = once(socket, 'data', 'answer');
  const ended = within(new Promise((resolve, reject) => {
    socket.on('end', resolve);
    socket.on('error', reject);
  }), 'end');
  // After an answer nothing of the handshake is left for the server to read.
  socket.write('GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n');
  await answered;
  server.terminate();
  await ended;
});
