// Debian's Python SDK, unmodified: a token for a client, and sends to it.
import assert from 'node:assert/strict';

import { startPython } from './support/python.mjs';
import { openRaw } from './support/rawws.mjs';
import { serverTest } from './support/server.mjs';

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
