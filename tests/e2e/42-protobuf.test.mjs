// Clients of the protobuf subprotocols: the client SDK with a protocol that
// protobufjs encodes and decodes, among clients of every other kind.
import assert from 'node:assert/strict';

import { WebPubSubJsonProtocol, WebPubSubJsonReliableProtocol }
  from '@azure/web-pubsub-client';

import { decodeDown, encodeUp, protobufProtocol } from './support/protobuf.mjs';
import { OP } from './support/rawws.mjs';
import { ALL_ROLES, askToRecover } from './support/reliable.mjs';
import { serverTest, twoWorkers } from './support/server.mjs';
import { Upstream } from './support/upstream.mjs';

const PROTOCOLS = {
  json: WebPubSubJsonProtocol(),
  'reliable json': WebPubSubJsonReliableProtocol(),
  protobuf: protobufProtocol(),
  'reliable protobuf': protobufProtocol({ reliable: true }),
};

const bytes = (...values) => Uint8Array.from(values).buffer;
const CONTENTS = [
  ['text', 'Grüße, 🌍'],
  ['json', { a: [1, 'two', null, true] }],
  ['json', 'a string'],
  ['binary', bytes(0, 255, 1)],
  ['binary', bytes()],
  // Any { type_url: "t/x.Y", value: 08 01 }, from the appendix.
  ['protobuf', bytes(10, 5, 116, 47, 120, 46, 89, 18, 2, 8, 1)],
];

const plain = (data) => data instanceof ArrayBuffer ?
  Buffer.from(data).toString('hex') : data;

serverTest('clients of every kind hear what clients of every kind say',
  async (server) => {
    const [near, far] = twoWorkers(server);
    const clients = [];
    for (const [kind, protocol] of Object.entries(PROTOCOLS)) {
      const client = await server.client('chat', { protocol, userId: kind,
        roles: ALL_ROLES, worker: clients.length % 2 ? near : far });
      assert.equal(client.userId, kind);
      await client.joinGroup('deck');
      clients.push(client);
    }
    const simple = await server.raw('chat', { protocols: [],
      groups: ['deck'], worker: far });
    for (const sender of clients) {
      for (const [dataType, content] of CONTENTS) {
        await sender.sendToGroup('deck', content, dataType);
        for (const client of clients) {
          const message = await client.groupMessages.next();
          assert.equal(message.group, 'deck');
          assert.equal(message.dataType, dataType);
          assert.deepEqual(plain(message.data), plain(content));
        }
        const frame = await simple.data();
        const isText = ['text', 'json'].includes(dataType);
        assert.equal(frame.opcode, isText ? OP.TEXT : OP.BINARY);
        if (!isText) assert.equal(frame.payload.toString('hex'), plain(content));
        else if (dataType === 'text') assert.equal(frame.text, content);
        else assert.deepEqual(JSON.parse(frame.text), content);
      }
    }
  });

serverTest('a service speaks to protobuf clients', async (server) => {
  const [near, far] = twoWorkers(server);
  const client = await server.client('chat',
    { protocol: protobufProtocol({ reliable: true }), userId: 'ann', worker: far });
  const service = server.service('chat', { worker: near });
  await service.sendToAll({ x: 1 });
  await service.sendToUser('ann', 'hello', { contentType: 'text/plain' });
  await service.sendToConnection(client.id, Buffer.from('05', 'hex'));
  assert.deepEqual((await client.serverMessages.next()).data, { x: 1 });
  assert.equal((await client.serverMessages.next()).data, 'hello');
  assert.equal(plain((await client.serverMessages.next()).data), '05');
});

serverTest('requests of a protobuf client are answered', async (server) => {
  const client = await server.client('chat', { protocol: protobufProtocol(),
    roles: ['webpubsub.joinLeaveGroup.mine'] });
  await client.joinGroup('mine', { ackId: 7 });
  await assert.rejects(client.joinGroup('other'),
    { errorDetail: { name: 'Forbidden',
      message: "no permission to join group 'other'" } });
  await client.leaveGroup('mine');
  const ended = await assert.rejects(client.sendEvent('e', 'x', 'text'));
  assert.equal(ended, undefined);
});

async function openReliable(server, options) {
  const protocols = ['protobuf.reliable.webpubsub.azure.v1'];
  const socket = await server.raw('chat',
    { protocols, userId: 'ann', roles: ALL_ROLES, ...options });
  return greet(server, socket);
}

const next = async (socket) => decodeDown((await socket.data()).payload);

async function greet(server, socket) {
  const { systemMessage: { connectedMessage } } = await next(socket);
  socket.id = connectedMessage.connectionId;
  socket.token = connectedMessage.reconnectionToken;
  server.hideFromLog(socket.token);
  return socket;
}

serverTest('a lost protobuf client gets what it missed', async (server) => {
  const [near, far] = twoWorkers(server);
  const socket = await openReliable(server, { worker: near });
  const service = server.service('chat');
  const say = (text) =>
    service.sendToUser('ann', text, { contentType: 'text/plain' });
  const hears = async (at, text, sequenceId) =>
    assert.deepEqual((await next(at)).dataMessage,
      { from: 'server', data: { textData: text }, sequenceId });
  // Bodies and ids around the places where a length takes one more byte.
  const texts = [1, 100, 127, 128, 16_383].map((n) => 'x'.repeat(n));
  for (const [n, text] of texts.entries()) {
    await say(text);
    await hears(socket, text, n + 1);
  }
  socket.send(encodeUp({ sequenceAckMessage: { sequenceId: 2 } }), OP.BINARY);
  socket.send(encodeUp({ pingMessage: {} }), OP.BINARY);
  assert.deepEqual(await next(socket), { pongMessage: {} });
  socket.cut();
  await say('missed');
  const back = await greet(server, await askToRecover(server, socket,
    { protocol: 'protobuf.reliable.webpubsub.azure.v1', worker: far }));
  assert.equal(back.id, socket.id);
  for (let n = 2; n < texts.length; n++) await hears(back, texts[n], n + 1);
  await hears(back, 'missed', 6);
  back.cut();
});

serverTest('what is no protobuf ends a client with a reason',
  { workerCounts: [1] }, async (server) => {
    for (const [payload, opcode, code] of
      [['xyz', OP.BINARY, 1007], ['{}', OP.TEXT, 1003]]) {
      const socket = await openReliable(server);
      socket.send(payload, opcode);
      const { systemMessage } = await next(socket);
      assert.ok(systemMessage.disconnectedMessage.reason);
      assert.equal((await socket.closing()).code, code);
      socket.cut();
    }
  });

// --- what goes through an application --------------------------------------------------

const ANSWERS = {
  text: ['text/plain', 'Grüße', { textData: 'Grüße' }, 'Grüße'],
  json: ['application/json', '{"a" : [1.0, null]}',
    { jsonData: '{"a" : [1.0, null]}' }, { a: [1, null] }],
  binary: ['application/octet-stream', Buffer.from([0, 255]),
    { binaryData: Uint8Array.of(0, 255) }, 'AP8='],
  protobuf: ['application/x-protobuf', Buffer.from('CgV0L3guWRICCAE=', 'base64'),
    { protobufData: { type_url: 't/x.Y', value: Uint8Array.of(8, 1) } },
    'CgV0L3guWRICCAE='],
};
// The Any ends within its first field.
const BROKEN = ['application/x-protobuf', Buffer.from([10, 5])];
const FAILED = { name: 'InternalServerError', message: 'Internal server error' };

async function anApplication() {
  const upstream = await Upstream.start(({ event }) => {
    const [type, body] = event === 'broken' ? BROKEN : ANSWERS[event] ?? [];
    return type && Buffer.concat([Buffer.from(
      'HTTP/1.1 200 OK\r\nX-WebPubSub-Metadata-Key: v\r\n' +
      `Content-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`),
    Buffer.from(body)]);
  });
  return { upstream, hubs: { chat: { event_handlers: [
    { url: `${upstream.origin}/`, user_events: '*' }] } } };
}

// A client of each subprotocol that raises an event or invokes it, and what it
// hears then, one frame after the other.
const ASKERS = {
  json: { read: (frame) => JSON.parse(frame.text),
    raise: (event, ackId) => JSON.stringify(
      { type: 'event', event, dataType: 'text', data: '', ackId }),
    invoke: (event, invocationId) =>
      JSON.stringify({ type: 'invoke', invocationId, event }),
    message: ({ data, dataType, sequenceId }) => ({ ...(sequenceId && { sequenceId }),
      type: 'message', from: 'server', dataType, data, metadata: { key: 'v' } }),
    ack: (ackId, error) => ({ type: 'ack', ackId, success: !error, ...(error && { error }) }),
    response: (invocationId, { data, dataType, error }) => ({ type: 'invokeResponse',
      invocationId, success: !error,
      ...(error ? { error } : { dataType, data, metadata: { key: 'v' } }) }) },
  protobuf: { read: (frame) => decodeDown(frame.payload),
    raise: (event, ackId) =>
      encodeUp({ eventMessage: { event, data: { textData: '' }, ackId } }),
    invoke: (event, invocationId) =>
      encodeUp({ invokeEventMessage: { event, invocationId } }),
    message: ({ member, sequenceId }) => ({ dataMessage: { from: 'server',
      data: member, metadata: { key: 'v' }, ...(sequenceId && { sequenceId }) } }),
    ack: (ackId, error) => ({ ackMessage:
      { ackId, ...(error ? { error } : { success: true }) } }),
    response: (invocationId, { member, error }) => ({ invokeResponseMessage: {
      invocationId, ...(error ? { error } :
        { success: true, data: member, metadata: { key: 'v' } }) } }) },
};

serverTest('answers of an application come in the words of each subprotocol',
  { prepare: anApplication }, async (server) => {
    for (const name of ['json', 'json.reliable', 'protobuf', 'protobuf.reliable']) {
      const words = ASKERS[name.split('.')[0]];
      const opcode = name.startsWith('json') ? OP.TEXT : OP.BINARY;
      const socket = await server.raw('chat', { protocols: [`${name}.webpubsub.azure.v1`] });
      await socket.data();
      const hears = async (expected) =>
        assert.deepEqual(words.read(await socket.data()), expected);
      let ackId = 0;
      for (const [dataType, [, , member, data]] of Object.entries(ANSWERS)) {
        const sequenceId = name.includes('reliable') ? ackId + 1 : undefined;
        const content = { dataType, data, member, sequenceId };
        socket.send(words.raise(dataType, ++ackId), opcode);
        await hears(words.message(content));
        await hears(words.ack(ackId));
        socket.send(words.invoke(dataType, `i${ackId}`), opcode);
        await hears(words.response(`i${ackId}`, content));
      }
      socket.send(words.raise('broken', ++ackId), opcode);
      await hears(words.ack(ackId, FAILED));
      socket.send(words.invoke('broken', 'b'), opcode);
      await hears(words.response('b', { error: FAILED }));
      // What has failed may be tried again, what has succeeded is done.
      socket.send(words.raise('text', ackId), opcode);
      await socket.data();
      await hears(words.ack(ackId));
      socket.send(words.raise('text', ackId), opcode);
      await hears(words.ack(ackId, { name: 'Duplicate',
        message: `Message with ack-id: ${ackId} has been processed` }));
    }
  });

serverTest('metadata and simple clients are understood by all',
  async (server) => {
    const [near, far] = twoWorkers(server);
    const heard = {};
    for (const [n, name] of Object.keys(PROTOCOLS).entries()) {
      const socket = await server.raw('chat', { groups: ['deck'],
        protocols: [PROTOCOLS[name].name], worker: n % 2 ? near : far });
      await socket.data();
      heard[name] = async () => {
        const frame = await socket.data();
        if (frame.opcode === OP.TEXT) return JSON.parse(frame.text);
        const { data, ...rest } = decodeDown(frame.payload).dataMessage;
        const { binaryData: bytes } = data;
        return { ...rest, data: bytes ? { binaryData: [...bytes] } : data };
      };
    }
    const all = async (json, data, metadata) => {
      for (const [name, next] of Object.entries(heard)) {
        const { sequenceId, ...message } = await next();
        assert.equal(sequenceId !== undefined, name.startsWith('reliable'));
        const rest = metadata && { metadata };
        assert.deepEqual(message, name.endsWith('json') ?
          { type: 'message', from: 'group', group: 'deck', fromUserId: 'ann',
            ...json, ...rest } :
          { from: 'group', group: 'deck', data, ...rest });
      }
    };
    const from = (protocols, query) => server.raw('chat',
      { protocols, query, userId: 'ann', roles: ALL_ROLES, worker: near });
    const simple = await from([], '&webpubsub_mode=sendToGroup&group=deck');
    for (const text of ['x', '']) {
      simple.send(text);
      await all({ dataType: 'text', data: text }, { textData: text });
      simple.send(text, OP.BINARY);
      await all({ dataType: 'binary', data: text && 'eA==' },
        { binaryData: [...Buffer.from(text)] });
    }
    const metadata = { Key: 'v', 'x-y': '' };
    const json = await from(['json.webpubsub.azure.v1']);
    json.sendJson({ type: 'sendToGroup', group: 'deck', data: [1], metadata });
    await all({ dataType: 'json', data: [1] }, { jsonData: '[1]' }, metadata);
    json.sendJson({ type: 'sendToGroup', group: 'deck', metadata: {} });
    await all({ dataType: 'text', data: '' }, { textData: '' });
    const protobuf = await from(['protobuf.webpubsub.azure.v1']);
    protobuf.send(encodeUp({ sendToGroupMessage: { group: 'deck', metadata } }),
      OP.BINARY);
    await all({ dataType: 'text', data: '' }, { textData: '' }, metadata);
  });
