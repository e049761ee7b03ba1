// A bare WebSocket client over a plain socket: shows every frame, control frames
// included, as it is on the wire, and sends whatever a test wants, right or wrong.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';

import { Inbox, within } from './wait.mjs';

export const OP = {
  CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10,
};
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

function lengthBytes(length, maskBit) {
  if (length < 126) return Buffer.from([maskBit | length]);
  const wide = length > 0xffff;
  const bytes = Buffer.alloc(wide ? 9 : 3);
  bytes[0] = maskBit | (wide ? 127 : 126);
  if (wide) bytes.writeBigUInt64BE(BigInt(length), 1);
  else bytes.writeUInt16BE(length, 1);
  return bytes;
}

export function encodeFrame(opcode, payload, options = {}) {
  const { fin = true, rsv = 0, masked = true } = options;
  const body = Buffer.from(payload);
  const first = Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | opcode]);
  if (!masked)
    return Buffer.concat([first, lengthBytes(body.length, 0), body]);
  const mask = crypto.randomBytes(4);
  for (let i = 0; i < body.length; i++) body[i] ^= mask[i & 3];
  return Buffer.concat([first, lengthBytes(body.length, 0x80), mask, body]);
}

export function closePayload(code, reason = '') {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return Buffer.concat([payload, Buffer.from(reason)]);
}

// The first whole frame of the bytes, and how long it is; null if there is none.
function decodeFrame(bytes) {
  if (bytes.length < 2) return null;
  let length = bytes[1] & 0x7f;
  let start = 2;
  if (length === 126) {
    if (bytes.length < 4) return null;
    length = bytes.readUInt16BE(2);
    start = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return null;
    length = Number(bytes.readBigUInt64BE(2));
    start = 10;
  }
  assert.equal(bytes[1] & 0x80, 0, 'a server masked its frame');
  if (bytes.length < start + length) return null;
  const payload = bytes.subarray(start, start + length);
  return {
    fin: (bytes[0] & 0x80) !== 0,
    rsv: (bytes[0] >> 4) & 7,
    opcode: bytes[0] & 15,
    payload,
    text: payload.toString('utf8'),
    size: start + length,
  };
}

class RawSocket {
  #socket;
  #bytes = Buffer.alloc(0);
  #closed;
  frames = new Inbox('frames');
  headers; // of the answer to the upgrade

  constructor(socket, headers, rest) {
    this.#socket = socket;
    this.headers = headers;
    this.#closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('error', () => {});
    socket.on('close', () => this.frames.end('the connection has ended'));
    this.#take(rest);
  }

  #take(bytes) {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      const frame = decodeFrame(this.#bytes);
      if (!frame) return;
      this.#bytes = this.#bytes.subarray(frame.size);
      this.frames.push(frame);
    }
  }

  write(bytes) {
    this.#socket.write(bytes);
  }

  send(payload, opcode = OP.TEXT, options) {
    this.write(encodeFrame(opcode, payload, options));
  }

  sendJson(message) {
    this.send(JSON.stringify(message));
  }

  // The next data frame; pings in between are the server's own affair.
  async data() {
    const frame = await this.frames.find((f) => f.opcode !== OP.PING);
    assert.ok(frame.opcode < OP.CLOSE,
      `a data frame was expected, came opcode ${frame.opcode}: ` +
      frame.payload.subarray(2));
    return frame;
  }

  async text() {
    const frame = await this.data();
    assert.equal(frame.opcode, OP.TEXT, 'a text frame was expected');
    return frame.text;
  }

  async json() {
    return JSON.parse(await this.text());
  }

  // A request with an ackId and the answer to it; what comes before is kept.
  async ask(message) {
    this.sendJson(message);
    const before = [];
    for (;;) {
      const answer = await this.json();
      if (answer.type === 'ack' && answer.ackId === message.ackId)
        return { ...answer, before };
      before.push(answer);
    }
  }

  // How the server closes: the code and reason of its close frame.
  async closing() {
    const frame = await this.frames.find((f) => f.opcode === OP.CLOSE,
      'a close frame');
    const code = frame.payload.length >= 2 ? frame.payload.readUInt16BE(0) : 1005;
    return { code, reason: frame.payload.subarray(2).toString('utf8') };
  }

  async ended() {
    await within(this.#closed, 'end of the connection');
  }

  // Nothing more is read, so that what is sent piles up.
  pause() {
    this.#socket.pause();
  }

  resume() {
    this.#socket.resume();
  }

  cut() {
    this.#socket.destroy();
  }

  // The server sees a reset.
  reset() {
    this.#socket.resetAndDestroy();
  }

  // Ends the own direction, in order; the other side may still speak.
  finish() {
    this.#socket.end();
  }

  async close() {
    if (!this.#socket.destroyed) {
      this.send(closePayload(1000), OP.CLOSE);
      this.#socket.end();
      this.#socket.destroySoon();
    }
  }
}

function requestText(url, key, { protocols, headers }) {
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
  ];
  if (protocols.length > 0)
    lines.push(`Sec-WebSocket-Protocol: ${protocols.join(', ')}`);
  for (const [name, value] of Object.entries(headers))
    lines.push(`${name}: ${value}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function parseHead(text) {
  const [first, ...lines] = text.split('\r\n');
  const headers = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { status: Number(first.split(' ')[1]), headers };
}

// Reads up to the end of the head; what is behind it comes back as well.
function readHead(socket) {
  let bytes = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    const onData = (more) => {
      bytes = Buffer.concat([bytes, more]);
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) return;
      socket.off('data', onData);
      socket.pause();
      resolve({ ...parseHead(bytes.toString('latin1', 0, end)),
        rest: bytes.subarray(end + 4) });
    };
    socket.on('data', onData);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed before an answer')));
  });
}

async function readBody(socket, head) {
  const wanted = Number(head.headers['content-length'] ?? 0);
  let bytes = head.rest;
  socket.resume();
  while (bytes.length < wanted) {
    const more = await new Promise((resolve, reject) => {
      socket.once('data', resolve);
      socket.once('close', () => reject(new Error('closed within a body')));
    });
    bytes = Buffer.concat([bytes, more]);
  }
  return bytes.toString('utf8');
}

// Over TLS with the CA's certificate; over a Unix socket with its path.
export function connect(url, { ca, socketPath } = {}) {
  if (socketPath) return net.connect(socketPath);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port);
  return url.protocol === 'https:' ?
    tls.connect({ port, host, ca }) : net.connect(port, host);
}

// A refused upgrade throws an error with `status`, `headers` and `body`.
export async function openRaw(address, options = {}) {
  const url = new URL(address.replace(/^ws/, 'http'));
  const key = crypto.randomBytes(16).toString('base64');
  const socket = connect(url, options);
  socket.setNoDelay(true); // what is sent is there before what is sent afterwards elsewhere
  socket.write(requestText(url, key, { protocols: [], headers: {}, ...options }));
  const head = await within(readHead(socket), 'answer to the upgrade');
  if (head.status !== 101) {
    const body = await within(readBody(socket, head), 'body of the refusal');
    socket.destroy();
    throw Object.assign(new Error(`refused: ${head.status}`),
      { status: head.status, headers: head.headers, body });
  }
  const accept = crypto.createHash('sha1').update(key + GUID).digest('base64');
  assert.equal(head.headers['sec-websocket-accept'], accept);
  const raw = new RawSocket(socket, head.headers, head.rest);
  socket.resume();
  return raw;
}
