// The client SDK behind a proxy of its own, which makes its network fail on demand.
import { WebPubSubClient } from '@azure/web-pubsub-client';

import { Proxy } from './proxy.mjs';
import { ALL_ROLES } from './reliable.mjs';
import { signToken } from './token.mjs';
import { once } from './wait.mjs';

// A member of the group "deck"; its connections go to the addresses in turn. The
// server closes client and proxy, also those of a test that fails. `listen` is told
// the client before it starts.
export async function startLossy(server, name, { to, protocol, join, listen } = {}) {
  const proxy = server.own(await Proxy.start(to ?? everyWorker(server)));
  const path = `${proxy.address}/client/hubs/chat`;
  const token = signToken(server.key,
    { aud: `http://${path}`, sub: name, role: ALL_ROLES });
  const client = new WebPubSubClient(`ws://${path}?access_token=${token}`,
    { protocol, autoReconnect: false, keepAliveIntervalInMs: 0,
      keepAliveTimeoutInMs: 0 });
  server.own({ close: () => client.stop() });
  const member = { name, proxy, client };
  listen?.(member);
  const connected = once(client, 'connected');
  await client.start();
  member.id = (await connected).connectionId;
  await client.joinGroup('deck', join);
  return member;
}

function everyWorker(server) {
  return Array.from({ length: server.workers }, (_, n) => server.address(n));
}

// A client that is just recovering, because of a late fault, does not hear that it
// shall stop.
export async function stopLossy({ client }) {
  const stopped = once(client, 'stopped');
  const timer = setInterval(() => client.stop(), 5);
  await stopped.finally(() => clearInterval(timer));
}
