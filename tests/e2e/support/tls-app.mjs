// An application and two of its clients, with the official SDKs, unmodified. They
// know the server's CA by NODE_EXTRA_CA_CERTS alone, which is read when a process
// starts; therefore they have one of their own.
import assert from 'node:assert/strict';

import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { WebPubSubClient, WebPubSubJsonProtocol } from '@azure/web-pubsub-client';

import { Inbox } from './wait.mjs';

const ROLES = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];
const LARGE = 'Grüße '.repeat(60_000);
const [near, far] = JSON.parse(process.env.CONNECTION_STRINGS)
  .map((text) => new WebPubSubServiceClient(text, 'chat',
    { retryOptions: { maxRetries: 0 } }));

async function open(service, userId) {
  const { url } = await service.getClientAccessToken({ userId, roles: ROLES });
  assert.match(url, /^wss:/);
  const client = new WebPubSubClient(url,
    { protocol: WebPubSubJsonProtocol(), autoReconnect: false });
  client.inbox = new Inbox(`messages to ${userId}`);
  client.on('group-message', ({ message }) => client.inbox.push(message));
  client.on('server-message', ({ message }) => client.inbox.push(message));
  const connected = new Promise((resolve) => client.on('connected', resolve));
  await client.start();
  client.id = (await connected).connectionId;
  return client;
}

async function chat(ann, bob) {
  await bob.joinGroup('deck');
  for (const [type, data] of [['text', 'ahoy'], ['json', { a: [1] }], ['text', LARGE]]) {
    await ann.sendToGroup('deck', data, type);
    const message = await bob.inbox.next();
    assert.equal(message.fromUserId, 'ann');
    assert.deepEqual(message.data, data);
  }
}

async function send(bob) {
  await near.sendToAll({ to: 'all' });
  assert.deepEqual((await bob.inbox.next()).data, { to: 'all' });
  await far.group('deck').sendToAll(LARGE, { contentType: 'text/plain' });
  assert.equal((await bob.inbox.next()).data, LARGE);
  assert.equal(await near.connectionExists(bob.id), true);
  const stopped = new Promise((resolve) => bob.on('disconnected', resolve));
  await near.closeConnection(bob.id, { reason: 'enough' });
  await stopped;
  assert.equal(await near.connectionExists(bob.id), false);
}

const ann = await open(near, 'ann');
const bob = await open(far, 'bob');
await chat(ann, bob);
await send(bob);
ann.stop();
// Timers of the SDK would keep it for a while.
process.exit(0);
