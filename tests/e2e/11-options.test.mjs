// What each option of wps.conf does, on both sides of it. tests/options.tbl names
// the test of every option, and `make check` wants one for each.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import tls from 'node:tls';

import { OP, openRaw } from './support/rawws.mjs';
import { RawHttp } from './support/rawhttp.mjs';
import { Server, serverTest } from './support/server.mjs';
import { callRest } from './support/token.mjs';
import { within } from './support/wait.mjs';
import { Webhook } from './support/webhook.mjs';

const BUILD = path.resolve(process.env.WPS_BUILDDIR ?? 'build');
const ALL_ROLES = ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup'];
const health = (more = '') =>
  `GET /api/health HTTP/1.1\r\nHost: x\r\n${more}\r\n`;

// Timers of the server count in steps, and its clock is read once in a turn.
const STEP_MS = 60;

async function timed(promise) {
  const start = performance.now();
  await promise;
  return performance.now() - start;
}

// Not before its time, and well before that of the default. What is timed begins with
// what starts the server's clock: an answer may have been on its way for a while.
function assertTook(ms, least, most) {
  assert.ok(ms >= least - STEP_MS, `took ${ms} ms, at least ${least} expected`);
  assert.ok(ms < most, `took ${ms} ms, less than ${most} expected`);
}

async function withServer(options, body) {
  const server = await Server.start(options);
  try {
    await body(server);
  } catch (error) {
    error.message += `\n${server.log}`;
    await server.stop().catch(() => {});
    throw error;
  }
  await server.stop();
}

// The same body with two values of an option.
function bothTest(name, sides) {
  test(name, { timeout: 60_000 }, async () => {
    for (const [options, body] of sides) await withServer(options, body);
  });
}

async function ask(server, request) {
  const http = server.own(await RawHttp.open(server.address()));
  return http.ask(request);
}

// A configuration that is only checked; what the server says about it.
async function check(config) {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'wps-options-'));
  const file = path.join(folder, 'wps.conf');
  try {
    await fs.writeFile(file, JSON.stringify(config), { mode: 0o600 });
    return await new Promise((resolve) =>
      execFile(path.join(BUILD, 'wps'), ['-t', '-c', file],
        (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stderr })));
  } finally {
    await fs.rm(folder, { recursive: true });
  }
}

// --- the server -----------------------------------------------------------------

bothTest('plugins are what is loaded', [
  [{ config: { plugins: ['auth', 'webpubsub', 'rest'] } }, async (server) =>
    assert.equal(await ask(server, health()), 200)],
  [{ config: { plugins: ['auth', 'webpubsub'] } }, async (server) =>
    assert.equal(await ask(server, health()), 404)],
]);

test('plugins come from plugin_dir', async () => {
  const plugins = ['echo'];
  const there = await check({ plugins, plugin_dir: `${BUILD}/plugins/.libs` });
  assert.deepEqual(there, { code: 0, stderr: '' });
  const elsewhere = await check({ plugins, plugin_dir: `${BUILD}/nowhere` });
  assert.equal(elsewhere.code, 1);
  assert.match(elsewhere.stderr, /plugin "echo": .*\/nowhere\/echo\.so/);
});

test('a signing_key that is none is told before the start', async () => {
  const { code, stderr } = await check({ plugins: ['cloudevents'],
    plugin_dir: `${BUILD}/plugins/.libs`, cloudevents: { signing_key: 'sign.pem' } });
  assert.equal(code, 1);
  assert.match(stderr, /:\d+:\d+: signing_key: is no private key .*written file:PATH/);
});

test('what plugins refuse to start with is told by a check of the file', async () => {
  const hub = (members) => ({ hubs: { chat: { event_handlers: [
    { url: 'http://127.0.0.1:1/', ...members }] } } });
  for (const [config, message] of [
    [{ plugins: ['auth', 'cloudevents'], ...hub({ auth: 'jwt', auth_audience: 'app' }),
      public_endpoints: ['https://wps.example'] }, /needs a signing_key/],
    [{ plugins: ['auth'], public_endpoints: ['https://'] },
      /item 1 is no URL and no host/],
    [{ plugins: ['auth'], hubs: { chat: { default_subprotocol: 'none' } } },
      /hub "chat": default_subprotocol: no plugin/],
  ]) {
    const { code, stderr } = await check({ plugin_dir: `${BUILD}/plugins/.libs`, ...config });
    assert.equal(code, 1);
    assert.match(stderr, message);
  }
});

bothTest('there are as many workers as the option says', [1, 3].map((workers) =>
  [{ workers }, async (server) => {
    assert.match(server.log, new RegExp(`core: ready workers=${workers}\\n`));
    for (let worker = 0; worker < workers; worker++)
      assert.equal(
        Buffer.from((await server.rawGreeted('chat', { worker })).id,
          'base64url')[16], worker);
  }]));

// The whole log of a server that has answered a call; it is whole at its end.
async function logOfRefusal(server) {
  await callRest(server, 'POST', '/hubs/chat/:nothing');
  await server.stop();
  return server.log;
}

bothTest('log_level says the least that is logged', [
  [{ config: { log_level: 'info' } }, async (server) => {
    const log = await logOfRefusal(server);
    assert.doesNotMatch(log, /Z debug /);
    assert.match(log, /Z info /);
  }],
  [{ config: { log_level: 'debug' } }, async (server) => {
    assert.match(await logOfRefusal(server), /Z debug /);
  }],
]);

serverTest('every address of listen is served', { workerCounts: [1] },
  async (server) => {
    for (const worker of ['all', 0]) {
      const http = server.own(await RawHttp.open(server.address(worker)));
      assert.equal(await http.ask(health()), 200);
    }
  });

test('an address that is none is told before the start', async () => {
  const addresses = ['127.0.0.1:65536', 'localhost:8080'];
  const { code, stderr } = await check(
    { listen: ['127.0.0.1:0', ...addresses].map((address) => ({ address })) });
  assert.equal(code, 1);
  assert.deepEqual(stderr.trimEnd().split('\n').map((line) =>
    line.replace(/^.*?: address: /, '')),
  addresses.map((address) =>
    `"${address}" is not IP:PORT, [IP]:PORT or unix:PATH`));
});

serverTest('a listener with a worker is served by that one alone',
  { workerCounts: [4] }, async (server) => {
    for (let worker = 0; worker < 4; worker++) {
      for (let n = 0; n < 3; n++) {
        const socket = await server.rawGreeted('chat', { worker });
        assert.equal(Buffer.from(socket.id, 'base64url')[16], worker);
      }
    }
  });

test('a listener for a worker that there is not is refused', async () => {
  const listen = (worker) => [{ address: '127.0.0.1:0', worker }];
  assert.equal((await check({ workers: 2, listen: listen(1) })).code, 0);
  const { code, stderr } = await check({ workers: 2, listen: listen(2) });
  assert.equal(code, 1);
  assert.match(stderr, /worker: there are only 2 workers/);
});

// The kernel tells what a socket was given.
bothTest('backlog is the queue of the kernel', [7, 99].map((backlog) =>
  [{ config: { listen: [{ address: '127.0.0.1:0', backlog }] } },
    async (server) => {
      const port = server.address().split(':')[1];
      const shown = await new Promise((resolve) => execFile('ss',
        ['-ltnH', `sport = :${port}`], (_error, stdout) => resolve(stdout)));
      assert.equal(Number(shown.trim().split(/\s+/)[2]), backlog);
    }]));

bothTest('public_endpoints are what tokens name', [
  [{}, async (server) => {
    const audience = 'https://push.example.org/api/hubs/chat/:send';
    const answer = await callRest(server, 'POST', '/hubs/chat/:send',
      { audience, body: 'x', headers: { 'Content-Type': 'text/plain' } });
    assert.equal(answer.status, 401);
  }],
  [{ config: { public_endpoints: ['https://push.example.org'] } },
    async (server) => {
      const audience = 'https://push.example.org/api/hubs/chat/:send';
      const options = { body: 'x', headers: { 'Content-Type': 'text/plain' } };
      const named = await callRest(server, 'POST', '/hubs/chat/:send',
        { audience, ...options });
      assert.equal(named.status, 202);
      const other = await callRest(server, 'POST', '/hubs/chat/:send', options);
      assert.equal(other.status, 401);
    }],
]);

serverTest('max_hubs bounds the hubs in use',
  { workerCounts: [1], config: { max_hubs: 2 } }, async (server) => {
    for (const hub of ['a', 'b', 'a']) await server.rawGreeted(hub);
    for (const hub of ['c', 'c', 'd'])
      await assert.rejects(() => server.rawGreeted(hub), { status: 503 });
    await server.stop();
    // However many clients come for hubs that there are not.
    assert.equal(server.log.match(/no more hubs max_hubs=2/g).length, 1);
  });

// --- TLS -------------------------------------------------------------------------

// A folder with a certificate and its key, for a body that returns a promise.
async function withCertificate(body) {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'wps-tls-'));
  const certificate = path.join(folder, 'cert.pem');
  const key = path.join(folder, 'key.pem');
  try {
    await new Promise((resolve, reject) => execFile('openssl', ['req', '-x509',
      '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
      '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1',
      '-days', '2', '-keyout', key, '-out', certificate], (error) => error ? reject(error) : resolve()));
    await fs.chmod(key, 0o600);
    await body({ address: '127.0.0.1:0', certificate, key: `file:${key}` });
  } finally {
    await fs.rm(folder, { recursive: true });
  }
}

// The version that a client of at most that one agrees on; the error if none.
async function handshake(server, maxVersion) {
  const [host, port] = server.address().split(':');
  const socket = tls.connect({
    host, port: Number(port), maxVersion, rejectUnauthorized: false,
  });
  try {
    return await within(new Promise((resolve) => {
      socket.on('secureConnect', () => resolve(socket.getProtocol()));
      socket.on('error', (error) => resolve(error.code));
    }), 'handshake');
  } finally {
    socket.destroy();
  }
}

test('a listener with a certificate and a key speaks TLS', async () => {
  await withCertificate(async (listener) => {
    await withServer({ config: { listen: [listener] } }, async (server) =>
      assert.equal(await handshake(server, 'TLSv1.3'), 'TLSv1.3'));
    const plain = { address: listener.address };
    await withServer({ config: { listen: [plain] } }, async (server) =>
      assert.notEqual(await handshake(server, 'TLSv1.3'), 'TLSv1.3'));
    for (const missing of ['certificate', 'key']) {
      const { [missing]: _, ...half } = listener;
      const { code, stderr } = await check({ listen: [half] });
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`needs a ${missing} beside it`));
    }
  });
});

test('tls_min is the oldest version that is spoken', async () => {
  await withCertificate(async (listener) => {
    for (const tls_min of ['1.2', '1.3']) {
      const listen = [{ ...listener, tls_min }];
      await withServer({ config: { listen } }, async (server) => {
        assert.equal(await handshake(server, 'TLSv1.3'), 'TLSv1.3');
        const old = await handshake(server, 'TLSv1.2');
        assert.equal(old === 'TLSv1.2', tls_min === '1.2');
      });
    }
  });
});

// --- HTTP -------------------------------------------------------------------------

serverTest('max_request_line bounds the first line with its end',
  { workerCounts: [1], config: { max_request_line: 256 } }, async (server) => {
    const line = (size) => `GET /api/health?${'x'.repeat(size - 27)} HTTP/1.1\r\n`;
    assert.equal(line(256).length, 256);
    assert.equal(await ask(server, `${line(256)}Host: x\r\n\r\n`), 200);
    assert.equal(await ask(server, `${line(257)}Host: x\r\n\r\n`), 414);
  });

serverTest('max_headers bounds the header lines with their ends',
  { workerCounts: [1], config: { max_headers: 256 } }, async (server) => {
    const lines = (size) => `Host: x\r\nA: ${'x'.repeat(size - 16)}\r\n\r\n`;
    assert.equal(lines(256).length, 256);
    const request = 'GET /api/health HTTP/1.1\r\n';
    assert.equal(await ask(server, request + lines(256)), 200);
    assert.equal(await ask(server, request + lines(257)), 431);
  });

serverTest('max_header_lines bounds how many there are',
  { workerCounts: [1], config: { max_header_lines: 3 } }, async (server) => {
    assert.equal(await ask(server, health('A: 1\r\nB: 2\r\n')), 200);
    assert.equal(await ask(server, health('A: 1\r\nB: 2\r\nC: 3\r\n')), 431);
  });

serverTest('max_body bounds the body of a request',
  { workerCounts: [1], config: { max_body: 100 } }, async (server) => {
    const send = async (size) => (await callRest(server, 'POST',
      '/hubs/chat/:send', { body: 'x'.repeat(size),
        headers: { 'Content-Type': 'text/plain' } })).status;
    assert.equal(await send(100), 202);
    assert.equal(await send(101), 413);
  });

serverTest('request_timeout runs from the first byte of a request to its last',
  { workerCounts: [1], config: { request_timeout: '400ms' } }, async (server) => {
    const http = server.own(await RawHttp.open(server.address()));
    assert.equal(await http.ask(health()), 200);
    const took = await timed(http.ask('GET /api/health HTTP/1.1\r\n').then(
      (status) => assert.equal(status, 408)));
    assertTook(took, 400, 8000);
  });

serverTest('idle_timeout ends a connection between two requests',
  { workerCounts: [1], config: { idle_timeout: '400ms' } }, async (server) => {
    const http = server.own(await RawHttp.open(server.address()));
    const took = await timed(http.ask(health()).then((status) => {
      assert.equal(status, 200);
      return http.ended();
    }));
    assertTook(took, 400, 8000);
  });

// A request that was refused before its body came.
async function refusedUpload(server) {
  const http = server.own(await RawHttp.open(server.address()));
  const status = await http.ask('POST /api/hubs/chat/:send HTTP/1.1\r\n' +
    'Host: x\r\nContent-Length: 100000000\r\n\r\n');
  assert.equal(status, 413);
  await http.ended();
  return http;
}

// How long the server goes on to read such a request.
const lingering = (server) =>
  timed(refusedUpload(server).then((http) => http.refused()));

bothTest('linger_timeout ends the reading of a refused request', [300, 6000].map(
  (ms) => [{ config: { linger_timeout: `${ms}ms` } }, async (server) =>
    assertTook(await lingering(server), ms, ms + 4000)]));

bothTest('max_linger ends the reading of a refused request', [
  [{ config: { linger_timeout: '1m', max_linger: '1KiB' } }, async (server) => {
    const http = await refusedUpload(server);
    http.write('x'.repeat(4096));
    await http.refused();
  }],
  [{ config: { linger_timeout: '400ms', max_linger: '1MiB' } }, async (server) => {
    const took = await timed(refusedUpload(server).then((http) => {
      http.write('x'.repeat(4096));
      return http.refused();
    }));
    assertTook(took, 400, 8000);
  }],
]);

// A client that never answers a close frame holds a stop up.
bothTest('stop_timeout is how long a stop waits for clients', [0, 600].map((ms) =>
  [{ config: { stop_timeout: `${ms}ms` }, hubs: { '*': { close_timeout: '1h' } } },
    async (server) => {
      const socket = await openRaw(await server.accessUrl('chat'));
      assertTook(await timed(server.stop()), ms, ms + 5000);
      socket.cut();
    }]));

// --- hubs --------------------------------------------------------------------------

serverTest('default_subprotocol serves clients without one', {
  workerCounts: [1],
  config: { plugins: ['auth', 'webpubsub', 'rest', 'echo'] },
  hubs: { echoing: { default_subprotocol: 'echo' } },
}, async (server) => {
  const echoing = await server.raw('echoing', { protocols: [] });
  echoing.send('again');
  assert.equal(await echoing.text(), 'again');
  const plain = await server.raw('plain', { protocols: [] });
  plain.send('again');
  assert.equal((await plain.closing()).code, 1011);
});

// One that only speaks when it is asked for is no default.
for (const hub of ['*', 'typed'])
  for (const name of ['ecko', 'json.webpubsub.azure.v1'])
    test(`no server starts whose hub ${hub} has the default ${name}`, async () => {
      await assert.rejects(Server.start({
        config: { plugins: ['auth', 'webpubsub', 'rest', 'echo'] },
        hubs: { [hub]: { default_subprotocol: name } },
      }), (error) => error.message.includes(`hub "${hub}": default_subprotocol: ` +
        `no plugin in "plugins" serves clients as "${name}"`));
    });

serverTest('max_message bounds what a client sends in one message',
  { workerCounts: [1], hubs: { chat: { max_message: 100 } } }, async (server) => {
    const ping = '{"type":"ping"}';
    const socket = await server.rawGreeted('chat');
    socket.send(ping.padEnd(100));
    assert.equal(await socket.text(), '{"type":"pong"}');
    socket.send(ping.padEnd(101));
    assert.equal((await socket.closing()).code, 1009);
  });

// Sends to a client that reads nothing, more than any kernel holds for it.
const FLOOD = 'x'.repeat(512 * 1024);
const FLOODS = 60;

async function floods(server) {
  const socket = await server.rawGreeted('chat', { userId: 'slow' });
  socket.pause();
  const service = server.service('chat');
  for (let n = 0; n < FLOODS; n++)
    await service.sendToAll(FLOOD, { contentType: 'text/plain' });
  const stays = await service.userExists('slow');
  socket.cut();
  return stays;
}

const wide = { max_queue_bytes: '1GiB', max_queue_messages: 1000 };
bothTest('max_queue_bytes bounds what waits for a slow client', [
  [{ hubs: { chat: { ...wide, max_queue_bytes: '1MiB' } } }, async (server) =>
    assert.equal(await floods(server), false)],
  [{ hubs: { chat: wide } }, async (server) =>
    assert.equal(await floods(server), true)],
]);

bothTest('max_queue_messages bounds how many wait for a slow client', [
  [{ hubs: { chat: { ...wide, max_queue_messages: 3 } } }, async (server) =>
    assert.equal(await floods(server), false)],
  [{ hubs: { chat: wide } }, async (server) =>
    assert.equal(await floods(server), true)],
]);

const RELIABLE = { protocols: ['json.reliable.webpubsub.azure.v1'] };

async function reliable(server) {
  const socket = await server.raw('chat', { ...RELIABLE, userId: 'ann' });
  const { connectionId, reconnectionToken } = await socket.json();
  socket.id = connectionId;
  socket.recovery = `${server.url().replace('http', 'ws')}/client/hubs/chat` +
    `?awps_connection_id=${connectionId}` +
    `&awps_reconnection_token=${reconnectionToken}`;
  return socket;
}

// Messages of so many bytes; the client acknowledges the first `acked` of them.
async function sendsTo(server, socket, sizes, acked) {
  const service = server.service('chat');
  for (const [n, size] of sizes.entries()) {
    await service.sendToUser('ann', 'x'.repeat(size),
      { contentType: 'text/plain' });
    assert.equal((await socket.json()).sequenceId, n + 1);
    if (n + 1 > acked) continue;
    socket.sendJson({ type: 'sequenceAck', sequenceId: n + 1 });
    // The answer says that the acknowledgement was read.
    socket.sendJson({ type: 'ping' });
    assert.equal((await socket.json()).type, 'pong');
  }
}

// One message more than a reliable client may leave unacknowledged.
async function assertOneTooMany(server, sizes, acked, last) {
  const socket = await reliable(server);
  await sendsTo(server, socket, sizes, acked);
  await server.service('chat').sendToUser('ann', 'x'.repeat(last),
    { contentType: 'text/plain' });
  assert.equal((await socket.closing()).code, 1008);
  socket.cut();
}

serverTest('max_unacked_messages bounds what a reliable client leaves open',
  { workerCounts: [1], hubs: { chat: { max_unacked_messages: 2 } } },
  async (server) => {
    await assertOneTooMany(server, [1, 1], 0, 1);
    await assertOneTooMany(server, [1, 1, 1, 1], 2, 1);
  });

serverTest('max_unacked_bytes bounds what a reliable client leaves open',
  { workerCounts: [1], hubs: { chat: { max_unacked_bytes: '1KiB' } } },
  async (server) => {
    await assertOneTooMany(server, [500], 0, 600);
    await assertOneTooMany(server, [500, 500], 1, 600);
  });

const event = (data = 'x', ackId = 1) =>
  JSON.stringify({ type: 'event', event: 'e', dataType: 'text', data, ackId });

// Whether a ping behind some events is read before the first of them is answered.
async function assertPing(limits, count, passes) {
  const hook = await Webhook.start();
  try {
    const hubs = { chat: { ...limits, event_handlers: [hook.handler()] } };
    await withServer({ hubs }, async (server) => {
      const socket = await server.rawGreeted('chat');
      socket.send(event('first', 1));
      const first = await hook.requests.next();
      for (let n = 1; n <= count; n++)
        socket.send(event('x'.repeat(40), 1 + n));
      socket.send('', OP.PING);
      if (passes) {
        assert.equal((await socket.frames.next()).opcode, OP.PONG);
      } else {
        // Another client is served behind it: by then a ping that is read is answered.
        await server.rawGreeted('chat');
        assert.equal(socket.frames.length, 0, 'read already');
      }
      first.respond();
      if (!passes) assert.equal((await socket.frames.next()).opcode, OP.TEXT);
      for (let n = 1; n <= count; n++) (await hook.requests.next()).respond();
    });
  } finally {
    await hook.close();
  }
}

test('max_waiting_messages are read while an event is answered', async () => {
  await assertPing({ max_waiting_messages: 3 }, 2, true);
  await assertPing({ max_waiting_messages: 3 }, 3, false);
});

test('max_waiting_bytes are read while an event is answered', async () => {
  const size = event('x'.repeat(40), 2).length;
  await assertPing({ max_waiting_bytes: 2 * size + 1 }, 2, true);
  await assertPing({ max_waiting_bytes: 2 * size }, 2, false);
});

const join = (group, ackId) => ({ type: 'joinGroup', group, ackId });

bothTest('max_groups_per_connection bounds the groups of a connection', [1, 2].map(
  (most) => [{ hubs: { chat: { max_groups_per_connection: most } } },
    async (server) => {
      const socket = await server.rawGreeted('chat', { roles: ALL_ROLES });
      assert.equal((await socket.ask(join('a', 1))).success, true);
      assert.equal((await socket.ask(join('b', 2))).success, most >= 2);
      assert.equal((await socket.ask(join('c', 3))).success, false);
    }]));

bothTest('max_permission_rules bounds the grants for single groups', [1, 2].map(
  (most) => [{ hubs: { chat: { max_permission_rules: most } } },
    async (server) => {
      for (const [method, done, roles] of [['PUT', 200, []],
        ['DELETE', 204, ['webpubsub.sendToGroup']]]) {
        const socket = await server.rawGreeted('chat', { roles });
        const change = async (group) => (await callRest(server, method,
          `/hubs/chat/permissions/sendToGroup/connections/${socket.id}` +
          `?targetName=${group}`)).status;
        assert.equal(await change('a'), done);
        assert.equal(await change('b'), most >= 2 ? done : 409);
        assert.equal(await change('c'), 409);
      }
    }]));

serverTest('close_timeout cuts a client that does not answer a close',
  { workerCounts: [1], hubs: { chat: { close_timeout: '400ms' } } },
  async (server) => {
    const socket = await server.rawGreeted('chat');
    const closing = server.service('chat').closeConnection(socket.id);
    assertTook(await timed(closing.then(() => socket.ended())), 400, 4500);
    await socket.closing();
  });

serverTest('ping_interval is between pings, and three of them cut a silent client',
  { workerCounts: [1], hubs: { chat: { ping_interval: '1s' } } },
  async (server) => {
    const start = performance.now();
    const socket = await server.rawGreeted('chat');
    await socket.frames.find((f) => f.opcode === OP.PING);
    assertTook(performance.now() - start, 1000, 10_000);
    await socket.ended();
    assertTook(performance.now() - start, 3000, 20_000);
  });

// --- event handlers ------------------------------------------------------------------

// Against an application that answers by hand.
function hookTest(name, sides) {
  test(name, { timeout: 60_000 }, async () => {
    for (const [handler, body, options = {}] of sides) {
      const hook = await Webhook.start(options.hook);
      try {
        const hubs = {
          chat: { ...options.chat, event_handlers: [hook.handler(handler)] },
          clock: { ping_interval: '1s' },
        };
        await withServer({ hubs, config: options.config },
          (server) => body(server, hook));
      } finally {
        await hook.close();
      }
    }
  });
}

const asking = (socket, ackId = 1) => socket.ask(
  { type: 'event', event: 'e', dataType: 'text', data: 'x', ackId });

hookTest('system_events are those that the application is told', [
  [{ system_events: ['connected'] }, async (server, hook) => {
    await server.rawGreeted('chat');
    const told = await hook.requests.next();
    assert.equal(told.headers['ce-eventname'], 'connected');
    told.respond();
  }],
  [{ system_events: [] }, async (server, hook) => {
    const socket = await server.rawGreeted('chat');
    const answer = asking(socket);
    const told = await hook.requests.next();
    assert.equal(told.headers['ce-eventname'], 'e');
    told.respond();
    assert.equal((await answer).success, true);
  }],
]);

// Cut and not back in time, a client is gone.
hookTest('recovery_window is how long a lost reliable client may come back', [
  [{ system_events: ['disconnected'] }, async (server, hook) => {
    const socket = await reliable(server);
    socket.cut();
    const took = await timed(hook.requests.next().then(
      (told) => told.respond()));
    assertTook(took, 1000, 9000);
    const late = await openRaw(socket.recovery, RELIABLE);
    assert.equal((await late.closing()).code, 1008);
    late.cut();
  }, { chat: { recovery_window: '1s' } }],
  [{ system_events: ['disconnected'] }, async (server) => {
    const socket = await reliable(server);
    socket.cut();
    await socket.ended();
    const back = await openRaw(socket.recovery, RELIABLE);
    const { event: first, connectionId } = await back.json();
    assert.deepEqual([first, connectionId], ['connected', socket.id]);
    await back.close();
  }, { chat: { recovery_window: '1h' } }],
]);

hookTest('timeout bounds the wait for an answer to begin', [
  [{ timeout: '400ms' }, async (server) => {
    const socket = await server.rawGreeted('chat');
    const took = await timed(asking(socket).then(
      (answer) => assert.equal(answer.success, false)));
    assertTook(took, 400, 8000);
  }],
  [{ timeout: '1m', body_timeout: '10ms' }, async (server, hook) => {
    const socket = await server.rawGreeted('chat');
    const answer = asking(socket);
    (await hook.requests.next()).respond();
    assert.equal((await answer).success, true);
  }],
]);

hookTest('body_timeout bounds the wait for the rest of an answer', [
  [{ body_timeout: '400ms' }, async (server, hook) => {
    const socket = await server.rawGreeted('chat');
    const answer = asking(socket);
    const { response } = await hook.requests.next();
    response.writeHead(200, { 'Content-Length': 2 }).write('x');
    const took = await timed(answer.then(
      ({ success }) => assert.equal(success, false)));
    assertTook(took, 400, 8000);
  }],
  [{ body_timeout: '1m', timeout: '2s' }, async (server, hook) => {
    const socket = await server.rawGreeted('chat');
    const answer = asking(socket);
    const { response } = await hook.requests.next();
    response.writeHead(200, { 'Content-Type': 'text/plain' }).write('x');
    response.end('y');
    assert.equal((await answer).success, true);
  }],
]);

hookTest('validation is whether the application must agree', [true, false].map(
  (validation) => [{ validation }, async (server, hook) => {
    const socket = await server.rawGreeted('chat');
    const answer = asking(socket);
    if (!validation) (await hook.requests.next()).respond();
    assert.equal((await answer).success, !validation);
    assert.equal(hook.handshakes > 0, validation);
  }, { hook: { agrees: false } }]));

// Three clients, each with an event at the same time; all get their answers. The
// queue is full then: a fourth is refused unless there is a place for it.
hookTest('concurrency bounds the requests at a time', [1, 3].map((most) =>
  [{ concurrency: most, queue: 3 - most }, async (server, hook) => {
    const answers = [];
    for (let n = 0; n < 3; n++)
      answers.push(asking(await server.rawGreeted('chat')));
    const late = await server.rawGreeted('chat');
    assert.equal((await asking(late)).success, false);
    for (let done = 0; done < 3; done += most) {
      const held = [];
      while (held.length < most) held.push(await hook.requests.next());
      assert.equal(hook.requests.length, 0, 'more at a time');
      for (const request of held) request.respond();
    }
    for (const answer of answers) assert.equal((await answer).success, true);
  }]));

hookTest('queue bounds the blocking events that wait', [0, 1].map((queue) =>
  [{ concurrency: 1, queue }, async (server, hook) => {
    const first = asking(await server.rawGreeted('chat'));
    const held = await hook.requests.next();
    const waiting = [];
    for (let n = 0; n < queue; n++)
      waiting.push(asking(await server.rawGreeted('chat')));
    // Answered while the first is not: there is no place for it.
    const late = await server.rawGreeted('chat');
    assert.equal((await asking(late)).success, false);
    held.respond();
    assert.equal((await first).success, true);
    for (const answer of waiting) {
      (await hook.requests.next()).respond();
      assert.equal((await answer).success, true);
    }
  }]));

hookTest('max_answer bounds the body of an answer', [1024, 1025].map((size) =>
  [{ max_answer: '1KiB' }, async (server, hook) => {
    const answer = asking(await server.rawGreeted('chat'));
    const request = await hook.requests.next();
    request.respond(200, { 'Content-Type': 'text/plain' }, 'x'.repeat(size));
    assert.equal((await answer).success, size <= 1024);
  }]));

// Two requests at once need two connections; how many are opened in two rounds.
hookTest('idle_connections bounds those that are kept', [1, 2].map((most) =>
  [{}, async (server, hook) => {
    const clients = [
      await server.rawGreeted('chat'), await server.rawGreeted('chat')];
    for (let round = 1; round <= 2; round++) {
      const answers = clients.map((socket) => asking(socket, round));
      const held = [await hook.requests.next(), await hook.requests.next()];
      for (const request of held) request.respond();
      for (const answer of answers) assert.equal((await answer).success, true);
    }
    assert.equal(hook.socketCount, most === 1 ? 3 : 2);
  }, { config: { cloudevents: { idle_connections: most } } }]));

// The pings of the server are the clock.
hookTest('idle_timeout is how long a kept connection is used again', [1, 60].map(
  (seconds) => [{ validation: false }, async (server, hook) => {
    const socket = await server.rawGreeted('chat');
    const clock = await server.rawGreeted('clock');
    for (let round = 1; round <= 2; round++) {
      const answer = asking(socket, round);
      (await hook.requests.next()).respond();
      assert.equal((await answer).success, true);
      for (let beats = 0; beats < 3 && round === 1; beats++) {
        await clock.frames.find((f) => f.opcode === OP.PING);
        clock.send('', OP.PONG);
      }
    }
    assert.equal(hook.socketCount, seconds === 1 ? 2 : 1);
  }, {
    config: { cloudevents: { idle_timeout: `${seconds}s` } },
  }]));

// A server on a free port of the loopback address, for a body that returns a
// promise.
async function withListening(server, body) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await body(server.address().port);
  } finally {
    server.closeAllConnections?.();
    server.close();
  }
}

// An event to an application whose handler is given; whether it succeeds.
async function succeeds(handler, cloudevents = {}) {
  const hubs = { chat: { event_handlers: [
    { user_events: '*', validation: false, ...handler }] } };
  let success;
  await withServer({ hubs, config: { cloudevents } }, async (server) => {
    ({ success } = await asking(await server.rawGreeted('chat')));
  });
  return success;
}

// A peer that takes connections and never answers the handshake of TLS.
test('connect_timeout bounds the making of a connection, with TLS', async () => {
  const sockets = [];
  const silent = net.createServer((socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
  });
  await withListening(silent, async (port) => {
    const url = `https://127.0.0.1:${port}/`;
    for (const ms of [300, 900]) {
      const took = await timed(succeeds({ url, retry: 'none' },
        { connect_timeout: `${ms}ms` }).then(
        (success) => assert.equal(success, false)));
      assertTook(took, ms, 8000);
    }
    for (const socket of sockets) socket.destroy();
  });
});

// An application with TLS; the names of the certificates that it was shown.
async function withSecureApp(options, body) {
  await withCertificate(async ({ certificate, key }) => {
    const file = key.slice('file:'.length);
    const shown = [];
    const app = https.createServer({
      cert: await fs.readFile(certificate),
      key: await fs.readFile(file),
      ...options,
    }, (request, response) => {
      shown.push(request.socket.getPeerCertificate().subject?.CN ?? null);
      request.resume();
      response.writeHead(204).end();
    });
    await withListening(app, (port) =>
      body({ url: `https://127.0.0.1:${port}/`, certificate, file, shown }));
  });
}

test('ca is who vouches for an application', async () => {
  await withSecureApp({}, async ({ url, certificate }) => {
    assert.equal(await succeeds({ url, ca: certificate }), true);
    assert.equal(await succeeds({ url }), false);
  });
});

test('certificate and key are shown to an application', async () => {
  await withSecureApp({ requestCert: true, rejectUnauthorized: false },
    async ({ url, certificate, file, shown }) => {
      const handler = { url, ca: certificate };
      assert.equal(await succeeds(handler), true);
      assert.equal(await succeeds({ ...handler, certificate, key: file }), true);
      assert.deepEqual(shown, [null, 'localhost']);
    });
});

bothTest('access_log logs each answer of the REST API', [false, true].map(
  (access_log) => [{ config: { log_level: 'info', rest: { access_log } } },
    async (server) => {
      const log = await logOfRefusal(server);
      assert.equal(log.includes(' rest: request answered '), access_log);
    }]));
