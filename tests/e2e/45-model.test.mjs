// Random operations of reliable clients and of the service, through a whole server;
// every answer and every message is held against a model of sections 8 and 13.
import assert from 'node:assert/strict';

import { Model } from './support/model.mjs';
import { Peer } from './support/peer.mjs';
import { pick, randomOf, seed as ownSeed } from './support/random.mjs';
import { ALL_ROLES } from './support/reliable.mjs';
import { serverTest, twoWorkers } from './support/server.mjs';
import { callRest } from './support/token.mjs';
import { WIRES } from './support/wire.mjs';

const LONG = process.env.WPS_LONG === '1';
const STEPS = LONG ? 15_000 : 2000;
const SEEDS = process.env.WPS_SEED ? [ownSeed] : [1, 2, 3, ownSeed];
const LIMITS = { messages: 20, ackIds: 8 };
const PEERS = 8;
const TRACED = 25; // the last steps, which a failure shows
const GROUPS = ['a', 'b', 'c'];
const USERS = ['ann', 'bob', 'cy'];
// Each may do something in most groups, and nobody everything in all.
const ROLES = [
  ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup.a', 'webpubsub.sendToGroup.b'],
  ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup.a',
    'webpubsub.joinLeaveGroup.c'],
];

class Run {
  trace = [];
  peers = [];
  #texts = 0;
  #acks = 0;

  constructor(server, seed) {
    this.server = server;
    this.random = randomOf(seed);
    this.model = new Model(LIMITS);
  }

  note(...words) {
    this.trace = [...this.trace.slice(1 - TRACED), words.join(' ')];
  }

  pick(items) {
    return pick(this.random, items);
  }

  chance(share) {
    return this.random() < share;
  }

  below(n) {
    return Math.floor(this.random() * n);
  }

  worker() {
    return this.below(this.server.workers);
  }

  text() {
    return `m${++this.#texts}`;
  }

  // Peers sit on all workers, in both subprotocols.
  async open(place) {
    const { server, model } = this;
    const wire = WIRES[place % WIRES.length];
    const worker = (place >> 1) % server.workers;
    this.peers[place] = await Peer.open(server, model, wire,
      { worker, userId: this.pick(USERS), roles: this.pick(ROLES) });
    this.note('open', place, 'on worker', worker, this.peers[place].id);
  }

  async settle() {
    for (const [place, peer] of this.peers.entries()) {
      await peer.settle();
      if (!peer.conn.gone) continue;
      for (const token of [peer.tokens[0], peer.tokens.at(-1)])
        await peer.assertRefused(token, this.worker());
      await this.open(place);
    }
  }

  async settleAll() {
    for (const peer of this.peers)
      if (!peer.transport && !peer.conn.gone) await this.back(peer);
    await this.settle();
  }

  // --- requests -------------------------------------------------------------------

  // None, a new one, or one that was used before.
  ackId(conn) {
    const fresh = [++this.#acks];
    const ids = this.pick([[], fresh, fresh, conn.acks, conn.failed,
      conn.forgotten]);
    return ids.length > 0 ? this.pick(ids) : undefined;
  }

  request(conn) {
    const kind = this.pick(['join', 'join', 'leave', 'send', 'send', 'send', 'send',
      'event', 'ping']);
    if (kind === 'ping') return { kind };
    const group = kind === 'event' ? undefined : this.pick(GROUPS);
    const text = kind === 'send' || kind === 'event' ? this.text() : undefined;
    const noEcho = kind === 'send' ? this.pick([undefined, true, false]) : undefined;
    return { kind, group, ackId: this.ackId(conn), text, noEcho };
  }

  async requests(peer) {
    const requests = [];
    for (let n = this.below(4); n >= 0; n--) requests.push(this.request(peer.conn));
    for (const request of requests) this.note(JSON.stringify(request));
    peer.ask(...requests, { kind: 'ping' });
    await peer.answered();
  }

  async acknowledge(peer) {
    await peer.settle();
    const { conn } = peer;
    if (conn.gone) return;
    const newest = conn.sent.length;
    const sequenceId = this.pick([newest, newest, conn.acked, 0,
      this.below(conn.acked + 1), conn.acked + this.below(conn.open + 1),
      newest + 1, newest + 1000]);
    this.note('sequenceAck', sequenceId);
    peer.ask({ kind: 'sequenceAck', sequenceId }, { kind: 'ping' });
    await peer.answered();
  }

  // --- transports -----------------------------------------------------------------

  async cut(peer) {
    peer.cut();
  }

  async closeOtherwise(peer) {
    await peer.settle();
    if (peer.conn.gone) return;
    await peer.close(...this.pick([[], [1001], [4000]]));
  }

  async back(peer, options) {
    const worker = this.worker();
    this.note('recover on worker', worker, JSON.stringify(options ?? {}));
    await peer.recover({ worker, token: this.pick(peer.tokens), ...options });
  }

  // The last thing before a cut: all of it, and nobody knows whether the server
  // still reads it, or a part, which does nothing.
  sendAndCut(peer, request) {
    const frame = peer.frame(request);
    const whole = this.chance(0.5);
    peer.transport.socket.write(
      whole ? frame : frame.subarray(0, this.below(frame.length)));
    peer.cut();
    return whole;
  }

  async acknowledgeAndCut(peer) {
    await this.settle();
    const { conn } = peer;
    if (conn.gone || conn.open === 0) return;
    const starts = [conn.acked + 1];
    const sequenceId = conn.acked + 1 + this.below(conn.open);
    if (this.sendAndCut(peer, { kind: 'sequenceAck', sequenceId }))
      starts.push(sequenceId + 1);
    await this.back(peer, { starts });
  }

  // Asked again with the same id, it is done once, whatever was lost.
  async requestAndCut(peer) {
    await this.settle();
    const { conn } = peer;
    if (conn.gone || conn.room === 0) return;
    const request = { kind: 'send', group: this.pick(['a', 'b']), text: this.text(),
      ackId: ++this.#acks };
    const answer = peer.foresee(request);
    const whole = this.sendAndCut(peer, request);
    await this.back(peer, { token: peer.tokens.at(-1) });
    peer.repeat(request, { ...answer, orDuplicate: whole });
    await peer.answered();
  }

  async wrongToken(peer) {
    const other = this.pick(this.peers.filter((one) => one !== peer));
    await peer.assertRefused(other.tokens[0], this.worker());
  }

  // --- the service ----------------------------------------------------------------

  async rest(method, path, body) {
    this.note(method, path, body ?? '');
    const { status } = await callRest(this.server, method, `/hubs/chat${path}`,
      { worker: this.worker(), headers: { 'Content-Type': 'text/plain' }, body });
    assert.ok(status === 202 || status === 204, `${method} ${path}: ${status}`);
  }

  async sendByRest(peer) {
    const text = this.text();
    const group = this.pick(GROUPS);
    const { userId } = peer.conn;
    await this.pick([() => {
      this.model.sendToGroup(group, text);
      return this.rest('POST', `/groups/${group}/:send`, text);
    }, () => {
      this.model.sendToUser(userId, text);
      return this.rest('POST', `/users/${userId}/:send`, text);
    }, () => this.sendTo(peer)])();
  }

  async sendTo(peer) {
    const text = this.text();
    this.model.sendToConnection(peer.conn, text);
    await this.rest('POST', `/connections/${peer.id}/:send`, text);
  }

  // Up to the limit, and sometimes over it.
  async fill(peer) {
    const more = peer.conn.room + this.pick([0, 0, 1]);
    for (let n = 0; n < more; n++) await this.sendTo(peer);
    await peer.settle();
  }

  async closeByRest(peer) {
    peer.expectGoodbye('bye');
    this.model.end(peer.conn, 1000);
    await this.rest('DELETE', `/connections/${peer.id}?reason=bye`);
  }

  async closeByClient(peer) {
    await peer.settle();
    if (peer.conn.gone) return;
    this.model.end(peer.conn, 1000);
    await peer.close(1000);
  }

  // --- steps ------------------------------------------------------------------------

  // How often, and whether there has to be a transport.
  static STEPS = [
    [40, true, 'requests'],
    [20, true, 'acknowledge'],
    [8, true, 'cut'],
    [2, true, 'closeOtherwise'],
    [4, true, 'back'],
    [3, true, 'acknowledgeAndCut'],
    [3, true, 'requestAndCut'],
    [20, false, 'back'],
    [1, undefined, 'wrongToken'],
    [12, undefined, 'sendByRest'],
    [1, undefined, 'fill'],
    [0.3, undefined, 'closeByRest'],
    [0.3, true, 'closeByClient'],
  ].flatMap(([times, ...step]) => Array(times * 10).fill(step));

  async step() {
    const place = this.below(this.peers.length);
    const peer = this.peers[place];
    const [, name] = this.pick(Run.STEPS.filter(([attached]) =>
      attached === undefined || attached === (peer.transport !== null)));
    this.note(place, name);
    if (!peer.conn.gone) await this[name](peer);
    if (peer.conn.gone || this.chance(0.6)) await this.settle();
  }

  async all() {
    for (let place = 0; place < PEERS; place++) await this.open(place);
    for (let n = 0; n < STEPS; n++) await this.step();
    await this.settleAll();
  }
}

const DEFAULTS = { messages: 1000, ackIds: 1000 };

// By default as many messages may be open, and as many ack ids are remembered.
serverTest('1000 messages and ack ids are kept, in order, and not one more',
  async (server) => {
    for (const wire of WIRES) {
      const model = new Model(DEFAULTS);
      const [sender, member] = await Promise.all(twoWorkers(server).map(
        (worker) => Peer.open(server, model, wire,
          { userId: 'ann', worker, roles: ALL_ROLES })));
      const send = (ackId) => ({ kind: 'send', group: 'a', text: `m${ackId}`, ackId });
      const sendAll = async (...requests) => {
        sender.ask(...requests);
        await sender.answered();
      };
      member.ask({ kind: 'join', group: 'a', ackId: 0 });
      await member.answered();
      await sendAll(...Array.from({ length: 1000 }, (_, n) => send(n)));
      await sendAll(send(0), send(999));
      await member.settle();
      member.cut();
      await member.recover({ worker: 0, token: member.tokens[0] });
      await member.settle();
      assert.equal(member.conn.sent.length, 1000);
      await sendAll(send(1000));
      assert.equal(member.conn.gone, 1008);
      await member.settle();
      await sendAll(send(1), send(0));
      assert.equal(model.tally.get('Duplicate'), 3);
      await member.assertRefused(member.tokens.at(-1), 0);
      sender.cut();
    }
  });

// A run in which one of these never happens shows too little.
const WANTED = ['Duplicate', 'Forbidden', 'InternalServerError',
  'success of what had failed', 'success of a forgotten id', 'replay', 'overflow'];

const OPTIONS = {
  timeout: LONG ? 600_000 : 60_000,
  hubs: { chat: { max_unacked_messages: LIMITS.messages, recovery_window: '1h' } },
  config: { webpubsub: { ack_ids: LIMITS.ackIds } },
};

for (const seed of SEEDS) {
  serverTest(`${STEPS} steps are as the model has them, seed ${seed}`, OPTIONS,
    async (server, _app, t) => {
      const run = new Run(server, seed);
      await run.all().catch((error) => {
        t.diagnostic(`WPS_SEED=${seed}, the last steps:\n${run.trace.join('\n')}`);
        throw error;
      });
      t.diagnostic(JSON.stringify(Object.fromEntries(run.model.tally)));
      for (const what of WANTED) assert.ok(run.model.tally.has(what), what);
    });
}
