// JSON Web Tokens by hand, for those that no SDK would make.
import crypto from 'node:crypto';

const part = (value) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
    .toString('base64url');

export function signToken(key, claims, header = { alg: 'HS256', typ: 'JWT' }) {
  const now = Math.floor(Date.now() / 1000);
  const signed = `${part(header)}.${part({ iat: now, exp: now + 600, ...claims })}`;
  const mac = crypto.createHmac('sha256', key).update(signed);
  return `${signed}.${mac.digest('base64url')}`;
}

// A REST call as the SDKs make it, without their judging of the answer. The
// token null leaves it out.
export function callRest(server, method, path, options = {}) {
  const url = `${server.url(options.worker)}/api${path}`;
  const token = options.token !== undefined ? options.token :
    signToken(options.key ?? server.key, { aud: options.audience ?? url });
  const headers = { ...options.headers };
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  return fetch(url, { method, headers, body: options.body });
}
