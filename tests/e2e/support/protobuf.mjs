// The protobuf subprotocols for the client SDK, by protobufjs and the schema: a
// second opinion on what the server writes.
import { fileURLToPath } from 'node:url';

import protobuf from 'protobufjs';

const SCHEMA = fileURLToPath(
  new URL('../../../plugins/webpubsub/webpubsub.proto', import.meta.url));
const root = protobuf.loadSync(SCHEMA);
const Up = root.lookupType('azure.webpubsub.UpstreamMessage');
const Down = root.lookupType('azure.webpubsub.DownstreamMessage');
export const Any = root.lookupType('google.protobuf.Any');

export function encodeUp(message) {
  const fault = Up.verify(message);
  if (fault) throw new Error(fault);
  return Up.encode(Up.fromObject(message)).finish();
}

// What is set, with ids as numbers.
export function decodeDown(bytes) {
  return Down.toObject(Down.decode(new Uint8Array(bytes)), { longs: Number });
}

const MEMBERS = {
  text: 'textData', json: 'jsonData', binary: 'binaryData',
  protobuf: 'protobufData',
};

function packData({ dataType, data }) {
  if (data === undefined) return undefined;
  const packed = {
    text: () => data,
    json: () => JSON.stringify(data),
    binary: () => new Uint8Array(data),
    protobuf: () => Any.decode(new Uint8Array(data)),
  }[dataType]();
  return { [MEMBERS[dataType]]: packed };
}

const exact = (bytes) =>
  bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);

function unpackData(data = {}) {
  if ('textData' in data) return { dataType: 'text', data: data.textData };
  if ('jsonData' in data)
    return { dataType: 'json', data: JSON.parse(data.jsonData) };
  if ('binaryData' in data)
    return { dataType: 'binary', data: exact(data.binaryData) };
  if ('protobufData' in data) {
    const bytes = Any.encode(Any.fromObject(data.protobufData)).finish();
    return { dataType: 'protobuf', data: exact(bytes) };
  }
  return {};
}

// The SDK's messages as envelopes, and back.
const WRITERS = {
  joinGroup: ({ group, ackId }) => ({ joinGroupMessage: { group, ackId } }),
  leaveGroup: ({ group, ackId }) => ({ leaveGroupMessage: { group, ackId } }),
  sendToGroup: ({ group, ackId, noEcho, stream, ...content }) => ({
    sendToGroupMessage: { group, ackId, noEcho, data: packData(content),
      stream: stream && { streamId: stream.streamId,
        idleTimeoutMs: stream.idleTimeoutInMs } } }),
  sendEvent: ({ event, ackId, ...content }) =>
    ({ eventMessage: { event, ackId, data: packData(content) } }),
  sequenceAck: ({ sequenceId }) => ({ sequenceAckMessage: { sequenceId } }),
  ping: () => ({ pingMessage: {} }),
  invoke: ({ event, invocationId, ...content }) =>
    ({ invokeEventMessage: { event, invocationId, data: packData(content) } }),
  cancelInvocation: ({ invocationId }) =>
    ({ cancelInvocationMessage: { invocationId } }),
  streamData: ({ streamId, streamSequenceId, ...content }) =>
    ({ streamDataMessage: { streamId, streamSequenceId,
      data: packData(content) } }),
  streamEnd: ({ streamId, error }) => ({ streamEndMessage: { streamId, error } }),
  setGroupState: ({ group, ackId, state }) => ({
    setGroupStateMessage: { group, ackId, state: state && { entries: state } } }),
  subscribeGroupState: ({ group, ackId }) =>
    ({ subscribeGroupStateMessage: { group, ackId } }),
  unsubscribeGroupState: ({ group, ackId }) =>
    ({ unsubscribeGroupStateMessage: { group, ackId } }),
};

const readStates = ({ items = [], ...more }) => ({
  items: items.map(({ state, ...item }) =>
    ({ ...item, ...(state && { state: state.entries ?? {} }) })),
  ...more,
});

const READERS = {
  ackMessage: ({ ackId = 0, success = false, error }) =>
    ({ kind: 'ack', ackId, success, error }),
  dataMessage: ({ from, group, data, ...more }) => ({
    kind: from === 'group' ? 'groupData' : 'serverData', group, ...more,
    ...unpackData(data) }),
  systemMessage: ({ connectedMessage, disconnectedMessage }) =>
    connectedMessage ? { kind: 'connected', ...connectedMessage } :
      { kind: 'disconnected', message: disconnectedMessage.reason },
  pongMessage: () => ({ kind: 'pong' }),
  invokeResponseMessage: ({ invocationId, success = false, error, data }) =>
    ({ kind: 'invokeResponse', invocationId, success, error,
      ...unpackData(data) }),
  streamAckMessage: (ack) => ({ kind: 'streamAck', ...ack }),
  streamNackMessage: (nack) => ({ kind: 'streamNack', ...nack }),
  streamClosedMessage: (closed) => ({ kind: 'streamClosed', ...closed }),
  groupStateUpdateMessage: (update) =>
    ({ kind: 'groupStateUpdate', ...readStates(update) }),
  groupStateSnapshotMessage: (snapshot) =>
    ({ kind: 'groupStateSnapshot', ...readStates(snapshot) }),
};

const defined = (object) => Object.fromEntries(Object.entries(object)
  .filter(([, value]) => value !== undefined && value !== null)
  .map(([key, value]) => [key, value?.constructor === Object ?
    defined(value) : value]));

// A WebPubSubClientProtocol.
export function protobufProtocol({ reliable = false } = {}) {
  return {
    name: `protobuf.${reliable ? 'reliable.' : ''}webpubsub.azure.v1`,
    isReliableSubProtocol: reliable,
    parseMessages(bytes) {
      const [[member, message]] = Object.entries(decodeDown(bytes));
      return READERS[member](message);
    },
    writeMessage: (message) =>
      exact(encodeUp(defined(WRITERS[message.kind](message)))),
  };
}
