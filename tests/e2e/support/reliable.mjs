// Reliable clients as bare WebSockets: opened, recovered, and asked what they hear.
import assert from 'node:assert/strict';

import { OP, openRaw } from './rawws.mjs';

export const RELIABLE = 'json.reliable.webpubsub.azure.v1';
export const ALL_ROLES = ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup'];

// Opened and greeted; `id` and `token` are what the greeting says.
export async function openReliable(server, options = {}) {
  const { protocol = RELIABLE, userId = 'ann', roles = ALL_ROLES } = options;
  const socket = await server.raw(options.hub ?? 'chat',
    { protocols: [protocol], userId, roles, ...options });
  return greet(server, socket);
}

async function greet(server, socket) {
  const greeting = await socket.json();
  assert.deepEqual([greeting.type, greeting.event], ['system', 'connected']);
  socket.id = greeting.connectionId;
  socket.token = greeting.reconnectionToken;
  if (socket.token) server.hideFromLog(socket.token);
  return socket;
}

export function recoveryUrl(server, { id, token },
  { worker, hub = 'chat', more = '' } = {}) {
  const query = new URLSearchParams();
  if (id !== undefined) query.set('awps_connection_id', id);
  if (token !== undefined) query.set('awps_reconnection_token', token);
  return `${server.url(worker).replace('http', 'ws')}/client/hubs/${hub}` +
    `?${more}${query}`;
}

// A request to recover, upgraded; what the server says then is not judged.
export async function askToRecover(server, who, options = {}) {
  const socket = await openRaw(recoveryUrl(server, who, options),
    { protocols: [options.protocol ?? RELIABLE], ca: server.ca });
  return server.own(socket);
}

// The connection again, on a new socket, up to its greeting.
export async function recover(server, lost, options) {
  const socket = await greet(server,
    await askToRecover(server, lost, options));
  assert.equal(socket.id, lost.id);
  return socket;
}

// The recovery is refused as clients need it: upgraded, then closed with 1008.
export async function assertRefused(server, who, options) {
  const socket = await askToRecover(server, who, options);
  assert.equal(socket.headers['sec-websocket-protocol'],
    options?.protocol ?? RELIABLE);
  const first = await socket.frames.next();
  assert.equal(first.opcode, OP.CLOSE);
  assert.equal(first.payload.readUInt16BE(0), 1008);
  socket.cut();
}

// The sequence ids of messages whose data is what is expected.
export async function hears(socket, ...data) {
  const ids = [];
  for (const expected of data) {
    const message = await socket.json();
    assert.equal(message.type, 'message');
    assert.deepEqual(message.data, expected);
    ids.push(message.sequenceId);
  }
  return ids;
}

// What was acknowledged has been forgotten when this returns.
export async function acknowledge(socket, sequenceId) {
  socket.sendJson({ type: 'sequenceAck', sequenceId });
  socket.sendJson({ type: 'ping' });
  assert.deepEqual(await socket.json(), { type: 'pong' });
}
