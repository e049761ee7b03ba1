// Clients of the protobuf subprotocols: the client SDK with a protocol that
// protobufjs encodes and decodes, among clients of every other kind.
import assert from 'node:assert/strict';

import { WebPubSubJsonProtocol, WebPubSubJsonReliableProtocol }
  from '@azure/web-pubsub-client';

import { decodeDown, encodeUp, protobufProtocol } from './support/protobuf.mjs';
import { OP } from './support/rawws.mjs';
import { ALL_ROLES, askToRecover } from './support/reliable.mjs';
import { serverTest, twoWorkers } from './support/server.mjs';

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
