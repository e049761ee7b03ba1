// A TCP proxy that fails on demand: it cuts connections, holds their bytes back, or
// ends one direction. Targets are taken in turn, one per connection.
import { once as happened } from 'node:events';
import net from 'node:net';

export class Proxy {
  #server;
  #pairs = new Set();
  #targets;
  #count = 0;

  static async start(targets) {
    const proxy = new Proxy();
    proxy.#targets = targets;
    // Ends are passed on by hand, so that one direction can end alone.
    proxy.#server = net.createServer({ allowHalfOpen: true },
      (near) => proxy.#join(near));
    proxy.#server.listen(0, '127.0.0.1');
    await happened(proxy.#server, 'listening');
    return proxy;
  }

  get address() {
    return `127.0.0.1:${this.#server.address().port}`;
  }

  // How many connections there have been, and are.
  get count() {
    return this.#count;
  }

  get open() {
    return this.#pairs.size;
  }

  // Further connections go there; without any target they are refused.
  turnTo(targets) {
    this.#targets = targets;
  }

  #join(near) {
    if (this.#targets.length === 0) {
      near.destroy();
      return;
    }
    const target = this.#targets[this.#count++ % this.#targets.length];
    const [host, port] = target.split(':');
    const far = net.connect({ host, port: Number(port), allowHalfOpen: true });
    const pair = { near, far };
    this.#pairs.add(pair);
    for (const [from, to] of [[near, far], [far, near]]) {
      from.on('data', (bytes) => to.write(bytes));
      from.on('end', () => to.end());
      from.on('error', () => {});
      from.on('close', () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    }
  }

  #each(what) {
    const pairs = [...this.#pairs];
    for (const pair of pairs) what(pair);
    return pairs.length;
  }

  // Both sides see a reset. How many there were is returned, here and below.
  cut() {
    return this.#each(({ near, far }) => {
      near.resetAndDestroy();
      far.resetAndDestroy();
    });
  }

  // The server sees an orderly end of the client, which hears on until it ends.
  halfClose() {
    return this.#each(({ near, far }) => {
      near.pause();
      far.end();
    });
  }

  // Nothing passes until resume, or until a cut.
  stall() {
    return this.#each(({ near, far }) => {
      near.pause();
      far.pause();
    });
  }

  resume() {
    return this.#each(({ near, far }) => {
      near.resume();
      far.resume();
    });
  }

  async close() {
    this.cut();
    this.#server.close();
    await happened(this.#server, 'close');
  }
}
