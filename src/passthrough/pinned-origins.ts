/** Which origins passed a judgement for a pin set: what passed once always does, because a pin set never changes. */

/** How many are remembered for each pin set; `*.suffix` covers any number. */
const maxPassed = 64

export class PinnedOrigins {
  readonly #passed = new WeakMap<readonly string[], Set<string>>()

  has(hosts: readonly string[], origin: string): boolean {
    return this.#passed.get(hosts)?.has(origin) === true
  }

  add(hosts: readonly string[], origin: string): void {
    const known = this.#passed.get(hosts)
    if (known === undefined) {
      this.#passed.set(hosts, new Set([origin]))
      return
    }
    if (known.size >= maxPassed) known.clear()
    known.add(origin)
  }
}
