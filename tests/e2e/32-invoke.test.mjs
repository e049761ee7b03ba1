// Invocations: events with correlated answers, several at a time.
import assert from 'node:assert/strict';

import { openReliable, recover } from './support/reliable.mjs';
import { serverTest, twoWorkers } from './support/server.mjs';
import { answer, Upstream } from './support/upstream.mjs';
import { Inbox, within } from './support/wait.mjs';

// An upstream whose answers to "later" come when a test says so.
function prepare(own = () => null) {
  return async () => {
    const held = new Inbox('held events');
    const upstream = await Upstream.start((request) => {
      if (request.event !== 'later') return own(request);
      return (socket) => held.push({ text: request.body.toString(), socket,
        give: (bytes) => socket.write(bytes) });
    });
    upstream.held = held;
    return { upstream, hubs: { chat: { event_handlers: [{
      url: `${upstream.origin}/{event}`, user_events: 'echo, later, fail, empty, null, meta',
      system_events: ['disconnected'] }] } } };
  };
}

const TEXT = { 'Content-Type': 'text/plain' };

function echo(request) {
  if (request.event === 'echo')
    return answer(200, request.body, { 'Content-Type': request.headers['content-type'] });
  if (request.event === 'null')
    return answer(200, 'null', { 'Content-Type': 'application/json' });
  if (request.event === 'fail') return answer(500, 'inside', TEXT);
  if (request.event === 'meta')
    return answer(200, '1', { ...TEXT, 'X-WebPubSub-Metadata-Key': 'v' });
  return null;
}

const invoke = (id, event, more = {}) =>
  ({ type: 'invoke', invocationId: id, target: 'event', event, ...more });
const later = (n) => invoke(`${n}`, 'later', { dataType: 'text', data: `${n}` });

serverTest('an invocation is answered as the application answers',
  { prepare: prepare(echo) }, async (server, upstream) => {
    const socket = await server.rawGreeted('chat', { userId: 'ann' });
    const cases = [
      [invoke('1', 'echo', { dataType: 'json', data: { b: 1, a: [1.0] } }),
        '"success":true,"dataType":"json","data":{"b":1,"a":[1]}'],
      [invoke('a "b"', 'echo', { dataType: 'text', data: 'Grüße' }),
        '"success":true,"dataType":"text","data":"Grüße"'],
      [invoke('3', 'echo', { dataType: 'binary', data: 'BQEB' }),
        '"success":true,"dataType":"binary","data":"BQEB"'],
      [invoke('4', 'empty'), '"success":true'],
      [{ ...invoke('5', 'empty'), target: undefined }, '"success":true'],
      [invoke('6', 'meta'), '"success":true,"dataType":"text","data":"1","metadata":{"key":"v"}'],
      [invoke('7', 'fail'),
        '"success":false,"error":{"name":"InternalServerError","message":"Internal server error"}'],
      [invoke('8', 'unknown'),
        '"success":false,"error":{"name":"NotFound","message":"No event handler"}'],
      [{ ...invoke('9', 'echo'), target: 'user' },
        '"success":false,"error":{"name":"BadRequest","message":"Only events can be invoked"}'],
    ];
    for (const [request, expected] of cases) {
      socket.sendJson(request);
      assert.equal(await socket.text(), '{"type":"invokeResponse","invocationId":' +
        `${JSON.stringify(request.invocationId)},${expected}}`);
    }
    const [empty] = upstream.requestsOf('empty');
    assert.equal(empty.headers['content-type'], 'application/octet-stream');
    assert.equal(empty.body.length, 0);
    assert.equal(empty.headers['ce-type'], 'azure.webpubsub.user.empty');
  });

serverTest('the client SDK invokes events', { prepare: prepare(echo) },
  async (server) => {
    const client = await server.client('chat');
    const result = await client.invokeEvent('echo', { sku: 9 }, 'json');
    assert.deepEqual(result.data, { sku: 9 });
    for (const name of ['empty', 'null']) {
      const nothing = client.invokeEvent(name, 'x', 'text');
      assert.equal((await within(nothing, 'the response')).data, undefined);
    }
    await assert.rejects(() => client.invokeEvent('fail', 'x', 'text'));
    await assert.rejects(() => client.invokeEvent('unknown', 'x', 'text'));
  });

serverTest('an invocation without an id, or with a bad one, closes the client',
  { workerCounts: [1], prepare: prepare() }, async (server) => {
    for (const id of [undefined, 1, '', 'x'.repeat(129), null]) {
      const socket = await server.rawGreeted('chat');
      socket.sendJson({ ...invoke('', 'echo'), invocationId: id });
      assert.equal((await socket.closing()).code, 1007);
    }
  });

serverTest('sixteen run at once, others wait in their order, and nothing is lost',
  { prepare: prepare() }, async (server, upstream) => {
    const socket = await server.rawGreeted('chat', { roles: ['webpubsub.joinLeaveGroup'] });
    for (let n = 0; n < 40; n++) socket.sendJson(later(n));
    const running = [];
    while (running.length < 16) running.push(await upstream.held.next());
    // Behind 16 that run and 16 that wait its messages wait, but for these.
    socket.sendJson({ type: 'joinGroup', group: 'g', ackId: 1 });
    socket.sendJson({ type: 'ping' });
    assert.deepEqual(await socket.json(), { type: 'pong' });
    assert.equal(upstream.held.length, 0, 'no more than 16');
    const order = [];
    let acked = null;
    for (let n = 0; n < 40; n++) {
      const one = running.shift();
      one.give(answer(200, one.text, TEXT));
      let response = await socket.json();
      if (response.type === 'ack') {
        acked = order.length;
        response = await socket.json();
      }
      assert.equal(response.invocationId, one.text);
      assert.equal(response.data, one.text);
      order.push(Number(one.text));
      if (n < 24) running.push(await upstream.held.next());
    }
    assert.deepEqual(order.slice(0, 16).sort((a, b) => a - b), [...Array(16).keys()]);
    assert.deepEqual(order.slice(16), [...Array(24).keys()].map((n) => n + 16));
    assert.ok(acked >= 8, `the join ran behind ${acked}`);
  });

serverTest('invocations run beside events and other requests',
  { prepare: prepare(echo) }, async (server, upstream) => {
    const socket = await server.rawGreeted('chat', { roles: ['webpubsub.joinLeaveGroup'] });
    socket.sendJson(later(1));
    const one = await upstream.held.next();
    const event = await socket.ask({ type: 'event', event: 'echo', dataType: 'text',
      data: 'x', ackId: 1 });
    assert.equal(event.before[0].data, 'x');
    await socket.ask({ type: 'joinGroup', group: 'g', ackId: 2 });
    socket.sendJson(invoke('1', 'echo'));
    const refused = await socket.json();
    assert.deepEqual(refused, { type: 'invokeResponse', invocationId: '1', success: false,
      error: { name: 'BadRequest', message: 'The invocation is running' } });
    one.give(answer(200, 'first', TEXT));
    assert.equal((await socket.json()).data, 'first');
    socket.sendJson(later(1));
    (await upstream.held.next()).give(answer(200, 'again', TEXT));
    assert.equal((await socket.json()).data, 'again');
  });

serverTest('a cancelled invocation is aborted and not answered',
  { prepare: prepare(echo) }, async (server, upstream) => {
    const socket = await server.rawGreeted('chat');
    for (let n = 0; n < 20; n++) socket.sendJson(later(n));
    const running = [];
    while (running.length < 16) running.push(await upstream.held.next());
    const first = running.shift();
    const closed = new Promise((resolve) => first.socket.on('close', resolve));
    for (const id of ['17', 'unknown', first.text])
      socket.sendJson({ type: 'cancelInvocation', invocationId: id });
    await within(closed, 'end of the cancelled request');
    running.push(await upstream.held.next());
    for (let n = 0; n < 18; n++) {
      const one = running.shift();
      one.give(answer(200, one.text, TEXT));
      assert.equal((await socket.json()).data, one.text);
      if (n < 2) running.push(await upstream.held.next());
    }
    socket.sendJson(invoke('end', 'empty'));
    assert.equal((await socket.json()).invocationId, 'end');
    assert.ok(!upstream.requestsOf('later').some((r) => r.body.toString() === '17'));
  });

serverTest('a cancel overtakes what waits behind an event',
  { prepare: prepare(echo) }, async (server, upstream) => {
    const socket = await server.rawGreeted('chat');
    socket.sendJson(later(1));
    const one = await upstream.held.next();
    socket.sendJson({ type: 'event', event: 'later', dataType: 'text', data: 'event', ackId: 1 });
    const event = await upstream.held.next();
    socket.sendJson(later(2));
    const closed = new Promise((resolve) => one.socket.on('close', resolve));
    socket.sendJson({ type: 'cancelInvocation', invocationId: '1' });
    await within(closed, 'end of the cancelled request');
    // Of one that waits itself, the cancel keeps its place behind it.
    socket.sendJson({ type: 'cancelInvocation', invocationId: '2' });
    event.give(answer(204));
    assert.equal((await socket.json()).ackId, 1);
    socket.sendJson(invoke('end', 'empty'));
    assert.equal((await socket.json()).invocationId, 'end');
  });

serverTest('a client that goes away takes its invocations along',
  { prepare: prepare(echo) }, async (server, upstream) => {
    const socket = await server.rawGreeted('chat');
    for (let n = 0; n < 20; n++) socket.sendJson(later(n));
    const running = [];
    while (running.length < 16) running.push(await upstream.held.next());
    const closed = Promise.all(running.map((one) =>
      new Promise((resolve) => one.socket.on('close', resolve))));
    socket.cut();
    await within(closed, 'end of all requests');
    await upstream.events.find((r) => r.event === 'disconnected');
    assert.equal(upstream.requestsOf('later').length, 16);
  });

serverTest('an answer while the transport is lost is not said afterwards',
  { prepare: prepare(echo) }, async (server, upstream) => {
    const [near, far] = twoWorkers(server);
    const lost = await openReliable(server, { worker: near });
    lost.sendJson(later(1));
    const one = await upstream.held.next();
    lost.cut();
    await server.logs(new RegExp(`conn=${lost.id} from=open to=detached`));
    one.give(answer(200, 'nobody hears it', TEXT));
    // The same worker has an answer behind it.
    const other = await server.rawGreeted('chat', { worker: near });
    other.sendJson(invoke('1', 'empty'));
    await other.json();
    await server.service('chat').sendToConnection(lost.id, 'news', { contentType: 'text/plain' });
    const back = await recover(server, lost, { worker: far });
    const news = await back.json();
    assert.deepEqual([news.data, news.sequenceId], ['news', 1]);
    back.sendJson(later(1));
    (await upstream.held.next()).give(answer(200, 'again', TEXT));
    assert.equal((await back.json()).data, 'again');
    await back.close();
  });

// 1 KiB may wait; more has waited in the end.
serverTest('what has waited makes room for others', {
  prepare: async () => {
    const made = await prepare(echo)();
    made.hubs.chat.max_waiting_bytes = '1KiB';
    return made;
  },
}, async (server, upstream) => {
  const socket = await server.rawGreeted('chat');
  for (let round = 0; round < 16; round++) {
    for (let n = 0; n < 17; n++) socket.sendJson(later(n));
    const running = [];
    while (running.length < 16) running.push(await upstream.held.next());
    for (let n = 0; n < 17; n++) {
      running.shift().give(answer(200, 'x', TEXT));
      if (n === 0) running.push(await upstream.held.next());
    }
    for (let n = 0; n < 17; n++)
      assert.equal((await socket.json()).success, true);
  }
});
