// Debian's Python SDK, unmodified: a token for a client, and sends to it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { openRaw } from './support/rawws.mjs';
import { serverTest } from './support/server.mjs';
import { within } from './support/wait.mjs';

const SCRIPT = fileURLToPath(new URL('support/service.py', import.meta.url));

// Each request line of the script is answered by one line of JSON.
function startPython(server) {
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1',
    WPS_CONNECTION_STRING: server.connectionString() };
  const child = spawn('/usr/bin/python3', [SCRIPT],
    { env, stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  let onLine = () => {};
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (more) => {
    text += more;
    const end = text.indexOf('\n');
    if (end < 0) return;
    const line = text.slice(0, end);
    text = text.slice(end + 1);
    onLine(line);
  });
  const ask = (...request) => {
    const answer = new Promise((resolve, reject) => {
      onLine = resolve;
      child.on('exit', () => reject(new Error('python ended')));
    });
    child.stdin.write(`${JSON.stringify(request)}\n`);
    return within(answer.then(JSON.parse), `python ${request[0]}`, 30_000);
  };
  server.own({ close: () => child.kill() });
  return ask;
}

serverTest('the Python SDK makes a token and sends to its client',
  async (server) => {
    const ask = startPython(server);
    const { url, token } = await ask('token', 'ann', ['webpubsub.sendToGroup']);
    server.hideFromLog(token.split('.')[2]);
    const socket = server.own(
      await openRaw(url, { protocols: ['json.webpubsub.azure.v1'] }));
    const greeting = await socket.json();
    assert.equal(greeting.userId, 'ann');
    const { connectionId } = greeting;
    await ask('add', 'deck', connectionId);
    const head = '{"type":"message","from":"server",';
    await ask('all', 'Hello', 'text/plain');
    assert.equal(await socket.text(), `${head}"dataType":"text","data":"Hello"}`);
    await ask('user', 'ann', { hello: 'world' });
    assert.deepEqual((await socket.json()).data, { hello: 'world' });
    await ask('connection', connectionId, 'hi', 'text/plain');
    assert.equal((await socket.json()).data, 'hi');
    await ask('group', 'deck', 'aye', 'text/plain');
    assert.equal((await socket.json()).group, 'deck');
    assert.deepEqual(await ask('exists', 'ann'), [true, true]);
    await ask('close', connectionId, 'from python');
    assert.equal((await socket.json()).message, 'from python');
    assert.deepEqual(await socket.closing(), { code: 1000, reason: 'from python' });
  });
