// The Express middleware, unmodified, as the event handler of a hub.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';

import { OP, openRaw } from './support/rawws.mjs';
import { serverTest } from './support/server.mjs';
import { Inbox } from './support/wait.mjs';

const TEXT = { contentType: 'text/plain' };

// The callbacks of a test are replaced while it runs; the middleware stays.
function handlers(own = {}) {
  return () => ({
    handleConnect: (_request, response) => response.success(),
    handleUserEvent: (_request, response) => response.success(),
    ...own,
  });
}

serverTest('an application is asked once whether it wants events',
  { app: handlers() }, async (server, app) => {
    await server.rawGreeted('chat', { userId: 'ann' });
    await app.connected.next();
    await server.rawGreeted('chat', { userId: 'bob' });
    await app.connected.next();
    const [first, ...others] = app.requests.filter((r) => r.method === 'OPTIONS');
    assert.ok(others.length < server.workers, 'once for each worker at most');
    assert.equal(first.url, '/eventhandler/validate');
    assert.equal(first.headers['webhook-request-origin'], '127.0.0.1');
    assert.equal(first.headers['ce-awpsversion'], '1.0');
    assert.equal(first.headers.authorization, undefined);
    assert.equal(app.requests[0], first);
  });

serverTest('an application that allows the endpoint by name is told events',
  { app: handlers({ allowedEndpoints: ['http://127.0.0.1'] }) },
  async (server, app) => {
    await server.rawGreeted('chat', { userId: 'ann' });
    assert.equal((await app.connected.next()).context.userId, 'ann');
  });

serverTest('an application that allows others gets no events',
  { app: handlers({ allowedEndpoints: ['https://example.net'] }) },
  async (server, app) => {
    const url = await server.accessUrl('chat', { userId: 'ann' });
    await assert.rejects(() => openRaw(url), { status: 500 });
    assert.deepEqual(app.requests.filter((r) => r.method === 'POST'), []);
  });

const asked = new Inbox('connect requests');

serverTest('a connect event tells claims, query, headers and subprotocols',
  { app: handlers({
    handleConnect(request, response) {
      asked.push(request);
      response.success();
    },
  }) },
  async (server, app) => {
    const protocols = ['json.webpubsub.azure.v1', 'other.v1'];
    await server.raw('chat', { userId: 'ann', roles: ['webpubsub.sendToGroup'],
      query: '&room=7&room=8&x=%C3%BC', protocols });
    const request = await asked.next();
    assert.deepEqual(request.claims.sub, ['ann']);
    assert.deepEqual(request.claims.role, ['webpubsub.sendToGroup']);
    assert.deepEqual(request.queries, { room: ['7', '8'], x: ['ü'] });
    assert.deepEqual(request.subprotocols, protocols);
    assert.deepEqual(request.headers.Host, [server.address()]);
    assert.equal(request.headers.Authorization, undefined);
    assert.deepEqual(request.clientCertificates, []);
    assert.equal(request.context.hub, 'chat');
    assert.equal(request.context.userId, 'ann');
    const { headers } = app.requestsOf('connect')[0];
    assert.equal(headers['ce-id'], '0');
    assert.equal(headers['ce-type'], 'azure.webpubsub.sys.connect');
    assert.equal(headers['ce-source'],
      `/hubs/chat/client/${request.context.connectionId}`);
  });

serverTest('events are signed with the access key', { app: handlers() },
  async (server, app) => {
    const socket = await server.rawGreeted('chat', { userId: 'ann' });
    await app.connected.next();
    const mac = crypto.createHmac('sha256', server.key).update(socket.id)
      .digest('hex');
    for (const event of ['connect', 'connected']) {
      assert.equal(app.requestsOf(event)[0].headers['ce-signature'],
        `sha256=${mac}`);
    }
  });

serverTest('a connect handler sets user, groups, roles and state',
  { app: handlers({
    handleConnect(_request, response) {
      response.setState('seat', 7);
      response.success({ userId: 'bea', groups: ['deck'],
        roles: ['webpubsub.sendToGroup.deck'] });
    },
  }) },
  async (server, app) => {
    const socket = await server.raw('chat',
      { userId: 'ann', groups: ['token'], roles: ['webpubsub.joinLeaveGroup'] });
    assert.equal((await socket.json()).userId, 'bea');
    const event = await app.connected.next();
    assert.equal(event.context.userId, 'bea');
    assert.deepEqual(event.context.states, { seat: 7 });
    assert.equal(app.requestsOf('connected')[0].headers['ce-subprotocol'],
      'json.webpubsub.azure.v1');
    const refused = await socket.ask({ type: 'joinGroup', group: 'x', ackId: 1 });
    assert.equal(refused.error.name, 'Forbidden');
    const sent = await socket.ask({ type: 'sendToGroup', group: 'deck',
      dataType: 'text', data: 'aye', noEcho: true, ackId: 2 });
    assert.equal(sent.success, true);
    const service = server.service('chat');
    await service.group('token').sendToAll('not a member', TEXT);
    await service.group('deck').sendToAll('a member', TEXT);
    assert.equal((await socket.json()).data, 'a member');
  });

serverTest('an event is answered with a message, then the ack, and keeps state',
  { app: handlers({
    handleUserEvent(request, response) {
      const count = (request.context.states.count ?? 0) + 1;
      response.setState('count', count);
      response.success(JSON.stringify(
        { count, event: request.context.eventName, data: request.data }), 'json');
    },
  }) },
  async (server, app) => {
    const socket = await server.rawGreeted('chat', { userId: 'ann' });
    for (let n = 1; n <= 3; n++) {
      socket.sendJson({ type: 'event', event: 'vote', dataType: 'json',
        data: { choice: n }, ackId: n });
      assert.equal(await socket.text(),
        '{"type":"message","from":"server","dataType":"json",' +
        `"data":{"count":${n},"event":"vote","data":{"choice":${n}}}}`);
      assert.equal(await socket.text(), `{"type":"ack","ackId":${n},"success":true}`);
    }
    const again = await socket.ask({ type: 'event', event: 'vote', data: 0, ackId: 3 });
    assert.equal(again.error.name, 'Duplicate');
    const ids = app.requestsOf('vote').map((r) => r.headers['ce-id']);
    assert.deepEqual(ids, ['2', '3', '4']);
  });

const EVENT_DATA = [
  ['text', 'Grüße', 'text/plain', 'Grüße'],
  ['json', { a: 1 }, 'application/json', { a: 1 }],
  ['binary', 'BQEB', 'application/octet-stream', Buffer.from([5, 1, 1])],
];

const heard = new Inbox('user events');

serverTest('events bring their data in its own content type',
  { app: handlers({
    handleUserEvent(request, response) {
      heard.push(request);
      response.success();
    },
  }) },
  async (server, app) => {
    const socket = await server.rawGreeted('chat', { userId: 'ann' });
    for (const [n, [dataType, data, type, expected]] of EVENT_DATA.entries()) {
      const ack = await socket.ask(
        { type: 'event', event: 'e', dataType, data, ackId: n });
      assert.deepEqual(ack.before, [], 'an empty answer is no message');
      const request = await heard.next();
      assert.equal(request.dataType, dataType);
      assert.deepEqual(request.data, expected);
      assert.equal(app.requestsOf('e')[n].headers['content-type'], type);
    }
  });

serverTest('an answer arrives as text, json or binary',
  { app: handlers({
    handleUserEvent(request, response) {
      const { dataType, data } = request;
      response.success(dataType === 'json' ? JSON.stringify(data) : data, dataType);
    },
  }) },
  async (server) => {
    const socket = await server.rawGreeted('chat', { userId: 'ann' });
    for (const [n, [dataType, data]] of EVENT_DATA.entries()) {
      const ack = await socket.ask(
        { type: 'event', event: 'e', dataType, data, ackId: n });
      assert.deepEqual(ack.before,
        [{ type: 'message', from: 'server', dataType, data }]);
    }
  });

serverTest('a failing event is an error ack, and the connection stays',
  { app: handlers({
    handleUserEvent(request, response) {
      if (request.data === 'well') response.success('done', 'text');
      else response.fail(400, 'the inside of the application');
    },
  }) },
  async (server) => {
    const socket = await server.rawGreeted('chat', { userId: 'ann' });
    const event = { type: 'event', event: 'e', dataType: 'text' };
    const failed = await socket.ask({ ...event, data: 'badly', ackId: 1 });
    assert.equal(failed.success, false);
    assert.equal(failed.error.name, 'InternalServerError');
    assert.doesNotMatch(failed.error.message, /inside/);
    socket.sendJson({ ...event, data: 'badly' });
    const retried = await socket.ask({ ...event, data: 'well', ackId: 1 });
    assert.equal(retried.success, true);
    assert.equal(retried.before[0].data, 'done');
  });

serverTest('disconnected tells the reason of a REST close',
  { app: handlers() }, async (server, app) => {
    const socket = await server.rawGreeted('chat', { userId: 'ann' });
    await app.connected.next();
    await server.service('chat').closeConnection(socket.id, { reason: 'enough' });
    const event = await app.disconnected.next();
    assert.equal(event.reason, 'enough');
    assert.equal(event.context.connectionId, socket.id);
    assert.equal(event.context.userId, 'ann');
    assert.equal(app.requestsOf('disconnected').length, 1);
  });

serverTest('disconnected comes once however a client leaves',
  { app: handlers() }, async (server, app) => {
    const polite = await server.rawGreeted('chat', { userId: 'polite' });
    await polite.close();
    const first = await app.disconnected.next();
    assert.equal(first.context.userId, 'polite');
    assert.equal(first.reason, '');
    const rude = await server.rawGreeted('chat', { userId: 'rude' });
    rude.cut();
    assert.equal((await app.disconnected.next()).context.userId, 'rude');
    assert.equal(app.requestsOf('disconnected').length, 2);
  });

serverTest('a refused client sees the application\'s status and text',
  { app: handlers({
    handleConnect: (_request, response) => response.fail(401, 'not on the list'),
  }) },
  async (server, app) => {
    const url = await server.accessUrl('chat', { userId: 'ann' });
    await assert.rejects(() => openRaw(url), (error) => {
      assert.equal(error.status, 401);
      assert.equal(error.body, 'not on the list');
      return true;
    });
    assert.deepEqual(app.requestsOf('connected'), []);
    assert.deepEqual(app.requestsOf('disconnected'), []);
    assert.equal(await server.service('chat').userExists('ann'), false);
  });

serverTest('a handler chooses the subprotocol',
  { app: handlers({
    handleConnect(request, response) {
      response.success({ subprotocol: request.queries.want[0] });
    },
  }) },
  async (server) => {
    const protocols = ['mine.v1', 'json.webpubsub.azure.v1'];
    const custom = await server.raw('chat', { protocols, query: '&want=mine.v1' });
    assert.equal(custom.headers['sec-websocket-protocol'], 'mine.v1');
    const json = await server.raw('chat', { protocols, query: `&want=${protocols[1]}` });
    assert.equal(json.headers['sec-websocket-protocol'], protocols[1]);
    assert.equal((await json.json()).event, 'connected');
    const url = await server.accessUrl('chat');
    await assert.rejects(
      () => openRaw(`${url}&want=not.offered`, { protocols }), { status: 500 });
  });

serverTest('events of one connection are handled one at a time, in order',
  { app: handlers({
    handleUserEvent(request, response) {
      setImmediate(() => response.success(request.data, 'text'));
    },
  }) },
  async (server) => {
    const socket = await server.rawGreeted('chat', { userId: 'ann' });
    for (let n = 0; n < 100; n++) {
      socket.sendJson({ type: 'event', event: 'e', dataType: 'text',
        data: `${n}`, ackId: n });
    }
    for (let n = 0; n < 100; n++) {
      assert.equal((await socket.json()).data, `${n}`);
      assert.equal((await socket.json()).ackId, n);
    }
  });

const presence = new Inbox('presence events');

serverTest('the application hears who joins and leaves',
  { app: handlers({
    onGroupJoined: (event) => presence.push(['joined', event]),
    onGroupLeft: (event) => presence.push(['left', event]),
  }), events: { presence_events: ['joined', 'left'] } },
  async (server, app) => {
    const socket = await server.rawGreeted('chat',
      { userId: 'ann', roles: ['webpubsub.joinLeaveGroup'] });
    await socket.ask({ type: 'joinGroup', group: 'deck', ackId: 1 });
    await socket.close();
    for (const expected of ['joined', 'left']) {
      const [name, event] = await presence.next();
      assert.equal(name, expected);
      assert.equal(event.group, 'deck');
      assert.equal(event.context.userId, 'ann');
      assert.equal(event.context.connectionId, socket.id);
    }
    await app.disconnected.next();
  });

serverTest('an invocation is handled as an event and answered to its caller',
  { app: handlers({
    handleUserEvent(request, response) {
      if (request.context.eventName === 'price')
        response.success(JSON.stringify({ eur: request.data.sku + 3 }), 'json');
      else response.fail(403, 'the inside of the application');
    },
  }) },
  async (server) => {
    const client = await server.client('chat', { userId: 'ann' });
    const result = await client.invokeEvent('price', { sku: 9 }, 'json');
    assert.deepEqual(result.data, { eur: 12 });
    await assert.rejects(() => client.invokeEvent('secret', {}, 'json'), (error) => {
      assert.doesNotMatch(`${error.message} ${error.errorDetail?.message}`, /inside/);
      return true;
    });
  });

serverTest('frames of a subprotocol of one\'s own are message events, answered by frames',
  { app: handlers({
    handleConnect: (_request, response) => response.success({ subprotocol: 'mine.v2' }),
    handleUserEvent(request, response) {
      assert.equal(request.context.eventName, 'message');
      assert.equal(request.context.subprotocol ?? 'mine.v2', 'mine.v2');
      if (request.data === 'bad') response.fail(500, 'the inside of the application');
      else response.success(request.data, request.dataType);
    },
  }) },
  async (server, app) => {
    const protocols = ['mine.v1', 'mine.v2'];
    const socket = await server.raw('chat', { protocols });
    assert.equal(socket.headers['sec-websocket-protocol'], 'mine.v2');
    socket.send('Grüße');
    assert.equal(await socket.text(), 'Grüße');
    socket.send(Buffer.from([1, 2, 255]), OP.BINARY);
    const frame = await socket.data();
    assert.equal(frame.opcode, OP.BINARY);
    assert.deepEqual([...frame.payload], [1, 2, 255]);
    const [first, second] = app.requestsOf('message');
    assert.equal(first.headers['ce-subprotocol'], 'mine.v2');
    assert.equal(first.headers['content-type'], 'text/plain');
    assert.equal(second.headers['content-type'], 'application/octet-stream');
    socket.send('bad');
    const { code, reason } = await socket.closing();
    assert.equal(code, 1011);
    assert.doesNotMatch(reason, /inside/);
  });
