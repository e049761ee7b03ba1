// The client SDK with its default protocol behind a network that fails: nothing is
// lost, nothing comes twice, the order is kept, and memory does not grow.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { startLossy, stopLossy } from './support/lossy.mjs';
import { pick, randomOf, seed } from './support/random.mjs';
import { ALL_ROLES } from './support/reliable.mjs';
import { Server } from './support/server.mjs';
import { within } from './support/wait.mjs';

const LONG = process.env.WPS_LONG === '1';
const CLIENTS = LONG ? 20 : 8;
const MESSAGES = LONG ? 20_000 : 1000;
const CUTS = LONG ? 200 : 24;
const WORKERS = 4;
// A client acknowledges once in a second, not while it is away, and may leave 1000
// messages open: it gets a batch in each of these times.
const BATCH = 50;
const BATCH_MS = 150;
const WINDOW = 200;
const STALL_MS = 200;
const GROWTH_MAX_KIB = 4096;

// Each of its connections goes to another worker.
function startMember(server, name) {
  return startLossy(server, name, { listen: (member) => {
    Object.assign(member, { got: 0, wrong: null });
    member.client.on('group-message', ({ message }) => {
      if (message.data !== ++member.got)
        member.wrong ??= `${name}: ${message.data} in place of ${member.got}`;
    });
    member.client.on('stopped',
      () => { member.wrong ??= `${name}: it has stopped`; });
  } });
}

const FAULTS = {
  cut: (proxy) => proxy.cut(),
  'half-close': (proxy) => proxy.halfClose(),
  stall: (proxy) => {
    proxy.stall();
    setTimeout(() => proxy.resume(), STALL_MS).unref();
  },
  'stall and cut': (proxy) => {
    proxy.stall();
    setTimeout(() => proxy.cut(), STALL_MS).unref();
  },
};

async function sendAll(server, members, random) {
  const sender = await server.rawGreeted('chat', { roles: ALL_ROLES });
  let faults = 0;
  for (let n = 1; n <= MESSAGES; n++) {
    const { success } = await sender.ask(
      { type: 'sendToGroup', group: 'deck', data: n, ackId: n });
    assert.equal(success, true);
    for (; faults < CUTS * n / MESSAGES; faults++)
      FAULTS[pick(random, Object.keys(FAULTS))](pick(random, members).proxy);
    if (n % BATCH === 0)
      await Promise.all([caughtUp(members, n), delay(BATCH_MS)]);
  }
  await sender.close();
}

// All have all but the last of a window, or all at the end.
async function caughtUp(members, sent) {
  const least = sent === MESSAGES ? sent : sent - WINDOW;
  for (const member of members) {
    const late = new Promise((resolve) => {
      const look = () => {
        if (member.wrong || member.got >= least) resolve();
        else setTimeout(look, 5);
      };
      look();
    });
    await within(late, `${member.name} has ${member.got} of ${least}`, 40_000);
    assert.equal(member.wrong, null);
  }
}

async function round(server, random) {
  const members = [];
  for (let n = 0; n < CLIENTS; n++)
    members.push(await startMember(server, `member ${n}`));
  await sendAll(server, members, random);
  const transports = members.reduce((sum, { proxy }) => sum + proxy.count, 0);
  assert.ok(transports > CLIENTS + CUTS / 4, `only ${transports} transports`);
  await Promise.all(members.map(stopLossy));
  // They close without a code, so the server keeps them for a while.
  await server.service('chat').closeAllConnections();
  return server.memory();
}

test(`${CUTS} faults while ${MESSAGES} messages go to ${CLIENTS} clients`,
  { timeout: LONG ? 600_000 : 120_000 }, async (t) => {
    t.diagnostic(`WPS_SEED=${seed}`);
    const random = randomOf(seed);
    const server = await Server.start({ workers: WORKERS });
    try {
      const before = await round(server, random);
      const after = await round(server, random);
      t.diagnostic(`resident: ${before} KiB, then ${after} KiB`);
      server.assertMemoryBelow(before, GROWTH_MAX_KIB);
    } finally {
      await server.stop();
    }
  });
