// What the REST API does to many connections, with the service SDK, unmodified.
import assert from 'node:assert/strict';

import { odata } from '@azure/web-pubsub';

import { serverTest, twoWorkers } from './support/server.mjs';
import { callRest } from './support/token.mjs';

const TEXT = { contentType: 'text/plain' };

// Three clients of two users in the group "deck", on two workers.
async function crew(server) {
  const [near, far] = twoWorkers(server);
  const join = (userId, worker, groups = ['deck']) =>
    server.rawGreeted('chat', { userId, groups, worker });
  return {
    service: server.service('chat'),
    ann: await join('ann', near),
    bob: await join('bob', far),
    second: await join('ann', far, ['deck', 'bridge']),
  };
}

// Who of the crew hears what is sent before a fence.
async function heard({ service, ann, bob, second }, send) {
  await send();
  await service.sendToAll('fence', TEXT);
  const names = [];
  for (const [name, socket] of Object.entries({ ann, bob, second })) {
    const { data } = await socket.json();
    if (data === 'fence') continue;
    names.push(name);
    assert.equal((await socket.json()).data, 'fence');
  }
  return names.join(' ');
}

const FILTERS = [
  [() => odata`userId eq ${'ann'}`, 'ann second'],
  [() => odata`userId ne ${'ann'}`, 'bob'],
  [() => '\'bridge\' in groups', 'second'],
  [() => 'not (\'bridge\' in groups)', 'ann bob'],
  [() => 'length(groups) gt 1 or userId in (\'bob\')', 'bob second'],
  [({ bob }) => odata`connectionId eq ${bob.id}`, 'bob'],
  [() => 'protocol eq \'json.webpubsub.azure.v1\'', 'ann bob second'],
  [() => 'toupper(userId) eq \'BOB\' and \'deck\' in (groups)', 'bob'],
  [() => 'userId eq null', ''],
];

serverTest('filters choose the receivers of every send', async (server) => {
  const world = await crew(server);
  const { service } = world;
  const deck = service.group('deck');
  for (const [make, expected] of FILTERS) {
    const options = { ...TEXT, filter: make(world) };
    assert.equal(await heard(world, () => service.sendToAll('x', options)),
      expected, options.filter);
    assert.equal(await heard(world, () => deck.sendToAll('x', options)),
      expected, options.filter);
    const ofAnn = expected.split(' ').filter((name) => name !== 'bob').join(' ');
    assert.equal(
      await heard(world, () => service.sendToUser('ann', 'x', options)),
      ofAnn, options.filter);
  }
});

serverTest('filter and excluded connections count together', async (server) => {
  const world = await crew(server);
  const options = { ...TEXT, filter: odata`userId eq ${'ann'}`,
    excludedConnections: [world.second.id] };
  const { service } = world;
  assert.equal(await heard(world, () => service.sendToAll('x', options)), 'ann');
  assert.equal(await heard(world,
    () => service.group('deck').sendToAll('x', options)), 'ann');
});

serverTest('a filter that is none is told with its place', async (server) => {
  const service = server.service('chat');
  await assert.rejects(
    () => service.sendToAll('x', { ...TEXT, filter: 'userId eq' }), {
      statusCode: 400, code: 'Error.BadRequest',
      message: 'Invalid syntax for \'\': an operand is missing, at offset 9',
    });
});

serverTest('connections are added to many groups and removed from them',
  async (server) => {
    const world = await crew(server);
    const { service } = world;
    const groups = ['a/b', 'ü 🌍'];
    await service.addConnectionsToGroups(groups,
      'userId eq \'ann\' and not (\'a/b\' in groups)');
    for (const group of groups) {
      assert.equal(await heard(world,
        () => service.group(group).sendToAll('x', TEXT)), 'ann second');
    }
    await service.removeConnectionsFromGroups(groups,
      odata`connectionId eq ${world.ann.id}`);
    assert.equal(await heard(world,
      () => service.group(groups[0]).sendToAll('x', TEXT)), 'second');
    await service.removeConnectionsFromGroups(groups);
    for (const group of groups)
      assert.equal(await service.groupExists(group), false);
    await service.addConnectionsToGroups(['all']);
    assert.equal(await heard(world,
      () => service.group('all').sendToAll('x', TEXT)), 'ann bob second');
    await assert.rejects(() => service.addConnectionsToGroups([]),
      { statusCode: 400 });
  });

serverTest('closes leave out the excluded', async (server) => {
  const world = await crew(server);
  const { service, ann, bob, second } = world;
  await service.group('deck').closeAllConnections(
    { excluded: [ann.id, second.id], reason: 'off the deck' });
  assert.deepEqual(await bob.json(), { type: 'system', event: 'disconnected',
    message: 'off the deck' });
  await service.closeUserConnections('ann', { excluded: [second.id] });
  await ann.closing();
  assert.equal(await service.connectionExists(ann.id), false);
  assert.equal(await service.connectionExists(second.id), true);
  await service.closeAllConnections({ excluded: [second.id] });
  await service.sendToAll('still here', TEXT);
  assert.equal((await second.json()).data, 'still here');
});

async function fill(server, group, count) {
  const sockets = [];
  for (let n = 0; n < count; n++) {
    sockets.push(await server.rawGreeted('chat',
      { userId: n % 3 ? `u${n}` : undefined, groups: [group],
        worker: n % server.workers }));
  }
  return sockets;
}

const sorted = (values) => [...values].sort();

serverTest('the connections of a group are listed by pages', async (server) => {
  const sockets = await fill(server, 'a/ü', 11);
  const group = server.service('chat').group('a/ü');
  const listed = [];
  for await (const member of await group.listConnections()) listed.push(member);
  const ids = listed.map(({ connectionId }) => connectionId);
  assert.deepEqual(ids, sorted(sockets.map(({ id }) => id)));
  const users = listed.filter(({ userId }) => userId);
  assert.equal(users.length, 7);
  const sizes = [];
  const pages = (await group.listConnections({ maxPageSize: 4 })).byPage();
  for await (const page of pages)
    sizes.push(page.length);
  assert.deepEqual(sizes, [4, 4, 3]);
  const top = [];
  for await (const { connectionId } of await group.listConnections({ top: 6 }))
    top.push(connectionId);
  assert.deepEqual(top, ids.slice(0, 6));
  const none = server.service('chat').group('none');
  for await (const _ of await none.listConnections())
    assert.fail('nobody is there');
});

serverTest('whoever stays is listed once while others come and go',
  async (server) => {
    const sockets = await fill(server, 'deck', 12);
    const service = server.service('chat');
    const group = service.group('deck');
    const stay = sockets.filter((_, n) => n % 2).map(({ id }) => id);
    const go = sockets.filter((_, n) => n % 2 === 0);
    const seen = [];
    const pages = (await group.listConnections({ maxPageSize: 2 })).byPage();
    for await (const page of pages) {
      seen.push(...page.map(({ connectionId }) => connectionId));
      const one = go.pop();
      if (one) {
        await service.closeConnection(one.id);
        await fill(server, 'deck', 1);
      }
    }
    assert.equal(new Set(seen).size, seen.length);
    for (const id of stay) assert.ok(seen.includes(id), id);
  });

// How many seconds old a connection is, and how much waits for it.
async function detail(server, id) {
  const answer = await callRest(server, 'GET', `/hubs/chat/connections/${id}`);
  return answer.json();
}

serverTest('what has expired while it waited is not delivered', async (server) => {
  const socket = await server.rawGreeted('chat');
  const service = server.service('chat');
  socket.pause();
  const block = new Uint8Array(1 << 20);
  do await service.sendToAll(block);
  while ((await detail(server, socket.id)).queuedMessages < 2);
  await service.sendToAll('mortal', { ...TEXT, messageTtlSeconds: 1 });
  await service.sendToAll('lasting', { ...TEXT, messageTtlSeconds: 300 });
  const { ageSeconds: start } = await detail(server, socket.id);
  while ((await detail(server, socket.id)).ageSeconds < start + 3) continue;
  socket.resume();
  let message;
  do message = await socket.json();
  while (message.dataType === 'binary');
  assert.equal(message.data, 'lasting');
});

serverTest('a message over the limit is refused in words', async (server) => {
  const service = server.service('chat');
  for (const size of [(1 << 20) + 1, 6 << 20]) {
    await assert.rejects(
      () => service.sendToAll('x'.repeat(size), TEXT),
      { statusCode: 413, code: 'PayloadTooLarge' });
  }
  await service.sendToAll('x'.repeat(1 << 20), TEXT);
});
