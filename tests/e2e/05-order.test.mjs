// Order across workers: a caller who awaits each answer is never overtaken, and a
// join that was acknowledged never misses a send that follows. The driver is
// order/order.c; WPS_LONG=1 asks for more of it, WPS_SEED for a run again.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

import { serverTest } from './support/server.mjs';

const PROGRAM = path.resolve(process.env.WPS_BUILDDIR ?? 'build', 'tests/order');
const OPERATIONS = process.env.WPS_LONG ? 1_000_000 : 100_000;
const SEED = process.env.WPS_SEED;

serverTest('random operations through all workers keep their order',
  { workerCounts: [1, 4], timeout: 300_000, config: { log_level: 'info' } },
  async (server, _app, t) => {
    const addresses = [];
    for (let n = 0; n < server.workers; n++) addresses.push(server.address(n));
    const args = ['--ops', `${OPERATIONS}`, ...(SEED ? ['--seed', SEED] : [])];
    const { stdout } = await promisify(execFile)(PROGRAM, [...args, ...addresses],
      { env: { WPS_KEY: server.key }, timeout: 280_000 });
    assert.match(stdout, /^order: /);
    t.diagnostic(stdout.trim());
  });
