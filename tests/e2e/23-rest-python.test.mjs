// Every operation of Debian's Python SDK, unmodified.
import assert from 'node:assert/strict';

import { startPython } from './support/python.mjs';
import { serverTest, twoWorkers } from './support/server.mjs';

const TEXT = { content_type: 'text/plain' };

async function world(server) {
  const ask = startPython(server);
  const call = async (name, args = [], options = {}) => {
    const answer = await ask('call', name, args, options);
    if ('status' in answer)
      throw Object.assign(new Error(answer.message), answer);
    return answer.value;
  };
  const [near, far] = twoWorkers(server);
  const join = (userId, worker) =>
    server.rawGreeted('chat', { userId, groups: ['deck'], worker });
  return { call, ann: await join('ann', near), bob: await join('bob', far) };
}

serverTest('Python sends to all, groups, users and connections',
  async (server) => {
    const { call, ann, bob } = await world(server);
    const filter = 'userId eq \'ann\'';
    await call('send_to_all', ['1'], { ...TEXT, filter });
    await call('send_to_group', ['deck', '2'],
      { ...TEXT, excluded: [bob.id] });
    await call('send_to_user', ['ann', '3'], { ...TEXT, filter });
    await call('send_to_connection', [ann.id, '4'], TEXT);
    for (const data of ['1', '2', '3', '4'])
      assert.equal((await ann.json()).data, data);
    await call('send_to_all', [{ to: 'all' }], { excluded: [ann.id] });
    assert.deepEqual((await bob.json()).data, { to: 'all' });
    await assert.rejects(() => call('send_to_all', ['x'],
      { ...TEXT, filter: 'userId' }), { status: 400 });
  });

serverTest('Python manages groups', async (server) => {
  const { call, ann, bob } = await world(server);
  await call('add_connection_to_group', ['crew', ann.id]);
  await call('add_user_to_group', ['crew', 'bob']);
  await call('send_to_group', ['crew', 'aye'], TEXT);
  assert.equal((await ann.json()).data, 'aye');
  assert.equal((await bob.json()).data, 'aye');
  assert.equal(await call('group_exists', ['crew']), true);
  await call('remove_connection_from_group', ['crew', ann.id]);
  await call('remove_user_from_group', ['crew', 'bob']);
  assert.equal(await call('group_exists', ['crew']), false);
  await call('remove_connection_from_all_groups', [ann.id]);
  await call('remove_user_from_all_groups', ['bob']);
  assert.equal(await call('group_exists', ['deck']), false);
  await assert.rejects(() => call('add_connection_to_group', ['g', 'none']),
    { status: 404 });
});

serverTest('Python asks for permissions and existence', async (server) => {
  const { call, ann } = await world(server);
  const target = { target_name: 'crew' };
  const has = () =>
    call('has_permission', ['sendToGroup', ann.id], target);
  assert.equal(await has(), false);
  await call('grant_permission', ['sendToGroup', ann.id], target);
  assert.equal(await has(), true);
  await call('revoke_permission', ['sendToGroup', ann.id], target);
  assert.equal(await has(), false);
  assert.equal(await call('connection_exists', [ann.id]), true);
  assert.equal(await call('connection_exists', ['none']), false);
  assert.equal(await call('user_exists', ['ann']), true);
  assert.equal(await call('user_exists', ['none']), false);
});

serverTest('Python closes connections', async (server) => {
  const { call, ann, bob } = await world(server);
  await call('close_group_connections', ['deck'],
    { excluded: [bob.id], reason: 'one' });
  assert.equal((await ann.json()).message, 'one');
  await call('close_user_connections', ['bob'], { excluded: [bob.id] });
  await call('close_all_connections', [], { reason: 'all' });
  assert.equal((await bob.json()).message, 'all');
  await call('close_connection', [bob.id], { reason: 'gone' });
  assert.equal(await call('user_exists', ['bob']), false);
});
