/** Something done again and again. */
import type { Cancel, World } from '../runtime/world.ts';

/** Calls `fn` every `everyMs`, the first time after that, until it is canceled. */
export function repeat(world: World, everyMs: number, fn: () => void): Cancel {
  const again = (): void => {
    cancel = world.after(everyMs, again);
    fn();
  };
  let cancel = world.after(everyMs, again);
  return () => cancel();
}
