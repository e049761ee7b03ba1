// What reliable clients say and hear, in the two subprotocols: requests and
// messages of the model (support/model.mjs) as frames, and answers as objects.
import assert from 'node:assert/strict';

import { decodeDown, encodeUp } from './protobuf.mjs';
import { OP } from './rawws.mjs';

const JSON_REQUESTS = {
  join: ({ group, ackId }) => ({ type: 'joinGroup', group, ackId }),
  leave: ({ group, ackId }) => ({ type: 'leaveGroup', group, ackId }),
  send: ({ group, ackId, text, noEcho }) => ({ type: 'sendToGroup', group, ackId,
    dataType: 'text', data: text, noEcho }),
  event: ({ ackId, text }) => ({ type: 'event', event: 'e', ackId,
    dataType: 'text', data: text }),
  ping: () => ({ type: 'ping' }),
  sequenceAck: ({ sequenceId }) => ({ type: 'sequenceAck', sequenceId }),
};

const JSON_ANSWERS = {
  ack: ({ ackId, success, error }) => error ? { ack: ackId, success, error } :
    { ack: ackId, success },
  pong: () => ({ pong: true }),
  system: ({ event, connectionId, reconnectionToken, message }) =>
    event === 'connected' ? { connected: connectionId, token: reconnectionToken } :
      { disconnected: message },
};

const json = {
  name: 'json.reliable.webpubsub.azure.v1',
  opcode: OP.TEXT,
  encode: (request) => JSON.stringify(JSON_REQUESTS[request.kind](request)),
  decode(frame) {
    const { type, ...rest } = JSON.parse(frame.text);
    return type === 'message' ? { sequenceId: rest.sequenceId } :
      JSON_ANSWERS[type](rest);
  },
  // A message is judged as a whole, as text.
  assertMessage(frame, sequenceId, { from, group, fromUserId, text }) {
    assert.equal(frame.text, JSON.stringify({ sequenceId, type: 'message', from,
      group, fromUserId, dataType: 'text', data: text }));
  },
};

const PROTOBUF_REQUESTS = {
  join: ({ group, ackId }) => ({ joinGroupMessage: { group, ackId } }),
  leave: ({ group, ackId }) => ({ leaveGroupMessage: { group, ackId } }),
  send: ({ group, ackId, text, noEcho }) => ({ sendToGroupMessage:
    { group, ackId, noEcho, data: { textData: text } } }),
  event: ({ ackId, text }) => ({ eventMessage:
    { event: 'e', ackId, data: { textData: text } } }),
  ping: () => ({ pingMessage: {} }),
  sequenceAck: ({ sequenceId }) => ({ sequenceAckMessage: { sequenceId } }),
};

const PROTOBUF_ANSWERS = {
  ackMessage: ({ ackId = 0, success = false, error }) =>
    error ? { ack: ackId, success, error } : { ack: ackId, success },
  pongMessage: () => ({ pong: true }),
  systemMessage: ({ connectedMessage: connected, disconnectedMessage }) =>
    connected ? { connected: connected.connectionId,
      token: connected.reconnectionToken } :
      { disconnected: disconnectedMessage.reason },
  dataMessage: ({ sequenceId }) => ({ sequenceId }),
};

const withoutUndefined = (object) => Object.fromEntries(
  Object.entries(object).filter(([, value]) => value !== undefined));

const protobuf = {
  name: 'protobuf.reliable.webpubsub.azure.v1',
  opcode: OP.BINARY,
  encode(request) {
    const [[member, fields]] =
      Object.entries(PROTOBUF_REQUESTS[request.kind](request));
    return encodeUp({ [member]: withoutUndefined(fields) });
  },
  decode(frame) {
    const [[member, fields]] = Object.entries(decodeDown(frame.payload));
    return PROTOBUF_ANSWERS[member](fields);
  },
  assertMessage(frame, sequenceId, { from, group, text }) {
    assert.deepEqual(decodeDown(frame.payload).dataMessage,
      withoutUndefined({ from, group, data: { textData: text }, sequenceId }));
  },
};

export const WIRES = [json, protobuf];
