// A private certification authority and a server's certificate of it, made with
// the openssl program in a folder that the caller removes.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const NAMES = 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1';
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

function openssl(dir, ...args) {
  execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
}

export function makeCertificates() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'wps-ca-'));
  const file = (name) => path.join(dir, name);
  openssl(dir, 'req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.pem',
    '-days', '1', '-subj', '/CN=wps test CA');
  openssl(dir, 'req', '-x509', '-CA', 'ca.pem', '-CAkey', 'ca.key', ...NEW_KEY,
    '-keyout', 'server.key', '-out', 'server.pem', '-days', '1',
    '-subj', '/CN=localhost', '-addext', NAMES,
    '-addext', 'basicConstraints=critical,CA:FALSE');
  fs.chmodSync(file('server.key'), 0o600);
  return {
    caFile: file('ca.pem'),
    ca: fs.readFileSync(file('ca.pem'), 'utf8'),
    certificate: file('server.pem'),
    key: `file:${file('server.key')}`,
    remove: () => fs.rmSync(dir, { recursive: true }),
  };
}
