// Events as they are on the wire, line by line, and their order.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';

import { OP, openRaw } from './support/rawws.mjs';
import { serverTest } from './support/server.mjs';
import { answer, NOTHING, silence, Upstream } from './support/upstream.mjs';

const SYSTEM = ['connect', 'connected', 'disconnected'];
const JSON_PROTOCOL = 'json.webpubsub.azure.v1';

// The hub "chat" with one handler at a raw upstream.
function chat(respond, options = {}) {
  return async () => {
    const upstream = await Upstream.start(respond);
    return { upstream, hubs: { chat: { event_handlers: [{
      url: `${upstream.origin}/api/{hub}/{event}?code=s3cret%3D`,
      user_events: '*', system_events: SYSTEM, ...options,
    }] } } };
  };
}

// All lines of a request, with what no test can know left out.
function linesOf(request) {
  return [`${request.method} ${request.target} ${request.version}`,
    ...request.lines.map((line) => line
      .replace(/^(ce-time): \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, '$1')
      .replace(/^(x-ms-client-request-id): [0-9a-f]{16}-\d+$/, '$1')
      .replace(/^(User-Agent): wps\/[\w.-]+$/, '$1'))];
}

function expected(server, upstream, socket, { event, type, id, length, more = [] }) {
  const mac = crypto.createHmac('sha256', server.key).update(socket.id).digest('hex');
  const system = SYSTEM.includes(event);
  return [
    `POST /api/chat/${event}?code=s3cret%3D HTTP/1.1`,
    `Host: ${new URL(upstream.origin).host}`,
    `Content-Type: ${type ?? 'application/json; charset=utf-8'}`,
    'WebHook-Request-Origin: 127.0.0.1',
    'ce-awpsversion: 1.0',
    'ce-specversion: 1.0',
    `ce-type: azure.webpubsub.${system ? 'sys' : 'user'}.${event}`,
    `ce-source: /hubs/chat/client/${socket.id}`,
    `ce-id: ${id}`,
    'ce-time',
    `ce-signature: sha256=${mac}`,
    'ce-hub: chat',
    `ce-connectionId: ${socket.id}`,
    `ce-eventName: ${event}`,
    'ce-userId: Jürgen 1',
    ...(event === 'connect' ? [] : [`ce-subprotocol: ${JSON_PROTOCOL}`]),
    ...(id === 0 ? [] : ['ce-connectionState: eyJhIjoxfQ==']),
    'x-ms-client-request-id',
    'User-Agent',
    ...more,
    `Content-Length: ${length}`,
  ];
}

const RAW_JÜRGEN = Buffer.from('Jürgen 1').toString('latin1');

serverTest('every event has its header lines and no other',
  { prepare: chat((request) => request.event === 'connect' ?
    answer(204, '', { 'ce-connectionState': 'eyJhIjoxfQ==' }) : null) },
  async (server, upstream) => {
    const socket = await server.rawGreeted('chat', { userId: 'Jürgen 1' });
    await upstream.events.find((r) => r.event === 'connected');
    const ack = await socket.ask({ type: 'event', event: 'vote', dataType: 'text',
      data: 'aye', metadata: { Topic: 'x' }, ackId: 1 });
    assert.equal(ack.success, true);
    await socket.close();
    await upstream.events.find((r) => r.event === 'disconnected');
    const cases = [
      { event: 'connect', id: 0 },
      { event: 'connected', id: 1, length: 2 },
      { event: 'vote', id: 2, type: 'text/plain', length: 3,
        more: ['x-webpubsub-metadata-topic: x'] },
      { event: 'disconnected', id: 3, length: 13 },
    ];
    const posts = upstream.requests.filter((r) => r.method === 'POST');
    assert.equal(posts.length, cases.length);
    for (const [n, one] of cases.entries()) {
      one.length ??= posts[n].body.length;
      const wanted = expected(server, upstream, socket, one)
        .map((line) => line.replace('Jürgen 1', RAW_JÜRGEN));
      assert.deepEqual(linesOf(posts[n]), wanted);
    }
    assert.deepEqual(linesOf(upstream.requests[0]), [
      'OPTIONS /api/chat/validate?code=s3cret%3D HTTP/1.1',
      `Host: ${new URL(upstream.origin).host}`,
      'WebHook-Request-Origin: 127.0.0.1',
      'ce-awpsversion: 1.0',
      'User-Agent',
    ]);
    assert.ok(!server.log.includes('s3cret'));
  });

serverTest('connections to the application are used again',
  { workerCounts: [1], prepare: chat() }, async (server, upstream) => {
    const socket = await server.rawGreeted('chat');
    for (let n = 1; n <= 50; n++)
      await socket.ask({ type: 'event', event: 'e', data: n, ackId: n });
    assert.ok(upstream.requests.length >= 52);
    assert.ok(upstream.accepted <= 2, `${upstream.accepted} connections`);
  });

serverTest('presence is told for real changes, before disconnected',
  { prepare: chat(null, { presence_events: ['joined', 'left'] }) },
  async (server, upstream) => {
    const socket = await server.rawGreeted('chat',
      { groups: ['first'], roles: ['webpubsub.joinLeaveGroup'] });
    const service = server.service('chat');
    await socket.ask({ type: 'joinGroup', group: 'room', ackId: 1 });
    await socket.ask({ type: 'joinGroup', group: 'room', ackId: 2 });
    await service.group('rest').addConnection(socket.id);
    await service.group('rest').addConnection(socket.id);
    await service.group('rest').removeConnection(socket.id);
    await socket.ask({ type: 'leaveGroup', group: 'none', ackId: 3 });
    await socket.ask({ type: 'event', event: 'e', data: 1, ackId: 4 });
    await socket.close();
    await upstream.events.find((r) => r.event === 'disconnected');
    const told = upstream.requests.filter((r) => r.method === 'POST' &&
      !['connect', 'e'].includes(r.event));
    assert.deepEqual(told.slice(0, -3).map((r) => [r.event, r.body.toString()]), [
      ['connected', '{}'],
      ['joined', '{"group":"first"}'],
      ['joined', '{"group":"room"}'],
      ['joined', '{"group":"rest"}'],
      ['left', '{"group":"rest"}'],
    ]);
    assert.deepEqual(told.slice(-3).map((r) => [r.event, r.body.toString()]).sort(), [
      ['disconnected', '{"reason":""}'],
      ['left', '{"group":"first"}'],
      ['left', '{"group":"room"}'],
    ]);
    assert.equal(told.at(-1).event, 'disconnected');
    for (const request of told) {
      if (!request.body.includes('group')) continue;
      assert.equal(request.headers['ce-type'], `azure.webpubsub.gp.${request.event}`);
      assert.equal(request.headers['content-type'], 'application/json; charset=utf-8');
    }
  });

serverTest('presence has group filters',
  { prepare: chat(null, { presence_events: ['joined'], presence_groups: ['room*'] }) },
  async (server, upstream) => {
    const socket = await server.rawGreeted('chat',
      { groups: ['hall', 'room7'], roles: ['webpubsub.joinLeaveGroup'] });
    await socket.ask({ type: 'joinGroup', group: 'Room8', ackId: 1 });
    await socket.ask({ type: 'leaveGroup', group: 'room7', ackId: 2 });
    await socket.ask({ type: 'joinGroup', group: 'room8', ackId: 3 });
    await socket.close();
    await upstream.events.find((r) => r.event === 'disconnected');
    assert.deepEqual(upstream.requests.filter((r) => /joined|left/.test(r.event))
      .map((r) => r.body.toString()), ['{"group":"room7"}', '{"group":"room8"}']);
  });

// Answers come when the test says so.
function held() {
  const waiting = [];
  return {
    waiting,
    respond: (request) => request.event === 'slow' ?
      (socket) => waiting.push(() => socket.write(NOTHING)) : null,
  };
}

const slow = held();

serverTest('what a client sends waits behind its event, in order',
  { prepare: chat(slow.respond) }, async (server, upstream) => {
    const socket = await server.rawGreeted('chat',
      { roles: ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'] });
    socket.sendJson({ type: 'event', event: 'slow', data: 1, ackId: 1 });
    socket.sendJson({ type: 'joinGroup', group: 'g', ackId: 2 });
    socket.sendJson({ type: 'event', event: 'slow', data: 2, ackId: 3 });
    socket.sendJson({ type: 'sendToGroup', group: 'g', data: 'x', noEcho: true, ackId: 4 });
    await upstream.events.find((r) => r.event === 'slow');
    const other = await server.rawGreeted('chat');
    await other.ask({ type: 'event', event: 'quick', data: 1, ackId: 1 });
    socket.send('still there?', OP.PING);
    const pong = await socket.frames.next();
    assert.equal(pong.opcode, OP.PONG);
    assert.equal(upstream.requestsOf('slow').length, 1);
    slow.waiting.shift()();
    assert.equal((await socket.json()).ackId, 1);
    assert.equal((await socket.json()).ackId, 2);
    await upstream.events.find((r) => r.event === 'slow');
    slow.waiting.shift()();
    assert.equal((await socket.json()).ackId, 3);
    assert.equal((await socket.json()).ackId, 4);
  });

const late = [];

serverTest('a client that the application lets in as the server stops is refused',
  { workerCounts: [1], prepare: chat((request) => request.headers['ce-userid'] === 'late' &&
    request.event === 'connect' ? (socket) => late.push(() => socket.write(NOTHING)) : null) },
  async (server, upstream) => {
    const early = await server.rawGreeted('chat');
    const socket = server.raw('chat', { userId: 'late' });
    await upstream.events.find((r) => r.headers['ce-userid'] === 'late');
    server.terminate();
    assert.equal((await early.json()).event, 'disconnected');
    assert.equal((await early.closing()).code, 1001);
    late.shift()();
    await assert.rejects(socket, { status: 503 });
    await upstream.events.find((r) => r.event === 'disconnected' &&
      r.headers['ce-userid'] === 'late');
  });

const flooded = held();
const MIB = 1024 * 1024;

serverTest('behind an event a client that goes on sending is not read for ever',
  { workerCounts: [1], prepare: chat(flooded.respond) }, async (server, upstream) => {
    const socket = await server.rawGreeted('chat', { roles: ['webpubsub.joinLeaveGroup'] });
    const other = await server.rawGreeted('chat');
    socket.sendJson({ type: 'event', event: 'slow', data: 1, ackId: 1 });
    await upstream.events.find((r) => r.event === 'slow');
    const before = server.memory();
    const filler = 'x'.repeat(MIB / 2);
    for (let n = 2; n < 66; n++)
      socket.sendJson({ type: 'joinGroup', group: 'g', filler, ackId: n });
    // What is read meanwhile is read while these go to and fro.
    for (let n = 0; n < 200; n++)
      await other.ask({ type: 'event', event: 'quick', data: n, ackId: n });
    server.assertMemoryBelow(before, 8 * 1024);
    flooded.waiting.shift()();
    for (let n = 1; n < 66; n++) assert.equal((await socket.json()).ackId, n);
  });

serverTest('disconnected comes last and once, also behind an unanswered event',
  { prepare: chat((request) => request.event === 'never' ? silence : null) },
  async (server, upstream) => {
    const socket = await server.rawGreeted('chat');
    socket.sendJson({ type: 'event', event: 'never', data: 1 });
    await upstream.events.find((r) => r.event === 'never');
    socket.cut();
    const gone = await upstream.events.find((r) => r.event === 'disconnected');
    assert.equal(gone.body.toString(), '{"reason":"connection lost"}');
    assert.equal(upstream.requests.at(-1), gone);
  });

serverTest('disconnected is told when the handshake fails behind an accepted connect',
  { prepare: chat((request) => request.event === 'connect' ?
    answer(200, '{"subprotocol":"not.offered"}') : null) },
  async (server, upstream) => {
    await assert.rejects(async () => openRaw(await server.accessUrl('chat'),
      { protocols: [JSON_PROTOCOL] }), { status: 500 });
    await upstream.events.find((r) => r.event === 'disconnected');
    assert.deepEqual(upstream.requestsOf('connected'), []);
  });

serverTest('a handler that is gone is told disconnected when it is back',
  { workerCounts: [1], prepare: chat((() => {
    let failures = 1;
    return (request) => request.event === 'connected' && failures-- > 0 ?
      answer(503) : null;
  })()) },
  async (server, upstream) => {
    const socket = await server.rawGreeted('chat');
    await upstream.events.find((r) => r.event === 'connected');
    await socket.close();
    const again = await upstream.events.next();
    assert.equal(again.event, 'connected', 'repeated before the last word');
    assert.deepEqual(linesOf(again), linesOf(upstream.requestsOf('connected')[0]));
    assert.equal((await upstream.events.next()).event, 'disconnected');
  });

serverTest('a cookie stays with its connection',
  { prepare: chat((request) => request.event === 'connect' ?
    answer(204, '', { 'Set-Cookie': `node=${request.headers['ce-connectionid']}; HttpOnly` }) :
    null) },
  async (server, upstream) => {
    const sockets = [await server.rawGreeted('chat'), await server.rawGreeted('chat')];
    for (const socket of sockets)
      await socket.ask({ type: 'event', event: 'e', data: 1, ackId: 1 });
    for (const request of upstream.requests) {
      if (request.method === 'OPTIONS' || request.event === 'connect')
        assert.equal(request.headers.cookie, undefined);
      else
        assert.equal(request.headers.cookie, `node=${request.headers['ce-connectionid']}`);
    }
  });

serverTest('an application that serves several hosts is reached by template',
  { workerCounts: [1], prepare: async () => {
    const upstream = await Upstream.start();
    return { upstream, hubs: { '*': { anonymous: true, event_handlers: [{
      url: `${upstream.origin}/{hub}/{event}`, system_events: SYSTEM, user_events: 'a, b' }] } } };
  } },
  async (server, upstream) => {
    for (const hub of ['one', 'Two']) {
      const socket = await server.rawGreeted(hub);
      const known = await socket.ask({ type: 'event', event: 'A', data: 1, ackId: 1 });
      assert.equal(known.success, true);
      const unknown = await socket.ask({ type: 'event', event: 'c', data: 1, ackId: 2 });
      assert.equal(unknown.error.name, 'InternalServerError');
    }
    assert.deepEqual(upstream.requests.filter((r) => r.method === 'OPTIONS')
      .map((r) => r.target), ['/one/validate', '/two/validate']);
    assert.match(server.log, /EventHandlerNotFound/);
  });
