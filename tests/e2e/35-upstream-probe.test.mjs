// wps -t --upstreams: what it says of handlers, and the status that it ends with.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';

import { answer, closedPort, drip, hangUp, silence, Upstream } from './support/upstream.mjs';

const BUILD = path.resolve(process.env.WPS_BUILDDIR ?? 'build');

async function probe(handlers, more = {}) {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'wps-e2e-'));
  const file = path.join(folder, 'wps.conf');
  await fs.writeFile(file, JSON.stringify({
    plugins: ['cloudevents'], plugin_dir: path.join(BUILD, 'plugins/.libs'),
    public_endpoints: ['https://wps.example.net'],
    listen: [{ address: '127.0.0.1:0' }],
    hubs: { chat: { event_handlers: handlers } }, ...more,
  }), { mode: 0o600 });
  const child = spawn(path.join(BUILD, 'wps'), ['-t', '--upstreams', '-c', file]);
  let output = '';
  child.stdout.on('data', (text) => { output += text; });
  child.stderr.on('data', (text) => { output += text; });
  const code = await new Promise((resolve) => child.on('close', resolve));
  await fs.rm(folder, { recursive: true });
  return { code, output };
}

const AGREES = { 'WebHook-Allowed-Origin': 'wps.example.net' };
const OTHER = { 'WebHook-Allowed-Origin': 'other.example.net' };

// libcurl takes header lines up to 100 KiB, and says then that memory is short.
const LONG_LINE = answer(200, '', { 'X-Pad': 'x'.repeat(120_000) });

// What the application answers by path, and what is said of it.
const CASES = {
  good: [answer(200, '', AGREES), /: agrees$/m],
  other: [answer(200, '', OTHER), /allows other origins than "wps\.example\.net"/],
  silent: [answer(200), /has no WebHook-Allowed-Origin/],
  missing: [answer(404), /knows no such path \(status 404\)/],
  locked: [answer(401), /refuses the handshake \(status 401\)/],
  moved: [answer(307, '', { Location: '/elsewhere' }), /redirects \(status 307\)/],
  broken: [answer(500), /fails \(status 500\)/],
  large: [LONG_LINE, /: its answer is too large/],
  foreign: [(socket) => socket.end('SSH-2.0-x\r\n'), /: what it answers is no HTTP /],
  rude: [hangUp, /closes the connection without an answer/],
};

test('what an application answers is judged in words', async () => {
  const upstream = await Upstream.start((request) => CASES[request.target.split('/')[1]][0]);
  try {
    for (const [name, [, says]] of Object.entries(CASES)) {
      const url = `${upstream.origin}/${name}/{hub}/{event}?code=s3cret`;
      const { code, output } = await probe([{ url }]);
      assert.match(output, says);
      assert.match(output, new RegExp(`^hub "chat": ${upstream.origin}/${name}/`));
      assert.equal(code, name === 'good' ? 0 : 1, output);
      assert.ok(!output.includes('s3cret'));
    }
    const last = upstream.requests.at(-1);
    assert.equal(last.target, '/rude/chat/validate?code=s3cret');
    assert.equal(last.headers['webhook-request-origin'], 'wps.example.net');
    assert.equal(last.headers['ce-awpsversion'], '1.0');
  } finally {
    await upstream.close();
  }
});

// A label that is too long: no server of names is asked, which may not answer.
const NO_HOST = `${'x'.repeat(64)}.invalid`;

// URLs that no connection can be made to, and what is said of it.
async function withDeadUrls(run) {
  const port = await closedPort();
  const plain = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.end('no TLS'));
  });
  await new Promise((resolve) => plain.listen(0, '127.0.0.1', resolve));
  try {
    await run([
      [`http://127.0.0.1:${port}/`, /: the connection is refused: is it started/],
      [`http://${NO_HOST}/`, /: the host's name cannot be resolved/],
      ['http://169.254.169.254/', /: its address is link-local or of a metadata service/],
      [`https://127.0.0.1:${plain.address().port}/`, /: TLS fails .*http:\/\//],
    ]);
  } finally {
    plain.close();
  }
}

test('why there is no connection is said in words', () => withDeadUrls(async (cases) => {
  for (const [url, says] of cases) {
    const { code, output } = await probe([{ url }]);
    assert.match(output, says);
    assert.equal(code, 1);
  }
}));

// A port whose queue of connections is full, so that the kernel drops all others.
const FULL = `
import socket, sys
server = socket.socket()
server.bind(('127.0.0.1', 0))
server.listen(0)
first = socket.create_connection(server.getsockname())
print(server.getsockname()[1], flush=True)
sys.stdin.read()
`;

async function fullPort() {
  const child = spawn('python3', ['-c', FULL], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [port] = await once(child.stdout, 'data');
  const closed = once(child, 'close');
  return { port: Number(port), close: () => { child.stdin.end(); return closed; } };
}

test('what hangs is said with how far it came', async () => {
  const begun = (text) => (socket) => { socket.write(`HTTP/1.1 200 X\r\n${text}`); };
  const upstream = await Upstream.start((request) => ({
    '/silent': silence,
    '/short': begun('WebHook-Allowed-Origin: *\r\nContent-Length: 9\r\n\r\nshort'),
    '/stream': drip('HTTP/1.1 200 X\r\n\r\n'),
    '/head': begun('WebHook-Allowed-Origin: *\r\n'),
    '/token?code=s3cret': begun('Content-Length: 99\r\n\r\n{"access_token":"t0ken"'),
  })[request.target]);
  const full = await fullPort();
  const tls = upstream.origin.replace('http:', 'https:');
  const soon = { cloudevents: { connect_timeout: '300ms' } };
  const ends = /: it begins an answer \(status 200\), but does not end it within 10 s: is Content/;
  const cases = [
    [{ url: `${upstream.origin}/silent` }, /: it is connected to, but does not answer within 10 s/],
    [{ url: `${upstream.origin}/short` }, ends],
    [{ url: `${upstream.origin}/head` }, ends],
    [{ url: `${upstream.origin}/stream` }, ends],
    [{ url: `${tls}/` }, /: it is connected to, but does not end the handshake of TLS in time/, soon],
    [{ url: `${tls}/`, validation: false }, /: it is connected to, but does not end the handshake/, soon],
    [{ url: `http://127.0.0.1:${full.port}/` }, /: no connection can be made in time/, soon],
    [{ url: `https://127.0.0.1:${full.port}/` }, /: no connection can be made in time/, soon],
    [oauth(`${upstream.origin}/token`), ends],
    [oauth(`${tls}/token`), /auth_url .*: it is connected to, but does not end the handshake/, soon],
  ];
  try {
    await Promise.all(cases.map(async ([handler, says, more]) => {
      const { code, output } = await probe([handler], more);
      assert.match(output, says);
      assert.equal(code, 1);
      for (const secret of ['s3cret', 't0ken']) assert.ok(!output.includes(secret));
    }));
  } finally {
    await full.close();
    await upstream.close();
  }
});

test('all handlers are tried, and one that is wrong is enough', async () => {
  const upstream = await Upstream.start();
  const port = await closedPort();
  try {
    const { code, output } = await probe([
      { url: `${upstream.origin}/a` }, { url: `http://127.0.0.1:${port}/b` },
      { url: `${upstream.origin}/c`, validation: false },
    ], {});
    assert.equal(code, 1);
    const lines = output.trim().split('\n');
    assert.equal(lines.length, 3);
    assert.match(lines[0], /\/a: agrees$/);
    assert.match(lines[1], /\/b: the connection is refused/);
    assert.match(lines[2], /\/c: is there; validation is off$/);
    assert.equal(upstream.requests.length, 1);
  } finally {
    await upstream.close();
  }
});

test('a file that is not there is told by its path', async () => {
  const { code, output } = await probe([
    { url: 'https://127.0.0.1:1/', ca: '/no/such/ca.pem' }]);
  assert.equal(code, 1);
  assert.match(output, /: ca: \/no\/such\/ca\.pem: No such file or directory$/m);
});

// --- tokens ------------------------------------------------------------------

const json = (status, body) => answer(status, JSON.stringify(body));
const granted = (more = {}) => json(200, { access_token: 'granted-t0ken', ...more });

// A handler that asks for its tokens at `url`, which has a secret in its query too.
const oauth = (url, more = {}) => ({ url: 'http://127.0.0.1:1/', validation: false,
  auth: 'oauth', auth_url: `${url}?code=s3cret`, auth_client: 'wps', auth_secret: 'pa55word',
  ...more });

// The one line that is about tokens.
async function probeToken(handler) {
  const { code, output } = await probe([handler]);
  const lines = output.trim().split('\n').filter((line) => line.includes('auth_url'));
  assert.equal(lines.length, 1, output);
  for (const secret of ['s3cret', 'pa55word', 't0ken']) assert.ok(!output.includes(secret));
  return { code, line: lines[0] };
}

// What a server of tokens answers by path, and what is said of it.
const TOKEN_CASES = {
  good: [granted({ expires_in: 60 }), /: grants a token$/],
  client: [json(401, { error: 'invalid_client' }),
    /: it does not know the client by this secret: correct .* \(status 401, invalid_client\)$/],
  scope: [json(400, { error: 'invalid_scope', error_description: 'no pa55word' }),
    /: it does not grant the client that scope: correct auth_scope.*\(status 400, invalid_scope\)$/],
  early: [json(200, { error: 'invalid_target' }), /: .*auth_audience.*\(status 200, invalid_target\)$/],
  own: [json(400, { error: 'consent_required' }),
    /: it refuses the request: .*\(status 400, consent_required\)$/],
  text: [json(400, { error: 'no client with pa55word' }), /: it refuses .*\(status 400\)$/],
  echo: [json(401, { error: 'bad_pa55word' }), /: it refuses the client: .*\(status 401\)$/],
  denied: [answer(403), /: it refuses the client: .*\(status 403\)$/],
  bare: [answer(200), /: its answer has no access_token .*\(status 200\)$/],
  page: [answer(200, '<html>'), /: its answer has no access_token .*\(status 200\)$/],
  broken: [granted({ access_token: 'line\nt0ken' }), /: its answer has no access_token /],
  late: [json(201, { access_token: 't0ken' }), /: its answer has no .*\(status 201\)$/],
  missing: [answer(404, '<html>'), /: it has no tokens at such a path: .*\(status 404\)$/],
  hurried: [answer(429), /: it is asked too often: .*\(status 429\)$/],
  ill: [answer(503), /: it fails: .*\(status 503\)$/],
  moved: [answer(307, '', { Location: '/good' }), /: it redirects \(status 307\)/],
  rude: [hangUp, /: it closes the connection without an answer/],
};

test('what a server of tokens answers is judged in words, without a secret', async () => {
  const tokens = await Upstream.start((request) =>
    TOKEN_CASES[request.target.slice(1).split('?')[0]][0]);
  try {
    for (const [name, [, says]] of Object.entries(TOKEN_CASES)) {
      const { line } = await probeToken(oauth(`${tokens.origin}/${name}`));
      assert.match(line, says);
      assert.ok(line.startsWith(`hub "chat": auth_url ${tokens.origin}/${name}, auth_client "wps": `));
    }
  } finally {
    await tokens.close();
  }
});

test('the answer with a token has a limit', async () => {
  const limit = 64 * 1024;
  const padded = (length) => {
    const bare = JSON.stringify({ access_token: 'a', pad: '' }).length;
    return JSON.stringify({ access_token: 'a', pad: 'x'.repeat(length - bare) });
  };
  const tokens = await Upstream.start((request) =>
    answer(200, padded(request.target.startsWith('/most') ? limit : limit + 1)));
  try {
    assert.match((await probeToken(oauth(`${tokens.origin}/most`))).line, /: grants a token$/);
    assert.match((await probeToken(oauth(`${tokens.origin}/more`))).line,
      /: its answer is too large/);
  } finally {
    await tokens.close();
  }
});

test('why there is no connection for tokens is said in words', () => withDeadUrls(async (cases) => {
  for (const [url, says] of cases) {
    const { code, line } = await probeToken(oauth(url));
    assert.match(line, says);
    assert.equal(code, 1);
  }
}));

test('a token is asked for as for events, and once where it is the same', async () => {
  const upstream = await Upstream.start((request) =>
    (request.target.startsWith('/token') ? granted() : null));
  const handler = (more = {}) => ({ ...oauth(`${upstream.origin}/token`), url: upstream.origin,
    auth_scope: 'api/.default', auth_audience: 'app', ...more });
  try {
    const others = [{ auth_scope: 'other' }, { auth_client: 'b&c' }, { auth_audience: 'b' },
      { auth_secret: 'another' }, { auth_url: `${upstream.origin}/token?other` }];
    const { code, output } = await probe([handler(), handler(), ...others.map(handler)],
      { hubs: { chat: { event_handlers: [handler(), handler(), ...others.map(handler)] },
        news: { event_handlers: [handler()] } } });
    assert.equal(code, 0, output);
    const posts = upstream.requests.filter((request) => request.method === 'POST');
    assert.equal(posts.length, 1 + others.length);
    assert.equal(posts[0].target, '/token?code=s3cret');
    assert.equal(posts[0].headers['content-type'], 'application/x-www-form-urlencoded');
    assert.match(posts[0].headers['user-agent'], /^wps\//);
    assert.deepEqual(Object.fromEntries(new URLSearchParams(posts[0].body.toString())), {
      grant_type: 'client_credentials', client_id: 'wps', client_secret: 'pa55word',
      scope: 'api/.default', audience: 'app' });
    assert.match(output, /auth_client "wps", auth_scope "api\/\.default", auth_audience "app": grants a token$/m);
    assert.equal(output.match(/grants a token$/mg).length, posts.length);
  } finally {
    await upstream.close();
  }
});

test('a server of tokens that takes only basic authentication is tried with it', async () => {
  const taken = `Basic ${Buffer.from('w%3Aps:pa55word+%2B%25%C3%A9').toString('base64')}`;
  const tokens = await Upstream.start((request) => (request.headers.authorization === taken ?
    granted() : json(401, { error: 'invalid_client' })));
  const handler = (more = {}) => ({ ...oauth(tokens.origin), auth_client: 'w:ps',
    auth_secret: 'pa55word +%\u00e9', ...more });
  try {
    const body = await probeToken(handler());
    assert.match(body.line, /auth_client "w:ps": it does not know .* or set auth_method .*invalid_client\)$/);
    const basic = await probeToken(handler({ auth_method: 'basic' }));
    assert.match(basic.line, /auth_client "w:ps", auth_method "basic": grants a token$/);
    assert.equal(tokens.requests.at(-1).body.toString(), 'grant_type=client_credentials');
    // It is another request, so both are made.
    const { output } = await probe([handler(), handler({ auth_method: 'basic' })]);
    assert.equal(output.match(/auth_url/g).length, 2);
    assert.ok(!output.includes(taken.slice(6)));
  } finally {
    await tokens.close();
  }
});

test('a token that is not granted is wrong although the handler agrees', async () => {
  const upstream = await Upstream.start((request) =>
    (request.target.startsWith('/token') ? json(401, { error: 'invalid_client' }) : null));
  try {
    const handler = { ...oauth(`${upstream.origin}/token`), url: upstream.origin, validation: true };
    const { code, output } = await probe([handler]);
    assert.equal(code, 1);
    const lines = output.trim().split('\n');
    assert.equal(lines.length, 2, output);
    assert.match(lines[0], /: agrees$/);
    assert.match(lines[1], /invalid_client\)$/);
  } finally {
    await upstream.close();
  }
});

test('a key that is too large to sign with is refused before it is used', async () => {
  const upstream = await Upstream.start();
  const handler = { url: upstream.origin, auth: 'jwt', auth_audience: 'app' };
  try {
    for (const [bits, says] of [[8192, /: agrees$/m],
      [8193, /signing_key: no token can be signed with it; an RSA key has at most 8192 bits/]]) {
      // Of several primes a large key is found soon.
      const key = execFileSync('openssl', ['genrsa', '-primes', '5', String(bits)],
        { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
      const { code, output } = await probe([handler], { cloudevents: { signing_key: key } });
      assert.match(output, says);
      assert.equal(code, bits === 8192 ? 0 : 1);
    }
  } finally {
    await upstream.close();
  }
});
