// Each way in which an application can fail, at each event: what the client sees,
// and that other hubs and events see nothing of it.
import assert from 'node:assert/strict';

import { openRaw } from './support/rawws.mjs';
import { serverTest } from './support/server.mjs';
import {
  answer, closedPort, drip, flood, hangUp, reset, silence, Upstream,
} from './support/upstream.mjs';

const SECRET = 'the inside of the application';
const OK_HEAD = 'HTTP/1.1 200 OK\r\n';
const JSON_TYPE = { 'Content-Type': 'application/json' };

// What the application does, by the first segment of the path. `connect` is what
// a refused client sees, 500 if nothing is said; the events in `fine` do not
// mind; `message` is what a simple client gets then. `kind` is what the others are
// counted as.
const WAYS = {
  refused: { kind: 'connection' },
  reset: { kind: 'connection', does: reset },
  hangup: { kind: 'connection', does: hangUp },
  silent: { kind: 'timeout', does: silence },
  dripping: { kind: 'timeout', does: drip('HTTP/1.1 200 OK\r\nX: ') },
  dribbling: { kind: 'timeout', does: drip(`${OK_HEAD}Content-Length: 100000\r\n\r\n`) },
  cut: {
    kind: 'connection',
    does: (socket) => socket.end(`${OK_HEAD}Content-Length: 9\r\n\r\nhalf`),
  },
  nonsense: { kind: 'connection', does: 'SSH-2.0-OpenSSH_9.2\r\n\r\n' },
  redirect: {
    kind: 'status', does: answer(302, SECRET, { Location: 'http://127.0.0.1:1/' }),
  },
  forbidden: {
    kind: 'status',
    does: answer(403, 'not today', { 'Content-Type': 'text/x-why' }),
    connect: { status: 403, body: 'not today', type: 'text/x-why' },
  },
  limited: { kind: 'status', does: answer(429, ''), connect: { status: 429, body: '' } },
  broken: { kind: 'status', does: answer(500, SECRET), connect: { status: 500 } },
  busy: { kind: 'status', does: answer(503, SECRET), connect: { status: 503 } },
  badjson: {
    kind: 'answer', does: answer(200, '{"a":', JSON_TYPE), fine: ['message'],
    message: '{"a":',
  },
  badgroup: {
    kind: 'answer',
    does: answer(200, '{"groups":["  "]}', JSON_TYPE),
    fine: ['custom', 'invoke', 'message'],
    message: '{"groups":["  "]}',
  },
  oversize: { kind: 'too_large', does: flood(`${OK_HEAD}Content-Type: text/plain\r\n\r\n`) },
  longhead: { kind: 'too_large', does: flood(`${OK_HEAD}X: `) },
  longlie: { kind: 'timeout', does: answer(200, '').replace(': 0', ': 99999999999') },
  endless: {
    kind: 'status',
    does: flood('HTTP/1.1 403 X\r\nContent-Type: text/plain\r\n\r\n'),
    connect: { status: 403, body: 'x'.repeat(4096) },
  },
  badtype: {
    kind: 'answer',
    does: answer(200, '{}', { 'Content-Type': 'text/html' }), fine: ['connect'],
  },
};

const WHERE = {
  connect: { system_events: ['connect'] },
  connected: { system_events: ['connected'] },
  custom: { user_events: 'custom' },
  invoke: { user_events: 'invoked' },
  message: { user_events: 'message' },
};

function fails(way, event) {
  return !(WAYS[way].fine ?? []).includes(event);
}

// Nobody looks into an answer that nobody waits for.
function isCounted(way, event) {
  return event === 'connected' ? WAYS[way].kind !== 'answer' : fails(way, event);
}

// What the server says at its end of how often something has failed, by kind.
function counted(log) {
  const lines = log.matchAll(
    /info core: counted wps_upstream_failures_total\{kind="(\w+)",event="(\w*)"\} (\d+)/g);
  return Object.fromEntries([...lines].map(([, kind, event, number]) => {
    assert.equal(event, 'HttpHandlerUnexpectedResponse');
    return [kind, Number(number)];
  }));
}

function expected() {
  const sums = {};
  for (const [way, { kind }] of Object.entries(WAYS)) {
    for (const event of Object.keys(WHERE))
      if (isCounted(way, event)) sums[kind] = (sums[kind] ?? 0) + 1;
  }
  return sums;
}

// How many lines tell of a failure at the hub of a way and an event.
function linesOf(log, way, event) {
  const line = new RegExp(` cloudevents: HttpHandlerUnexpectedResponse hub=${way}_${event} `, 'g');
  return log.match(line)?.length ?? 0;
}

// Short only where the time is to run out: all others answer when they get to it, and
// nothing is left to be repeated when the server ends.
const limitsOf = ({ kind }) => ({ validation: false, max_answer: 4096,
  ...(kind === 'timeout' ? { timeout: '2s', body_timeout: '1s' } : { retry: 'none' }) });

// A hub for each way and event: its first handler is bad, and all other events
// have a good one.
function hubs(upstream, port) {
  const all = { good: { event_handlers: [{ url: `${upstream.origin}/good`,
    user_events: '*', system_events: ['connect'] }] } };
  for (const way of Object.keys(WAYS)) {
    const limits = limitsOf(WAYS[way]);
    for (const [event, at] of Object.entries(WHERE)) {
      const origin = way === 'refused' ? `http://127.0.0.1:${port}` : upstream.origin;
      all[`${way}_${event}`] = { event_handlers: [
        { url: `${origin}/${way}/{event}`, ...at, ...limits },
        { url: `${upstream.origin}/good/{event}`, user_events: '*',
          system_events: ['connect', 'connected', 'disconnected'] },
      ] };
    }
  }
  return all;
}

const views = {
  async connect(server, way) {
    const url = await server.accessUrl(`${way}_connect`, { userId: 'ann' });
    const protocols = ['json.webpubsub.azure.v1'];
    if (!fails(way, 'connect')) {
      await (await openRaw(url, { protocols })).close();
      return;
    }
    const wanted = { status: 500, ...WAYS[way].connect };
    await assert.rejects(() => openRaw(url, { protocols }), (error) => {
      assert.equal(error.status, wanted.status);
      if (wanted.body !== undefined) assert.equal(error.body, wanted.body);
      if (wanted.type) assert.equal(error.headers['content-type'], wanted.type);
      assert.ok(!error.body.includes(SECRET));
      return true;
    });
  },

  async connected(server, way) {
    const socket = await server.rawGreeted(`${way}_connected`);
    const ack = await socket.ask({ type: 'event', event: 'other', data: 1, ackId: 1 });
    assert.equal(ack.success, true);
  },

  async custom(server, way) {
    const socket = await server.rawGreeted(`${way}_custom`);
    const event = { type: 'event', event: 'custom', dataType: 'text', data: 'x' };
    const ack = await socket.ask({ ...event, ackId: 1 });
    if (fails(way, 'custom')) {
      assert.equal(ack.success, false);
      assert.equal(ack.error.name, 'InternalServerError');
      assert.ok(!ack.error.message.includes(SECRET));
      assert.deepEqual(ack.before, []);
    } else {
      assert.equal(ack.success, true);
    }
    const other = await socket.ask({ ...event, event: 'other', ackId: 1 });
    assert.equal(other.success, !fails(way, 'custom') ? false : true,
      'an id of a failed request may be used again');
  },

  async invoke(server, way) {
    const socket = await server.rawGreeted(`${way}_invoke`);
    socket.sendJson({ type: 'invoke', invocationId: 'i', target: 'event',
      event: 'invoked', dataType: 'text', data: 'x' });
    const response = await socket.json();
    assert.equal(response.type, 'invokeResponse');
    assert.equal(response.invocationId, 'i');
    assert.equal(response.success, !fails(way, 'invoke'));
    if (fails(way, 'invoke')) {
      assert.equal(response.error.name, 'InternalServerError');
      assert.ok(!response.error.message.includes(SECRET));
      assert.equal(response.data, undefined);
    }
    const ack = await socket.ask({ type: 'event', event: 'other', data: 1, ackId: 1 });
    assert.equal(ack.success, true);
  },

  async message(server, way) {
    const socket = await server.raw(`${way}_message`, { protocols: [] });
    socket.send('hello');
    if (!fails(way, 'message')) {
      assert.equal(await socket.text(), WAYS[way].message);
      return;
    }
    const { code, reason } = await socket.closing();
    assert.equal(code, 1011);
    assert.ok(!reason.includes(SECRET));
  },
};

// The bystander asks all the time, on a hub and handler of its own.
async function watchOver(server, state) {
  const socket = await server.rawGreeted('good');
  for (let n = 1; !state.done; n++) {
    const before = performance.now();
    const ack = await socket.ask({ type: 'event', event: 'e', data: n, ackId: n });
    assert.equal(ack.success, true);
    state.worst = Math.max(state.worst, performance.now() - before);
  }
}

async function tryAll(server, t) {
  const state = { done: false, worst: 0 };
  const watching = watchOver(server, state);
  const tries = [];
  for (const way of Object.keys(WAYS)) {
    for (const [event, view] of Object.entries(views)) {
      tries.push(t.test(`${event}, ${way}`, () => view(server, way)));
    }
  }
  await Promise.all(tries);
  state.done = true;
  await watching;
  t.diagnostic(`the bystander waited ${state.worst.toFixed()} ms at most`);
}

serverTest('a failing application costs only who needs it',
  {
    timeout: 120_000, concurrency: true,
    prepare: async () => {
      const upstream = await Upstream.start((request) =>
        WAYS[request.target.split('/')[1]]?.does);
      return { upstream, hubs: hubs(upstream, await closedPort()) };
    },
  },
  async (server, _app, t) => {
    await tryAll(server, t);
    await server.assertShortTurns();
    assert.ok(!server.log.includes(SECRET));
    server.terminate();
    await server.ended();
    assert.deepEqual(counted(server.log), expected());
    for (const way of Object.keys(WAYS)) {
      for (const event of Object.keys(WHERE))
        assert.equal(linesOf(server.log, way, event), isCounted(way, event) ? 1 : 0,
          `lines of ${way} at ${event}`);
    }
  });

// Two handlers of an application that takes connections and never answers, and one
// of another.
serverTest('an origin that is down is left alone by all its handlers, and no other is', {
  workerCounts: [1], config: { cloudevents: { breaker_failures: 2 } },
  prepare: async () => {
    const [dead, alive] = [await Upstream.start(() => hangUp), await Upstream.start()];
    const hub = (origin) => ({ event_handlers: [
      { url: `${origin}/{hub}`, user_events: '*', validation: false }] });
    return { upstream: { dead, close: () => Promise.all([dead.close(), alive.close()]) },
      hubs: { one: hub(dead.origin), two: hub(dead.origin), three: hub(alive.origin) } };
  },
}, async (server, { dead }) => {
  const ask = async (hub, ackId) => (await sockets[hub].ask(
    { type: 'event', event: 'e', dataType: 'text', data: 'x', ackId })).success;
  const sockets = {};
  for (const hub of ['one', 'two', 'three']) sockets[hub] = await server.rawGreeted(hub);
  for (let n = 1; n <= 2; n++) assert.equal(await ask('one', n), false);
  assert.equal(await ask('two', 1), false);
  assert.deepEqual(dead.requests.map((r) => r.target), ['/one', '/one']);
  assert.equal(await ask('three', 1), true);
  assert.equal(server.log.match(/upstream does not answer/g).length, 1);
});

// More of them than connections may be kept.
serverTest('requests that hang take no kept connection from others', {
  workerCounts: [1], config: { cloudevents: { idle_connections: 2 } },
  prepare: async () => {
    const [hole, alive] = [await Upstream.start(() => silence), await Upstream.start()];
    const hub = ({ origin }) => ({ event_handlers: [
      { url: origin, user_events: '*', validation: false }] });
    return { upstream: { hole, alive, close: () => Promise.all([hole.close(), alive.close()]) },
      hubs: { hole: hub(hole), alive: hub(alive) } };
  },
}, async (server, { hole, alive }) => {
  const event = { type: 'event', event: 'e', dataType: 'text', data: 'x' };
  for (let n = 0; n < 10; n++) {
    (await server.rawGreeted('hole')).sendJson(event);
    await hole.events.next();
  }
  const socket = await server.rawGreeted('alive');
  for (let ackId = 1; ackId <= 20; ackId++)
    assert.equal((await socket.ask({ ...event, ackId })).success, true);
  assert.equal(alive.accepted, 1);
});
