// The page: a name, then the room. The client SDK keeps the connection.
import { WebPubSubClient } from '@azure/web-pubsub-client';

const ROOM = 'lobby';
const $ = (id) => document.getElementById(id);
let me = '';
let client;

// A hue for each name, the same in every window.
function hueOf(name) {
  let hash = 7;
  for (const char of name) hash = (hash * 31 + char.codePointAt(0)) % 360;
  return hash;
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function avatar(name) {
  const made = element('span', 'avatar', [...name][0].toUpperCase());
  made.style.setProperty('--hue', hueOf(name));
  made.setAttribute('aria-hidden', 'true');
  return made;
}

function addLine(line) {
  const list = $('lines');
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  list.append(line);
  if (atEnd) line.scrollIntoView();
}

function clock() {
  return new Date().toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

// Consecutive lines of one person stand together under one name.
function showText(name, text) {
  const list = $('lines');
  const follows = list.lastElementChild?.dataset.from === name;
  const line = element('li', `said ${name === me ? 'mine' : ''}`, '');
  line.dataset.from = name;
  if (follows) line.classList.add('follows');
  else line.append(avatar(name), element('span', 'name', name === me ? 'You' : name));
  line.append(element('span', 'text', text));
  if (!follows) line.append(element('time', '', clock()));
  addLine(line);
}

function showNote(text, className = '') {
  addLine(element('li', `note ${className}`, text));
}

function showPeople(people) {
  $('people').replaceChildren(...people.map((name) => {
    const item = element('li', '', name);
    item.prepend(avatar(name));
    return item;
  }));
}

const notes = {
  came: ({ name }) => name === me ? 'You are in the lobby' : `${name} came in`,
  went: ({ name }) => `${name} left`,
  roll: ({ name, dice, total }) =>
    `${name === me ? 'You' : name} rolled ${dice.join(' + ')}` +
    (dice.length > 1 ? ` = ${total}` : ''),
};

function onGroupMessage({ message }) {
  const { data, fromUserId } = message;
  // What the application tells comes without a user.
  if (!fromUserId) {
    if (data.people) showPeople(data.people);
    if (data.kind in notes) showNote(notes[data.kind](data), data.kind);
    return;
  }
  showText(fromUserId, String(data.text));
}

function showState(text, isGood) {
  $('state').textContent = text;
  $('state').classList.toggle('bad', !isGood);
}

async function negotiate(name) {
  const answer = await fetch(`negotiate?name=${encodeURIComponent(name)}`);
  const { url, error } = await answer.json();
  if (error) throw new Error(error);
  return url;
}

async function enter(name) {
  me = name;
  client = new WebPubSubClient({ getClientAccessUrl: () => negotiate(name) });
  client.on('connected', () => showState('connected', true));
  client.on('disconnected', () => showState('reconnecting…', false));
  client.on('stopped', () => showState('disconnected', false));
  client.on('group-message', onGroupMessage);
  await client.start();
  $('door').hidden = true;
  $('room').hidden = false;
  document.title = `${name} · Chat on wps`;
  $('text').focus();
}

async function say(text) {
  const [, dice] = /^\/roll\s*(\S*)$/.exec(text) ?? [];
  if (dice !== undefined) {
    await client.sendEvent('roll', dice || 'd6', 'text');
    return;
  }
  await client.sendToGroup(ROOM, { text }, 'json', { noEcho: true });
  showText(me, text);
}

$('enter').addEventListener('submit', async (event) => {
  event.preventDefault();
  $('refusal').textContent = '';
  try {
    await enter($('name').value.trim());
  } catch (error) {
    $('refusal').textContent = error.message || 'The server does not answer.';
  }
});

$('say').addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = $('text').value.trim();
  if (!text) return;
  $('text').value = '';
  try {
    await say(text);
  } catch {
    showNote(`Not sent: ${text}`, 'failed');
  }
});
