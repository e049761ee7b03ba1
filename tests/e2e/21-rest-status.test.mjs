// Every status of the REST API, over plain sockets: what is on the wire.
import assert from 'node:assert/strict';
import net from 'node:net';

import { serverTest } from './support/server.mjs';
import { callRest, signToken } from './support/token.mjs';
import { within } from './support/wait.mjs';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const TEXT_TYPE = { 'Content-Type': 'text/plain' };
const long = (n) => 'x'.repeat(n);

// The answer to bytes as they are: status, headers and body.
async function rawCall(server, bytes) {
  const { hostname, port } = new URL(server.url());
  const socket = net.connect(Number(port), hostname);
  const chunks = [];
  const answer = new Promise((resolve, reject) => {
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      const text = Buffer.concat(chunks).toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = /^content-length: (\d+)/im.exec(text.slice(0, end));
      const body = text.slice(end + 4);
      if (length && body.length < Number(length[1])) return;
      resolve({ status: Number(text.split(' ')[1]), head: text.slice(0, end),
        body });
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed without an answer')));
  });
  socket.write(bytes);
  try {
    return await within(answer, 'answer');
  } finally {
    socket.destroy();
  }
}

function requestBytes(server, method, path, { headers = {}, body = '' } = {}) {
  const url = server.url() + path;
  const token = signToken(server.key, { aud: url });
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${new URL(url).host}`,
    `Authorization: Bearer ${token}`];
  for (const [name, value] of Object.entries(headers))
    lines.push(`${name}: ${value}`);
  if (!('Transfer-Encoding' in headers) && !('Content-Length' in headers))
    lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

const HUB = '/hubs/chat';
const PERMISSION = `${HUB}/permissions/sendToGroup/connections`;

// With ID as the id of the one connection, of user ann in group deck.
const SUCCESSES = [
  ['HEAD', '/health', 200],
  ['GET', '/health', 200],
  ['POST', `${HUB}/:send`, 202, TEXT_TYPE, 'x'],
  ['POST', `${HUB}/%3Asend`, 202, TEXT_TYPE, 'x'],
  ['POST', `${HUB}/connections/ID/:send`, 202, JSON_TYPE, '{"a":1}'],
  ['POST', `${HUB}/groups/deck/:send`, 202, {}, 'x'],
  ['POST', `${HUB}/users/ann/:send?messageTtlSeconds=300`, 202, TEXT_TYPE, ''],
  ['HEAD', `${HUB}/connections/ID`, 200],
  ['HEAD', `${HUB}/groups/deck`, 200],
  ['HEAD', `${HUB}/users/ann`, 200],
  ['PUT', `${HUB}/groups/g/connections/ID`, 200],
  ['DELETE', `${HUB}/groups/g/connections/ID`, 204],
  ['DELETE', `${HUB}/groups/g/connections/none`, 204],
  ['DELETE', `${HUB}/connections/ID/groups`, 204],
  ['DELETE', `${HUB}/connections/none/groups`, 204],
  ['PUT', `${HUB}/users/ann/groups/deck`, 200],
  ['PUT', `${HUB}/users/none/groups/deck`, 200],
  ['HEAD', `${HUB}/users/ann/groups/deck`, 200],
  ['DELETE', `${HUB}/users/none/groups/deck`, 204],
  ['DELETE', `${HUB}/users/none/groups`, 204],
  ['POST', `${HUB}/:addToGroups`, 200, JSON_TYPE, '{"groups":["g","h"]}'],
  ['POST', `${HUB}/:removeFromGroups`, 200, JSON_TYPE,
    '{"groups":["g","h"],"filter":"userId eq \'ann\'"}'],
  ['GET', `${HUB}/groups/deck/connections`, 200],
  ['GET', `${HUB}/groups/none/connections?top=1&maxpagesize=200`, 200],
  ['PUT', `${PERMISSION}/ID?targetName=g`, 200],
  ['HEAD', `${PERMISSION}/ID?targetName=g`, 200],
  ['DELETE', `${PERMISSION}/ID?targetName=g`, 204],
  ['DELETE', `${PERMISSION}/none?targetName=g`, 204],
  ['POST', `${HUB}/:generateToken`, 200],
  ['DELETE', `${HUB}/connections/none?reason=r`, 204],
  ['POST', `${HUB}/users/none/:closeConnections`, 204],
  ['POST', `${HUB}/groups/none/:closeConnections?excluded=a&excluded=b`, 204],
  ['POST', `${HUB}/:closeConnections?excluded=ID`, 204],
  ['DELETE', `${HUB}/connections/ID`, 204],
];

const WITH_BODY = /^GET|generateToken/;

serverTest('each operation has its one status of success', async (server) => {
  const socket = await server.rawGreeted('chat',
    { userId: 'ann', groups: ['deck'] });
  for (const [method, path, status, headers, body] of SUCCESSES) {
    const answer = await callRest(server, method, path.replaceAll('ID', socket.id),
      { headers: { 'x-ms-client-request-id': 'mine', ...headers }, body });
    const text = await answer.text();
    assert.equal(answer.status, status, `${method} ${path}: ${text}`);
    const name = `${method} ${path}`;
    assert.equal(text !== '', WITH_BODY.test(name), name);
    assert.equal(answer.headers.get('x-ms-client-request-id'), 'mine', name);
    assert.match(answer.headers.get('x-ms-request-id'), /^[0-9a-f]{32}$/);
    assert.match(answer.headers.get('api-supported-versions'), /2024-12-01/);
  }
});

const FAILURES = [
  ['HEAD', `${HUB}/connections/none`, 404, 'NotFound'],
  ['HEAD', `${HUB}/groups/none`, 404, 'NotFound'],
  ['HEAD', `${HUB}/users/none`, 404, 'NotFound'],
  ['HEAD', `${HUB}/users/none/groups/g`, 404, 'NotFound'],
  ['HEAD', `${PERMISSION}/none?targetName=g`, 404, 'NotFound'],
  ['PUT', `${PERMISSION}/none?targetName=g`, 404, 'NotFound'],
  ['PUT', `${HUB}/groups/g/connections/none`, 404, 'NotFound'],
  ['GET', `${HUB}/nothing`, 404, 'NotFound'],
  ['POST', `${HUB}/:send/`, 404, 'NotFound'],
  ['GET', `${HUB}/:send`, 405, 'MethodNotAllowed'],
  ['PATCH', `${HUB}/groups/g`, 405, 'MethodNotAllowed'],
  ['POST', `${HUB}/:send`, 415, 'UnsupportedMediaType',
    { 'Content-Type': 'application/xml' }, '<a/>'],
  ['POST', `${HUB}/:send`, 415, 'UnsupportedMediaType',
    { 'Content-Type': 'text/plain; charset=klingon' }, 'x'],
  ['POST', `${HUB}/:addToGroups`, 415, 'UnsupportedMediaType', TEXT_TYPE,
    '{"groups":["a"]}'],
  ['POST', `${HUB}/:send`, 400, 'Error.BadRequest', JSON_TYPE, '{'],
  ['POST', `${HUB}/:send`, 400, 'Error.BadRequest', JSON_TYPE, ''],
  ['POST', `${HUB}/:send`, 400, 'Error.BadRequest', JSON_TYPE, ' null'],
  ['POST', `${HUB}/:send`, 400, 'Error.BadRequest', TEXT_TYPE,
    Buffer.from([0xff])],
  ['POST', `${HUB}/:send?filter=x`, 400, 'Error.BadRequest', TEXT_TYPE, 'x'],
  ['POST', `${HUB}/:send?messageTtlSeconds=301`, 400, 'Error.BadRequest',
    TEXT_TYPE, 'x'],
  ['POST', `${HUB}/:send?api-version=1`, 400, 'Error.BadRequest', TEXT_TYPE,
    'x'],
  ['POST', `${HUB}/:send?api-version=2024-12-01&api-version=2024-12-01`, 400,
    'Error.BadRequest', TEXT_TYPE, 'x'],
  ['POST', '/hubs/1chat/:send', 400, 'Error.BadRequest', TEXT_TYPE, 'x'],
  ['POST', `${HUB}/groups/%20/:send`, 400, 'Error.BadRequest', TEXT_TYPE, 'x'],
  ['POST', `${HUB}/:send`, 400, 'Error.BadRequest',
    { ...TEXT_TYPE, 'X-WebPubSub-Metadata-k': long(1025) }, 'x'],
  ['POST', `${HUB}/:addToGroups`, 400, 'Error.BadRequest', JSON_TYPE,
    '{"groups":[]}'],
  ['GET', `${HUB}/groups/g/connections?maxpagesize=201`, 400,
    'Error.BadRequest'],
  ['GET', `${HUB}/groups/g/connections?top=0`, 400, 'Error.BadRequest'],
  ['GET', `${HUB}/groups/g/connections?continuationToken=x`, 400,
    'Error.BadRequest'],
  ['PUT', `${PERMISSION}/none`, 400, 'Error.BadRequest'],
  ['PUT', `${HUB}/permissions/all/connections/c?targetName=g`, 400,
    'Error.BadRequest'],
  ['POST', `${HUB}/:generateToken?minutesToExpire=x`, 400, 'Error.BadRequest'],
  ['POST', `${HUB}/:generateToken?clientType=amqp`, 400, 'Error.BadRequest'],
];

function checkFlat(text, code) {
  const error = JSON.parse(text);
  assert.equal(error.code, code);
  assert.equal(typeof error.message, 'string');
  assert.ok(!('error' in error));
}

serverTest('failures have their status, a code and a flat body',
  async (server) => {
    for (const [method, path, status, code, headers, body] of FAILURES) {
      const answer = await callRest(server, method, path, { headers, body });
      const text = await answer.text();
      const name = `${method} ${path}: ${text}`;
      assert.equal(answer.status, status, name);
      assert.equal(answer.headers.get('x-ms-error-code'), code, name);
      if (method === 'HEAD') {
        assert.equal(text, '', name);
        continue;
      }
      assert.equal(answer.headers.get('content-type'), 'application/json');
      checkFlat(text, code);
      if (status === 405) assert.ok(answer.headers.get('allow'), name);
    }
  });

serverTest('a caller without a token is told so', async (server) => {
  const answer = await callRest(server, 'POST', `${HUB}/:send`,
    { token: null, headers: TEXT_TYPE, body: 'x' });
  assert.equal(answer.status, 401);
  assert.equal(answer.headers.get('www-authenticate'),
    'Bearer error="invalid_token"');
  checkFlat(await answer.text(), 'Unauthorized');
});

serverTest('a limit of rules is a conflict', {
  hubs: { chat: { max_permission_rules: 1 } },
}, async (server) => {
  const { id } = await server.rawGreeted('chat');
  const grant = (group) => callRest(server, 'PUT',
    `${PERMISSION}/${id}?targetName=${group}`);
  assert.equal((await grant('a')).status, 200);
  const answer = await grant('b');
  assert.equal(answer.status, 409);
  checkFlat(await answer.text(), 'Conflict');
});

serverTest('what the host refuses has a flat body too', async (server) => {
  const path = '/api/hubs/chat/:send';
  const cases = [
    [413, 'PayloadTooLarge', requestBytes(server, 'POST', path,
      { headers: { 'Content-Length': (1 << 20) + 1 } })],
    [414, 'UriTooLong', requestBytes(server, 'POST',
      `${path}?filter=${long(17000)}`)],
    [431, 'RequestHeaderFieldsTooLarge', requestBytes(server, 'POST', path,
      { headers: { 'x-long': long(33000) } })],
    [400, 'Error.BadRequest', 'POST /api/hubs/chat/:send HTTP/1.1\nHost: a\n\n'],
  ];
  for (const [status, code, bytes] of cases) {
    const answer = await rawCall(server, bytes);
    assert.equal(answer.status, status, answer.head);
    assert.match(answer.head, new RegExp(`x-ms-error-code: ${code}`, 'i'));
    checkFlat(answer.body, code);
  }
});

serverTest('bodies may come in chunks, and byte for byte', async (server) => {
  const socket = await server.rawGreeted('chat');
  const text = '{"big": 18446744073709551616, "a":1.10 }';
  const cut = 7;
  const chunked = `${cut.toString(16)}\r\n${text.slice(0, cut)}\r\n` +
    `${(text.length - cut).toString(16)}\r\n${text.slice(cut)}\r\n0\r\n\r\n`;
  const answer = await rawCall(server, requestBytes(server, 'POST',
    '/api/hubs/chat/:send',
    { headers: { ...JSON_TYPE, 'Transfer-Encoding': 'chunked' },
      body: chunked }));
  assert.equal(answer.status, 202);
  assert.match(answer.head, /content-length: 0/i);
  assert.equal(await socket.text(),
    `{"type":"message","from":"server","dataType":"json","data":${text}}`);
});

serverTest('a request that expects 100 is told to go on', async (server) => {
  const answer = await rawCall(server, requestBytes(server, 'POST',
    '/api/hubs/chat/:send', { headers: { ...TEXT_TYPE, 'Content-Length': 1,
      Expect: '100-continue' } }));
  assert.equal(answer.status, 100);
});

serverTest('names are decoded once, after the path was split', async (server) => {
  const names = ['a/b', 'a%2Fb', ':send', 'ü 🌍', '+', '%', 'a?b#c',
    'connections', '"\'\\', '*', '\u0001'];
  for (const name of names) {
    const socket = await server.rawGreeted('chat',
      { userId: name, groups: [name] });
    const encoded = encodeURIComponent(name);
    for (const kind of ['groups', 'users']) {
      const head = await callRest(server, 'HEAD', `${HUB}/${kind}/${encoded}`);
      assert.equal(head.status, 200, `${kind} ${name}`);
      const send = await callRest(server, 'POST',
        `${HUB}/${kind}/${encoded}/:send`, { headers: TEXT_TYPE, body: name });
      assert.equal(send.status, 202, `${kind} ${name}`);
      assert.equal((await socket.json()).data, name);
    }
    await callRest(server, 'DELETE', `${HUB}/connections/${socket.id}`);
    await socket.closing();
  }
});
