// The client SDK, unmodified.
import assert from 'node:assert/strict';

import { serverTest, twoWorkers } from './support/server.mjs';

const ROLES = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];

// Two people, on different workers where there are several.
function sdkTest(name, body) {
  serverTest(name, async (server) => {
    const [near, far] = twoWorkers(server);
    const ann = await server.client('chat',
      { userId: 'ann', roles: ROLES, worker: near });
    const bob = await server.client('chat',
      { userId: 'bob', roles: ROLES, worker: far });
    await body({ server, ann, bob });
  });
}

const bytes = (text) => Uint8Array.from(Buffer.from(text)).buffer;

sdkTest('a client is greeted with its id and user', async ({ ann, bob }) => {
  assert.equal(ann.userId, 'ann');
  assert.equal(bob.userId, 'bob');
  assert.ok(ann.id.length >= 16);
  assert.notEqual(ann.id, bob.id);
});

const CONTENTS = [
  ['text', 'Grüße, 🌍', 'Grüße, 🌍'],
  ['text', '', ''],
  ['json', { a: [1, 'two', null, true], b: {} }],
  ['json', 'a string'],
  ['json', 0],
  ['json', false],
  ['binary', bytes('\x00\xff binary')],
  ['binary', bytes('')],
];

sdkTest('a group hears text, json and binary as they were sent',
  async ({ ann, bob }) => {
    await bob.joinGroup('deck');
    for (const [dataType, content] of CONTENTS) {
      await ann.sendToGroup('deck', content, dataType);
      const message = await bob.groupMessages.next();
      assert.equal(message.group, 'deck');
      assert.equal(message.fromUserId, 'ann');
      assert.equal(message.dataType, dataType);
      if (dataType === 'binary')
        assert.deepEqual(Buffer.from(message.data), Buffer.from(content));
      else
        assert.deepEqual(message.data, content);
    }
  });

sdkTest('a member hears itself unless it asks for no echo', async ({ ann }) => {
  await ann.joinGroup('deck');
  await ann.sendToGroup('deck', 'silent', 'text', { noEcho: true });
  await ann.sendToGroup('deck', 'loud', 'text');
  assert.equal((await ann.groupMessages.next()).data, 'loud');
});

sdkTest('no echo spares only the sending connection', async ({ server, ann }) => {
  const twin = await server.client('chat', { userId: 'ann', roles: ROLES });
  await ann.joinGroup('deck');
  await twin.joinGroup('deck');
  await ann.sendToGroup('deck', 'to the twin', 'text', { noEcho: true });
  assert.equal((await twin.groupMessages.next()).data, 'to the twin');
});

sdkTest('a client that has left a group hears it no more',
  async ({ ann, bob }) => {
    await bob.joinGroup('deck');
    await bob.joinGroup('fence');
    await ann.sendToGroup('deck', 'before', 'text');
    assert.equal((await bob.groupMessages.next()).data, 'before');
    await bob.leaveGroup('deck');
    await ann.sendToGroup('deck', 'after', 'text');
    await ann.sendToGroup('fence', 'fence', 'text');
    assert.equal((await bob.groupMessages.next()).data, 'fence');
  });

sdkTest('a sender need not be a member', async ({ ann, bob }) => {
  await bob.joinGroup('deck');
  await ann.sendToGroup('deck', 1, 'json');
  assert.equal((await bob.groupMessages.next()).data, 1);
  await bob.sendToGroup('deck', 2, 'json');
  assert.equal((await bob.groupMessages.next()).data, 2);
  assert.equal(ann.groupMessages.length, 0);
});

sdkTest('what a client has no role for is Forbidden, and it stays connected',
  async ({ server, bob }) => {
    const roles = ['webpubsub.joinLeaveGroup.open', 'webpubsub.sendToGroup.open'];
    const eve = await server.client('chat', { userId: 'eve', roles });
    for (const request of [
      () => eve.joinGroup('closed'),
      () => eve.leaveGroup('closed'),
      () => eve.sendToGroup('closed', 'x', 'text'),
    ]) {
      await assert.rejects(request, (error) => {
        assert.equal(error.name, 'SendMessageError');
        assert.equal(error.errorDetail.name, 'Forbidden');
        return true;
      });
    }
    await bob.joinGroup('open');
    await eve.joinGroup('open');
    await eve.sendToGroup('open', 'still here', 'text');
    assert.equal((await bob.groupMessages.next()).data, 'still here');
  });

sdkTest('an ackId is done once', async ({ ann, bob }) => {
  await bob.joinGroup('deck');
  const first = await ann.sendToGroup('deck', 'once', 'text', { ackId: 77 });
  assert.deepEqual(first, { ackId: 77, isDuplicated: false });
  const again = await ann.sendToGroup('deck', 'twice', 'text', { ackId: 77 });
  assert.deepEqual(again, { ackId: 77, isDuplicated: true });
  await ann.sendToGroup('deck', 'next', 'text', { ackId: 78 });
  assert.equal((await bob.groupMessages.next()).data, 'once');
  assert.equal((await bob.groupMessages.next()).data, 'next');
});

sdkTest('a thousand sends arrive in their order', async ({ ann, bob }) => {
  await bob.joinGroup('deck');
  const acks = [];
  for (let n = 0; n < 1000; n++)
    acks.push(ann.sendToGroup('deck', n, 'json'));
  await Promise.all(acks);
  for (let n = 0; n < 1000; n++)
    assert.equal((await bob.groupMessages.next(`message ${n}`)).data, n);
});

sdkTest('an event that nobody handles fails', async ({ ann, bob }) => {
  await assert.rejects(() => ann.sendEvent('vote', 1, 'json'), (error) => {
    assert.equal(error.errorDetail.name, 'InternalServerError');
    return true;
  });
  await bob.joinGroup('deck');
  await ann.sendToGroup('deck', 'still here', 'text');
  assert.equal((await bob.groupMessages.next()).data, 'still here');
});

sdkTest('hubs are separate', async ({ server, ann }) => {
  const stranger = await server.client('other',
    { userId: 'ann', roles: ROLES });
  await ann.joinGroup('deck');
  await stranger.joinGroup('deck');
  await stranger.sendToGroup('deck', 'elsewhere', 'text');
  await ann.sendToGroup('deck', 'here', 'text');
  assert.equal((await ann.groupMessages.next()).data, 'here');
});

serverTest('a message of the largest size passes', async (server) => {
  const ann = await server.client('chat', { roles: ROLES });
  await ann.joinGroup('deck');
  const text = 'x'.repeat(1024 * 1024 - 200);
  await ann.sendToGroup('deck', text, 'text');
  assert.equal((await ann.groupMessages.next()).data, text);
});
