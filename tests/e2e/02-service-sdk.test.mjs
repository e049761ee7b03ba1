// The service SDK, unmodified; receivers show whole frames.
import assert from 'node:assert/strict';

import { AzureKeyCredential, odata } from '@azure/web-pubsub';
import { WebPubSubServiceClient } from '@azure/web-pubsub';

import { OP, openRaw } from './support/rawws.mjs';
import { serverTest, twoWorkers } from './support/server.mjs';
import { callRest, signToken } from './support/token.mjs';

const TEXT = { contentType: 'text/plain' };
const BYTES = Uint8Array.from([5, 1, 1]);

// What is sent, and what a JSON client and a simple client get of it.
const CONTENTS = [
  {
    send: ['Hello', TEXT],
    json: '"dataType":"text","data":"Hello"}',
    simple: [OP.TEXT, 'Hello'],
  },
  {
    send: ['say "hi" \\ \n ü', TEXT],
    json: '"dataType":"text","data":"say \\"hi\\" \\\\ \\n ü"}',
    simple: [OP.TEXT, 'say "hi" \\ \n ü'],
  },
  {
    send: [{ hello: 'world' }],
    json: '"dataType":"json","data":{"hello":"world"}}',
    simple: [OP.TEXT, '{"hello":"world"}'],
  },
  {
    send: ['Hi'],
    json: '"dataType":"json","data":"Hi"}',
    simple: [OP.TEXT, '"Hi"'],
  },
  {
    send: [BYTES],
    json: '"dataType":"binary","data":"BQEB"}',
    simple: [OP.BINARY, BYTES],
  },
];

const FROM_SERVER = '{"type":"message","from":"server",';
const FROM_GROUP =
  '{"type":"message","from":"group","group":"deck","fromUserId":null,';

async function expectFrame(socket, [opcode, payload]) {
  const frame = await socket.data();
  assert.equal(frame.opcode, opcode);
  assert.ok(frame.fin);
  assert.deepEqual(frame.payload, Buffer.from(payload));
}

// A JSON client and a simple client in the group "deck", on different workers.
async function audience(server) {
  const [near, far] = twoWorkers(server);
  const options = { userId: 'ann', groups: ['deck'] };
  const json = await server.rawGreeted('chat', { ...options, worker: near });
  const simple = await server.raw('chat',
    { ...options, worker: far, protocols: [] });
  return { json, simple, service: server.service('chat') };
}

async function expectBoth({ json, simple }, head, content) {
  assert.equal(await json.text(), head + content.json);
  await expectFrame(simple, content.simple);
}

const WAYS = [
  ['all', FROM_SERVER, (service, args) => service.sendToAll(...args)],
  ['a group', FROM_GROUP,
    (service, args) => service.group('deck').sendToAll(...args)],
  ['a user', FROM_SERVER, (service, args) => service.sendToUser('ann', ...args)],
];

for (const [whom, head, send] of WAYS) {
  serverTest(`a send to ${whom} arrives byte by byte as documented`,
    async (server) => {
      const world = await audience(server);
      for (const content of CONTENTS) {
        await send(world.service, content.send);
        await expectBoth(world, head, content);
      }
    });
}

serverTest('a send to a connection reaches it alone', async (server) => {
  const { json, simple, service } = await audience(server);
  for (const content of CONTENTS) {
    await service.sendToConnection(json.id, ...content.send);
    assert.equal(await json.text(), FROM_SERVER + content.json);
  }
  await service.sendToAll('fence', TEXT);
  await expectFrame(simple, [OP.TEXT, 'fence']);
});

serverTest('sends to nobody are accepted', async (server) => {
  const service = server.service('chat');
  await service.sendToAll('x', TEXT);
  await service.sendToUser('nobody', 'x', TEXT);
  await service.sendToConnection('nothing', 'x', TEXT);
  await service.group('none').sendToAll('x', TEXT);
});

serverTest('excluded connections are left out', async (server) => {
  const { json, simple, service } = await audience(server);
  const excluded = { ...TEXT, excludedConnections: [json.id, 'unknown'] };
  await service.sendToAll('hub', excluded);
  await service.group('deck').sendToAll('group', excluded);
  await service.sendToAll('fence', TEXT);
  await expectFrame(simple, [OP.TEXT, 'hub']);
  await expectFrame(simple, [OP.TEXT, 'group']);
  await expectFrame(simple, [OP.TEXT, 'fence']);
  assert.equal((await json.json()).data, 'fence');
});

serverTest('names with any character reach their group and user',
  async (server) => {
    const name = 'a/b c%2F:ü🌍?#+';
    const socket = await server.rawGreeted('chat',
      { userId: name, groups: [name] });
    const service = server.service('chat');
    await service.group(name).sendToAll('group', TEXT);
    assert.equal((await socket.json()).group, name);
    await service.sendToUser(name, 'user', TEXT);
    assert.equal((await socket.json()).data, 'user');
    assert.equal(await service.userExists(name), true);
    assert.equal(await service.groupExists(name), true);
  });

serverTest('what exists is told, and what does not', async (server) => {
  const { json, simple, service } = await audience(server);
  assert.equal(await service.connectionExists(json.id), true);
  assert.equal(await service.userExists('ann'), true);
  assert.equal(await service.groupExists('deck'), true);
  assert.equal(await service.connectionExists('nothing'), false);
  assert.equal(await service.userExists('bob'), false);
  assert.equal(await service.groupExists('none'), false);
  await service.closeConnection(json.id);
  await json.closing();
  assert.equal(await service.connectionExists(json.id), false);
  assert.equal(await service.userExists('ann'), true);
  await service.closeUserConnections('ann');
  await simple.closing();
  assert.equal(await service.userExists('ann'), false);
  assert.equal(await service.groupExists('deck'), false);
});

async function expectClosed(socket, reason, greeted = true) {
  if (greeted) {
    const farewell = await socket.text();
    assert.equal(farewell, '{"type":"system","event":"disconnected",' +
      `"message":${JSON.stringify(reason)}}`);
  }
  assert.deepEqual(await socket.closing(), { code: 1000, reason });
}

const CLOSES = [
  ['a connection', (service, json, options) =>
    service.closeConnection(json.id, options)],
  ['a user\'s connections', (service, _json, options) =>
    service.closeUserConnections('ann', options)],
  ['a group\'s connections', (service, _json, options) =>
    service.group('deck').closeAllConnections(options)],
  ['all connections', (service, _json, options) =>
    service.closeAllConnections(options)],
];

for (const [whom, close] of CLOSES) {
  serverTest(`closing ${whom} tells the reason`, async (server) => {
    const { json, simple, service } = await audience(server);
    await close(service, json, { reason: 'that was "it"' });
    await expectClosed(json, 'that was "it"');
    if (whom !== 'a connection')
      await expectClosed(simple, 'that was "it"', false);
  });
}

serverTest('a connection is added to a group and removed from it',
  async (server) => {
    const { json, service } = await audience(server);
    const crew = service.group('crew');
    await crew.addConnection(json.id);
    await crew.addConnection(json.id);
    await crew.sendToAll('in', TEXT);
    assert.equal((await json.json()).data, 'in');
    await crew.removeConnection(json.id);
    await crew.sendToAll('out', TEXT);
    await service.sendToAll('fence', TEXT);
    assert.equal((await json.json()).data, 'fence');
    await crew.removeConnection('nothing');
    await assert.rejects(() => crew.addConnection('nothing'),
      { statusCode: 404 });
  });

serverTest('a user is added to a group and removed from it', async (server) => {
  const { json, simple, service } = await audience(server);
  const crew = service.group('crew');
  await crew.addUser('ann');
  await crew.sendToAll('in', TEXT);
  assert.equal((await json.json()).data, 'in');
  await expectFrame(simple, [OP.TEXT, 'in']);
  await crew.removeUser('ann');
  await crew.sendToAll('out', TEXT);
  await service.sendToAll('fence', TEXT);
  assert.equal((await json.json()).data, 'fence');
  await expectFrame(simple, [OP.TEXT, 'fence']);
});

serverTest('a connection and a user are removed from all groups',
  async (server) => {
    const { json, simple, service } = await audience(server);
    await service.removeConnectionFromAllGroups(json.id);
    await service.group('deck').sendToAll('one is left', TEXT);
    await expectFrame(simple, [OP.TEXT, 'one is left']);
    await service.removeUserFromAllGroups('ann');
    await service.group('deck').sendToAll('none is left', TEXT);
    await service.sendToAll('fence', TEXT);
    assert.equal((await json.json()).data, 'fence');
    await expectFrame(simple, [OP.TEXT, 'fence']);
    assert.equal(await service.groupExists('deck'), false);
  });

serverTest('permissions are granted, checked, used and revoked',
  async (server) => {
    const { json, service } = await audience(server);
    const target = { targetName: 'crew' };
    const join = { type: 'joinGroup', group: 'crew' };
    const has = () => service.hasPermission(json.id, 'joinLeaveGroup', target);
    assert.equal(await has(), false);
    assert.equal((await json.ask({ ...join, ackId: 1 })).error.name, 'Forbidden');
    await service.grantPermission(json.id, 'joinLeaveGroup', target);
    assert.equal(await has(), true);
    assert.equal(
      await service.hasPermission(json.id, 'sendToGroup', target), false);
    assert.equal((await json.ask({ ...join, ackId: 1 })).success, true);
    await service.revokePermission(json.id, 'joinLeaveGroup', target);
    assert.equal(await has(), false);
    assert.equal((await json.ask({ ...join, ackId: 2 })).error.name, 'Forbidden');
    await service.revokePermission('nothing', 'joinLeaveGroup', target);
    await assert.rejects(
      () => service.grantPermission('nothing', 'joinLeaveGroup', target),
      { statusCode: 404 });
  });

serverTest('a token of the SDK carries user, roles and groups',
  async (server) => {
    const socket = await server.rawGreeted('chat', {
      userId: 'ann', groups: ['deck', 'crew'], roles: ['webpubsub.sendToGroup.crew'],
    });
    const sent = await socket.ask({ type: 'sendToGroup', group: 'crew',
      dataType: 'text', data: 'aye', ackId: 1 });
    assert.equal(sent.success, true);
    const [message] = sent.before.length > 0 ? sent.before : [await socket.json()];
    assert.equal(message.fromUserId, 'ann');
    await server.service('chat').group('deck').sendToAll('deck', TEXT);
    assert.equal((await socket.json()).data, 'deck');
  });

serverTest('a token made by the server opens a connection', async (server) => {
  const query = '?userId=ann&role=webpubsub.joinLeaveGroup.a' +
    '&group=deck&minutesToExpire=5&api-version=2024-12-01';
  const path = `/hubs/chat/:generateToken${query}`;
  const answer = await callRest(server, 'POST', path);
  assert.equal(answer.status, 200);
  const { token } = await answer.json();
  server.hideFromLog(token.split('.')[2]);
  const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
  assert.equal(claims.sub, 'ann');
  const url = `${server.url()}/client/hubs/chat?access_token=${token}`;
  const socket = server.own(
    await openRaw(url, { protocols: ['json.webpubsub.azure.v1'] }));
  assert.equal((await socket.json()).userId, 'ann');
  const join = await socket.ask({ type: 'joinGroup', group: 'a', ackId: 1 });
  assert.equal(join.success, true);
  await server.service('chat').group('deck').sendToAll('hi', TEXT);
  assert.equal((await socket.json()).data, 'hi');
});

serverTest('a caller with another key is refused', async (server) => {
  const stranger = server.service('chat', { key: 'x'.repeat(44) });
  await assert.rejects(() => stranger.sendToAll('x', TEXT), { statusCode: 401 });
  const credential = new AzureKeyCredential(server.key);
  const friend = new WebPubSubServiceClient(server.url(), credential, 'chat',
    { allowInsecureConnection: true });
  await friend.sendToAll('x', TEXT);
});

const REFUSED_REST = [
  ['no token', { token: null }],
  ['not a token', { token: 'a.b.c' }],
  ['the audience of another operation', { audience: '/api/hubs/chat/users/u/:send' }],
  ['the audience of another hub', { audience: '/api/hubs/other/:send' }],
  ['the audience of a client', { audience: '/client/hubs/chat' }],
  ['a prefix of the URL as audience', { audience: '/api/hubs/chat' }],
];

serverTest('REST calls without a fitting token are refused', async (server) => {
  for (const [what, { audience, ...options }] of REFUSED_REST) {
    if (audience) options.audience = server.url() + audience;
    const answer = await callRest(server, 'POST', '/hubs/chat/:send', {
      ...options, headers: { 'Content-Type': 'text/plain' }, body: 'x',
    });
    assert.equal(answer.status, 401, what);
  }
});

const REFUSED_CLAIMS = [
  ['expired', { exp: 1_000_000_000 }],
  ['without an end', { exp: undefined }],
  ['not yet valid', { nbf: Math.floor(Date.now() / 1000) + 3600 }],
  ['for another hub', { aud: 'client/hubs/other' }],
  ['for the REST API', { aud: 'api/hubs/chat/:send' }],
  ['without an audience', { aud: undefined }],
];

async function refusedStatus(url) {
  try {
    (await openRaw(url)).cut();
    return 101;
  } catch (error) {
    return error.status;
  }
}

serverTest('clients without a fitting token are refused', async (server) => {
  const base = `${server.url()}/client/hubs/chat`;
  assert.equal(await refusedStatus(base), 401, 'no token');
  for (const [what, claims] of REFUSED_CLAIMS) {
    const aud = 'aud' in claims ? claims.aud && `${server.url()}/${claims.aud}` : base;
    const token = signToken(server.key, { ...claims, aud });
    server.hideFromLog(token.split('.')[2]);
    assert.equal(
      await refusedStatus(`${base}?access_token=${token}`), 401, what);
  }
  const unsigned = signToken('', { aud: base }, { alg: 'none', typ: 'JWT' });
  const bare = unsigned.slice(0, unsigned.lastIndexOf('.') + 1);
  assert.equal(await refusedStatus(`${base}?access_token=${bare}`), 401, 'none');
});

serverTest('a send is answered 202 with an empty body', async (server) => {
  const answer = await callRest(server, 'POST',
    '/hubs/chat/:send?api-version=2024-12-01',
    { headers: { 'Content-Type': 'text/plain' }, body: 'x' });
  assert.equal(answer.status, 202);
  assert.equal(answer.headers.get('content-length'), '0');
  assert.equal(await answer.text(), '');
});

serverTest('the health check needs no token', async (server) => {
  const answer = await callRest(server, 'HEAD', '/health?api-version=2024-12-01',
    { token: null });
  assert.equal(answer.status, 200);
});

serverTest('a filter chooses who receives', async (server) => {
  const { json, simple, service } = await audience(server);
  const filter = odata`connectionId eq ${json.id}`;
  await service.sendToAll('chosen', { ...TEXT, filter });
  await service.sendToAll('fence', TEXT);
  assert.equal((await json.json()).data, 'chosen');
  assert.equal((await json.json()).data, 'fence');
  await expectFrame(simple, [OP.TEXT, 'fence']);
});
