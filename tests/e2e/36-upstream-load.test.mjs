// Many connections whose events go through an application that is never the
// bottleneck (load/answerer.c): each hears its own answers, in their order. With
// WPS_LONG=1 it is enough for a figure: the server's CPU time per event, beside
// that of a bare libcurl client with the same requests (load/asker.c).
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import WebSocket from 'ws';

import { serverTest } from './support/server.mjs';
import { once, within } from './support/wait.mjs';

const LONG = process.env.WPS_LONG === '1';
const CLIENTS = LONG ? 1000 : 100;
const EVENTS = LONG ? 100 : 20; // of each client
const ROUNDS = LONG ? 5 : 1;
const AT_A_TIME = 256; // as many as a handler has places
const program = (name) =>
  path.resolve(process.env.WPS_BUILDDIR ?? 'build', 'tests', name);

async function prepare() {
  const child = spawn(program('answerer'), { stdio: ['pipe', 'pipe', 'inherit'] });
  const port = Number(await once(child.stdout, 'data', 'port of the answerer'));
  const origin = `http://127.0.0.1:${port}`;
  const close = async () => {
    const ended = once(child, 'exit');
    child.stdin.end();
    await ended;
  };
  return { upstream: { origin, close }, hubs: { load: { event_handlers: [
    { url: `${origin}/{event}`, user_events: '*', queue: 20_000 }] } } };
}

// Of all threads, in microseconds.
function cpuTime(pid) {
  const of = (task) => Number(readFileSync(
    `/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
  return readdirSync(`/proc/${pid}/task`).reduce((sum, task) => sum + of(task), 0) / 1e3;
}

async function connect(server, n) {
  const socket = new WebSocket(
    await server.accessUrl('load', { worker: n % server.workers }),
    'json.webpubsub.azure.v1');
  await once(socket, 'message', 'the greeting');
  server.own({ close: () => socket.terminate() });
  return { socket, last: 0 };
}

// One event after the other; the answer comes before the ack, and no other.
function sendAll(client, count) {
  const { socket } = client;
  const end = client.last + count;
  const heard = [];
  const ask = () => socket.send(
    JSON.stringify({ type: 'event', event: 'echo', ackId: ++client.last,
      dataType: 'json', data: { hello: 'world !!!' } }));
  return new Promise((resolve, reject) => {
    socket.removeAllListeners('message');
    socket.on('message', (bytes) => {
      const message = JSON.parse(bytes);
      heard.push(message.type === 'ack' ?
        [message.ackId, message.success] : message.data);
      if (message.type !== 'ack') return;
      try {
        assert.deepEqual(heard.splice(0),
          ['{"hello":"world !!!"}', [client.last, true]]);
      } catch (error) {
        reject(error);
        return;
      }
      if (client.last < end) ask();
      else resolve();
    });
    ask();
  });
}

async function round(server, clients, floor) {
  const before = cpuTime(server.pid);
  await within(Promise.all(clients.map((client) => sendAll(client, EVENTS))),
    'all events', 120_000);
  const used = (cpuTime(server.pid) - before) / (CLIENTS * EVENTS);
  const bare = Number((await floor()).stdout);
  return { used, bare, ratio: used / bare };
}

const median = (numbers) =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

serverTest(`${CLIENTS} connections hear the answers to their events in order`,
  { prepare, timeout: 600_000, config: { log_level: 'info' } },
  async (server, upstream, t) => {
    const floor = () => promisify(execFile)(program('asker'),
      [`${upstream.origin}/echo`, `${AT_A_TIME}`, `${CLIENTS * EVENTS}`],
      { timeout: 120_000 });
    const clients = [];
    for (let n = 0; n < CLIENTS; n++) clients.push(await connect(server, n));
    const rounds = [];
    for (let n = 0; n < ROUNDS; n++) rounds.push(await round(server, clients, floor));
    const of = (what) => median(rounds.map((one) => one[what])).toFixed(2);
    t.diagnostic(`CPU per event: wps ${of('used')} us, bare libcurl ${of('bare')} us, ` +
      `${of('ratio')} times as much`);
  });
