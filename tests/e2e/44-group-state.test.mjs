// Group state in all four subprotocols: written and read by the client SDK's own
// protocols and by protobufjs, on bare sockets that show the order of everything.
import assert from 'node:assert/strict';

import { WebPubSubJsonProtocol, WebPubSubJsonReliableProtocol }
  from '@azure/web-pubsub-client';

import { protobufProtocol } from './support/protobuf.mjs';
import { pick, randomOf, seed } from './support/random.mjs';
import { OP } from './support/rawws.mjs';
import { askToRecover } from './support/reliable.mjs';
import { serverTest, twoWorkers } from './support/server.mjs';

const JSON_KIND = WebPubSubJsonProtocol();
const RELIABLE_KIND = WebPubSubJsonReliableProtocol();
const KINDS = {
  json: JSON_KIND,
  'reliable json': RELIABLE_KIND,
  protobuf: protobufProtocol(),
  'reliable protobuf': protobufProtocol({ reliable: true }),
};
const STATE_ROLES = ['webpubsub.setGroupState', 'webpubsub.getGroupState'];
const ALL_ROLES = [...STATE_ROLES,
  'webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup'];
const TEXT = { contentType: 'text/plain' };

// A member of the group "deck", with what it hears in the SDK's terms.
class Peer {
  #ackId = 0;

  constructor(server, protocol, options) {
    Object.assign(this, { server, protocol, options });
  }

  static async open(server, options = {}) {
    const { kind = JSON_KIND, userId = 'ann', groups = ['deck'],
      roles = ALL_ROLES, worker } = options;
    const peer = new Peer(server, kind, options);
    await peer.#greet(await server.raw('chat',
      { protocols: [kind.name], userId, groups, roles, worker }));
    return peer;
  }

  async #greet(socket) {
    this.socket = socket;
    const greeting = await this.next();
    assert.equal(greeting.kind, 'connected');
    this.id = greeting.connectionId;
    this.token = greeting.reconnectionToken;
    if (this.token) this.server.hideFromLog(this.token);
  }

  async recover(worker) {
    await this.#greet(await askToRecover(this.server, this,
      { protocol: this.protocol.name, worker }));
  }

  async next() {
    const { opcode, payload, text } = await this.socket.data();
    const [message] = [this.protocol.parseMessages(
      opcode === OP.BINARY ? payload : text)].flat();
    const { sequenceId } = message;
    if (sequenceId % 100 === 0) this.say('sequenceAck', undefined, { sequenceId });
    return message;
  }

  say(kind, group, more) {
    const written = this.protocol.writeMessage({ kind, group, ...more });
    this.socket.send(new Uint8Array(Buffer.from(written)),
      typeof written === 'string' ? OP.TEXT : OP.BINARY);
  }

  // The ack, which is the next that comes but for what is in `before`.
  async ask(kind, more, group = 'deck') {
    const ackId = more?.ackId ?? ++this.#ackId;
    this.say(kind, group, { ...more, ackId });
    const before = [];
    for (;;) {
      const message = await this.next();
      if (message.kind === 'ack') {
        assert.equal(message.ackId, ackId);
        return { ...message, before };
      }
      before.push(message);
    }
  }

  async #done(kind, more, group) {
    const { success, before } = await this.ask(kind, more, group);
    assert.equal(success, true);
    return before;
  }

  set(state, group) {
    return this.#done('setGroupState', { state }, group);
  }

  clear(group) {
    return this.#done('setGroupState', {}, group);
  }

  unwatch() {
    return this.#done('unsubscribeGroupState');
  }

  leave() {
    return this.#done('leaveGroup');
  }

  // The items of the snapshot, which is the first behind the ack.
  async watch() {
    assert.deepEqual(await this.#done('subscribeGroupState'), []);
    return this.snapshot();
  }

  async snapshot() {
    const { kind, group, items } = await this.next();
    assert.deepEqual([kind, group], ['groupStateSnapshot', 'deck']);
    return items;
  }

  // The one item of an update, whose time is checked against the last.
  async update() {
    const { kind, group, items, sequenceId } = await this.next();
    assert.deepEqual([kind, group, items.length],
      ['groupStateUpdate', 'deck', 1]);
    this.sequenceId = sequenceId;
    const { updatedAt, ...item } = items[0];
    assert.ok(Number.isSafeInteger(updatedAt), `${updatedAt}`);
    return { item, updatedAt };
  }

  async hears(of, state) {
    const { item, updatedAt } = await this.update();
    assert.deepEqual(item, { connectionId: of.id, userId: of.userId,
      ...(state && { state }) });
    return updatedAt;
  }
}

const open = async (server, options = {}) => {
  const peer = await Peer.open(server, options);
  peer.userId = options.userId ?? 'ann';
  return peer;
};

const plainItems = (items) => items.map(({ updatedAt, ...item }) => item);

serverTest('every kind of client sets states, every kind hears of them',
  async (server) => {
    const [near, far] = twoWorkers(server);
    const peers = [];
    for (const [userId, kind] of Object.entries(KINDS)) {
      const worker = peers.length % 2 ? near : far;
      peers.push(await open(server, { kind, userId, worker }));
      assert.deepEqual(await peers.at(-1).watch(), []);
    }
    const simple = await server.raw('chat',
      { protocols: [], groups: ['deck'], roles: ALL_ROLES, worker: far });
    const last = new Map();
    for (const state of [{ mood: 'busy', 'Ü"\\': '\n🌍' }, {}, undefined]) {
      for (const owner of peers) {
        // Its own update may stand before its ack.
        const before = await owner.set(state);
        for (const peer of peers) {
          if (peer === owner && before.length > 0) continue;
          const updatedAt = await peer.hears(owner, state);
          const known = last.get(owner) ?? 0;
          assert.ok(updatedAt >= known, `${updatedAt} after ${known}`);
          last.set(owner, updatedAt);
          assert.equal(peer.sequenceId !== undefined,
            peer.protocol.isReliableSubProtocol);
        }
      }
    }
    await server.service('chat').group('deck').sendToAll('over', TEXT);
    assert.equal(await simple.text(), 'over');
    for (const peer of peers) {
      const { kind, sequenceId } = await peer.next();
      assert.equal(kind, 'groupData');
      // A snapshot and three updates of each came before it.
      assert.equal(sequenceId,
        peer.protocol.isReliableSubProtocol ? 14 : undefined);
    }
  });

serverTest('the ack comes first, then a snapshot of who has a state, by ids',
  async (server) => {
    const [near, far] = twoWorkers(server);
    const owners = [];
    for (let n = 0; n < 9; n++) {
      const owner = await open(server, { userId: `user ${n}`,
        kind: Object.values(KINDS)[n % 4], worker: n % 2 ? near : far });
      if (n % 3) await owner.set({ n: `${n}` });
      owners.push(owner);
    }
    const expected = owners.filter((_, n) => n % 3)
      .map(({ id, userId }) => ({ connectionId: id, userId,
        state: { n: userId.slice(5) } }))
      .sort((a, b) => (a.connectionId < b.connectionId ? -1 : 1));
    for (const kind of Object.values(KINDS)) {
      const watcher = await open(server, { kind, worker: far });
      assert.deepEqual(plainItems(await watcher.watch()), expected);
      assert.deepEqual(plainItems(await watcher.watch()), expected);
      assert.deepEqual(await watcher.unwatch(), []);
      await owners[1].set({ n: '1' });
      // Nothing was heard of that.
      assert.deepEqual(await watcher.unwatch(), []);
      assert.deepEqual(plainItems(await watcher.watch()), expected);
    }
    await owners[1].clear();
    const watcher = await open(server, { worker: near });
    assert.deepEqual(plainItems(await watcher.watch()),
      expected.filter(({ userId }) => userId !== 'user 1'));
  });

serverTest('a client without a user has states without one', async (server) => {
  const [near, far] = twoWorkers(server);
  for (const kind of Object.values(KINDS)) {
    const watcher = await open(server, { worker: near });
    await watcher.watch();
    const owner = await Peer.open(server, { kind, userId: '', worker: far });
    await owner.set({ a: 'b' });
    assert.deepEqual((await watcher.update()).item,
      { connectionId: owner.id, state: { a: 'b' } });
    await owner.leave();
    assert.deepEqual((await watcher.update()).item, { connectionId: owner.id });
  }
});

const REFUSALS = [
  [[], 'setGroupState', { state: { a: 'b' } }, 'deck', 'Forbidden',
    "no permission to set state in group 'deck'"],
  [[], 'subscribeGroupState', {}, 'deck', 'Forbidden',
    "no permission to get states of group 'deck'"],
  [STATE_ROLES, 'setGroupState', { state: { a: 'b' } }, 'other', 'Forbidden',
    "not a member of group 'other'"],
  [STATE_ROLES, 'setGroupState', {}, 'other', 'Forbidden',
    "not a member of group 'other'"],
  [STATE_ROLES, 'subscribeGroupState', {}, 'other', 'Forbidden',
    "not a member of group 'other'"],
  [STATE_ROLES, 'setGroupState', { state: { key: 'x'.repeat(510) } }, 'deck',
    'BadRequest', "a state of more than 512 bytes for group 'deck'"],
  // Permission is looked at before size, size before membership.
  [[], 'setGroupState', { state: { key: 'x'.repeat(510) } }, 'deck',
    'Forbidden', "no permission to set state in group 'deck'"],
  [STATE_ROLES, 'setGroupState', { state: { key: 'x'.repeat(510) } }, 'other',
    'BadRequest', "a state of more than 512 bytes for group 'other'"],
  [['webpubsub.setGroupState.d*'], 'setGroupState', { state: {} }, 'beck',
    'Forbidden', "no permission to set state in group 'beck'"],
];

serverTest('what is refused is told in the ack, or not at all',
  async (server) => {
    for (const kind of Object.values(KINDS)) {
      for (const [roles, request, more, group, name, message] of REFUSALS) {
        const peer = await open(server, { kind, roles });
        peer.say(request, group, more);
        const ack = await peer.ask(request, more, group);
        assert.deepEqual(ack.before, []);
        assert.equal(ack.success, false);
        assert.deepEqual(ack.error, { name, message });
        await peer.socket.close();
      }
    }
  });

serverTest('what is allowed: patterns, the largest state, unwatching anything',
  { workerCounts: [1] }, async (server) => {
    for (const kind of Object.values(KINDS)) {
      const peer = await open(server, { kind,
        roles: ['webpubsub.setGroupState.d*', 'webpubsub.getGroupState.deck'] });
      // 508 units of two bytes each, with four of the key.
      await peer.set({ 'key.': 'é'.repeat(254) });
      assert.equal((await peer.watch())[0].state['key.'].length, 254);
      const { success } = await peer.ask('unsubscribeGroupState', {}, 'other');
      assert.equal(success, true);
      const ack = await peer.ask('setGroupState', { ackId: 1, state: {} });
      assert.equal(ack.error.name, 'Duplicate');
      await peer.socket.close();
    }
  });

// --- ends ----------------------------------------------------------------------------

const remove = (how) => ({ server, owner }) => how(server.service('chat'), owner);
const ENDS = {
  'leaves': ({ owner }) => owner.leave(),
  'is removed from the group': remove((service, owner) =>
    service.group('deck').removeConnection(owner.id)),
  'is removed with its user': remove((service, owner) =>
    service.group('deck').removeUser(owner.userId)),
  'is removed from all groups': remove((service, owner) =>
    service.removeUserFromAllGroups(owner.userId)),
  'is closed by the application': remove((service, owner) =>
    service.closeConnection(owner.id)),
  'closes': ({ owner }) => owner.socket.close(),
  'breaks the protocol': ({ owner }) => owner.socket.send('?'),
};

serverTest('the state of a member that goes is cleared, and its watching ends',
  async (server) => {
    const [near, far] = twoWorkers(server);
    for (const kind of Object.values(KINDS)) {
      const watcher = await open(server, { kind, userId: 'watcher', worker: far });
      await watcher.watch();
      for (const [name, end] of Object.entries(ENDS)) {
        const owner = await open(server, { kind, userId: name, worker: near });
        await owner.watch();
        await owner.set({ is: 'here' });
        await watcher.hears(owner, { is: 'here' });
        await end({ server, owner });
        await watcher.hears(owner);
      }
      // It comes again without a state, and hears nothing.
      const owner = await open(server, { kind, worker: near });
      await owner.watch();
      await owner.set({ is: 'here' });
      await watcher.hears(owner, { is: 'here' });
      await server.service('chat').group('deck').removeConnection(owner.id);
      await watcher.hears(owner);
      await owner.ask('joinGroup');
      await watcher.set({ a: 'b' });
      await watcher.clear().then(async (before) => {
        for (let n = before.length; n < 2; n++) await watcher.update();
      });
      const { before } = await owner.ask('unsubscribeGroupState');
      assert.deepEqual(before.filter(({ items }) =>
        items?.some(({ connectionId }) => connectionId !== owner.id)), []);
      await owner.socket.close();
      await watcher.socket.close();
    }
  });

serverTest('the state of a lost client stays for the window, then it is cleared',
  { hubs: { chat: { recovery_window: '3s' } } }, async (server) => {
    const [near, far] = twoWorkers(server);
    const watcher = await open(server, { worker: far });
    await watcher.watch();
    for (const kind of [KINDS['reliable json'], KINDS['reliable protobuf']]) {
      const owner = await open(server, { kind, worker: near });
      await owner.set({ is: 'here' });
      await watcher.hears(owner, { is: 'here' });
      owner.socket.cut();
      await server.logs(new RegExp(`conn=${owner.id} from=open to=detached`));
      const late = await open(server, { worker: near });
      assert.deepEqual(plainItems(await late.watch()), [{
        connectionId: owner.id, userId: 'ann', state: { is: 'here' } }]);
      await watcher.hears(owner);
      await late.hears(owner);
    }
  });

serverTest('a recovered client has its state, and what it missed',
  async (server) => {
    const [near, far] = twoWorkers(server);
    const watcher = await open(server, { userId: 'watcher', worker: far });
    for (const kind of [KINDS['reliable json'], KINDS['reliable protobuf']]) {
      const lost = await open(server, { kind, worker: near });
      await lost.watch();
      await lost.set({ is: 'here' });
      await lost.update();
      lost.socket.cut();
      await server.logs(new RegExp(`conn=${lost.id} from=open to=detached`));
      await watcher.set({ is: 'news' });
      await watcher.clear();
      await lost.recover(far);
      // Nothing was acknowledged: the snapshot and its own update come again.
      assert.deepEqual(await lost.snapshot(), []);
      await lost.hears(lost, { is: 'here' });
      await lost.hears(watcher, { is: 'news' });
      await lost.hears(watcher);
      assert.equal(lost.sequenceId, 4);
      await watcher.set({ is: 'here' });
      await lost.hears(watcher, { is: 'here' });
      assert.equal((await watcher.watch()).length, 2);
      await watcher.unwatch();
      await watcher.clear();
      await lost.hears(watcher);
      await lost.leave();
    }
  });

serverTest('a change is not overtaken by what its owner causes afterwards',
  async (server) => {
    const [near, far] = twoWorkers(server);
    const watchers = [];
    for (const kind of Object.values(KINDS)) {
      watchers.push(await open(server,
        { kind, worker: watchers.length % 2 ? near : far }));
      await watchers.at(-1).watch();
    }
    const owner = await open(server, { userId: 'owner', worker: near });
    for (let n = 0; n < 20; n++) {
      await owner.set({ n: `${n}` });
      await server.service('chat', { worker: n % server.workers })
        .group('deck').sendToAll('behind', TEXT);
      for (const watcher of watchers) {
        await watcher.hears(owner, { n: `${n}` });
        assert.equal((await watcher.next()).data, 'behind');
      }
      assert.equal((await owner.next()).data, 'behind');
    }
  });

serverTest('the last of sixty-four workers is one like the others',
  { workerCounts: [64] }, async (server) => {
    const first = await open(server, { userId: 'first', worker: 0 });
    const last = await open(server, { userId: 'last', worker: 63 });
    await last.set({ is: 'here' });
    assert.deepEqual(plainItems(await first.watch()), [{
      connectionId: last.id, userId: 'last', state: { is: 'here' } }]);
    await last.clear();
    await first.hears(last);
    await server.service('chat', { worker: 0 }).group('deck')
      .sendToAll('to all', TEXT);
    for (const peer of [first, last])
      assert.equal((await peer.next()).data, 'to all');
  });

// --- many ----------------------------------------------------------------------------

serverTest('a snapshot has the first two hundred', async (server) => {
  const [near, far] = twoWorkers(server);
  const owners = [];
  for (let n = 0; n < 201; n++) {
    const owner = await open(server, { worker: n % server.workers });
    await owner.set({ n: `${n}` });
    owners.push(owner);
  }
  const ids = owners.map(({ id }) => id).sort();
  for (const [kind, worker] of [[KINDS.json, near],
    [KINDS['reliable protobuf'], far]]) {
    const watcher = await open(server, { kind, worker });
    assert.deepEqual((await watcher.watch()).map((item) => item.connectionId),
      ids.slice(0, 200));
    const beyond = owners.find(({ id }) => id === ids[200]);
    await beyond.set({ n: 'beyond' });
    await watcher.hears(beyond, { n: 'beyond' });
    await watcher.socket.close();
  }
  await owners[0].socket.close();
});

// --- random --------------------------------------------------------------------------

const STEPS = process.env.WPS_LONG === '1' ? 2000 : 150;

// What a watcher knows: the newest snapshot and all updates behind it.
class View {
  states = new Map();
  newest = new Map(); // times, also of what is gone

  take({ kind, items, group }) {
    assert.equal(group, 'deck');
    if (kind === 'groupStateSnapshot') {
      const ids = items.map(({ connectionId }) => connectionId);
      assert.deepEqual(ids, [...ids].sort());
      this.states.clear();
    } else {
      assert.equal(kind, 'groupStateUpdate');
    }
    for (const { connectionId, state, updatedAt } of items) {
      // Nothing comes twice; a snapshot may repeat what is known.
      const known = this.newest.get(connectionId) ?? 0;
      assert.ok(updatedAt > known - (kind === 'groupStateSnapshot'),
        `${kind} of ${updatedAt} behind ${known}`);
      this.newest.set(connectionId, updatedAt);
      this.states.set(connectionId, { state, updatedAt });
    }
  }

  get present() {
    return new Map([...this.states].filter(([, { state }]) => state));
  }
}

// Each request is answered before the next one of the same peer.
async function act(random, peer) {
  const [kind, more] = pick(random, [
    ['setGroupState', { state: { n: `${random()}` } }],
    ['setGroupState', { state: { n: `${random()}` } }],
    ['setGroupState', {}],
    ['leaveGroup'],
    ['joinGroup'], ['joinGroup'], ['joinGroup'],
    ['subscribeGroupState'], ['subscribeGroupState'],
  ]);
  const { before, success } = await peer.ask(kind, more);
  for (const message of before) peer.view.take(message);
  if (success && kind === 'leaveGroup') peer.view.states.clear();
}

serverTest('whoever watches knows every state, whatever happens meanwhile',
  async (server, _upstream, t) => {
    t.diagnostic(`WPS_SEED=${seed}`);
    const random = randomOf(seed);
    const peers = [];
    for (let n = 0; n < 12; n++) {
      const peer = await open(server, { kind: Object.values(KINDS)[n % 4],
        worker: n % server.workers });
      peer.view = new View();
      peers.push(peer);
    }
    await Promise.all(peers.map(async (peer) => {
      for (let n = 0; n < STEPS; n++) await act(random, peer);
      // All are there in the end, and watch; whoever watched already gets a
      // snapshot more.
      for (const kind of ['joinGroup', 'subscribeGroupState']) {
        const { before } = await peer.ask(kind);
        for (const message of before) peer.view.take(message);
      }
    }));
    // The last word of each is heard by all.
    for (const peer of peers) {
      const { before } =
        await peer.ask('setGroupState', { state: { last: peer.id } });
      for (const message of before) peer.view.take(message);
    }
    const ids = peers.map(({ id }) => id).sort();
    const isWhole = ({ present }) => ids.every((id) =>
      present.get(id)?.state.last === id);
    for (const peer of peers) {
      while (!isWhole(peer.view)) peer.view.take(await peer.next());
      assert.deepEqual([...peer.view.present.keys()].sort(), ids);
    }
  });
