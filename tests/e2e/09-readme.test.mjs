// The client in README.md does what it promises.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { serverTest } from './support/server.mjs';
import { Inbox } from './support/wait.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

async function exampleCode() {
  const text = await fs.readFile(here('../../README.md'), 'utf8');
  return /^```js\n(.*?)^```$/ms.exec(text)[1];
}

// As a module of this folder, so that its packages are found.
function runModule(server, code) {
  const child = spawn(process.execPath, ['--input-type=module'], {
    cwd: here('.'),
    env: { ...process.env, CONNECTION_STRING: server.connectionString() },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = new Inbox('output of the example');
  let rest = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop();
    for (const line of parts) lines.push(line);
  });
  child.stdout.on('end', () => lines.end('it has ended'));
  child.stdin.end(code);
  server.own({ close: () => child.kill() });
  return lines;
}

serverTest('the example in the README works', async (server) => {
  const lines = runModule(server, await exampleCode());
  assert.equal(await lines.next(), 'ann ahoy');
  assert.equal(await lines.next(), "null { from: 'the application' }");
});
