// Who asks: tokens of all kinds, certificates, and TLS towards the application.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http2 from 'node:http2';
import os from 'node:os';
import path from 'node:path';

import { openRaw } from './support/rawws.mjs';
import { serverTest } from './support/server.mjs';
import { answer, Upstream } from './support/upstream.mjs';
import { Inbox } from './support/wait.mjs';

const EVENTS = { user_events: '*', system_events: ['connect', 'connected', 'disconnected'] };
const event = (ackId) => ({ type: 'event', event: 'e', dataType: 'text', data: 'x', ackId });

// A hub whose handler is a raw upstream with these options.
function prepare(options, respond) {
  return async () => {
    const upstream = await Upstream.start(respond);
    const made = typeof options === 'function' ? options(upstream) : options;
    return { upstream, hubs: { chat: { anonymous: true, event_handlers: [{
      url: `${upstream.origin}/{event}`, ...EVENTS, ...made }] } } };
  };
}

serverTest('a static token is on every event and on no handshake',
  { workerCounts: [1], prepare: prepare({ auth: 'bearer', auth_token: 'tok3n' }) },
  async (server, upstream) => {
    server.hideFromLog('tok3n');
    const socket = await server.rawGreeted('chat');
    await socket.ask(event(1));
    for (const request of upstream.requests)
      assert.equal(request.headers.authorization,
        request.method === 'POST' ? 'Bearer tok3n' : undefined);
  });

// A server of tokens; each is another one.
function issuing(state) {
  return (request) => {
    if (request.target !== '/token') return state.refuse?.(request) ?? null;
    state.asked.push(request);
    if (state.down) return answer(503);
    const token = `granted-${state.asked.length}`;
    return answer(200, JSON.stringify({ access_token: token, token_type: 'Bearer',
      expires_in: state.lifetime }), { 'Content-Type': 'application/json' });
  };
}

const oauth = (upstream) => ({ auth: 'oauth', auth_url: `${upstream.origin}/token`,
  auth_client: 'wps & co', auth_secret: 'pa55/+', auth_scope: 'api://app/.default',
  auth_audience: 'app' });

const granted = { asked: [], lifetime: 3600 };

serverTest('a token of client credentials is fetched once and kept',
  { workerCounts: [1], prepare: prepare(oauth, issuing(granted)) },
  async (server, upstream) => {
    server.hideFromLog('granted');
    server.hideFromLog('pa55');
    await Promise.all([1, 2, 3, 4].map(() => server.rawGreeted('chat')));
    assert.equal(granted.asked.length, 1);
    const [request] = granted.asked;
    assert.equal(request.method, 'POST');
    assert.equal(request.headers['content-type'], 'application/x-www-form-urlencoded');
    assert.deepEqual(Object.fromEntries(new URLSearchParams(request.body.toString())), {
      grant_type: 'client_credentials', client_id: 'wps & co', client_secret: 'pa55/+',
      scope: 'api://app/.default', audience: 'app' });
    for (const one of upstream.requests.filter((r) => r.event))
      assert.equal(one.headers.authorization, 'Bearer granted-1');
  });

// What a server of tokens that takes only Basic makes of a request (RFC 6749, 2.3.1).
const ODD = { auth_client: 'wps: a+b 50%41 J\u00fcrgen', auth_secret: 'p:a+s% s%20w\u00f6rd~\u20ac/=&' };

function fromBasic(request) {
  const [scheme, text] = (request.headers.authorization ?? '').split(' ');
  if (scheme !== 'Basic') return null;
  const parts = Buffer.from(text, 'base64').toString().split(':');
  assert.equal(parts.length, 2, 'a colon is between id and secret only');
  return parts.map((part) => decodeURIComponent(part.replaceAll('+', ' ')));
}

const basic = { asked: [], lifetime: 3600 };

serverTest('client id and secret are shown by basic authentication where auth_method says so',
  { workerCounts: [1], prepare: prepare((upstream) => ({ ...oauth(upstream), ...ODD,
    auth_method: 'basic' }), (request) => (request.target === '/token' && !fromBasic(request) ?
    answer(401, '{"error":"invalid_client"}') : issuing(basic)(request))) },
  async (server, upstream) => {
    server.hideFromLog('p:a+s');
    await server.rawGreeted('chat');
    assert.equal(basic.asked.length, 1);
    const [request] = basic.asked;
    assert.deepEqual(fromBasic(request), [ODD.auth_client, ODD.auth_secret]);
    // The blanks as in RFC 6749, appendix B.
    const [id] = Buffer.from(request.headers.authorization.slice(6), 'base64').toString().split(':');
    assert.equal(id, 'wps%3A+a%2Bb+50%2541+J%C3%BCrgen');
    // A client shows itself in one way only.
    assert.deepEqual(Object.fromEntries(new URLSearchParams(request.body.toString())), {
      grant_type: 'client_credentials', scope: 'api://app/.default', audience: 'app' });
    for (const one of upstream.requests.filter((r) => r.event))
      assert.equal(one.headers.authorization, 'Bearer granted-1');
  });

const short = { asked: [], lifetime: 1 };

serverTest('a token is fetched anew before it ends',
  { workerCounts: [1], prepare: prepare(oauth, issuing(short)) },
  async (server, upstream) => {
    const socket = await server.rawGreeted('chat');
    const started = Date.now();
    let n = 0;
    while (short.asked.length < 3) {
      assert.equal((await socket.ask(event(++n))).success, true);
      assert.ok(Date.now() - started < 10_000);
    }
    const [first, , third] = short.asked;
    assert.ok(third.at - first.at > 1000, 'a token is used for most of its time');
    assert.ok(upstream.requestsOf('e').length === n);
  });

const dark = { asked: [], down: true };

serverTest('without a token no event goes out, and its server is not hammered',
  { workerCounts: [1], prepare: prepare(oauth, issuing(dark)) },
  async (server, upstream) => {
    for (let n = 0; n < 20; n++)
      await assert.rejects(() => server.rawGreeted('chat'), { status: 500 });
    assert.equal(dark.asked.length, 1);
    assert.deepEqual(upstream.requests.filter((r) => r.event), []);
    assert.equal(server.log.match(/no token for an event handler/g).length, 1);
    assert.ok(!server.log.includes('pa55'));
  });

function makeKey(kind) {
  const options = kind === 'rsa' ? { modulusLength: 2048 } : { namedCurve: 'P-256' };
  return crypto.generateKeyPairSync(kind, options).privateKey
    .export({ type: 'pkcs8', format: 'pem' });
}

async function getJson(server, target) {
  const response = await fetch(`${server.url()}${target}`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/json');
  return response.json();
}

serverTest('documents of the key that signs are served',
  { workerCounts: [1], config: { public_endpoints: ['wps.example.net'],
    cloudevents: { signing_key: makeKey('ec') } } },
  async (server) => {
    const discovery = await getJson(server, '/.well-known/openid-configuration');
    assert.equal(discovery.issuer, 'https://wps.example.net');
    const { keys: [key] } = await getJson(server, '/.well-known/jwks.json');
    assert.deepEqual([key.kty, key.crv, key.use], ['EC', 'P-256', 'sig']);
  });

for (const [kind, algorithm] of [['rsa', 'RS256'], ['ec', 'ES256']]) {
  const config = { public_endpoints: ['https://wps.example.net:8443/'],
    cloudevents: { signing_key: makeKey(kind) } };
  serverTest(`a token that wps signs with ${algorithm} can be verified by its documents`,
    { workerCounts: [1], config, prepare: prepare({ auth: 'jwt', auth_audience: 'api://app' }) },
    async (server, upstream) => {
      // The endpoint is another one, so that no token would be for this address.
      server.own(await openRaw(`ws://${server.address()}/client/hubs/chat`));
      const [type, token] = upstream.requestsOf('connect')[0].headers.authorization.split(' ');
      server.hideFromLog(token);
      assert.equal(type, 'Bearer');
      const discovery = await getJson(server, '/.well-known/openid-configuration');
      assert.equal(discovery.issuer, 'https://wps.example.net:8443');
      assert.equal(discovery.jwks_uri, 'https://wps.example.net:8443/.well-known/jwks.json');
      assert.deepEqual(discovery.id_token_signing_alg_values_supported, [algorithm]);
      const { keys } = await getJson(server, '/.well-known/jwks.json');
      assert.equal(keys.length, 1);
      assert.equal(keys[0].d, undefined, 'the private part stays here');
      const [head, body, signature] = token.split('.');
      const header = JSON.parse(Buffer.from(head, 'base64url'));
      assert.deepEqual(header, { alg: algorithm, typ: 'JWT', kid: keys[0].kid });
      assert.ok(crypto.verify('sha256', `${head}.${body}`, {
        key: crypto.createPublicKey({ key: keys[0], format: 'jwk' }),
        dsaEncoding: 'ieee-p1363',
      }, Buffer.from(signature, 'base64url')));
      const claims = JSON.parse(Buffer.from(body, 'base64url'));
      assert.equal(claims.iss, discovery.issuer);
      assert.equal(claims.aud, 'api://app');
      assert.equal(claims.sub, 'chat');
      assert.equal(claims.exp - claims.iat, 3600);
      assert.ok(Math.abs(claims.iat - Date.now() / 1000) < 60);
      assert.equal((await fetch(`${server.url()}/.well-known/x`)).status, 404);
      const posted = await fetch(`${server.url()}/.well-known/jwks.json`, { method: 'POST' });
      assert.equal(posted.status, 405);
    });
}

// --- TLS ---------------------------------------------------------------------

// A CA of the test's own, and certificates by it.
function makeCertificates() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wps-e2e-tls-'));
  const file = (name) => path.join(folder, name);
  const run = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });
  const fresh = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  run(...fresh, '-x509', '-keyout', file('ca.key'), '-out', file('ca.pem'),
    '-days', '2', '-subj', '/CN=test ca');
  for (const name of ['server', 'client']) {
    fs.writeFileSync(file(`${name}.ext`), 'subjectAltName=IP:127.0.0.1\n');
    run(...fresh, '-keyout', file(`${name}.key`), '-out', file(`${name}.csr`),
      '-subj', `/CN=${name}`);
    run('x509', '-req', '-in', file(`${name}.csr`), '-CA', file('ca.pem'), '-CAkey',
      file('ca.key'), '-days', '2', '-extfile', file(`${name}.ext`), '-out', file(`${name}.pem`));
  }
  return { folder, file, read: (name) => fs.readFileSync(file(name)) };
}

// An application behind TLS that speaks HTTP/2 if asked, and wants certificates.
function tlsApp(certificates, { allowHTTP1 = true, requestCert = false } = {}) {
  return async () => {
    const seen = new Inbox('requests');
    const server = http2.createSecureServer({ allowHTTP1, requestCert,
      rejectUnauthorized: requestCert, ca: certificates.read('ca.pem'),
      key: certificates.read('server.key'), cert: certificates.read('server.pem') });
    const sessions = new Set();
    const peers = []; // names of their certificates
    let sockets = 0;
    server.on('session', (session) => sessions.add(session));
    server.on('secureConnection', (socket) => {
      sockets++;
      peers.push(socket.getPeerCertificate()?.subject?.CN);
      sessions.add(socket);
    });
    server.on('request', (request, response) => {
      request.resume();
      request.on('end', () => {
        seen.push({ method: request.method, version: request.httpVersion,
          event: request.headers['ce-eventname'], headers: request.headers,
          length: request.headers['content-length'] });
        response.writeHead(request.method === 'OPTIONS' ? 200 : 204,
          { 'WebHook-Allowed-Origin': '*' });
        response.end();
      });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
      seen,
      peers,
      origin: `https://127.0.0.1:${server.address().port}`,
      get sockets() { return sockets; },
      close: async () => {
        for (const session of sessions) session.destroy();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  };
}

const certificates = makeCertificates();
process.on('exit', () => fs.rmSync(certificates.folder, { recursive: true, force: true }));

function tls(app, options) {
  return async () => {
    const upstream = await app();
    return { upstream, hubs: { chat: { event_handlers: [{
      url: `${upstream.origin}/{event}`, ...EVENTS, ...options }] } } };
  };
}

const ca = certificates.file('ca.pem');

serverTest('HTTP/2 is spoken where it is offered, over few connections',
  { workerCounts: [1], prepare: tls(tlsApp(certificates), { ca }) },
  async (server, upstream) => {
    const socket = await server.rawGreeted('chat');
    for (let n = 1; n <= 20; n++) assert.equal((await socket.ask(event(n))).success, true);
    const requests = await Promise.all(Array(22).fill().map(() => upstream.seen.next()));
    for (const request of requests) assert.equal(request.version, '2.0');
    assert.equal(requests.find((r) => r.event === 'e').length, '1');
    assert.ok(upstream.sockets <= 2, `${upstream.sockets} connections`);
  });

serverTest('over HTTP/2 an event has the headers that it has over HTTP/1.1',
  { workerCounts: [1], prepare: tls(tlsApp(certificates), { ca, auth: 'bearer', auth_token: 'tok3n' }) },
  async (server, upstream) => {
    server.hideFromLog('tok3n');
    const socket = await server.rawGreeted('chat', { userId: 'ann' });
    await socket.ask({ ...event(1), metadata: { Topic: 'a,b', Empty: '' } });
    const { version, headers } = await upstream.seen.find((r) => r.event === 'e');
    const { ':authority': authority, 'ce-time': time, 'ce-signature': signature,
      'x-ms-client-request-id': id, 'user-agent': agent, ...others } = headers;
    assert.equal(version, '2.0');
    assert.equal(authority, new URL(upstream.origin).host);
    assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.match(signature, /^sha256=[0-9a-f]{64}$/);
    assert.match(id, /^[0-9a-f]{16}-\d+$/);
    assert.match(agent, /^wps\//);
    assert.deepEqual(Object.fromEntries(Object.entries(others)), {
      ':method': 'POST', ':path': '/e', ':scheme': 'https',
      authorization: 'Bearer tok3n', 'content-type': 'text/plain', 'content-length': '1',
      'webhook-request-origin': '127.0.0.1', 'ce-awpsversion': '1.0', 'ce-specversion': '1.0',
      'ce-type': 'azure.webpubsub.user.e', 'ce-source': `/hubs/chat/client/${socket.id}`,
      'ce-id': '2', 'ce-hub': 'chat', 'ce-connectionid': socket.id, 'ce-eventname': 'e',
      'ce-userid': 'ann', 'ce-subprotocol': 'json.webpubsub.azure.v1',
      'x-webpubsub-metadata-topic': 'a,b', 'x-webpubsub-metadata-empty': '',
    });
  });

serverTest('a certificate is shown to an application that wants one',
  { workerCounts: [1], prepare: tls(tlsApp(certificates, { requestCert: true }), {
    ca, certificate: certificates.file('client.pem'), key: certificates.file('client.key') }) },
  async (server, upstream) => {
    await server.rawGreeted('chat');
    await upstream.seen.find((r) => r.event === 'connect');
    for (const peer of upstream.peers) assert.equal(peer, 'client');
  });

serverTest('an application with a certificate of nobody we know gets no events',
  { workerCounts: [1], prepare: tls(tlsApp(certificates), { validation: false }) },
  async (server, upstream) => {
    await assert.rejects(() => server.rawGreeted('chat'), { status: 500 });
    assert.match(server.log, /problem="SSL peer certificate/);
    assert.equal(upstream.seen.length, 0);
  });

serverTest('without its certificate an application that wants one gets no events',
  { workerCounts: [1], prepare: tls(tlsApp(certificates, { requestCert: true }),
    { ca, validation: false }) },
  async (server, upstream) => {
    await assert.rejects(() => server.rawGreeted('chat'), { status: 500 });
    assert.equal(upstream.seen.length, 0);
  });
