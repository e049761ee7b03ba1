// A bare HTTP connection: sends what a test wants, in pieces, and shows the statuses
// that come back and how the connection ends.
import net from 'node:net';

import { Inbox, within } from './wait.mjs';

export class RawHttp {
  #socket;
  #text = '';
  statuses = new Inbox('answers');
  #ended;
  #closed;

  static async open(address) {
    const raw = new RawHttp();
    const [, host, port] = /^(.*):(\d+)$/.exec(address);
    raw.#socket = net.connect(
      { host, port: Number(port), allowHalfOpen: true });
    raw.#ended = new Promise((resolve) => raw.#socket.on('end', resolve));
    raw.#closed = new Promise((resolve) => raw.#socket.on('close', resolve));
    raw.#socket.on('error', () => {});
    raw.#socket.on('data', (bytes) => raw.#take(bytes));
    raw.#socket.on('close', () => raw.statuses.end('the connection has ended'));
    await within(new Promise((resolve) => raw.#socket.on('connect', resolve)),
      'connection');
    return raw;
  }

  #take(bytes) {
    this.#text += bytes.toString('latin1');
    for (;;) {
      const end = this.#text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = this.#text.slice(0, end);
      const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
      if (this.#text.length < end + 4 + length) return;
      this.#text = this.#text.slice(end + 4 + length);
      this.statuses.push(Number(head.split(' ')[1]));
    }
  }

  write(text) {
    if (this.#socket.writable) this.#socket.write(text);
  }

  // A whole request, and the status of its answer.
  ask(text) {
    this.write(text);
    return this.statuses.next();
  }

  // The server says nothing more.
  ended() {
    return within(this.#ended, 'end of the answers');
  }

  // The server reads nothing more: what is still written is refused.
  async refused() {
    const timer = setInterval(() => this.write('x'), 10);
    try {
      await within(this.#closed, 'end of reading');
    } finally {
      clearInterval(timer);
    }
  }

  close() {
    this.#socket.destroy();
  }
}
