// A reliable client whose every frame is held against the model: an answer is the
// next one that is due, a message has the next sequence id and is the one that the
// model sent under it. A recovery begins behind what was acknowledged.
import assert from 'node:assert/strict';

import { OP, closePayload, encodeFrame } from './rawws.mjs';
import { askToRecover, assertRefused } from './reliable.mjs';
import { within } from './wait.mjs';

const FOREVER_MS = 2 ** 31 - 1;

class Transport {
  due = []; // answers, each { answer, behind }: the message that comes before it
  closed = false; // by the server, as the model has it
  left = false; // nothing is due on it any more
  closing = false; // by the client
  ended = false;

  // `starts` has the sequence id that comes first, or two when it is not known
  // whether an acknowledgement has arrived.
  constructor(peer, socket, starts) {
    Object.assign(this, { peer, conn: peer.conn, socket, starts });
    this.next = starts.length === 1 ? starts[0] : null;
    this.#listen();
  }

  async #listen() {
    try {
      for (;;) this.#judge(await this.socket.frames.next('a frame', FOREVER_MS));
    } catch (error) {
      this.ended = true;
      if (error instanceof assert.AssertionError || !(this.left || this.closed))
        this.peer.fault ??= error;
    }
    this.peer.wake();
  }

  #judge(frame) {
    if (frame.opcode === OP.PING) return;
    if (frame.opcode === OP.CLOSE) this.#takeClose(frame);
    else this.#takeData(frame);
    this.peer.wake();
  }

  // Whose buffer is full is not told the rest.
  #takeClose(frame) {
    if (this.closing) return;
    assert.ok(!this.left, 'a close frame on an older transport');
    assert.equal(frame.payload.readUInt16BE(0), this.conn.gone);
    if (this.conn.gone !== 1008) assert.deepEqual(this.due, []);
    this.closed = true;
  }

  #takeData(frame) {
    assert.equal(frame.opcode, this.peer.wire.opcode);
    const heard = this.peer.wire.decode(frame);
    if ('sequenceId' in heard) this.#takeMessage(frame, heard.sequenceId);
    else this.#takeAnswer(heard);
  }

  #startAt(sequenceId) {
    this.next = sequenceId;
    this.conn.acknowledge(sequenceId - 1);
  }

  #takeMessage(frame, sequenceId) {
    assert.ok(!this.due[0]?.answer.connected, 'a message before the greeting');
    if (this.next === null && this.starts.includes(sequenceId))
      this.#startAt(sequenceId);
    assert.equal(sequenceId, this.next, 'the next sequence id');
    assert.ok(this.next <= this.conn.sent.length, 'one message too many');
    this.peer.wire.assertMessage(frame, this.next, this.conn.sent[this.next - 1]);
    this.next++;
  }

  #takeAnswer(heard) {
    assert.ok(this.due.length > 0, `not due: ${JSON.stringify(heard)}`);
    const { answer, behind, orDuplicate } = this.due.shift();
    if (answer.connected) {
      assert.equal(heard.connected, answer.connected);
      this.peer.takeToken(heard.token);
      return;
    }
    // What was kept came before: only with the later start it is nothing.
    if (this.next === null) this.#startAt(this.starts.at(-1));
    const isDuplicate = orDuplicate && heard.error?.name === 'Duplicate';
    if (isDuplicate)
      assert.equal(heard.ack, answer.ack);
    else
      assert.deepEqual(heard, answer);
    assert.ok(this.next > behind, `an answer before message ${behind}`);
  }

  get answered() {
    return this.conn.gone ? this.closed : this.due.length === 0;
  }

  get settled() {
    return this.answered &&
      (this.conn.gone !== null || this.next === this.conn.sent.length + 1);
  }

  toString() {
    return `answers ${JSON.stringify(this.due.map(({ answer }) => answer))}, ` +
      `messages ${this.next} to ${this.conn.sent.length}, ` +
      `close ${this.conn.gone}`;
  }
}

export class Peer {
  tokens = []; // oldest first
  transport = null; // null: away
  fault = null;
  #watch = null;
  #lost = []; // transports before it that the server ends

  constructor(server, model, wire, conn) {
    Object.assign(this, { server, model, wire, conn });
  }

  static async open(server, model, wire, { userId, roles, worker }) {
    const peer = new Peer(server, model, wire, model.open(userId, roles));
    const socket = await server.raw('chat',
      { protocols: [wire.name], userId, roles, worker });
    const greeting = wire.decode(await socket.data());
    peer.id = greeting.connected;
    peer.takeToken(greeting.token);
    peer.transport = new Transport(peer, socket, [1]);
    return peer;
  }

  takeToken(token) {
    assert.ok(token, 'a reconnection token');
    this.server.hideFromLog(token);
    this.tokens.push(token);
  }

  wake() {
    this.#watch?.();
  }

  async #until(isTrue, what) {
    const known = new Promise((resolve, reject) => {
      this.#watch = () => {
        if (this.fault) reject(this.fault);
        else if (isTrue()) resolve();
      };
      this.#watch();
    });
    await within(known, 'a client').catch((error) => {
      error.message += `: ${this.id}, ${what()}`;
      throw error;
    });
    this.#watch = null;
  }

  // All that is due has come.
  async settle() {
    for (const old of this.#lost.splice(0))
      await this.#until(() => old.ended, () => 'an older transport');
    const { transport } = this;
    await this.#until(() => !transport || transport.settled, () => transport);
    if (!this.conn.gone || !transport) return;
    transport.socket.cut();
    this.transport = null;
  }

  // What was asked has been done, or stands where all that follows comes later.
  async answered() {
    const { transport } = this;
    await this.#until(() => transport.answered, () => transport);
  }

  frame(request) {
    return encodeFrame(this.wire.opcode, this.wire.encode(request));
  }

  // What the model makes of a request: the answer, if there is one, and the own
  // message that comes before it.
  foresee(request) {
    const before = this.conn.sent.length;
    const answer = this.model.request(this.conn, request);
    const after = this.conn.sent.length;
    return { answer, behind: after > before ? after : 0 };
  }

  #expect({ answer, behind = 0, orDuplicate = false }) {
    if (answer && !this.conn.gone)
      this.transport.due.push({ answer, behind, orDuplicate });
  }

  // Requests in one write; those behind the own end change nothing.
  ask(...requests) {
    const frames = requests.map((request) => {
      if (!this.conn.gone) this.#expect(this.foresee(request));
      return this.frame(request);
    });
    this.transport.socket.write(Buffer.concat(frames));
  }

  // Of a request that was foreseen, and perhaps asked, before.
  repeat(request, foreseen) {
    this.#expect(foreseen);
    this.transport.socket.write(this.frame(request));
  }

  expectGoodbye(reason) {
    if (this.transport) this.#expect({ answer: { disconnected: reason } });
  }

  cut() {
    this.transport.left = true;
    this.transport.socket.cut();
    this.transport = null;
  }

  // An older transport that still stands has to end, without a close frame.
  async recover({ token, worker, starts = [this.conn.acked + 1] }) {
    if (this.conn.open > 0) this.model.count('replay');
    if (this.transport) {
      this.transport.left = true;
      this.#lost.push(this.transport);
    }
    const socket = await askToRecover(this.server, { id: this.id, token },
      { worker, protocol: this.wire.name });
    this.transport = new Transport(this, socket, starts);
    this.#expect({ answer: { connected: this.id } });
    this.ask({ kind: 'ping' });
    await this.answered();
  }

  async assertRefused(token, worker) {
    await assertRefused(this.server, { id: this.id, token },
      { worker, protocol: this.wire.name });
  }

  // An end by the client, of which the model is not told.
  async close(...code) {
    const { socket } = this.transport;
    this.transport.left = this.transport.closing = true;
    socket.send(code.length > 0 ? closePayload(...code) : '', OP.CLOSE);
    await socket.ended();
    this.transport = null;
  }
}
