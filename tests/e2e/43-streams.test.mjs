// Streams of groups, by the client SDK in all four subprotocols, and across lost
// transports.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { WebPubSubJsonProtocol, WebPubSubJsonReliableProtocol }
  from '@azure/web-pubsub-client';

import { startLossy, stopLossy } from './support/lossy.mjs';
import { protobufProtocol } from './support/protobuf.mjs';
import { pick, randomOf, seed } from './support/random.mjs';
import { ALL_ROLES, openReliable, recover } from './support/reliable.mjs';
import { Server, serverTest, twoWorkers } from './support/server.mjs';
import { Inbox, within } from './support/wait.mjs';

const PROTOCOLS = {
  json: WebPubSubJsonProtocol(),
  'reliable json': WebPubSubJsonReliableProtocol(),
  protobuf: protobufProtocol(),
  'reliable protobuf': protobufProtocol({ reliable: true }),
};

// What comes of each stream: its fragments, then null or the error of its end.
function listen(client) {
  const heard = new Inbox('streams');
  client.onGroupStream(async (stream) => {
    const fragments = [];
    let error = null;
    try {
      for await (const { data } of stream) fragments.push(data);
    } catch (thrown) {
      error = thrown;
    }
    heard.push({ fragments, error });
  }, { handleFromStart: true });
  return heard;
}

serverTest('every kind of client publishes streams, every kind hears them',
  async (server) => {
    const [near, far] = twoWorkers(server);
    const clients = [];
    for (const [userId, protocol] of Object.entries(PROTOCOLS)) {
      const client = await server.client('chat', { protocol, userId,
        roles: ALL_ROLES, worker: clients.length % 2 ? near : far });
      await client.joinGroup('deck');
      client.heard = listen(client);
      clients.push(client);
    }
    for (const publisher of clients) {
      const stream = await publisher.openGroupStream('deck');
      await stream.write('first', 'text');
      await stream.write({ n: 2 }, 'json');
      await stream.write('last', 'text');
      await stream.end();
      for (const client of clients) {
        const { fragments, error } = await client.heard.next();
        assert.deepEqual(fragments, ['first', { n: 2 }, 'last']);
        assert.equal(error, null);
      }
      const broken = await publisher.openGroupStream('deck');
      await broken.abort({ message: 'gave up', userErrorCode: 'E7' });
      for (const client of clients) {
        const { fragments, error } = await client.heard.next();
        assert.deepEqual(fragments, []);
        assert.deepEqual({ ...error },
          { name: 'UserError', message: 'gave up', userErrorCode: 'E7' });
      }
    }
  });

const START = { type: 'sendToGroup', group: 'deck', noEcho: true,
  stream: { streamId: 's', idleTimeoutMs: 300 } };
const fragment = (streamSequenceId) => ({ type: 'streamData', streamId: 's',
  streamSequenceId, dataType: 'text', data: 'x' });

async function publishRaw(server, worker) {
  const socket = await server.rawGreeted('chat', { roles: ALL_ROLES, worker });
  socket.sendJson(START);
  assert.deepEqual(await socket.json(),
    { type: 'streamAck', streamId: 's', expectedSequenceId: 1 });
  return socket;
}

serverTest('an idle stream ends, and so do those of a publisher that is gone',
  async (server) => {
    const [near, far] = twoWorkers(server);
    const member = await server.rawGreeted('chat',
      { groups: ['deck'], worker: far });
    const ends = async (name) => {
      const { data, stream } = await member.json();
      assert.equal(data, '');
      assert.equal(stream.endOfStream, true);
      assert.equal(stream.error.name, name);
    };
    const idle = await publishRaw(server, near);
    const closed = await idle.json();
    assert.equal(closed.type, 'streamClosed');
    assert.equal(closed.error.name, 'IdleTimeout');
    await ends('IdleTimeout');
    const lost = await publishRaw(server, near);
    lost.sendJson(fragment(1));
    assert.equal((await member.json()).stream.streamSequenceId, 1);
    lost.cut();
    await ends('Cancelled');
  });

serverTest('streams of a client that is closed end before it answers',
  { hubs: { chat: { close_timeout: '1h' } } }, async (server) => {
    const [near, far] = twoWorkers(server);
    const member = await server.rawGreeted('chat',
      { groups: ['deck'], worker: far });
    const publisher = await server.rawGreeted('chat',
      { roles: ALL_ROLES, worker: near });
    publisher.sendJson({ ...START, stream: { streamId: 's' } });
    await publisher.json();
    await server.service('chat').closeConnection(publisher.id);
    const { stream } = await member.json();
    assert.equal(stream.error.name, 'Cancelled');
    publisher.cut();
  });

serverTest('a stream goes on without its transport, and so does its idle time',
  async (server) => {
    const [near, far] = twoWorkers(server);
    const member = await server.rawGreeted('chat',
      { groups: ['deck'], worker: far });
    let socket = await openReliable(server, { worker: near });
    socket.sendJson({ ...START, stream: { streamId: 's', idleTimeoutMs: 2000 } });
    socket.sendJson(fragment(1));
    assert.equal((await member.json()).stream.streamSequenceId, 1);
    socket.cut();
    socket = await recover(server, socket, { worker: far });
    socket.sendJson(fragment(2));
    assert.equal((await member.json()).stream.streamSequenceId, 2);
    socket.cut();
    const { stream } = await member.json();
    assert.equal(stream.error.name, 'IdleTimeout');
    const back = await recover(server, socket, { worker: near });
    back.sendJson(fragment(3));
    const { type, error } = await back.json();
    assert.deepEqual([type, error.name], ['streamClosed', 'IdleTimeout']);
    back.cut();
  });

serverTest('a publisher that does not come back takes its streams along',
  { hubs: { chat: { recovery_window: '2s' } } }, async (server) => {
    const [near, far] = twoWorkers(server);
    const member = await server.rawGreeted('chat',
      { groups: ['deck'], worker: far });
    const socket = await openReliable(server, { worker: near });
    socket.sendJson({ ...START, stream: { streamId: 's' } });
    socket.sendJson(fragment(1));
    assert.equal((await member.json()).stream.streamSequenceId, 1);
    socket.cut();
    const { data, stream } = await member.json();
    assert.deepEqual([data, stream.streamSequenceId, stream.endOfStream, stream.error.name],
      ['', 2, true, 'Cancelled']);
    assert.equal(await server.service('chat').connectionExists(socket.id), false);
  });

serverTest('fragments that come at once are acknowledged at once',
  { workerCounts: [1] }, async (server) => {
    const socket = await publishRaw(server);
    const frames = [];
    const { write } = socket;
    socket.write = (bytes) => frames.push(bytes);
    for (let n = 1; n <= 50; n++) socket.sendJson(fragment(n));
    write.call(socket, Buffer.concat(frames));
    const acks = [];
    do acks.push((await socket.json()).expectedSequenceId);
    while (acks.at(-1) < 51);
    assert.ok(acks.length <= 3, `${acks.length} acknowledgements`);
    delete socket.write;
  });

// --- lost transports ------------------------------------------------------------------

const FRAGMENTS = process.env.WPS_LONG === '1' ? 5000 : 300;
// The subscriber acknowledges once in a second, and may leave 1000 messages open.
const BATCH = 50;
const BATCH_MS = 100;
const CUTS = process.env.WPS_LONG === '1' ? 60 : 8;

for (const kind of ['reliable json', 'reliable protobuf']) {
  test(`a stream of ${kind} survives cuts of publisher and subscriber`,
    { timeout: 120_000 }, async (t) => {
      t.diagnostic(`WPS_SEED=${seed}`);
      const random = randomOf(seed);
      const server = await Server.start({ workers: 3 });
      const ends = [];
      try {
        for (const name of ['publisher', 'subscriber'])
          ends.push(
            await startLossy(server, name, { protocol: PROTOCOLS[kind] }));
        const heard = listen(ends[1].client);
        const stream = await ends[0].client.openGroupStream('deck');
        const failed = new Promise((_, reject) => stream.onError(reject));
        failed.catch(() => {});
        for (let n = 1; n <= FRAGMENTS; n++) {
          await Promise.race([failed, stream.write(n, 'json')]);
          if (n % Math.floor(FRAGMENTS / CUTS) === 0)
            pick(random, ends).proxy.cut();
          if (n % BATCH === 0) await delay(BATCH_MS);
        }
        await Promise.race([failed, stream.end()]);
        const { fragments, error } =
          await within(heard.next(), 'end of the stream', 60_000);
        assert.equal(error, null);
        assert.deepEqual(fragments,
          Array.from({ length: FRAGMENTS }, (_, n) => n + 1));
        await Promise.all(ends.map(stopLossy));
      } finally {
        await server.stop();
      }
    });
}
