// Waiting without sleeping: a promise with a deadline, and an inbox whose next
// item is awaited. That something does not come is never waited for; a test sends
// something else after it and sees that come first.

const DEADLINE_MS = 10_000;

export async function within(promise, what, ms = DEADLINE_MS) {
  let timer;
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what}: nothing within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export function once(emitter, event, what = event) {
  return within(
    new Promise((resolve) => emitter.on(event, resolve)), `event "${what}"`);
}

export class Inbox {
  #items = [];
  #waiting = [];
  #ended = null;
  #name;

  constructor(name) {
    this.#name = name;
  }

  push(item) {
    const waiter = this.#waiting.shift();
    if (waiter) waiter.resolve(item);
    else this.#items.push(item);
  }

  // No more items will come; whoever waits is told why.
  end(why) {
    this.#ended ??= new Error(`${this.#name}: ${why}`);
    for (const waiter of this.#waiting.splice(0)) waiter.reject(this.#ended);
  }

  next(what = 'next item', ms = DEADLINE_MS) {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift());
    if (this.#ended) return Promise.reject(this.#ended);
    const item = new Promise((resolve, reject) =>
      this.#waiting.push({ resolve, reject }));
    return within(item, `${this.#name}: ${what}`, ms);
  }

  // The next one for which it is true; others before it are thrown away.
  async find(isIt, what = 'a matching item') {
    for (;;) {
      const item = await this.next(what);
      if (isIt(item)) return item;
    }
  }

  get length() {
    return this.#items.length;
  }
}
