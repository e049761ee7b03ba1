// What wps has beyond the vendor's API, and how it is placed behind a proxy.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';

import { openRaw } from './support/rawws.mjs';
import { serverTest, twoWorkers } from './support/server.mjs';
import { callRest, signToken } from './support/token.mjs';
import { within } from './support/wait.mjs';

const HUB = '/hubs/chat';
const TEXT = { contentType: 'text/plain' };

async function get(server, path) {
  const answer = await callRest(server, 'GET', HUB + path);
  assert.equal(answer.status, 200, path);
  return answer.json();
}

async function crew(server) {
  const [near, far] = twoWorkers(server);
  const join = (userId, worker, groups) =>
    server.rawGreeted('chat', { userId, groups, worker });
  return [await join('ann', near, ['deck']),
    await join('ann', far, ['deck', 'bridge']), await join('bob', far, [])];
}

serverTest('connections, users and groups are listed and counted',
  async (server) => {
    const [ann, second, bob] = await crew(server);
    const ids = [ann, second, bob].map(({ id }) => id).sort();
    assert.deepEqual((await get(server, '/connections')).value
      .map(({ connectionId }) => connectionId), ids);
    assert.deepEqual((await get(server, '/users')).value, [
      { userId: 'ann', connections: 2 }, { userId: 'bob', connections: 1 }]);
    assert.deepEqual((await get(server, '/groups')).value, [
      { group: 'bridge', connections: 1 }, { group: 'deck', connections: 2 }]);
    assert.deepEqual((await get(server, `/connections/${second.id}/groups`)).value,
      [{ group: 'bridge' }, { group: 'deck' }]);
    assert.deepEqual((await get(server, '/users/bob/connections')).value,
      [{ connectionId: bob.id, userId: 'bob' }]);
    assert.equal((await get(server, '/:countConnections')).count, 3);
    assert.equal((await get(server, '/groups/deck/:countConnections')).count, 2);
    assert.equal((await get(server, '/users/none/:countConnections')).count, 0);
    const filter = encodeURIComponent('userId eq \'ann\'');
    assert.equal(
      (await get(server, `/:countConnections?filter=${filter}`)).count, 2);
    await callRest(server, 'DELETE', `${HUB}/connections/${bob.id}`);
    assert.equal((await get(server, '/:countConnections')).count, 2);
    assert.equal((await get(server, '/users')).value.length, 1);
  });

// Each path of the document that describes them is there, with its members.
serverTest('the extensions are as their OpenAPI document says', async (server) => {
  const file = new URL('../../docs/openapi-extensions.json', import.meta.url);
  const document = JSON.parse(await fs.readFile(file, 'utf8'));
  const [, second] = await crew(server);
  const values = { hub: 'chat', connectionId: second.id, userId: 'ann',
    group: 'deck' };
  const resolve = (schema) => schema.$ref ?
    document.components.schemas[schema.$ref.split('/').pop()] : schema;
  for (const [path, methods] of Object.entries(document.paths)) {
    const filled = path.replace(/\{(\w+)\}/g, (_, name) => values[name])
      .slice('/api'.length);
    for (const [method, operation] of Object.entries(methods)) {
      const answer = await callRest(server, method.toUpperCase(), filled,
        { body: method === 'post' ? '[]' : undefined });
      assert.equal(answer.status, 200, path);
      const body = await answer.json();
      const schema = resolve(
        operation.responses['200'].content['application/json'].schema);
      assert.deepEqual(Object.keys(body).sort(),
        Object.keys(schema.properties).sort(), path);
      const item = schema.properties.value?.items;
      for (const name of Object.keys(body.value?.[0] ?? {}))
        assert.ok(name in resolve(item).properties, `${path}: ${name}`);
    }
  }
});

serverTest('next links lead through all pages', async (server) => {
  await crew(server);
  const seen = [];
  let url = `${server.url()}/api${HUB}/connections?maxpagesize=1`;
  while (url) {
    const token = signToken(server.key, { aud: url });
    const answer = await fetch(url,
      { headers: { Authorization: `Bearer ${token}` } });
    assert.equal(answer.status, 200);
    const page = await answer.json();
    seen.push(...page.value);
    url = page.nextLink;
  }
  assert.equal(new Set(seen.map((c) => c.connectionId)).size, 3);
});

serverTest('one connection is described', async (server) => {
  const [, second] = await crew(server);
  await server.service('chat').grantPermission(second.id, 'sendToGroup',
    { targetName: 'deck' });
  const { ageSeconds, ...rest } = await get(server, `/connections/${second.id}`);
  assert.ok(ageSeconds >= 0);
  rest.groups.sort();
  assert.deepEqual(rest, {
    connectionId: second.id, userId: 'ann', protocol: 'json.webpubsub.azure.v1',
    queuedMessages: 0, queuedBytes: 0, groupCount: 2,
    groups: ['bridge', 'deck'], permissions: [
      { permission: 'sendToGroup', rule: 'allow', targetName: 'deck' }],
  });
  const none = await callRest(server, 'GET', `${HUB}/connections/none`);
  assert.equal(none.status, 404);
});

serverTest('many sends go in one request', async (server) => {
  const [ann, second, bob] = await crew(server);
  const sends = [
    { to: 'all', dataType: 'text', data: '1', excluded: [bob.id] },
    { to: 'group', name: 'bridge', dataType: 'json', data: { n: 2 } },
    { to: 'nobody' },
    { to: 'user', name: 'ann', dataType: 'binary', data: 'AAE=',
      filter: `connectionId ne '${second.id}'` },
    { to: 'connection', name: bob.id, dataType: 'text', data: '4' },
  ];
  const answer = await callRest(server, 'POST', `${HUB}/:sendMany`,
    { headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(sends) });
  assert.equal(answer.status, 200);
  const { value } = await answer.json();
  assert.deepEqual(value.map(({ status }) => status), [202, 202, 400, 202, 202]);
  assert.equal(value[2].error.target, 'to');
  assert.equal((await ann.json()).data, '1');
  assert.equal((await ann.json()).data, 'AAE=');
  assert.equal((await second.json()).data, '1');
  assert.deepEqual((await second.json()).data, { n: 2 });
  assert.equal((await bob.json()).data, '4');
});

// Most of them do not read, so that this takes no time of the test's own.
serverTest('many sends to many clients leave turns to others', { workerCounts: [1] },
  async (server) => {
    const reader = await server.rawGreeted('chat', { groups: ['deck'] });
    for (let n = 0; n < 20; n++) {
      const members = await Promise.all(Array.from({ length: 50 }, () =>
        server.rawGreeted('chat', { groups: ['deck'] })));
      for (const member of members) member.pause();
    }
    const sends = Array.from({ length: 1000 }, (_, n) =>
      ({ to: 'group', name: 'deck', dataType: 'json', data: n }));
    const { status } = await callRest(server, 'POST', `${HUB}/:sendMany`,
      { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(sends) });
    assert.equal(status, 200);
    for (const { data } of sends) assert.equal((await reader.json()).data, data);
    await server.assertShortTurns();
  });

serverTest('a base path is in front of all paths', {
  config: { base_path: '/push/v1' },
}, async (server) => {
  const base = `${server.url()}/push/v1`;
  const call = (method, path) => {
    const url = base + path;
    const token = signToken(server.key, { aud: url });
    return fetch(url, { method, headers: { Authorization: `Bearer ${token}` } });
  };
  const token = await (await call('POST', '/api/hubs/chat/:generateToken')).json();
  server.hideFromLog(token.token.split('.')[2]);
  const claims = JSON.parse(
    Buffer.from(token.token.split('.')[1], 'base64url'));
  assert.equal(claims.aud, `${base}/client/hubs/chat`);
  const socket = server.own(
    await openRaw(`${base}/client/hubs/chat?access_token=${token.token}`,
      { protocols: ['json.webpubsub.azure.v1'] }));
  const { connectionId } = await socket.json();
  assert.equal((await call('PUT',
    `/api/hubs/chat/groups/g/connections/${connectionId}`)).status, 200);
  server.own(await openRaw(`${base}/client/hubs/chat?access_token=${token.token}`));
  assert.equal((await call('PUT', '/api/hubs/chat/users/x/groups/g')).status, 200);
  const list = await call('GET', '/api/hubs/chat/connections?maxpagesize=1');
  const { nextLink } = await list.json();
  assert.ok(nextLink.startsWith(`${base}/api/hubs/chat/connections?`), nextLink);
  const outside = await fetch(`${server.url()}/api/health`, { method: 'HEAD' });
  assert.equal(outside.status, 404);
  await assert.rejects(
    openRaw(`${server.url()}/client/hubs/chat?access_token=${token.token}`),
    { status: 404 });
});

const LONG_KEY = 'a key that signs long tokens, too';

serverTest('a token that the server makes may be as long as max_token', {
  key: LONG_KEY, workerCounts: [1], config: { max_request_line: '64KiB',
    auth: { access_keys: [LONG_KEY], max_token: '32KiB' } },
}, async (server) => {
  const make = async (count) => {
    const role = `role=webpubsub.sendToGroup.${'g'.repeat(200)}&`;
    const path = `${HUB}/:generateToken`;
    return callRest(server, 'POST', `${path}?${role.repeat(count)}`,
      { audience: `${server.url()}/api${path}` });
  };
  const { token } = await (await make(80)).json();
  server.hideFromLog(token.split('.')[2]);
  assert.ok(token.length > 20_000, token.length);
  server.own(await openRaw(`${server.url()}/client/hubs/chat?access_token=${token}`));
  assert.equal((await make(150)).status, 400);
});

serverTest('a stopping server says so, and serves on for a while', {
  config: { stop_delay: '3s' },
}, async (server) => {
  const socket = await server.rawGreeted('chat');
  server.terminate();
  const deadline = Date.now() + 5000;
  let health;
  do health = await callRest(server, 'HEAD', '/health', { token: null });
  while (health.status === 200 && Date.now() < deadline);
  assert.equal(health.status, 503);
  assert.equal(health.headers.get('retry-after'), '1');
  await server.service('chat').sendToAll('still here', TEXT);
  assert.equal((await socket.json()).data, 'still here');
  assert.deepEqual((await within(socket.frames.find((f) => f.opcode === 8),
    'close', 8000)).payload.readUInt16BE(0), 1001);
});

serverTest('an access log has a line for each answer', {
  config: { log_level: 'info', rest: { access_log: true } },
}, async (server) => {
  await callRest(server, 'HEAD', `${HUB}/users/ann?secret=x`);
  server.terminate();
  await server.ended();
  assert.match(server.log, new RegExp('rest: request answered status=404 ' +
    'operation=UserExists method=HEAD path=/api/hubs/chat/users/ann ' +
    'bytes_in=0 bytes_out=0 ms=\\d+ id=[0-9a-f]{32} client_id='));
  assert.doesNotMatch(server.log, /secret=x/);
});
