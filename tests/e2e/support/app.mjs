// An application as its author would write it: Express with the official event
// handler middleware, on a free port. It keeps what it was asked.
import http from 'node:http';

import { WebPubSubEventHandler } from '@azure/web-pubsub-express';
import express from 'express';

import { Inbox } from './wait.mjs';

export class App {
  #server;
  requests = []; // method, url, headers of every request, in order
  connected = new Inbox('connected events');
  disconnected = new Inbox('disconnected events');

  // The options are those of WebPubSubEventHandler.
  static async start(hub, options = {}) {
    const app = new App();
    const handler = new WebPubSubEventHandler(hub, {
      path: '/eventhandler',
      onConnected: (event) => app.connected.push(event),
      onDisconnected: (event) => app.disconnected.push(event),
      ...options,
    });
    const site = express();
    site.use((request, _response, next) => {
      const { method, url, headers } = request;
      app.requests.push({ method, url, headers });
      next();
    });
    site.use(handler.getMiddleware());
    app.#server = http.createServer(site);
    await new Promise((resolve) =>
      app.#server.listen(0, '127.0.0.1', resolve));
    return app;
  }

  get origin() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  // The hub's entry in wps.conf.
  hub(events = {}) {
    return {
      event_handlers: [{
        url: `${this.origin}/eventhandler/{event}`,
        user_events: '*',
        system_events: ['connect', 'connected', 'disconnected'],
        ...events,
      }],
    };
  }

  requestsOf(event) {
    return this.requests.filter((r) => r.headers['ce-eventname'] === event);
  }

  close() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }
}
