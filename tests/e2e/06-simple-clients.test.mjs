// Clients without a subprotocol of the service, with the npm library `ws`.
import assert from 'node:assert/strict';

import WebSocket from 'ws';

import { OP, openRaw } from './support/rawws.mjs';
import { serverTest, twoWorkers } from './support/server.mjs';
import { Inbox, within } from './support/wait.mjs';

const echo = () => ({
  handleConnect(request, response) {
    const [choice] = request.subprotocols;
    response.success(choice ? { subprotocol: choice } : undefined);
  },
  handleUserEvent(request, response) {
    if (request.data === 'fail') response.fail(500, 'no');
    else if (request.data === 'silence') response.success();
    else response.success(request.data, request.dataType);
  },
});

async function openWs(server, options = {}, protocols = []) {
  const { query = '', ...rest } = options;
  const url = await server.accessUrl('chat', rest);
  const socket = new WebSocket(url + query, protocols);
  socket.inbox = new Inbox('messages');
  socket.on('message', (data, binary) => socket.inbox.push(
    binary ? data : data.toString()));
  socket.closed = new Promise((resolve) =>
    socket.on('close', (code, reason) => resolve([code, reason.toString()])));
  await within(new Promise((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  }), 'open');
  return server.own(socket);
}

serverTest('a frame is the event "message", its answer a frame', { app: echo },
  async (server, app) => {
    const socket = await openWs(server, { userId: 'ann' });
    socket.send('Grüße');
    assert.equal(await socket.inbox.next(), 'Grüße');
    socket.send('silence');
    socket.send(Buffer.from([5, 1, 1]));
    assert.deepEqual(await socket.inbox.next(), Buffer.from([5, 1, 1]));
    const types = app.requestsOf('message').map((r) => r.headers['content-type']);
    assert.match(types[0], /^text\/plain/);
    assert.equal(types[2], 'application/octet-stream');
  });

serverTest('a fragmented message is one event', { app: echo }, async (server) => {
  const socket = await server.raw('chat', { protocols: [] });
  socket.send('one ', OP.TEXT, { fin: false });
  socket.send('two ', OP.CONTINUATION, { fin: false });
  socket.send('between', OP.PING);
  socket.send('three', OP.CONTINUATION);
  const pong = await socket.frames.find((f) => f.opcode === OP.PONG);
  assert.equal(pong.text, 'between');
  assert.equal(await socket.text(), 'one two three');
});

serverTest('a subprotocol of the application\'s own is a simple client\'s',
  { app: echo }, async (server, app) => {
    const socket = await openWs(server, { userId: 'ann' }, ['chess.v2']);
    assert.equal(socket.protocol, 'chess.v2');
    socket.send('{"type":"ping"}');
    assert.equal(await socket.inbox.next(), '{"type":"ping"}');
    assert.equal(app.requestsOf('message')[0].headers['ce-subprotocol'], 'chess.v2');
  });

serverTest('an unknown subprotocol without a choice is not agreed to',
  async (server) => {
    const socket = await server.raw('chat', { protocols: ['chess.v2'] });
    assert.equal(socket.headers['sec-websocket-protocol'], undefined);
    await assert.rejects(() => openWs(server, {}, ['chess.v2']),
      /subprotocol/);
  });

serverTest('a frame that fails or that nobody handles ends a simple client',
  { app: echo }, async (server) => {
    const failing = await openWs(server);
    failing.send('fail');
    assert.equal((await within(failing.closed, 'close'))[0], 1011);
    const url = await server.accessUrl('unheard');
    const unheard = server.own(await openRaw(url));
    unheard.send('hello?');
    assert.equal((await unheard.closing()).code, 1011);
  });

serverTest('in sendToGroup mode each frame goes to the group', async (server) => {
  const [near, far] = twoWorkers(server);
  const mode = '&webpubsub_mode=sendToGroup&group=deck';
  const roles = ['webpubsub.sendToGroup.deck'];
  const sender = await openWs(server,
    { userId: 'ann', groups: ['deck'], roles, query: mode, worker: near });
  const json = await server.rawGreeted('chat', { groups: ['deck'], worker: far });
  sender.send('text');
  sender.send(Buffer.from([5, 1, 1]));
  const head = '{"type":"message","from":"group","group":"deck","fromUserId":"ann",';
  assert.equal(await json.text(), `${head}"dataType":"text","data":"text"}`);
  assert.equal(await json.text(), `${head}"dataType":"binary","data":"BQEB"}`);
  assert.equal(await sender.inbox.next(), 'text');
  const quiet = await openWs(server,
    { groups: ['deck'], roles, query: `${mode}&noEcho=true` });
  quiet.send('once');
  assert.equal((await json.json()).data, 'once');
  await server.service('chat').sendToAll('fence', { contentType: 'text/plain' });
  assert.equal(await quiet.inbox.next(), 'fence');
});

serverTest('in sendToGroup mode a missing role ends the connection',
  async (server) => {
    const socket = await openWs(server,
      { query: '&webpubsub_mode=sendToGroup&group=deck' });
    socket.send('x');
    assert.equal((await within(socket.closed, 'close'))[0], 1008);
  });

serverTest('wrong parameters are refused before the upgrade', async (server) => {
  const url = await server.accessUrl('chat');
  for (const query of [
    '&webpubsub_mode=other',
    '&webpubsub_mode=sendToGroup',
    '&webpubsub_mode=sendToGroup&group=g&noEcho=perhaps',
  ])
    await assert.rejects(() => openRaw(url + query), { status: 400 });
});

serverTest('the hub may stand in the query, in any case of letters',
  async (server) => {
    const url = new URL(await server.accessUrl('Chat'));
    const token = url.searchParams.get('access_token');
    const other = `${server.url()}/client/?hub=CHAT&access_token=${token}`;
    const socket = server.own(await openRaw(other));
    await server.service('chat').sendToAll('hi', { contentType: 'text/plain' });
    assert.equal(await socket.text(), 'hi');
  });

serverTest('an anonymous hub takes clients without a token, but no bad one',
  { hubs: { open: { anonymous: true } } }, async (server) => {
    const url = `${server.url()}/client/hubs/open`;
    const socket = server.own(
      await openRaw(url, { protocols: ['json.webpubsub.azure.v1'] }));
    assert.equal((await socket.json()).userId, null);
    await assert.rejects(() => openRaw(`${url}?access_token=a.b.c`), { status: 401 });
  });
