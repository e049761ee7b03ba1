// Random choices that a seed repeats: WPS_SEED, or one of the time, which a failed
// test has to show.
export const seed = Number(process.env.WPS_SEED ?? Date.now() % 2 ** 31);

// The generator mulberry32: numbers from 0 to 1, below it.
export function randomOf(start) {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick(random, items) {
  return items[Math.floor(random() * items.length)];
}
