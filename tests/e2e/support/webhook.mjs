// An application without any SDK: a plain HTTP server that a test answers by hand,
// for answers that no library would give. It agrees to every handshake.
import http from 'node:http';

import { Inbox } from './wait.mjs';

export class Webhook {
  #server;
  handshakes = 0;
  sockets = new Inbox('connections of wps');
  socketCount = 0;
  // Each: headers, body and respond(status, headers, body).
  requests = new Inbox('requests');

  static async start({ agrees = true } = {}) {
    const hook = new Webhook();
    hook.#server = http.createServer((request, response) => {
      if (request.method === 'OPTIONS') {
        hook.handshakes++;
        response.writeHead(200, agrees ? { 'WebHook-Allowed-Origin': '*' } : {});
        response.end();
      } else {
        hook.#take(request, response);
      }
    });
    hook.#server.keepAliveTimeout = 0;
    hook.#server.on('connection', (socket) => {
      hook.socketCount++;
      socket.ended = new Promise((resolve) => socket.on('close', resolve));
      hook.sockets.push(socket);
    });
    await new Promise((resolve) =>
      hook.#server.listen(0, '127.0.0.1', resolve));
    return hook;
  }

  async #take(request, response) {
    let body = '';
    for await (const part of request) body += part;
    this.requests.push({
      headers: request.headers,
      body,
      response,
      respond: (status = 204, headers = {}, text = '') =>
        response.writeHead(status, headers).end(text),
    });
  }

  get origin() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  // A handler of user events, with further options.
  handler(options = {}) {
    return { url: `${this.origin}/`, user_events: '*', ...options };
  }

  close() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }
}
