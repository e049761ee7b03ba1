// Connections that move to another process as records. The client SDK sees no more
// than a lost transport, the application nothing.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';

import { App } from './support/app.mjs';
import { startLossy, stopLossy } from './support/lossy.mjs';
import { protobufProtocol } from './support/protobuf.mjs';
import { Server } from './support/server.mjs';
import { Inbox } from './support/wait.mjs';

const TEXT = { contentType: 'text/plain' };
// Not one that the client itself would take.
const ACK_ID = 1001;

function startServer(app, workers, options) {
  return Server.start({ program: 'tests/moving', workers,
    hubs: { chat: app.hub() }, ...options });
}

function startMember(server, name, worker, protocol) {
  const listen = (member) => {
    Object.assign(member, { heard: new Inbox(name), lost: false });
    const { client, heard } = member;
    client.on('group-message', ({ message }) => heard.push(message.data));
    client.on('server-message', ({ message }) => heard.push(message.data));
    client.on('disconnected', () => { member.lost = true; });
  };
  return startLossy(server, name,
    { to: [server.address(worker)], protocol, join: { ackId: ACK_ID }, listen });
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
  const members = [];
  try {
    for (let n = 0; n < 4; n++)
      members.push(await startMember(old, `client ${n}`, n % workers,
        n < 2 ? undefined : protobufProtocol({ reliable: true })));
    await old.service('chat').group('deck').sendToAll('before', TEXT);
    await hearsAll(members, 'before');
    for (const { proxy } of members) proxy.stall();
    await old.service('chat').group('deck').sendToAll('on the way', TEXT);
    const server = old.own(await move(old, members, records, start));
    await server.service('chat').group('deck').sendToAll('away', TEXT);
    await server.service('chat').sendToUser('client 2', 'to one', TEXT);
    for (const { proxy } of members) proxy.cut();
    arrive(server, members);
    await hearsAll(members, 'on the way', 'away');
    await hearsAll([members[2]], 'to one');
    for (const { client } of members) {
      const again = await client.joinGroup('deck', { ackId: ACK_ID });
      assert.equal(again.isDuplicated, true);
      await client.sendToGroup('deck', 'after', 'text');
      await hearsAll(members, 'after');
    }
    assert.ok(members.every(({ lost }) => !lost));
    assert.equal(app.requestsOf('connected').length, members.length);
    assert.equal(app.requestsOf('disconnected').length, 0);
    await Promise.all(members.map(stopLossy));
  } finally {
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
