/** So many statements of a kind at once: who comes later waits, and the connections that calls need stay free. */

export type Turns = <Result>(run: () => Promise<Result>) => Promise<Result>

/** For those who need not wait. */
export const atOnce: Turns = run => run()

export function createTurns(max: number): Turns {
  const waiting: (() => void)[] = []
  let running = 0
  return async run => {
    if (running >= max) await new Promise<void>(resolve => waiting.push(resolve))
    else running += 1
    try {
      return await run()
    } finally {
      // Whoever waits takes the place over; only an empty queue gives it back.
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}
