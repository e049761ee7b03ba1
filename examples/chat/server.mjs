// The chat's application: one Express site that serves the page, makes access URLs
// for browsers, and answers the hub's events. Everything that it knows of wps is a
// connection string.
import http from 'node:http';
import { fileURLToPath } from 'node:url';

import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { WebPubSubEventHandler } from '@azure/web-pubsub-express';
import { build } from 'esbuild';
import express from 'express';

const HUB = 'chat';
const ROOM = 'lobby';
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,23}$/u;
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

// The page's script with the client SDK, as one file for the browser.
async function bundlePage() {
  const { outputFiles: [file] } = await build({
    entryPoints: [here('public/page.mjs')],
    bundle: true,
    format: 'esm',
    minify: true,
    write: false,
    logLevel: 'error',
  });
  return file.contents;
}

function rollDice(text) {
  const [, count, sides] = /^(\d)?d(\d{1,3})$/.exec(text) ?? [];
  if (!(sides > 1)) return null;
  const dice = Array.from({ length: Number(count ?? 1) },
    () => 1 + Math.floor(Math.random() * sides));
  return { dice, total: dice.reduce((sum, one) => sum + one, 0) };
}

function eventHandler(service) {
  const people = new Map(); // connection id -> name
  const tell = (message) =>
    service().group(ROOM).sendToAll(message).catch(console.error);
  const tellPeople = (happened) =>
    tell({ ...happened, people: [...new Set(people.values())].sort() });

  return new WebPubSubEventHandler(HUB, {
    path: '/eventhandler',
    // Who may enter, and what they may do there. The name is kept as the
    // connection's state, which comes back with each of its events: context.userId
    // is a header, in which Node misreads all letters beyond ASCII.
    handleConnect(request, response) {
      const [name] = request.claims.sub ?? [];
      if (!name) {
        response.fail(401, 'Please say who you are.');
        return;
      }
      response.setState('name', name);
      response.success({ groups: [ROOM], roles: [`webpubsub.sendToGroup.${ROOM}`] });
    },
    onConnected({ context }) {
      people.set(context.connectionId, context.states.name);
      tellPeople({ kind: 'came', name: context.states.name });
    },
    onDisconnected({ context }) {
      people.delete(context.connectionId);
      tellPeople({ kind: 'went', name: context.states.name });
    },
    // "roll" is answered to everybody; the caller gets its count of rolls, which
    // the server keeps with the connection.
    handleUserEvent({ context, data }, response) {
      const roll = context.eventName === 'roll' ? rollDice(data) : null;
      if (!roll) {
        response.fail(400, 'not a roll');
        return;
      }
      const rolls = (context.states.rolls ?? 0) + 1;
      response.setState('rolls', rolls);
      tell({ kind: 'roll', name: context.states.name, dice: data, ...roll });
      response.success(JSON.stringify({ kind: 'rolls', rolls }), 'json');
    },
  });
}

// Starts the chat; returns its `url` and `close`. connectionString() is asked when
// the first browser comes.
export async function startChat({ port = 0, connectionString }) {
  let client;
  const service = () => client ??= new WebPubSubServiceClient(
    connectionString(), HUB, { allowInsecureConnection: true });
  const page = await bundlePage();
  const site = express();
  site.disable('x-powered-by');
  site.use(eventHandler(service).getMiddleware());
  site.get('/page.js', (_request, response) =>
    response.type('text/javascript').send(Buffer.from(page)));
  site.get('/negotiate', async (request, response) => {
    const name = String(request.query.name ?? '').trim();
    if (!NAME.test(name)) {
      response.status(400).json({ error: 'A name has 1 to 24 letters or digits.' });
      return;
    }
    const { url } = await service().getClientAccessToken(
      { userId: name, expirationTimeInMinutes: 5 });
    response.json({ url });
  });
  site.use(express.static(here('public')));
  const server = http.createServer(site);
  await new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

if (process.argv[1] === here('server.mjs')) {
  const { CONNECTION_STRING, PORT = '3000' } = process.env;
  const chat = await startChat(
    { port: Number(PORT), connectionString: () => CONNECTION_STRING });
  console.log(`\nThe chat is at ${chat.url}; open it in two windows. Ctrl-C ends it.\n`);
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => chat.close().then(() => process.exit(0)));
}
