// A real wps for one test: started on free ports with a configuration of its own,
// stopped by SIGTERM, and judged by how it ends and by what it logged.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import { readFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';

import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { WebPubSubClient, WebPubSubJsonProtocol } from '@azure/web-pubsub-client';

import { App } from './app.mjs';
import { openRaw } from './rawws.mjs';
import { Inbox, once, within } from './wait.mjs';

const BUILD = path.resolve(process.env.WPS_BUILDDIR ?? 'build');
const SANITIZED = /--enable-[atu]*san/.test(
  readFileSync(path.join(BUILD, 'config.log'), 'utf8'));
const JSON_PROTOCOL = 'json.webpubsub.azure.v1';
const LISTENING = /core: listening address=(\S+) worker=(\S+)/;
const READY = /core: ready workers=/;
const running = new Set(); // processes of servers
const SANITIZER = /AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:/;

// A test that has failed may leave its server.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Server {
  key = crypto.randomBytes(32).toString('base64');
  workers;
  ca; // PEM of the CA that a client has to know; undefined: plain HTTP
  listening = []; // addresses, in the order of the file
  #dir;
  #child;
  #exit;
  #log = '';
  #logged = []; // its lines
  #wanted = new Set(); // each: pattern and what to call when it is there
  #addresses = new Map();
  #owned = [];
  #terminated = false;
  #secrets = new Set([this.key]);

  static async start(options = {}) {
    const server = new Server();
    if (options.key) server.#useKey(options.key);
    server.workers = options.workers ?? 1;
    server.ca = options.tls?.ca;
    server.#dir = await fs.mkdtemp(path.join(os.tmpdir(), 'wps-e2e-'));
    try {
      await server.#spawn(options);
    } catch (error) {
      await server.stop().catch(() => {});
      error.message += `\n${server.#log}`;
      throw error;
    }
    return server;
  }

  // That of another server, whose connections come here.
  #useKey(key) {
    this.key = key;
    this.#secrets.add(key);
  }

  // The configuration is written as JSON, which every reader of YAML takes.
  async #configure(options) {
    const { certificate, key } = options.tls ?? {};
    const listen = [{ address: '127.0.0.1:0', certificate, key }];
    for (let n = 0; n < this.workers; n++)
      listen.push({ address: '127.0.0.1:0', worker: n, certificate, key });
    listen.push(...(options.listen?.(this.#dir) ?? []));
    const file = path.join(this.#dir, 'wps.conf');
    const config = {
      plugins: ['auth', 'webpubsub', 'rest', 'cloudevents'],
      plugin_dir: path.join(BUILD, 'plugins/.libs'),
      workers: this.workers,
      log_level: 'debug',
      listen,
      auth: { access_keys: [this.key] },
      hubs: options.hubs ?? {},
      ...options.config,
    };
    await fs.writeFile(file, JSON.stringify(config, null, 2), { mode: 0o600 });
    return file;
  }

  async #spawn(options) {
    const file = await this.#configure(options);
    const child = spawn(path.join(BUILD, options.program ?? 'wps'),
      ['-c', file, ...(options.args ?? [])],
      { stdio: ['ignore', 'inherit', 'pipe'] });
    this.#child = child;
    running.add(child);
    this.#exit = new Promise((resolve) => {
      child.on('error', (error) => resolve({ error }));
      child.on('close', (code, signal) => resolve({ code, signal }));
    }).finally(() => running.delete(child));
    const ready = new Promise((resolve) => this.#watch(child, resolve));
    const early = this.#exit.then((how) => {
      throw new Error(`wps did not start: ${JSON.stringify(how)}`);
    });
    early.catch(() => {});
    await within(Promise.race([ready, early]), 'start of wps');
  }

  #watch(child, onReady) {
    let rest = '';
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text) => {
      this.#log += text;
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        const match = LISTENING.exec(line);
        if (match) this.#listens(match[1], match[2]);
        if (READY.test(line)) onReady();
        this.#logged.push(line);
      }
      this.#lookForLines();
    });
  }

  #listens(address, worker) {
    this.listening.push(address);
    // Those of every server come first.
    if (!this.#addresses.has(worker)) this.#addresses.set(worker, address);
  }

  get log() {
    return this.#log;
  }

  get pid() {
    return this.#child.pid;
  }

  // No turn of a worker's loop took so long that others had to wait; sanitizers
  // make all turns long.
  async assertShortTurns() {
    if (SANITIZED) return;
    // What was logged before this line has been read with it.
    await fetch(`${this.url()}/api/end-of-turns`);
    await this.logs(/ path=\/api\/end-of-turns /);
    assert.doesNotMatch(this.#log, /long turn .*/);
  }

  // How many KiB more than before are resident; sanitizers take many times that.
  assertMemoryBelow(before, limit) {
    const more = this.memory() - before;
    assert.ok(SANITIZED || more < limit, `${more} KiB more, ${limit} at most`);
  }

  // KiB that are resident.
  memory() {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)[1]);
  }

  #lookForLines() {
    for (const want of this.#wanted) {
      if (!this.#logged.some((line) => want.pattern.test(line))) continue;
      this.#wanted.delete(want);
      want.found();
    }
  }

  // Waits until a line of the log, an earlier one or a new one, matches.
  logs(pattern) {
    const line = new Promise((found) => this.#wanted.add({ pattern, found }));
    this.#lookForLines();
    return within(line, `${pattern} in the log`);
  }

  // Asks the server to end, once; stop() waits for it and judges it.
  terminate(signal = 'SIGTERM') {
    if (!this.#terminated) this.#child.kill(signal);
    this.#terminated = true;
  }

  // All that it logged is in `log` then.
  async ended() {
    await this.#waitForExit();
  }

  // Of the shared listener, or of the one pinned to a worker.
  address(worker = 'all') {
    const address = this.#addresses.get(String(worker));
    assert.ok(address, `no listener of worker ${worker}`);
    return address;
  }

  url(worker) {
    return `${this.ca ? 'https' : 'http'}://${this.address(worker)}`;
  }

  connectionString(worker) {
    return `Endpoint=${this.url(worker)};AccessKey=${this.key};Version=1.0;`;
  }

  service(hub, { worker, key = this.key } = {}) {
    const text = `Endpoint=${this.url(worker)};AccessKey=${key};Version=1.0;`;
    return new WebPubSubServiceClient(text, hub,
      { allowInsecureConnection: true, retryOptions: { maxRetries: 0 } });
  }

  // A client access URL made by the service SDK; options are the SDK's.
  async accessUrl(hub, { worker, ...options } = {}) {
    const token = await this.service(hub, { worker }).getClientAccessToken(options);
    this.hideFromLog(token.token.split('.')[2]);
    return token.url;
  }

  hideFromLog(secret) {
    this.#secrets.add(secret);
  }

  // Closed, or if it is a server stopped, before this server is.
  own(closeable) {
    this.#owned.push(closeable);
    return closeable;
  }

  // The client SDK, started and greeted, with inboxes for what it hears. Its
  // keep-alive would hold the process for 40 s after the client has stopped.
  async client(hub, options = {}) {
    const url = await this.accessUrl(hub, options);
    const client = new WebPubSubClient(url, {
      protocol: options.protocol ?? WebPubSubJsonProtocol(),
      autoReconnect: false,
      keepAliveIntervalInMs: 0,
      keepAliveTimeoutInMs: 0,
      messageRetryOptions: { maxRetries: 0 },
    });
    client.groupMessages = new Inbox('messages of groups');
    client.serverMessages = new Inbox('messages of the server');
    client.on('group-message', (e) => client.groupMessages.push(e.message));
    client.on('server-message', (e) => client.serverMessages.push(e.message));
    const connected = once(client, 'connected');
    connected.catch(() => {});
    await within(client.start(), 'start of the client');
    ({ connectionId: client.id, userId: client.userId } = await connected);
    this.own({ close: () => client.stop() });
    return client;
  }

  // A bare WebSocket that shows frames as they are.
  async raw(hub, options = {}) {
    const { protocols = [JSON_PROTOCOL], query = '', headers = {}, ...rest } = options;
    const url = await this.accessUrl(hub, rest);
    const socket = await openRaw(url + query, { protocols, headers, ca: this.ca });
    return this.own(socket);
  }

  // The same, past the greeting of the JSON subprotocol.
  async rawGreeted(hub, options) {
    const socket = await this.raw(hub, options);
    const greeting = await socket.json();
    assert.equal(greeting.event, 'connected');
    socket.id = greeting.connectionId;
    return socket;
  }

  // One that cannot be closed does not keep the others.
  async #closeOwned() {
    const errors = [];
    for (const owned of this.#owned.splice(0).reverse()) {
      try {
        await (owned.close ?? owned.stop).call(owned);
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }

  async stop() {
    const errors = await this.#closeOwned();
    let how = { code: 0, signal: null };
    if (this.#child?.pid) {
      this.terminate();
      how = await this.#waitForExit();
    }
    await fs.rm(this.#dir, { recursive: true, force: true });
    assert.deepEqual(how, { code: 0, signal: null }, 'how wps ended');
    assert.doesNotMatch(this.#log, SANITIZER);
    this.#assertNoSecrets();
    if (errors.length > 0) throw errors[0];
  }

  async #waitForExit() {
    try {
      return await within(this.#exit, 'end of wps after SIGTERM', 15_000);
    } catch (error) {
      this.#child.kill('SIGKILL');
      throw error;
    }
  }

  #assertNoSecrets() {
    for (const line of this.#log.split('\n')) {
      assert.doesNotMatch(line, /access_token=|Bearer /i);
      for (const secret of this.#secrets)
        assert.ok(!line.includes(secret), `a secret in the log: ${line}`);
    }
  }
}

// A server, and before it what it needs: `app` makes the application that the hub
// "chat" tells its events, `prepare` an upstream, which is closed at the end, and
// options of the server.
async function startWorld({ app: handlers, prepare, hubs, ...options }) {
  const world = { ...await prepare?.() };
  try {
    if (handlers) world.app = await App.start('chat', handlers());
    const all = { ...world.hubs, ...hubs };
    if (world.app) all.chat = world.app.hub(options.events);
    world.server = await Server.start({ ...world.options, ...options, hubs: all });
    return world;
  } catch (error) {
    await world.app?.close();
    await world.upstream?.close();
    throw error;
  }
}

async function runInWorld(t, options, body) {
  const { server, app, upstream } = await startWorld(options);
  try {
    await body(server, app ?? upstream, t);
    await server.stop();
  } catch (error) {
    await server.stop().catch(() => {});
    t.diagnostic(`log of wps:\n${server.log}`);
    throw error;
  } finally {
    await app?.close();
    await upstream?.close();
  }
}

// Runs a body against a server of its own, with one worker and with four; of a
// failed one the server's log is shown. `concurrency` is that of its subtests.
export function serverTest(name, options, body) {
  if (typeof options === 'function') [options, body] = [{}, options];
  const { workerCounts = [1, 4], timeout = 60_000, concurrency, ...rest } = options;
  for (const workers of workerCounts) {
    test(`${name} [workers=${workers}]`, { timeout, concurrency }, (t) =>
      runInWorld(t, { workers, ...rest }, body));
  }
}

// Two workers that differ where there are several.
export function twoWorkers(server) {
  return [0, server.workers - 1];
}
