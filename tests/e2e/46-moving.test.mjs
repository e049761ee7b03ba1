// Connections that move to another process as records. The client SDK sees no more
// than a lost transport, the application nothing.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';

import { WebPubSubClient } from '@azure/web-pubsub-client';

import { App } from './support/app.mjs';
import { Proxy } from './support/proxy.mjs';
import { ALL_ROLES } from './support/reliable.mjs';
import { Server } from './support/server.mjs';
import { signToken } from './support/token.mjs';
import { Inbox, once } from './support/wait.mjs';

const TEXT = { contentType: 'text/plain' };
// Not one that the client itself would take.
const ACK_ID = 1001;

function startServer(app, workers, options) {
  return Server.start({ program: 'tests/moving', workers,
    hubs: { chat: app.hub() }, ...options });
}

async function startClient(server, name, worker) {
  const proxy = await Proxy.start([server.address(worker)]);
  const url = `${proxy.address}/client/hubs/chat`;
  const token = signToken(server.key,
    { aud: `http://${url}`, sub: name, role: ALL_ROLES });
  const client = new WebPubSubClient(`ws://${url}?access_token=${token}`,
    { autoReconnect: false, keepAliveIntervalInMs: 0, keepAliveTimeoutInMs: 0 });
  const member = { name, proxy, client, heard: new Inbox(name), lost: false };
  client.on('group-message', ({ message }) => member.heard.push(message.data));
  client.on('server-message', ({ message }) => member.heard.push(message.data));
  client.on('disconnected', () => { member.lost = true; });
  const connected = once(client, 'connected');
  await client.start();
  member.id = (await connected).connectionId;
  await client.joinGroup('deck', { ackId: ACK_ID });
  return member;
}

async function stopClient({ client, proxy }) {
  const stopped = once(client, 'stopped');
  client.stop();
  await stopped;
  await proxy.close();
}

// The old server ends as if it were killed; clients try in vain until the new one
// has read what they were. Each then arrives at another worker than its own.
async function move(old, members, records, start) {
  for (const { proxy } of members) proxy.turnTo([]);
  process.kill(old.pid, 'SIGUSR1');
  await old.logs(new RegExp(`moving: written=${members.length}`));
  await old.ended();
  const server = await start(['-r', records]);
  await server.logs(new RegExp(`moving: read=${members.length}`));
  return server;
}

function arrive(server, members) {
  members.forEach(({ proxy }, n) =>
    proxy.turnTo([server.address((n + 1) % server.workers)]));
}

async function hearsAll(members, ...texts) {
  for (const member of members)
    for (const text of texts)
      assert.equal(await member.heard.next(), text, member.name);
}

async function moveAll(app, workers, records) {
  const old = await startServer(app, workers, { args: ['-w', records] });
  const start = (args) => startServer(app, workers, { args, key: old.key });
  let server = old;
  const members = [];
  try {
    for (let n = 0; n < 4; n++)
      members.push(await startClient(old, `client ${n}`, n % workers));
    const [first] = members;
    await old.service('chat').group('deck').sendToAll('before', TEXT);
    await hearsAll(members, 'before');
    for (const { proxy } of members) proxy.stall();
    await old.service('chat').group('deck').sendToAll('on the way', TEXT);
    server = await move(old, members, records, start);
    await server.service('chat').group('deck').sendToAll('away', TEXT);
    await server.service('chat').sendToUser('client 2', 'to one', TEXT);
    for (const { proxy } of members) proxy.cut();
    arrive(server, members);
    await hearsAll(members, 'on the way', 'away');
    await hearsAll([members[2]], 'to one');
    const again = await first.client.joinGroup('deck', { ackId: ACK_ID });
    assert.equal(again.isDuplicated, true);
    await first.client.sendToGroup('deck', 'after', 'text');
    await hearsAll(members, 'after');
    assert.ok(members.every(({ lost }) => !lost));
    assert.equal(app.requestsOf('connected').length, members.length);
    assert.equal(app.requestsOf('disconnected').length, 0);
  } finally {
    for (const member of members) await stopClient(member);
    if (server !== old) await server.stop();
    await old.stop();
  }
}

for (const workers of [1, 4])
  test(`clients go on in another process [workers=${workers}]`,
    { timeout: 60_000 }, async () => {
      const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'wps-moving-'));
      const app = await App.start('chat', {});
      try {
        await moveAll(app, workers, path.join(folder, 'records'));
      } finally {
        await app.close();
        await fs.rm(folder, { recursive: true });
      }
    });
