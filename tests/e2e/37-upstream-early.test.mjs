// The early check: handlers are asked when the server starts, before any client.
import assert from 'node:assert/strict';

import { serverTest, twoWorkers } from './support/server.mjs';
import { answer, closedPort, silence, Upstream } from './support/upstream.mjs';
import { within } from './support/wait.mjs';

const ALL = { user_events: '*', system_events: ['connect'] };

function handshakes(upstream) {
  return upstream.requests.filter((r) => r.method === 'OPTIONS').map((r) => r.target);
}

// Waits until a predicate holds that requests may change.
async function until(upstream, holds, what) {
  await within((async () => {
    while (!holds()) await upstream.next();
  })(), what);
}

// An upstream that tells of each request, after it was taken.
async function watched(respond) {
  let wake;
  let came = new Promise((resolve) => { wake = resolve; });
  const upstream = await Upstream.start((request) => {
    const given = respond?.(request);
    setImmediate(wake);
    return given;
  });
  upstream.next = async () => {
    await came;
    came = new Promise((resolve) => { wake = resolve; });
  };
  return upstream;
}

serverTest('a handler that agrees early spares the clients of all workers the handshake', {
  prepare: async () => {
    const upstream = await Upstream.start();
    return { upstream, hubs: {
      chat: { event_handlers: [{ url: `${upstream.origin}/{hub}/{event}`, ...ALL }] },
      news: { event_handlers: [{ url: `${upstream.origin}/{hub}/{event}`, ...ALL },
        { url: `${upstream.origin}/off`, validation: false }] },
      '*': { event_handlers: [{ url: `${upstream.origin}/any/{hub}`, ...ALL },
        { url: `${upstream.origin}/same`, ...ALL }] },
    } };
  },
}, async (server, upstream) => {
  const wanted = ['/chat/validate', '/news/validate', '/same'];
  for (const hub of ['chat', 'news', '\\*'])
    await server.logs(new RegExp(`event handler agrees hub=${hub} url=`));
  for (const worker of twoWorkers(server)) {
    for (const hub of ['chat', 'news']) {
      const socket = await server.rawGreeted(hub, { worker });
      const ack = await socket.ask({ type: 'event', event: 'e', data: 1, ackId: 1 });
      assert.equal(ack.success, true);
    }
  }
  assert.deepEqual(handshakes(upstream).sort(), wanted);
});

serverTest('mistakes are in the log once, with what to do, before a client comes', {
  prepare: async () => {
    const upstream = await Upstream.start((request) => ({
      '/locked': answer(401), '/bare': answer(200), '/lost': answer(404),
      '/moved': answer(307, '', { Location: '/elsewhere' }),
      '/other': answer(200, '', { 'WebHook-Allowed-Origin': 'other.example.net' }),
    })[request.target.split('?')[0]]);
    const hubs = {};
    for (const name of ['locked', 'bare', 'lost', 'moved', 'other'])
      hubs[name] = { event_handlers: [{ url: `${upstream.origin}/${name}?code=s3cret` }] };
    hubs.down = { event_handlers: [
      { url: `http://127.0.0.1:${await closedPort()}/{event}`, ...ALL }] };
    return { upstream, hubs };
  },
}, async (server, upstream) => {
  const says = {
    locked: /InvalidStatusCode hub=locked url=\S+\/locked status=401: .*without credentials/,
    bare: /MissingAllowedOrigin hub=bare url=\S+\/bare status=200: .*has no WebHook-Allowed/,
    lost: /InvalidStatusCode hub=lost url=\S+\/lost status=404: it knows no such path/,
    moved: /InvalidStatusCode hub=moved url=\S+\/moved status=307: it redirects/,
    other: /MissingAllowedOrigin hub=other url=\S+\/other status=200: it allows other/,
    down: /InvalidStatusCode hub=down url=\S+ status=0: the connection is refused: is it/,
  };
  for (const pattern of Object.values(says))
    await server.logs(new RegExp(`warning cloudevents: AbuseProtectionResponse${
      pattern.source}`));
  assert.equal(server.log.match(/AbuseProtection/g).length, Object.keys(says).length);
  assert.equal(handshakes(upstream).length, 5);
  assert.ok(!server.log.includes('s3cret'));
});

serverTest('applications that hang delay neither the start nor clients', {
  workerCounts: [1],
  prepare: async () => {
    const upstream = await watched((r) => r.target.startsWith('/hole') ? silence : null);
    const hubs = { zebra: { event_handlers: [{ url: `${upstream.origin}/good`, ...ALL }] } };
    for (let n = 0; n < 9; n++)
      hubs[`hole${n}`] = { event_handlers: [{ url: `${upstream.origin}/hole/${n}`, ...ALL }] };
    return { upstream, hubs };
  },
}, async (server, upstream) => {
  const socket = await server.rawGreeted('zebra');
  const ack = await socket.ask({ type: 'event', event: 'e', data: 1, ackId: 1 });
  assert.equal(ack.success, true);
  await until(upstream, () => handshakes(upstream).length >= 5, 'handshakes');
  // Four at a time, and the client's own.
  assert.deepEqual(handshakes(upstream).sort(),
    ['/good', '/hole/0', '/hole/1', '/hole/2', '/hole/3']);
});

serverTest('early_check false asks nobody before an event', {
  workerCounts: [1], config: { cloudevents: { early_check: false } },
  prepare: async () => {
    const upstream = await Upstream.start();
    return { upstream, hubs: {
      chat: { event_handlers: [{ url: `${upstream.origin}/{event}`, ...ALL }] },
      quiet: { event_handlers: [{ url: `${upstream.origin}/quiet`, ...ALL }] } } };
  },
}, async (server, upstream) => {
  await server.rawGreeted('chat');
  assert.deepEqual(upstream.requests.map((r) => `${r.method} ${r.target}`),
    ['OPTIONS /validate', 'POST /connect']);
});
