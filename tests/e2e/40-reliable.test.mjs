// Reliable clients: what they get again, after which ends, and who is refused.
import assert from 'node:assert/strict';
import https from 'node:https';
import test, { after } from 'node:test';

import { makeCertificates } from './support/ca.mjs';
import { OP, closePayload, openRaw } from './support/rawws.mjs';
import { RawHttp } from './support/rawhttp.mjs';
import { RELIABLE, acknowledge, askToRecover, assertRefused, hears,
  openReliable, recover, recoveryUrl } from './support/reliable.mjs';
import { Server, serverTest, twoWorkers } from './support/server.mjs';
import { signToken } from './support/token.mjs';
import { within } from './support/wait.mjs';
import { Webhook } from './support/webhook.mjs';

const TEXT = { contentType: 'text/plain' };
const TEXT_ANSWER = { 'Content-Type': 'text/plain' };

const sendToAnn = (server, text) =>
  server.service('chat').sendToUser('ann', text, TEXT);

async function cut(socket) {
  socket.cut();
  await socket.ended();
}

// The same, and the server knows it.
async function loseFirst(server, socket) {
  await cut(socket);
  await server.logs(new RegExp(`conn=${socket.id} from=open to=detached`));
}

// Each worker as the one where the recovery arrives; the owner is the first.
serverTest('a lost client gets on any worker what it missed, in order',
  async (server) => {
    for (let worker = 0; worker < server.workers; worker++) {
      const socket = await openReliable(server, { worker: 0 });
      await sendToAnn(server, 'one');
      await sendToAnn(server, 'two');
      assert.deepEqual(await hears(socket, 'one', 'two'), [1, 2]);
      await acknowledge(socket, 1);
      await cut(socket);
      await sendToAnn(server, 'three');
      const back = await recover(server, socket, { worker });
      assert.notEqual(back.token, undefined);
      await sendToAnn(server, 'four');
      assert.deepEqual(await hears(back, 'two', 'three', 'four'), [2, 3, 4]);
      await back.close();
      await back.ended();
    }
  });

serverTest('acknowledgements are cumulative, below and beyond what was sent',
  { workerCounts: [1] }, async (server) => {
    let socket = await openReliable(server);
    for (const text of ['1', '2', '3']) await sendToAnn(server, text);
    await hears(socket, '1', '2', '3');
    for (const [acked, ...kept] of
      [[0, '1', '2', '3'], [2, '3'], [1, '3'], [99]]) {
      await acknowledge(socket, acked);
      await cut(socket);
      socket = await recover(server, socket);
      await hears(socket, ...kept);
    }
    await sendToAnn(server, '4');
    assert.deepEqual(await hears(socket, '4'), [4]);
  });

serverTest('groups, permissions, user and ack ids stay, and tokens too',
  async (server) => {
    const [near, far] = twoWorkers(server);
    const socket = await openReliable(server,
      { worker: near, roles: ['webpubsub.joinLeaveGroup'] });
    const join = { type: 'joinGroup', group: 'deck', ackId: 1 };
    assert.equal((await socket.ask(join)).success, true);
    await server.service('chat').grantPermission(socket.id, 'sendToGroup',
      { targetName: 'deck' });
    await cut(socket);
    const first = await recover(server, socket, { worker: far });
    await cut(first);
    // The token of the first greeting: the client may have missed the newer one.
    const back = await recover(server, socket, { worker: near });
    assert.equal((await back.ask(join)).error.name, 'Duplicate');
    const sent = await back.ask({ type: 'sendToGroup', group: 'deck',
      dataType: 'text', data: 'aye', ackId: 2 });
    assert.equal(sent.success, true);
    assert.equal(sent.before[0].fromUserId, 'ann');
    assert.equal(sent.before[0].data, 'aye');
  });

serverTest('an old access token in the request does not matter',
  { workerCounts: [1] }, async (server) => {
    const socket = await openReliable(server);
    await cut(socket);
    const old = signToken(server.key, { exp: 1, aud: 'elsewhere' });
    await (await recover(server, socket, { more: `access_token=${old}&` })).close();
  });

serverTest('the newest transport wins, without a close frame for the others',
  async (server) => {
    const socket = await openReliable(server);
    await sendToAnn(server, 'one');
    await hears(socket, 'one');
    let last = socket;
    for (let worker = 0; worker < server.workers; worker++) {
      const next = await recover(server, socket, { worker });
      await hears(next, 'one');
      await last.ended();
      await assert.rejects(last.frames.next(), /ended/);
      last = next;
    }
    await sendToAnn(server, 'two');
    assert.deepEqual(await hears(last, 'two'), [2]);
  });

serverTest('of recoveries at the same time one stays, and the replay is whole',
  async (server) => {
    const socket = await openReliable(server);
    for (let n = 1; n <= 50; n++) await sendToAnn(server, `${n}`);
    // One that loses at once may be cut before it has its answer.
    const asked = await Promise.allSettled(Array.from({ length: 8 }, (_, n) =>
      askToRecover(server, socket, { worker: n % server.workers })));
    const open = new Set(asked.flatMap(({ value }) => value ?? []));
    const one = new Promise((resolve) => {
      for (const each of open) {
        each.ended().then(() => {
          open.delete(each);
          if (open.size === 1) resolve();
        }, () => {});
      }
      if (open.size === 1) resolve();
    });
    await within(one, 'end of all but one');
    const [winner] = open;
    assert.equal((await winner.json()).event, 'connected');
    await hears(winner, ...Array.from({ length: 50 }, (_, n) => `${n + 1}`));
    await sendToAnn(server, 'last');
    assert.deepEqual(await hears(winner, 'last'), [51]);
    winner.cut();
  });

// --- who is refused (section 13.5) ---------------------------------------------------

const REFUSED = {
  'no token': ({ socket }) => [{ id: socket.id }],
  'an empty token': ({ socket }) => [{ id: socket.id, token: '' }],
  'a wrong token': ({ socket }) =>
    [{ id: socket.id, token: 'A'.repeat(socket.token.length) }],
  'the token of another': ({ socket, other }) =>
    [{ id: socket.id, token: other.token }],
  'an access token': ({ socket, server }) =>
    [{ id: socket.id, token: signToken(server.key, { aud: socket.id }) }],
  'an id that nobody has': ({ socket }) =>
    [{ id: 'A'.repeat(socket.id.length), token: socket.token }],
  'an id of another form': ({ socket }) =>
    [{ id: 'x', token: socket.token }],
  'an id of a worker that there is not': ({ socket }) =>
    [{ id: `${socket.id.slice(0, 20)}____`, token: socket.token }],
  'another hub': ({ socket }) => [socket, { hub: 'other' }],
  'a hub that nobody uses': ({ socket }) => [socket, { hub: 'unused' }],
  'a plain connection': ({ plain, socket }) =>
    [{ id: plain.id, token: socket.token }],
  'a simple connection': ({ simple, socket }) =>
    [{ id: simple, token: socket.token }],
};

// Its connection id, which it is not told.
async function openSimple(server, worker) {
  server.own(await server.raw('chat', { protocols: [], groups: ['simple'], worker }));
  const members = await server.service('chat').group('simple').listConnections();
  return (await members.next()).value.connectionId;
}

serverTest('a refused recovery is upgraded and closed with 1008',
  async (server) => {
    const [near, far] = twoWorkers(server);
    const scene = {
      server,
      socket: await openReliable(server, { worker: near }),
      other: await openReliable(server, { hub: 'other', worker: far }),
      plain: await server.rawGreeted('chat', { worker: near }),
      simple: await openSimple(server, near),
    };
    for (const [what, request] of Object.entries(REFUSED)) {
      for (const worker of new Set([near, far])) {
        const [who, options] = request(scene);
        await assertRefused(server, who, { worker, ...options }).catch((error) => {
          error.message = `${what}: ${error.message}`;
          throw error;
        });
      }
    }
    // None of it touches the connection.
    await sendToAnn(server, 'one');
    await hears(scene.socket, 'one');
  });

serverTest('what is no upgrade, or names no hub, is a bad request',
  { workerCounts: [1] }, async (server) => {
    const socket = await openReliable(server);
    const { pathname, search } = new URL(recoveryUrl(server, socket));
    const http = server.own(await RawHttp.open(server.address()));
    assert.equal(await http.ask(
      `GET ${pathname}${search} HTTP/1.1\r\nHost: x\r\n\r\n`), 400);
    await assert.rejects(
      openRaw(recoveryUrl(server, socket, { hub: '1' }), { protocols: [RELIABLE] }),
      { status: 400 });
  });

// A refusal with 1008 would be for ever; without an answer the client tries again.
serverTest('a server that is stopping refuses no recovery',
  { workerCounts: [2] }, async (server) => {
    const there = await openReliable(server, { worker: 0 });
    const http = server.own(await RawHttp.open(server.address(1)));
    const { pathname, search } = new URL(recoveryUrl(server, there));
    http.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: x\r\n`);
    await server.service('chat', { worker: 1 }).connectionExists(there.id);
    server.terminate();
    assert.equal((await there.closing()).code, 1001);
    http.write('Upgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n');
    await http.ended();
    assert.equal(http.statuses.length, 0);
    there.cut();
  });

serverTest('an answer names the subprotocol of the connection',
  { workerCounts: [1] }, async (server) => {
    const socket = await openReliable(server);
    await cut(socket);
    const back = await recover(server, socket,
      { protocol: 'json.webpubsub.azure.v1' });
    assert.equal(back.headers['sec-websocket-protocol'], RELIABLE);
  });

// --- which ends leave it (section 13.6) ------------------------------------------------

async function closeWith(socket, ...code) {
  socket.send(code.length ? closePayload(...code) : '', OP.CLOSE);
  await socket.ended();
}

const ENDS = {
  'a cut': [true, cut],
  'an orderly end of the socket': [true, async (socket) => {
    socket.finish();
    await socket.ended();
  }],
  'a close of the client without a code': [true, (socket) => closeWith(socket)],
  'a close of the client with 1001': [true, (socket) => closeWith(socket, 1001)],
  'a close of the client with 4000': [true, (socket) => closeWith(socket, 4000)],
  'a close of the client with 1000': [false, (socket) => closeWith(socket, 1000)],
  'a close by REST': [false, async (socket, server) => {
    await server.service('chat').closeConnection(socket.id, { reason: 'bye' });
    assert.equal((await socket.closing()).code, 1000);
  }],
  'a broken frame': [false, async (socket) => {
    socket.send('x', OP.TEXT, { rsv: 1 });
    assert.equal((await socket.closing()).code, 1002);
  }],
  'a binary message': [false, async (socket) => {
    socket.send('x', OP.BINARY);
    assert.equal((await socket.closing()).code, 1003);
  }],
  'an invalid message': [false, async (socket) => {
    socket.send('{}');
    assert.equal((await socket.closing()).code, 1007);
  }],
  'a message that is too large': [false, async (socket) => {
    socket.send('x'.repeat(2000));
    assert.equal((await socket.closing()).code, 1009);
  }],
  'an event that fails': [false, async (socket) => {
    socket.sendJson({ type: 'event', event: 'e', dataType: 'text', data: 'x' });
    assert.equal((await socket.closing()).code, 1011);
  }],
  'a full buffer': [false, async (socket, server) => {
    for (const text of ['1', '2', '3', '4']) await sendToAnn(server, text);
    assert.equal((await socket.closing()).code, 1008);
  }],
  'a full buffer while away': [false, async (socket, server) => {
    await loseFirst(server, socket);
    for (const text of ['1', '2', '3', '4']) await sendToAnn(server, text);
  }],
  'a close by REST while away': [false, async (socket, server) => {
    await loseFirst(server, socket);
    await server.service('chat').closeConnection(socket.id, { reason: 'bye' });
  }],
};

serverTest('which ends leave the connection', { workerCounts: [2],
  config: { webpubsub: { on_event_failure: 'drop' } },
  hubs: { chat: { max_message: 1024, max_unacked_messages: 3 } } },
async (server, _app, t) => {
  for (const [what, [stays, end]] of Object.entries(ENDS)) {
    await t.test(`${what}: ${stays ? 'kept' : 'gone'}`, async () => {
      const socket = await openReliable(server, { worker: 0 });
      await end(socket, server);
      if (stays) await (await recover(server, socket, { worker: 1 })).close();
      else await assertRefused(server, socket, { worker: 1 });
      socket.cut();
    });
  }
});

serverTest('a client that gives no sign of life is cut, and kept',
  { workerCounts: [2], hubs: { chat: { ping_interval: '1s' } } },
  async (server) => {
    const socket = await openReliable(server, { worker: 0 });
    await socket.ended();
    await assert.rejects(socket.frames.find((f) => f.opcode === OP.CLOSE), /ended/);
    await (await recover(server, socket, { worker: 1 })).close();
  });

// --- the application --------------------------------------------------------------------

const EVENTS = ['connect', 'connected', 'disconnected'];
const STATE = 'eyJhIjoxfQ==';

async function withHook(hub, body) {
  const hook = await Webhook.start();
  const hubs = { chat: { ...hub,
    event_handlers: [hook.handler({ system_events: EVENTS })] } };
  let server;
  try {
    server = await Server.start({ workers: 2, hubs });
    await body(server, hook);
  } catch (error) {
    error.message += `\n${server?.log}`;
    await server?.stop().catch(() => {});
    throw error;
  } finally {
    await hook.close();
  }
}

async function told(hook, name) {
  const request = await hook.requests.next();
  assert.equal(request.headers['ce-eventname'], name);
  return request;
}

async function openTold(server, hook) {
  const opening = openReliable(server, { worker: 0 });
  (await told(hook, 'connect')).respond(204, { 'ce-connectionState': STATE });
  (await told(hook, 'connected')).respond();
  return opening;
}

const event = (ackId) =>
  ({ type: 'event', event: 'e', dataType: 'text', data: 'x', ackId });

test('the application hears of the end, and of no recovery', async () => {
  await withHook({ recovery_window: '3s' }, async (server, hook) => {
    const socket = await openTold(server, hook);
    await loseFirst(server, socket);
    const back = await recover(server, socket, { worker: 1 });
    const answer = back.ask(event(1));
    const asked = await told(hook, 'e');
    assert.equal(asked.headers['ce-connectionstate'], STATE);
    asked.respond();
    assert.equal((await answer).success, true);
    await cut(back);
    const last = await told(hook, 'disconnected');
    assert.match(last.body, /recovery timed out/);
    last.respond();
    await assertRefused(server, socket);
    await server.stop();
  });
});

test('an answer of the application finds its client after a recovery',
  async () => {
    await withHook({}, async (server, hook) => {
      const socket = await openTold(server, hook);
      socket.sendJson(event(1));
      const first = await told(hook, 'e');
      await cut(socket);
      const back = await recover(server, socket, { worker: 1 });
      const answer = back.ask(event(2));
      first.respond(200, TEXT_ANSWER, 'yes');
      (await told(hook, 'e')).respond();
      const { success, before } = await answer;
      assert.equal(success, true);
      assert.deepEqual(before.map(({ type, data, ackId }) => data ?? [type, ackId]),
        ['yes', ['ack', 1]]);
      back.cut();
      const stopped = server.stop();
      (await told(hook, 'disconnected')).respond();
      await stopped;
    });
  });

test('an answer while the client is away waits for it, the ack is lost',
  async () => {
    await withHook({}, async (server, hook) => {
      const socket = await openTold(server, hook);
      socket.sendJson(event(1));
      const first = await told(hook, 'e');
      await cut(socket);
      const other = await openTold(server, hook);
      first.respond(200, TEXT_ANSWER, 'yes');
      // The next event of another client has its answer behind this one.
      const answer = other.ask(event(1));
      (await told(hook, 'e')).respond();
      await answer;
      const back = await recover(server, socket, { worker: 1 });
      assert.deepEqual(await hears(back, 'yes'), [1]);
      assert.equal((await back.ask(event(1))).error.name, 'Duplicate');
      const stopped = server.stop();
      for (const _ of [1, 2]) (await told(hook, 'disconnected')).respond();
      await stopped;
    });
  });

test('a stop does not wait for clients that are away', async () => {
  await withHook({ recovery_window: '1h' }, async (server, hook) => {
    const socket = await openTold(server, hook);
    await loseFirst(server, socket);
    const stopped = server.stop();
    (await told(hook, 'disconnected')).respond();
    await within(stopped, 'the stop', 5000);
  });
});

test('a stop ends with 1001 those that are there, and they are gone', async () => {
  await withHook({ recovery_window: '1h' }, async (server, hook) => {
    const socket = await openTold(server, hook);
    server.terminate();
    const { type, event: name } = await socket.json();
    assert.deepEqual([type, name], ['system', 'disconnected']);
    assert.equal((await socket.closing()).code, 1001);
    const last = await told(hook, 'disconnected');
    assert.equal(last.headers['ce-connectionid'], socket.id);
    last.respond();
    socket.cut();
    await server.stop();
  });
});

// --- TLS --------------------------------------------------------------------------------

const certificates = makeCertificates();
after(() => certificates.remove());

// fetch cannot be told of a CA.
function tlsPost(server, body) {
  const url = `${server.url()}/api/hubs/chat/users/ann/:send?api-version=2024-12-01`;
  const headers = { 'Content-Type': 'text/plain',
    Authorization: `Bearer ${signToken(server.key, { aud: url })}` };
  return new Promise((resolve, reject) => {
    const request = https.request(url, { method: 'POST', ca: server.ca, headers },
      (response) => response.resume().on('end', resolve));
    request.on('error', reject).end(body);
  });
}

serverTest('a session of TLS moves to the owner with its transport',
  { tls: certificates }, async (server) => {
    const socket = await openReliable(server, { worker: 0 });
    let last = socket;
    for (let worker = 0; worker < server.workers; worker++) {
      // Beyond one record of TLS.
      const text = `${worker}`.repeat(40_000);
      await cut(last);
      await tlsPost(server, text);
      last = await recover(server, socket, { worker });
      assert.deepEqual(await hears(last, text), [worker + 1]);
      await acknowledge(last, worker + 1);
    }
    last.cut();
  });

// --- time to live -----------------------------------------------------------------------

serverTest('a message whose time is over is not sent again, and leaves a gap',
  { workerCounts: [1], hubs: { chat: { max_unacked_messages: 100_000 } } },
  async (server) => {
    const socket = await openReliable(server);
    const service = server.service('chat');
    await service.sendToUser('ann', 'lives', TEXT);
    await service.sendToUser('ann', 'dies', { ...TEXT, messageTtlSeconds: 1 });
    await hears(socket, 'lives', 'dies');
    await cut(socket);
    // Until its second is over the message is sent again each time.
    for (let turns = 1; ; turns++) {
      assert.ok(turns < 50_000, 'the message does not expire');
      const back = await recover(server, socket);
      await sendToAnn(server, 'end');
      await hears(back, 'lives');
      const next = await back.json();
      await cut(back);
      if (next.data === 'dies') {
        assert.equal(next.sequenceId, 2);
        continue;
      }
      assert.equal(next.data, 'end');
      assert.equal(next.sequenceId, 3);
      break;
    }
  });
