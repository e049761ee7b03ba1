// Debian's Python SDK in a process of its own: each request line of the script is
// answered by one line of JSON.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { within } from './wait.mjs';

const SCRIPT = fileURLToPath(new URL('service.py', import.meta.url));

export function startPython(server, environment = {}) {
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...environment,
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
  const ended = new Promise((_resolve, reject) =>
    child.on('exit', () => reject(new Error('python ended'))));
  ended.catch(() => {});
  const ask = (...request) => {
    const answer = new Promise((resolve) => { onLine = resolve; });
    child.stdin.write(`${JSON.stringify(request)}\n`);
    return within(Promise.race([answer, ended]).then(JSON.parse),
      `python ${request[0]}`, 30_000);
  };
  server.own({ close: () => child.kill() });
  return ask;
}
