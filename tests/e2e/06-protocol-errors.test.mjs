// What breaks a protocol ends the connection with the right code, and nothing else.
import assert from 'node:assert/strict';

import { RawHttp } from './support/rawhttp.mjs';
import { closePayload, encodeFrame, OP, openRaw } from './support/rawws.mjs';
import { serverTest } from './support/server.mjs';

const LIMIT = 1024 * 1024;
const ping = '{"type":"ping"}';
const frame = encodeFrame;

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

// The endpoint of client-protocols.md, section 3; RFC 6455, sections 4.2.1 and 4.4.
const UPGRADES = [
  ['/client/hubs/chat', {}, 101],
  ['/client/hubs/chat/', {}, 101],
  ['/CLIENT/Hubs/chat', {}, 101],
  ['/client?hub=chat', {}, 101],
  ['/client/?hub=chat', {}, 101],
  ['/client/hubs/%63hat', {}, 101],
  [`/client/hubs/${'%61'.repeat(128)}`, {}, 101],
  [`/client/hubs/${'%61'.repeat(129)}`, {}, 400],
  [`/client/hubs/${'a'.repeat(129)}`, {}, 400],
  [`/client/hubs/${'a'.repeat(2000)}`, {}, 400],
  ['/client/hubs/1', {}, 400],
  ['/client/hubs/a/b', {}, 400],
  ['/client/hubs/%zz', {}, 400],
  ['/client', {}, 400],
  ['/client?hub=', {}, 400],
  ['/client/hubs', {}, 404],
  ['/client/hubs/', {}, 404],
  ['/clients/hubs/chat', {}, 404],
  ['/client/hubs/chat', { version: '8' }, 426],
  ['/client/hubs/chat', { version: '13, 8' }, 426],
  ['/client/hubs/chat', { key: '' }, 400],
  ['/client/hubs/chat', { key: 'dGhlIHNhbXBsZSBub25jZTE=' }, 400], // 17 bytes
  ['/client/hubs/chat', { key: 'dGhlIHNhbXBsZSBub25j' }, 400], // 15
  ['/client/hubs/chat', { key: 'dGhlIHNhbXBsZSBub25jZQ' }, 400], // no padding
  ['/client/hubs/chat?access_token=%zz', {}, 401],
];

serverTest('an upgrade is answered as its request deserves',
  { hubs: { '*': { anonymous: true } } }, async (server) => {
    for (const [path, { key = KEY, version = '13' }, status] of UPGRADES) {
      const http = server.own(await RawHttp.open(server.address()));
      assert.equal(await http.ask(`GET ${path} HTTP/1.1\r\nHost: ${server.address()}\r\n` +
        `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\n` +
        `Sec-WebSocket-Version: ${version}\r\n\r\n`), status, `${path} ${key} ${version}`);
    }
  });

serverTest('the first subprotocol that is known is taken, of so many',
  { hubs: { '*': { anonymous: true } } }, async (server) => {
    const json = 'json.webpubsub.azure.v1';
    for (const before of [0, 1, 31, 32]) {
      const protocols = [...Array(before).fill('other'), '', ` ${json} `];
      const socket = server.own(await openRaw(`${server.url()}/client/hubs/chat`,
        { protocols }));
      assert.equal(socket.headers['sec-websocket-protocol'],
        before < 32 ? json : undefined, `${before} others`);
    }
  });

const BROKEN = [
  ['text that is not UTF-8', 1007, frame(OP.TEXT, Buffer.from([0x22, 0xff, 0x22]))],
  ['a message above the limit', 1009, frame(OP.TEXT, 'x'.repeat(LIMIT + 1))],
  ['fragments above the limit', 1009, Buffer.concat([
    frame(OP.TEXT, 'x'.repeat(LIMIT), { fin: false }),
    frame(OP.CONTINUATION, 'x')])],
  ['binary to the JSON subprotocol', 1003, frame(OP.BINARY, ping)],
  ['a frame without a mask', 1002, frame(OP.TEXT, ping, { masked: false })],
  ['a reserved bit', 1002, frame(OP.TEXT, ping, { rsv: 4 })],
  ['an unknown opcode', 1002, frame(3, ping)],
  ['a fragmented ping', 1002, frame(OP.PING, '', { fin: false })],
  ['a ping above 125 bytes', 1002, frame(OP.PING, 'x'.repeat(126))],
  ['a continuation of nothing', 1002, frame(OP.CONTINUATION, ping)],
  ['a message within a message', 1002, Buffer.concat([
    frame(OP.TEXT, '{', { fin: false }), frame(OP.TEXT, ping)])],
  ['a close frame of one byte', 1002, frame(OP.CLOSE, 'x')],
  ['a close code that nobody may send', 1002, frame(OP.CLOSE, closePayload(1005))],
];

serverTest('broken frames close with their code', async (server) => {
  for (const [what, code, bytes] of BROKEN) {
    const socket = await server.rawGreeted('chat', { userId: 'ann' });
    socket.write(bytes);
    assert.equal((await socket.closing()).code, code, what);
    socket.cut();
  }
  const well = await server.rawGreeted('chat', { userId: 'bob' });
  well.send(ping);
  assert.equal(await well.text(), '{"type":"pong"}');
});

const INVALID = [
  'not JSON', '[]', '1', '{}', '{"type":"nothing"}', '{"type":1}',
  '{"type":"joinGroup"}', '{"type":"joinGroup","group":""}',
  '{"type":"joinGroup","group":"g","ackId":-1}',
  '{"type":"joinGroup","group":"g","ackId":"1"}',
  '{"type":"joinGroup","group":"g","ackId":18446744073709551616}',
  '{"type":"sendToGroup","group":"g"}',
  '{"type":"sendToGroup","group":"g","data":null}',
  '{"type":"sendToGroup","group":"g","dataType":"text","data":1}',
  '{"type":"sendToGroup","group":"g","dataType":"binary","data":"%"}',
  '{"type":"sendToGroup","group":"g","dataType":"other","data":"x"}',
  '{"type":"event","event":"","data":1}',
  '{"type":"ping"}{"type":"ping"}',
];

serverTest('messages that are no request close with 1007', async (server) => {
  for (const text of INVALID) {
    const socket = await server.rawGreeted('chat', { userId: 'ann' });
    socket.send(text);
    const farewell = await socket.json();
    assert.equal(farewell.event, 'disconnected', text);
    assert.equal((await socket.closing()).code, 1007, text);
    socket.cut();
  }
});

serverTest('pings of both kinds are answered', async (server) => {
  const socket = await server.rawGreeted('chat', { userId: 'ann' });
  socket.send('are you there?', OP.PING);
  const pong = await socket.frames.find((f) => f.opcode === OP.PONG);
  assert.equal(pong.text, 'are you there?');
  socket.send(ping);
  assert.equal(await socket.text(), '{"type":"pong"}');
});

serverTest('a close frame is answered and the connection ends',
  async (server) => {
    const socket = await server.rawGreeted('chat', { userId: 'ann' });
    socket.send(closePayload(1000, 'bye'), OP.CLOSE);
    assert.equal((await socket.closing()).code, 1000);
    await socket.ended();
    assert.equal(await server.service('chat').userExists('ann'), false);
  });

serverTest('frames may come in pieces of one byte', async (server) => {
  const socket = await server.rawGreeted('chat', { userId: 'ann' });
  for (const byte of frame(OP.TEXT, ping)) {
    socket.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(await socket.text(), '{"type":"pong"}');
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'])
  serverTest(`clients are told when ${signal} stops the server`, async (server) => {
    const json = await server.rawGreeted('chat', { userId: 'ann' });
    const simple = await server.raw('chat', { userId: 'bob', protocols: [] });
    server.terminate(signal);
    const told = await Promise.all([json.frames.find((f) => f.opcode === OP.CLOSE),
      simple.frames.find((f) => f.opcode === OP.CLOSE)]);
    for (const frame of told)
      assert.equal(frame.payload.readUInt16BE(0), 1001);
    json.cut();
    simple.cut();
  });
