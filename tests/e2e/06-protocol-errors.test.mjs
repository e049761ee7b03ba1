// What breaks a protocol ends the connection with the right code, and nothing else.
import assert from 'node:assert/strict';

import { closePayload, encodeFrame, OP } from './support/rawws.mjs';
import { serverTest } from './support/server.mjs';

const LIMIT = 1024 * 1024;
const ping = '{"type":"ping"}';
const frame = encodeFrame;

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
