// A whole chat as an application of the service has it: negotiation, an event
// handler, two people, and the end of it, with the three official packages.
import assert from 'node:assert/strict';

import { WebPubSubClient, WebPubSubJsonProtocol } from '@azure/web-pubsub-client';

import { serverTest, twoWorkers } from './support/server.mjs';
import { Inbox, once, within } from './support/wait.mjs';

const ROLES = ['webpubsub.joinLeaveGroup.room', 'webpubsub.sendToGroup.room'];

const chat = () => ({
  handleConnect(request, response) {
    const [name] = request.queries.name;
    response.setState('votes', 0);
    response.success({ userId: name, groups: ['lobby'], roles: ROLES });
  },
  handleUserEvent(request, response) {
    const votes = request.context.states.votes + request.data.points;
    response.setState('votes', votes);
    response.success(JSON.stringify({ votes }), 'json');
  },
});

// What an application's negotiate endpoint does, then the client.
async function enter(server, name, worker) {
  const url = await server.accessUrl('chat', { worker });
  const client = new WebPubSubClient(
    { getClientAccessUrl: async () => `${url}&name=${name}` },
    { protocol: WebPubSubJsonProtocol(), autoReconnect: false,
      keepAliveIntervalInMs: 0, keepAliveTimeoutInMs: 0,
      messageRetryOptions: { maxRetries: 0 } });
  client.group = new Inbox(`group messages of ${name}`);
  client.server = new Inbox(`server messages of ${name}`);
  client.on('group-message', (e) => client.group.push(e.message));
  client.on('server-message', (e) => client.server.push(e.message));
  const connected = once(client, 'connected');
  client.farewell = new Promise((resolve) => client.on('disconnected', resolve));
  await within(client.start(), 'start');
  const { connectionId, userId } = await connected;
  assert.equal(userId, name);
  server.own({ close: () => client.stop() });
  return Object.assign(client, { id: connectionId });
}

serverTest('a chat from negotiation to the last word', { app: chat },
  async (server, app) => {
    const [near, far] = twoWorkers(server);
    const ann = await enter(server, 'ann', near);
    const bob = await enter(server, 'bob', far);
    const service = server.service('chat');
    const names = [await app.connected.next(), await app.connected.next()];
    assert.deepEqual(names.map((e) => e.context.userId).sort(), ['ann', 'bob']);

    await service.group('lobby').sendToAll({ welcome: true });
    assert.deepEqual((await ann.group.next()).data, { welcome: true });
    assert.deepEqual((await bob.group.next()).data, { welcome: true });

    await ann.joinGroup('room');
    await bob.joinGroup('room');
    await ann.sendToGroup('room', 'hello', 'text', { noEcho: true });
    const hello = await bob.group.next();
    assert.deepEqual([hello.group, hello.fromUserId, hello.data],
      ['room', 'ann', 'hello']);
    await bob.sendToGroup('room', { text: 'hi' }, 'json', { noEcho: true });
    assert.deepEqual((await ann.group.next()).data, { text: 'hi' });

    for (const [points, votes] of [[2, 2], [3, 5]]) {
      await ann.sendEvent('vote', { points }, 'json');
      assert.deepEqual((await ann.server.next()).data, { votes });
    }

    await service.sendToUser('bob', 'for bob', { contentType: 'text/plain' });
    assert.equal((await bob.server.next()).data, 'for bob');

    await service.closeConnection(ann.id, { reason: 'good night' });
    const farewell = await within(ann.farewell, 'farewell of ann');
    assert.equal(farewell.message.message, 'good night');
    const event = await app.disconnected.next();
    assert.equal(event.reason, 'good night');
    assert.equal(event.context.userId, 'ann');
    assert.deepEqual(event.context.states, { votes: 5 });
    assert.equal(await service.userExists('ann'), false);
    assert.equal(await service.userExists('bob'), true);
    await bob.sendToGroup('room', 'anyone?', 'text');
    assert.equal((await bob.group.next()).data, 'anyone?');
  });
