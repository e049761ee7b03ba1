// The corpus of the JSON scanner, judged by Node: what is named ok- is JSON for both,
// what is named no- for neither, but for the rules that are ours alone.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const CORPUS = fileURLToPath(new URL('../fuzz/corpus/jscan', import.meta.url));
const DEPTH = 128; // JSCAN_DEPTH

function isUtf8(bytes) {
  try {
    new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function depth(value) {
  let deepest = 0;
  const open = [[value, 0]];
  while (open.length > 0) {
    const [node, level] = open.pop();
    deepest = Math.max(deepest, level);
    if (node !== null && typeof node === 'object')
      for (const child of Object.values(node)) open.push([child, level + 1]);
    if (node !== null && typeof node === 'object')
      deepest = Math.max(deepest, level + 1);
  }
  return deepest;
}

function isJson(bytes) {
  if (!isUtf8(bytes)) return false;
  try {
    return depth(JSON.parse(bytes.toString('utf8'))) <= DEPTH;
  } catch {
    return false;
  }
}

test('the JSON scanner and Node agree on the corpus', () => {
  const names = fs.readdirSync(CORPUS).filter((name) => /^(ok|no)-/.test(name));
  assert.ok(names.length > 50, `${names.length} files`);
  for (const name of names) {
    const bytes = fs.readFileSync(path.join(CORPUS, name));
    assert.equal(isJson(bytes), name.startsWith('ok-'), name);
  }
});
