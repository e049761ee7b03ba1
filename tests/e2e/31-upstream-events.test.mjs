// Events as they are on the wire, line by line, and their order.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';

import { RawHttp } from './support/rawhttp.mjs';
import { closePayload, encodeFrame, OP, openRaw } from './support/rawws.mjs';
import { openReliable, recover } from './support/reliable.mjs';
import { serverTest, twoWorkers } from './support/server.mjs';
import { answer, NOTHING, silence, Upstream } from './support/upstream.mjs';
import { Inbox } from './support/wait.mjs';

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

const event = (name, more) =>
  ({ type: 'event', event: name, dataType: 'text', data: name, ...more });

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
  const kind = SYSTEM.includes(event) ? 'sys' : event === 'joined' ? 'gp' : 'user';
  return [
    `POST /api/chat/${event}?code=s3cret%3D HTTP/1.1`,
    `Host: ${new URL(upstream.origin).host}`,
    `Content-Type: ${type ?? 'application/json; charset=utf-8'}`,
    'WebHook-Request-Origin: 127.0.0.1',
    'ce-awpsversion: 1.0',
    'ce-specversion: 1.0',
    `ce-type: azure.webpubsub.${kind}.${event}`,
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
    answer(204, '', { 'ce-connectionState': 'eyJhIjoxfQ==' }) : null,
  { presence_events: ['joined'] }) },
  async (server, upstream) => {
    const socket = await server.rawGreeted('chat', { userId: 'Jürgen 1', groups: ['g'] });
    await upstream.events.find((r) => r.event === 'joined');
    const ack = await socket.ask({ type: 'event', event: 'vote', dataType: 'text',
      data: 'aye', metadata: { Topic: 'x' }, ackId: 1 });
    assert.equal(ack.success, true);
    await socket.close();
    await upstream.events.find((r) => r.event === 'disconnected');
    const cases = [
      { event: 'connect', id: 0 },
      { event: 'connected', id: 1, length: 2 },
      { event: 'joined', id: 2, length: 13 },
      { event: 'vote', id: 3, type: 'text/plain', length: 3,
        more: ['x-webpubsub-metadata-topic: x'] },
      { event: 'disconnected', id: 4, length: 13 },
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

serverTest('client_tokens says whether connect tells the token of the client',
  { prepare: async () => {
    const upstream = await Upstream.start();
    const handler = { url: `${upstream.origin}/{hub}`, system_events: ['connect'] };
    return { upstream, hubs: {
      without: { event_handlers: [handler] },
      with: { event_handlers: [{ ...handler, client_tokens: true }] },
    } };
  } },
  async (server, upstream) => {
    for (const hub of ['without', 'with']) {
      const token = new URL(await server.accessUrl(hub)).searchParams.get('access_token');
      const address = `ws://${server.address()}/client/hubs/${hub}`;
      server.own(await openRaw(`${address}?a=1&access_token=${token}`));
      server.own(await openRaw(address, { headers: {
        Authorization: `Bearer ${token}`, 'X-ASRS-Internal-Id': '1' } }));
      const [first, second] = upstream.requestsOf('connect')
        .filter((r) => r.target === `/${hub}`).map((r) => JSON.parse(r.body));
      assert.deepEqual(first.query,
        hub === 'with' ? { a: ['1'], access_token: [token] } : { a: ['1'] });
      assert.deepEqual(second.headers.Authorization,
        hub === 'with' ? [`Bearer ${token}`] : undefined);
      assert.equal(second.headers['X-ASRS-Internal-Id'], undefined);
    }
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

// The content type of an answer, its body, and what clients get: the opcode of a
// frame, and the members of a message; null: the event fails.
const ANSWERS = [
  ['text/plain', 'hé', OP.TEXT, '"dataType":"text","data":"hé"'],
  ['text/plain; charset=utf-8', 'x', OP.TEXT, '"dataType":"text","data":"x"'],
  ['application/json', '{"b": 1, "a":[]}', OP.TEXT, '"dataType":"json","data":{"b": 1, "a":[]}'],
  ['application/json', 'hello', OP.TEXT, null],
  ['application/octet-stream', 'x', OP.BINARY, '"dataType":"binary","data":"eA=="'],
  ['application/x-protobuf', '\n\x01t', OP.BINARY, '"dataType":"protobuf","data":"CgF0"'],
  [undefined, 'x', OP.BINARY, '"dataType":"binary","data":"eA=="'],
  ['text/html', '<p>', null, null],
];

function answerByNumber(request) {
  if (request.method === 'OPTIONS') return null;
  const [type, body] = ANSWERS[Number(request.body)];
  return answer(200, body, type ? { 'Content-Type': type } : {});
}

serverTest('an answer is to each kind of client what its content type says',
  { workerCounts: [1], prepare: chat(answerByNumber, { system_events: [] }) },
  async (server) => {
    const json = await server.rawGreeted('chat');
    for (const [n, [type, body, opcode, members]] of ANSWERS.entries()) {
      for (const protocols of [[], ['of.its.own']]) {
        const simple = await server.raw('chat', { protocols });
        simple.send(`${n}`);
        const frame = await simple.frames.next();
        assert.equal(frame.opcode, opcode ?? OP.CLOSE, `${type} ${body}`);
        if (opcode) assert.equal(frame.text, body);
      }
      json.sendJson({ type: 'event', event: 'e', dataType: 'text', data: `${n}`, ackId: n });
      const first = await json.text();
      if (members === null) {
        assert.equal(JSON.parse(first).error.name, 'InternalServerError');
        continue;
      }
      assert.equal(first, `{"type":"message","from":"server",${members}}`);
      assert.equal(await json.text(), `{"type":"ack","ackId":${n},"success":true}`);
    }
  });

// Answers come when the test says so.
function held(name = 'slow') {
  const waiting = [];
  return {
    waiting,
    respond: (request) => request.event === name ?
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
    socket.sendJson({ type: 'ping' });
    assert.deepEqual(await socket.json(), { type: 'pong' });
    assert.equal(upstream.requestsOf('slow').length, 1);
    slow.waiting.shift()();
    assert.equal((await socket.json()).ackId, 1);
    assert.equal((await socket.json()).ackId, 2);
    await upstream.events.find((r) => r.event === 'slow');
    slow.waiting.shift()();
    assert.equal((await socket.json()).ackId, 3);
    assert.equal((await socket.json()).ackId, 4);
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
  { prepare: chat((request) => request.event === 'never' ? silence : null,
    { timeout: '300ms' }) },
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

// What an answer to connect does to the token's roles and groups: `joins` by the role,
// `in` the group that a send reaches first.
const GRANTED = [
  [{}, { joins: true, in: 'token' }],
  [{ roles: null, groups: null, userId: null }, { joins: true, in: 'token' }],
  [{ roles: [] }, { joins: false, in: 'token' }],
  [{ roles: ['webpubsub.sendToGroup'] }, { joins: false, in: 'token' }],
  [{ groups: [] }, { joins: true, in: 'token' }],
  [{ groups: ['told'] }, { joins: true, in: 'told' }],
  [{ userId: '' }, { joins: true, in: 'token' }],
];
let granted;

serverTest('an answer to connect replaces what it names',
  { prepare: chat((request) => request.event === 'connect' ?
    answer(200, JSON.stringify(granted), { 'Content-Type': 'application/json' }) : null) },
  async (server) => {
    const service = server.service('chat');
    for (const [body, expected] of GRANTED) {
      granted = body;
      const what = JSON.stringify(body);
      const socket = await server.raw('chat', { userId: 'ann', groups: ['token'],
        roles: ['webpubsub.joinLeaveGroup'] });
      assert.equal((await socket.json()).userId, 'ann', what);
      const ack = await socket.ask({ type: 'joinGroup', group: 'g', ackId: 1 });
      assert.equal(ack.success, expected.joins, what);
      for (const group of ['token', 'told'])
        await service.group(group).sendToAll(group, { contentType: 'text/plain' });
      assert.equal((await socket.json()).group, expected.in, what);
      socket.cut();
    }
    await assert.rejects(() => server.raw('chat', { groups: [' '] }), { status: 400 });
  });

// Its request; nobody waits for the answer.
async function knock(server, upstream, hub) {
  const url = new URL(await server.accessUrl(hub));
  const http = server.own(await RawHttp.open(server.address(0)));
  http.write(`GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\n` +
    'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
  await upstream.events.find((r) => r.event === 'connect');
  return http;
}

const knocked = held('connect');

serverTest('a client that leaves before the answer to connect is told of',
  { prepare: chat(knocked.respond) }, async (server, upstream) => {
    const http = await knock(server, upstream, 'chat');
    http.close();
    // What this worker reads behind its end.
    const other = server.own(await RawHttp.open(server.address(0)));
    assert.equal(await other.ask('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), 404);
    knocked.waiting.shift()();
    const gone = await upstream.events.find((r) => r.event === 'disconnected');
    assert.equal(gone.body.toString(), '{"reason":"connection lost"}');
    assert.deepEqual(upstream.requestsOf('connected'), []);
  });

serverTest('a stop does not wait longer for an answer to connect than stop_timeout',
  { prepare: chat((request) => request.event === 'connect' ? silence : null),
    config: { stop_timeout: '300ms' } },
  async (server, upstream) => {
    await knock(server, upstream, 'chat');
    await server.stop();
  });

serverTest('what a client says before its close is done, and answered',
  { prepare: chat((request) => ['message', 'one', 'two'].includes(request.event) ?
    answer(200, request.body, { 'Content-Type': 'text/plain' }) : null) },
  async (server, upstream) => {
    const member = await server.rawGreeted('chat', { groups: ['deck'] });
    for (const protocols of [[JSON_PROTOCOL], ['json.reliable.webpubsub.azure.v1']]) {
      const socket = await server.rawGreeted('chat',
        { protocols, roles: ['webpubsub.sendToGroup'] });
      const said = [event('one'), event('two'), { type: 'sendToGroup', group: 'deck',
        dataType: 'text', data: 'bye' }].map((request) =>
        encodeFrame(OP.TEXT, JSON.stringify(request)));
      socket.write(Buffer.concat([...said,
        encodeFrame(OP.CLOSE, closePayload(1000))]));
      for (const name of ['one', 'two']) {
        await upstream.events.find((r) => r.event === name);
        assert.equal((await socket.json()).data, name);
      }
      assert.equal((await member.json()).data, 'bye');
      assert.equal((await socket.closing()).code, 1000);
      await upstream.events.find((r) => r.event === 'disconnected');
    }
    // Without an envelope, and by one who does not wait for the answer.
    const simple = await server.raw('chat', { protocols: [] });
    for (const text of ['three', 'four']) simple.send(text);
    await simple.close();
    await upstream.events.find((r) => r.event === 'disconnected');
    assert.deepEqual(upstream.requestsOf('message').map((r) => r.body.toString()),
      ['three', 'four']);
  });

// All that was sent has been read.
async function assertRead(socket) {
  socket.send('', OP.PING);
  assert.equal((await socket.frames.next()).opcode, OP.PONG);
}

const last = held();

// It goes, in order or not, and cares for no answer.
serverTest('what a client says before it is lost is done', { prepare: chat(last.respond) },
  async (server, upstream) => {
    const member = await server.rawGreeted('chat', { groups: ['deck'] });
    const bye = { type: 'sendToGroup', group: 'deck', dataType: 'text', data: 'bye' };
    for (const leave of ['finish', 'cut', 'reset']) {
      const socket = await server.rawGreeted('chat', { roles: ['webpubsub.sendToGroup'] });
      for (const request of [event('slow'), event('two'), bye]) socket.sendJson(request);
      await upstream.events.find((r) => r.event === 'slow');
      await assertRead(socket);
      socket[leave]();
      const other = await server.rawGreeted('chat');
      await other.ask(event('quick', { ackId: 1 }));
      assert.deepEqual(upstream.requestsOf('two'), []);
      last.waiting.shift()();
      await upstream.events.find((r) => r.event === 'two');
      assert.equal((await member.json()).data, 'bye');
      const gone = await upstream.events.find((r) => r.event === 'disconnected');
      assert.equal(gone.body.toString(), '{"reason":"connection lost"}');
      upstream.requests.length = 0;
    }
  });

const failing = [];

// Its last words are events of an application that may refuse them.
serverTest('a simple client that is lost is done with like one that is there',
  { prepare: chat((request) => request.event === 'message' &&
    request.body.toString() === 'slow' ?
    (socket) => failing.push((text) => socket.write(text)) : null) },
  async (server, upstream) => {
    const bodies = () => upstream.requestsOf('message').map((r) => r.body.toString());
    for (const [status, reason, newest] of [[204, 'connection lost', 'two'],
      [500, 'Internal server error', 'slow']]) {
      const socket = await server.raw('chat', { protocols: [] });
      socket.send('slow');
      socket.send('two');
      await upstream.events.find((r) => r.event === 'message');
      await assertRead(socket);
      socket.cut();
      const other = await server.rawGreeted('chat');
      await other.ask(event('quick', { ackId: 1 }));
      failing.shift()(answer(status));
      const gone = await upstream.events.find((r) => r.event === 'disconnected');
      assert.deepEqual(JSON.parse(gone.body), { reason });
      assert.equal(bodies().at(-1), newest);
      upstream.requests.length = 0;
    }
  });

// It is no longer asked for what it has said.
serverTest('a lost client that waits may be closed, and is told of once',
  { prepare: chat((request) => request.event === 'never' ? silence : null) },
  async (server, upstream) => {
    const service = server.service('chat');
    const socket = await server.rawGreeted('chat');
    for (const name of ['never', 'two']) socket.sendJson(event(name));
    await upstream.events.find((r) => r.event === 'never');
    await assertRead(socket);
    socket.cut();
    const other = await server.rawGreeted('chat');
    await other.ask(event('quick', { ackId: 1 }));
    assert.equal(await service.connectionExists(socket.id), true);
    await service.closeConnection(socket.id, { reason: 'enough' });
    assert.equal(await service.connectionExists(socket.id), false);
    const gone = await upstream.events.find((r) => r.event === 'disconnected');
    assert.deepEqual(JSON.parse(gone.body), { reason: 'enough' });
    await other.ask(event('quick', { ackId: 2 }));
    assert.equal(upstream.requestsOf('disconnected').length, 1);
    assert.equal(upstream.requestsOf('two').length, 0);
  });

const between = held();

serverTest('what waits behind an event goes on after a recovery',
  { prepare: chat(between.respond) }, async (server, upstream) => {
    const [near, far] = twoWorkers(server);
    const lost = await openReliable(server, { worker: near });
    for (const request of [event('slow'), event('two'), event('three', { ackId: 1 })])
      lost.sendJson(request);
    await upstream.events.find((r) => r.event === 'slow');
    await assertRead(lost);
    lost.cut();
    const socket = await recover(server, lost, { worker: far });
    socket.sendJson(event('three', { ackId: 1 }));
    socket.sendJson(event('four', { ackId: 2 }));
    between.waiting.shift()();
    const acks = [];
    while (acks.length < 3) acks.push(await socket.json());
    assert.deepEqual(acks.map((ack) => [ack.ackId, ack.success, ack.error?.name]),
      [[1, true, undefined], [1, false, 'Duplicate'], [2, true, undefined]]);
    for (const name of ['two', 'three', 'four'])
      assert.equal(upstream.requestsOf(name).length, 1, name);
  });

function answerOfSize(request) {
  if (request.event !== 'connect') return null;
  const [size] = JSON.parse(request.body).query.size;
  return answer(200, '{"userId":"bob"}'.padEnd(size));
}

const CONNECTS = [ // answer, status for the client, the end is told
  [() => answer(200, '{"userId":'), 500, true],
  [() => answer(200, '[]'), 500, true],
  [() => answer(200, '{"groups":[" "]}'), 500, true],
  [() => answer(200, '{"subprotocol":"none"}'), 500, true],
  [() => answer(200, '""'.padEnd(MIB + 1)), 500, true],
  [() => (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{'), 500, true],
  [() => answer(401, 'no'), 401, false],
  [() => answer(503, 'no'), 503, false],
  [() => answer(302, ''), 500, false],
];

const byNumber = (request) => request.event === 'connect' ?
  CONNECTS[JSON.parse(request.body).query.n[0]][0]() : null;

serverTest('who agrees to a client and answers badly is told that it does not come',
  { prepare: chat(byNumber) }, async (server, upstream) => {
    for (const [n, [, status, told]] of CONNECTS.entries()) {
      await assert.rejects(() => server.raw('chat', { query: `&n=${n}` }), { status });
      if (told) await upstream.events.find((r) => r.event === 'disconnected');
    }
    assert.deepEqual(new Set(upstream.requestsOf('disconnected').map((r) =>
      JSON.parse(r.body).reason)),
    new Set(['answer to connect not valid', 'subprotocol not available']));
    assert.equal(upstream.requestsOf('disconnected').length, 6);
    assert.equal(upstream.requestsOf('connected').length, 0);
  });

const named = (request) => request.event === 'connect' ? answer(200, JSON.stringify(
  { userId: 'é'.repeat(512) + JSON.parse(request.body).query.more[0] })) : null;

serverTest('a user id has 1024 bytes at most', { prepare: chat(named) },
  async (server, upstream) => {
    const socket = await server.raw('chat', { query: '&more=' });
    assert.equal((await socket.json()).userId, 'é'.repeat(512));
    await assert.rejects(() => server.raw('chat', { query: '&more=x' }), { status: 500 });
    const last = await upstream.events.find((r) => r.event === 'disconnected');
    assert.equal(JSON.parse(last.body).reason, 'user id not valid');
    await server.rawGreeted('other', { userId: 'x'.repeat(1024) });
    await assert.rejects(() => server.raw('other', { userId: 'x'.repeat(1025) }),
      { status: 400 });
  });

serverTest('an answer to connect is no longer than 1 MiB',
  { workerCounts: [1], prepare: chat(answerOfSize) }, async (server) => {
    const socket = await server.raw('chat', { query: `&size=${MIB}` });
    assert.equal((await socket.json()).userId, 'bob');
    await assert.rejects(() => server.raw('chat', { query: `&size=${MIB + 1}` }),
      { status: 500 });
  });

// Asks to be let in, and leaves when the application has been asked.
async function leaveEarly(server, upstream) {
  const client = server.own(await RawHttp.open(server.address(0)));
  const { pathname, search } = new URL(await server.accessUrl('chat'));
  client.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${server.address()}\r\n` +
    'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n');
  const asked = await upstream.asked.next();
  client.close();
  return asked;
}

serverTest('a client that leaves before it is let in is told to be gone, if it was let in',
  { prepare: async () => {
    const asked = new Inbox('connect events');
    const made = await chat((request) => request.event === 'connect' ?
      (socket) => asked.push({ id: request.headers['ce-connectionid'],
        say: (bytes) => socket.write(bytes) }) : null)();
    made.upstream.asked = asked;
    return made;
  } },
  async (server, upstream) => {
    const left = [];
    for (const [status, told] of [[401, false], [204, true]]) {
      left.push(await leaveEarly(server, upstream));
      // The same worker lets in another one: it knows that this one has left.
      const other = server.rawGreeted('chat', { worker: 0 });
      (await upstream.asked.next()).say(NOTHING);
      await other;
      left.at(-1).say(answer(status));
      if (!told) continue;
      const gone = await upstream.events.find((r) => r.event === 'disconnected');
      assert.equal(gone.headers['ce-connectionid'], left.at(-1).id);
      assert.equal(gone.body.toString(), '{"reason":"connection lost"}');
    }
    const ids = left.map(({ id }) => id);
    assert.equal(upstream.requestsOf('disconnected').length, 1);
    assert.deepEqual(upstream.requestsOf('connected')
      .filter((r) => ids.includes(r.headers['ce-connectionid'])), []);
  });

serverTest('a client whose connect is accepted while the server stops is sent away',
  { prepare: async () => {
    const waiting = [];
    const upstream = await Upstream.start((r) => r.event === 'connect' &&
      r.target.startsWith('/late') ? (socket) => waiting.push(socket) : undefined);
    upstream.acceptAll = () => waiting.forEach((socket) => socket.write(NOTHING));
    const handler = { system_events: SYSTEM };
    return { upstream, hubs: {
      late: { event_handlers: [{ url: `${upstream.origin}/late`, ...handler }] },
      there: {},
    } };
  } },
  async (server, upstream) => {
    const there = await server.rawGreeted('there', { worker: 0 });
    const late = server.rawGreeted('late', { worker: 0 });
    const sentAway = assert.rejects(late, { status: 503 });
    await upstream.events.find((r) => r.event === 'connect');
    server.terminate();
    assert.equal((await there.closing()).code, 1001); // it stops now
    there.cut();
    upstream.acceptAll();
    await sentAway;
    const last = await upstream.events.find((r) => r.event === 'disconnected');
    assert.equal(JSON.parse(last.body).reason, 'the server is shutting down');
    assert.equal(upstream.requestsOf('connected').length, 0);
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
    for (const hub of ['one', 'Two', 'x[1],`y']) {
      const socket = await server.rawGreeted(hub);
      const known = await socket.ask({ type: 'event', event: 'A', data: 1, ackId: 1 });
      assert.equal(known.success, true);
      const unknown = await socket.ask({ type: 'event', event: 'c', data: 1, ackId: 2 });
      assert.equal(unknown.error.name, 'InternalServerError');
      await socket.ask({ type: 'event', event: 'd', data: 1, ackId: 3 });
    }
    assert.deepEqual(upstream.requests.filter((r) => r.method === 'OPTIONS')
      .map((r) => r.target), ['/one/validate', '/two/validate', '/x%5B1%5D%2C%60y/validate']);
    assert.equal(upstream.requests.at(-1).target, '/x%5B1%5D%2C%60y/A');
    for (const [level, event] of [['warning', 'c'], ['debug', 'd']])
      assert.deepEqual(server.log.match(
        new RegExp(`${level} core: EventHandlerNotFound hub=\\S+ .*event=${event}`, 'g'))
        .map((line) => /hub=(\S+)/.exec(line)[1]), ['one', 'two', 'x[1],`y']);
  });
