// What people say to each other, and what proves who they are, is written nowhere.
// All that is said here begins with one mark, which the log, at its most talkative,
// must not hold when the server has ended.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';

import { OP, openRaw } from './support/rawws.mjs';
import { serverTest } from './support/server.mjs';

const MARK = 'hushhush';
const ROLES = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];

const keepsSecrets = () => ({
  handleConnect(request, response) {
    if (request.queries?.refuse) response.fail(401, `${MARK}-refused`);
    else {
      response.setState('secret', `${MARK}-state`);
      response.success();
    }
  },
  handleUserEvent(request, response) {
    if (request.context.eventName === 'bad') response.fail(500, `${MARK}-failure`);
    else response.success(`${MARK}-answer`, 'text');
  },
});

// A bare client whose query and headers are secret, past its greeting.
async function greeted(server, options = {}) {
  const socket = await server.raw('chat', { query: `&note=${MARK}-query`,
    headers: { Cookie: `id=${MARK}-cookie`, 'X-Note': `${MARK}-header` },
    roles: ROLES, ...options });
  await socket.json();
  return socket;
}

function mark(server) {
  server.hideFromLog(MARK);
  server.hideFromLog(Buffer.from(MARK).toString('base64').slice(0, 8));
}

serverTest('messages, queries and headers are in no line of the log',
  { app: keepsSecrets }, async (server) => {
    mark(server);
    const socket = await greeted(server);
    await socket.ask({ type: 'joinGroup', group: 'deck', ackId: 1 });
    await socket.ask({ type: 'sendToGroup', group: 'deck', ackId: 2, dataType: 'json',
      data: { text: `${MARK}-json` } });
    await socket.ask({ type: 'sendToGroup', group: 'deck', ackId: 3, dataType: 'binary',
      data: Buffer.from(`${MARK}-binary`).toString('base64') });
    for (const [ackId, event] of [[4, 'good'], [5, 'bad']])
      await socket.ask({ type: 'event', event, ackId, dataType: 'text',
        data: `${MARK}-event` });
    await server.service('chat').sendToAll(`${MARK}-rest`,
      { contentType: 'text/plain' });
    await server.service('chat').closeAllConnections({ reason: `${MARK}-reason` });
    await socket.frames.find((frame) => frame.opcode === OP.CLOSE);
  });

serverTest('a message that cannot be read is in no line of the log',
  async (server) => {
    mark(server);
    const socket = await greeted(server);
    socket.send(`{"type":"sendToGroup","group":"${MARK}`);
    await socket.frames.find((frame) => frame.opcode === OP.CLOSE);
  });

serverTest('what refused callers bring is in no line of the log',
  { app: keepsSecrets }, async (server) => {
    mark(server);
    const refused = (path, status, options = {}) => assert.rejects(
      () => openRaw(`${server.url()}/client/hubs/chat${path}`, options), { status });
    await refused(`?access_token=${MARK}.e30.${MARK}`, 401);
    await refused(`?note=${MARK}`, 401,
      { headers: { Authorization: `Bearer ${MARK}` } });
    await assert.rejects(() => server.raw('chat', { query: `&refuse=${MARK}` }),
      { status: 401, body: `${MARK}-refused` });
    const rest = await fetch(`${server.url()}/api/hubs/chat/:send?note=${MARK}`,
      { method: 'POST', headers: { Authorization: `Bearer ${MARK}` }, body: MARK });
    assert.equal(rest.status, 401);
    assert.ok(!(await rest.text()).includes(MARK));
  });

serverTest('a crash writes no core', async (server) => {
  const limits = await fs.readFile(`/proc/${server.pid}/limits`, 'utf8');
  assert.match(limits, /^Max core file size +0 +0 /m);
});
