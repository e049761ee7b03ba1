// The example chat in a real browser: two people in two windows, one server.
// WPS_SCREENSHOTS names a folder for pictures of it.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { chromium } from 'playwright-core';

import { startChat } from '../../examples/chat/server.mjs';
import { Server } from './support/server.mjs';

const BROWSER = process.env.WPS_CHROMIUM ?? '/usr/bin/chromium';
const PICTURES = process.env.WPS_SCREENSHOTS;
const ARGUMENTS = [
  '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
  '--disable-background-networking', '--disable-component-update',
  '--disable-sync', '--no-first-run',
];

async function picture(page, name) {
  if (PICTURES)
    await page.screenshot({ path: path.join(PICTURES, `${name}.png`) });
}

// A window of its own; whatever goes wrong in it fails the test.
async function openPage(browser, url, options = {}) {
  const context = await browser.newContext(
    { viewport: { width: 760, height: 620 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.troubles = [];
  page.on('pageerror', (error) => page.troubles.push(String(error)));
  await page.goto(url);
  return page;
}

async function enter(page, name) {
  await page.fill('#name', name);
  await page.click('#enter button');
  await page.waitForSelector(`.note:has-text("You are in the lobby")`);
}

async function say(page, text) {
  await page.fill('#text', text);
  await page.click('#say button');
}

const line = (page, name, text) =>
  page.waitForSelector(`.said[data-from="${name}"] .text:text-is("${text}")`);

async function talk(browser, chat, server) {
  const ann = await openPage(browser, chat.url);
  const bob = await openPage(browser, chat.url, { colorScheme: 'dark' });
  await ann.fill('#name', '<b>');
  await ann.click('#enter button');
  await ann.waitForSelector('#refusal:has-text("A name has")');
  await picture(ann, 'door');

  await enter(ann, 'Ann');
  await enter(bob, 'Bob Ünlü');
  await ann.waitForSelector('.note.came:has-text("Bob Ünlü came in")');
  await ann.waitForSelector('#people li:has-text("Bob Ünlü")');

  await say(ann, 'Hello, is anybody here?');
  await line(bob, 'Ann', 'Hello, is anybody here?');
  await say(bob, 'Yes! <script>alert(1)</script> 🌍');
  await line(ann, 'Bob Ünlü', 'Yes! <script>alert(1)</script> 🌍');
  await say(bob, 'Shall we throw dice?');
  await line(ann, 'Bob Ünlü', 'Shall we throw dice?');
  await say(ann, '/roll 2d6');
  await bob.waitForSelector('.note.roll:has-text("Ann rolled")');
  await ann.waitForSelector('.note.roll:has-text("You rolled")');
  await say(ann, '/roll nonsense');
  await ann.waitForSelector('.note.failed');
  assert.equal(await ann.locator('.said.mine').count(), 1, 'no echo came');
  await picture(ann, 'ann');
  await picture(bob, 'bob');

  await server.service('chat').closeUserConnections('Bob Ünlü', { reason: 'bye' });
  await ann.waitForSelector('.note.went:has-text("Bob Ünlü left")');
  // The SDK asks for a new URL and comes back.
  await bob.waitForFunction(() =>
    document.querySelectorAll('.note.came').length === 2);
  await ann.waitForSelector('#people li:has-text("Bob Ünlü")');
  await say(ann, 'Welcome back');
  await line(bob, 'Ann', 'Welcome back');
  assert.deepEqual([...ann.troubles, ...bob.troubles], []);
}

test('two people chat in a browser', { timeout: 120_000 }, async (t) => {
  let server;
  const chat = await startChat({ connectionString: () => server.connectionString() });
  const handler = { url: `${chat.url}/eventhandler/{event}`, user_events: '*',
    system_events: ['connect', 'connected', 'disconnected'] };
  const hubs = { chat: { event_handlers: [handler] } };
  const browser = await chromium.launch(
    { executablePath: BROWSER, headless: true, args: ARGUMENTS });
  try {
    server = await Server.start({ workers: 4, hubs });
    await talk(browser, chat, server);
    await browser.close();
    await server.stop();
  } catch (error) {
    await server?.stop().catch(() => {});
    t.diagnostic(`log of wps:\n${server?.log}`);
    throw error;
  } finally {
    await browser.close();
    await chat.close();
  }
});
