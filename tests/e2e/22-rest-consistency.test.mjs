// After an answer, whatever is asked next sees its effect, by whichever worker.
import assert from 'node:assert/strict';

import { serverTest } from './support/server.mjs';
import { callRest } from './support/token.mjs';

const HUB = '/hubs/chat';

// A small generator, so that a failed run can be repeated.
function randomOf(seed) {
  let state = BigInt(seed);
  return (n) => {
    state = (state * 6364136223846793005n + 1442695040888963407n) &
      0xffffffffffffffffn;
    return Number((state >> 33n) % BigInt(n));
  };
}

class Model {
  constructor(server, seed) {
    this.server = server;
    this.random = randomOf(seed);
    this.acks = 0;
    this.conns = new Map(); // id -> { user, groups, socket }
  }

  async call(method, path, options = {}) {
    const worker = this.random(this.server.workers);
    return callRest(this.server, method, HUB + path, { worker, ...options });
  }

  async expect(status, method, path, options) {
    const answer = await this.call(method, path, options);
    assert.equal(answer.status, status, `${method} ${path}`);
    return answer;
  }

  pick() {
    const ids = [...this.conns.keys()];
    return ids[this.random(ids.length)];
  }

  group() {
    return `g${this.random(4)}`;
  }

  members(group) {
    return [...this.conns].filter(([, c]) => c.groups.has(group))
      .map(([id]) => id).sort();
  }

  ofUser(user) {
    return [...this.conns.values()].filter((c) => c.user === user);
  }

  async open() {
    const user = `u${this.random(3)}`;
    const socket = await this.server.rawGreeted('chat',
      { userId: user, worker: this.random(this.server.workers),
        roles: ['webpubsub.joinLeaveGroup'] });
    this.conns.set(socket.id, { user, groups: new Set(), socket });
  }

  async step() {
    const id = this.pick();
    const conn = this.conns.get(id);
    const group = this.group();
    switch (this.random(8)) {
    case 0:
      await this.expect(200, 'PUT', `/groups/${group}/connections/${id}`);
      conn.groups.add(group);
      break;
    case 1:
      await this.expect(204, 'DELETE', `/groups/${group}/connections/${id}`);
      conn.groups.delete(group);
      break;
    case 2:
      await this.expect(200, 'PUT', `/users/${conn.user}/groups/${group}`);
      for (const c of this.ofUser(conn.user)) c.groups.add(group);
      break;
    case 3:
      await this.expect(204, 'DELETE', `/users/${conn.user}/groups`);
      for (const c of this.ofUser(conn.user)) c.groups.clear();
      break;
    case 4:
      await this.bulk(conn.user, group);
      break;
    case 5:
      await this.expect(204, 'DELETE', `/connections/${id}?reason=r`);
      this.conns.delete(id);
      await this.open();
      break;
    case 6:
      // An id that was used before would be a duplicate, and do nothing.
      conn.socket.sendJson({ type: 'leaveGroup', group, ackId: this.acks++ });
      assert.equal((await conn.socket.json()).success, true);
      conn.groups.delete(group);
      break;
    default:
      await this.expect(204, 'DELETE', `/connections/${id}/groups`);
      conn.groups.clear();
    }
  }

  async bulk(user, group) {
    const other = this.group();
    await this.expect(200, 'POST', '/:addToGroups', {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ groups: [group, 'bulk'],
        filter: `userId eq '${user}' and not ('${other}' in groups)` }),
    });
    for (const c of this.ofUser(user)) {
      if (c.groups.has(other)) continue;
      c.groups.add(group).add('bulk');
    }
  }

  async check() {
    const group = this.group();
    const members = this.members(group);
    const head = await this.call('HEAD', `/groups/${group}`);
    assert.equal(head.status, members.length > 0 ? 200 : 404, group);
    const list = await this.expect(200, 'GET', `/groups/${group}/connections`);
    const { value } = await list.json();
    assert.deepEqual(value.map((m) => m.connectionId), members, group);
    const all = await this.expect(200, 'GET', '/:countConnections');
    assert.equal((await all.json()).count, this.conns.size);
    const filtered = await this.expect(200, 'GET',
      `/:countConnections?filter=${encodeURIComponent(`'${group}' in groups`)}`);
    assert.equal((await filtered.json()).count, members.length);
  }
}

const STEPS = process.env.WPS_LONG ? 400 : 60;

serverTest('every answer is seen by the next request', {
  timeout: 120_000,
}, async (server, _app, t) => {
  const seed = Number(process.env.WPS_SEED ?? Date.now() % 1_000_000);
  t.diagnostic(`WPS_SEED=${seed}`);
  const model = new Model(server, seed);
  for (let n = 0; n < 8; n++) await model.open();
  for (let n = 0; n < STEPS; n++) {
    await model.step();
    await model.check();
  }
});
