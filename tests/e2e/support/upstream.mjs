// An application that misbehaves on demand, over bare sockets: it shows requests
// as they are on the wire, header line by header line, and answers with whatever
// bytes a test wants, or with none.
import net from 'node:net';

import { Inbox, once } from './wait.mjs';

export const AGREES = 'HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\n' +
  'Content-Length: 0\r\n\r\n';
export const NOTHING = 'HTTP/1.1 204 No Content\r\n\r\n';

export function answer(status, body = '', headers = {}) {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} X\r\n${lines.join('')}` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

// What an application may do instead of answering. Each gets the socket.
export const reset = (socket) => socket.resetAndDestroy();
export const hangUp = (socket) => socket.end();
export const silence = () => {};

// Begins an answer and sends a byte of it now and then, for ever.
export function drip(start) {
  return (socket) => {
    socket.write(start);
    const timer = setInterval(() => socket.write('x'), 20);
    socket.on('close', () => clearInterval(timer));
  };
}

// Begins an answer and sends as fast as the socket takes it, for ever.
export function flood(start) {
  return (socket) => {
    const chunk = Buffer.alloc(64 * 1024, 0x78);
    const more = () => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on('drain', more);
    socket.write(start);
    more();
  };
}

function parseHead(text) {
  const [first, ...lines] = text.split('\r\n');
  const [method, target, version] = first.split(' ');
  const headers = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { method, target, version, lines, headers };
}

export class Upstream {
  #server;
  #sockets = new Set();
  #respond;
  requests = []; // all, handshakes too, in order
  events = new Inbox('events'); // the same without handshakes
  accepted = 0; // connections

  // `respond` says what a request gets: bytes, a function of the socket, or
  // nothing: then it agrees, or has nothing to say.
  static async start(respond) {
    const upstream = new Upstream();
    upstream.#respond = respond;
    upstream.#server = net.createServer((socket) => upstream.#serve(socket));
    await new Promise((resolve) =>
      upstream.#server.listen(0, '127.0.0.1', resolve));
    return upstream;
  }

  get origin() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  #serve(socket) {
    const connection = ++this.accepted;
    let bytes = Buffer.alloc(0);
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (more) => {
      bytes = Buffer.concat([bytes, more]);
      for (;;) {
        const end = bytes.indexOf('\r\n\r\n');
        if (end < 0) return;
        const head = parseHead(bytes.toString('latin1', 0, end));
        const length = Number(head.headers['content-length'] ?? 0);
        if (bytes.length < end + 4 + length) return;
        const body = bytes.subarray(end + 4, end + 4 + length);
        bytes = bytes.subarray(end + 4 + length);
        this.#take({ ...head, body, connection, at: performance.now() }, socket);
      }
    });
  }

  #take(request, socket) {
    request.event = request.headers['ce-eventname'];
    this.requests.push(request);
    const handshake = request.method === 'OPTIONS';
    if (!handshake) this.events.push(request);
    const given = this.#respond?.(request) ?? (handshake ? AGREES : NOTHING);
    if (typeof given === 'function') given(socket);
    else socket.write(given);
  }

  requestsOf(event) {
    return this.requests.filter((r) => r.event === event);
  }

  async close() {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

// A port that nobody listens on: connections to it are refused. It is the near end
// of a connection, so that nobody else gets it meanwhile.
export async function closedPort() {
  const server = net.createServer((far) => far.unref());
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const near = net.connect(server.address().port, '127.0.0.1').unref();
  await Promise.all([once(server, 'connection'), once(near, 'connect')]);
  server.close();
  return near.localPort;
}
