// Many at once before an application that does not answer: nobody else waits, and
// the server's memory has a bound.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';

import { serverTest } from './support/server.mjs';
import { silence, Upstream } from './support/upstream.mjs';
import { within } from './support/wait.mjs';

const CROWD = Number(process.env.WPS_CROWD ?? 10_000);

// A black hole, and a hub with an application of its own.
async function prepare() {
  const upstream = await Upstream.start((request) =>
    request.target.startsWith('/hole') ? silence : null);
  const handler = { user_events: '*', system_events: ['connect'] };
  return { upstream, hubs: {
    hole: { anonymous: true, event_handlers: [{ ...handler,
      url: `${upstream.origin}/hole/{event}`, timeout: '20s' }] },
    unheard: { anonymous: true, event_handlers: [{ ...handler,
      url: `${upstream.origin}/hole/{event}?`, validation: false, timeout: '3s',
      queue: 20000 }] },
    good: { anonymous: true, event_handlers: [{ ...handler,
      url: `${upstream.origin}/good/{event}` }] },
  } };
}

// The sources of a thousand sockets each, so that ports do not run out.
function arrive(server, n) {
  const [host, port] = server.address().split(':');
  return net.connect({ host, port: Number(port),
    localAddress: `127.0.1.${1 + Math.floor(n / 1000)}` });
}

function knock(socket, hub) {
  socket.write(`GET /client/hubs/${hub} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n` +
    'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n');
  return new Promise((resolve) => {
    socket.once('data', (bytes) => {
      socket.destroy();
      resolve(Number(bytes.toString('latin1').split(' ')[1]));
    });
    socket.once('error', (error) => resolve(error.code));
  });
}

// In waves: what is tried is the wait, not the crush at the door.
async function knockAll(server, hub) {
  const answers = [];
  for (let n = 0; n < CROWD; n++) {
    answers.push(knock(arrive(server, n), hub));
    if (n % 200 === 199) await server.service('good').connectionExists('x');
  }
  return Promise.all(answers);
}

// All at the door first; the server wakes when all of them have spoken.
async function crush(server, hub) {
  const sockets = [];
  for (let n = 0; n < CROWD; n++) {
    sockets.push(arrive(server, n));
    if (n % 200 === 199) await server.service('good').connectionExists('x');
  }
  await Promise.all(sockets.map((socket) =>
    socket.connecting ? once(socket, 'connect') : null));
  process.kill(server.pid, 'SIGSTOP');
  const answers = sockets.map((socket) => knock(socket, hub));
  // An empty write is through when what was written before is.
  await Promise.all(sockets.map((socket) =>
    new Promise((resolve) => socket.write('', resolve))));
  process.kill(server.pid, 'SIGCONT');
  return Promise.all(answers);
}

// The bystander asks until told to stop; its longest wait comes back.
async function watchOver(server, state) {
  const socket = await server.rawGreeted('good');
  let worst = 0;
  for (let n = 1; !state.done; n++) {
    const before = performance.now();
    const ack = await socket.ask({ type: 'event', event: 'e', data: n, ackId: n });
    assert.equal(ack.success, true);
    worst = Math.max(worst, performance.now() - before);
  }
  return worst;
}

for (const hub of ['hole', 'unheard']) {
  serverTest(`${CROWD} handshakes that wait cost the others nothing (${hub})`,
    { workerCounts: [1], timeout: 120_000, prepare, config: { log_level: 'debug' } },
    async (server, _upstream, t) => {
      const state = { done: false };
      const watching = watchOver(server, state);
      const before = server.memory();
      const answers = knockAll(server, hub);
      const statuses = await within(answers, 'all answers', 90_000);
      state.done = true;
      const worst = await watching;
      assert.deepEqual([...new Set(statuses)], [500]);
      await server.assertShortTurns();
      t.diagnostic(`the bystander waited ${worst.toFixed()} ms at most`);
      // What was allocated stays resident, so that the end tells of the peak.
      server.assertMemoryBelow(before, CROWD * 24);
    });
}

// Nobody watches: the server stands still meanwhile.
serverTest(`${CROWD} handshakes in one instant make no long turn`,
  { workerCounts: [1], timeout: 120_000, prepare, config: { log_level: 'debug' } },
  async (server) => {
    const statuses = await within(crush(server, 'hole'), 'all answers', 90_000);
    assert.deepEqual([...new Set(statuses)], [500]);
    await server.assertShortTurns();
  });
