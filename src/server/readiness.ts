/** Whether calls can be served, and what stands in the way: asked by probes all the time, found out once a second. */

/** @returns why it is not as it should be, in fixed words; undefined when it is */
export type Check = () => Promise<string | undefined> | string | undefined

export interface ReadinessOptions {
  /** Without one of these no call can be served. */
  readonly vital: Readonly<Record<string, Check>>
  /** Without one of these the gateway does with less. */
  readonly helpful?: Readonly<Record<string, Check>>
  readonly now?: () => number
  /** For each check. */
  readonly timeoutMs?: number
}

export interface CheckResult {
  readonly ok: boolean
  readonly reason?: string
  /** What is missing although it is ok. */
  readonly degraded?: string
}

export interface ReadinessReport {
  readonly ready: boolean
  readonly checks: Readonly<Record<string, CheckResult>>
}

const rememberedMs = 1000

export class Readiness {
  readonly #options: Required<ReadinessOptions>
  #isDraining = false
  #last: { readonly atMs: number; readonly results: Promise<Record<string, CheckResult>> } | undefined

  constructor(options: ReadinessOptions) {
    this.#options = { helpful: {}, now: () => performance.now(), timeoutMs: 1000, ...options }
  }

  /** From now on it is not ready, whatever the checks say. */
  drain(): void {
    this.#isDraining = true
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  async report(): Promise<ReadinessReport> {
    const { now } = this.#options
    if (this.#last === undefined || now() - this.#last.atMs >= rememberedMs) {
      this.#last = { atMs: now(), results: this.#run() }
    }
    const found = await this.#last.results
    const draining = this.#isDraining ? { ok: false, reason: 'the process is stopping' } : { ok: true }
    const checks = { ...found, draining }
    return { ready: Object.values(checks).every(({ ok }) => ok), checks }
  }

  async #run(): Promise<Record<string, CheckResult>> {
    const { vital, helpful } = this.#options
    const results = [
      ...Object.entries(vital).map(async ([name, check]): Promise<[string, CheckResult]> => {
        const reason = await this.#ask(check)
        return [name, reason === undefined ? { ok: true } : { ok: false, reason }]
      }),
      ...Object.entries(helpful).map(async ([name, check]): Promise<[string, CheckResult]> => {
        const degraded = await this.#ask(check)
        return [name, degraded === undefined ? { ok: true } : { ok: true, degraded }]
      }),
    ]
    return Object.fromEntries(await Promise.all(results))
  }

  /** An error's own words stay here: they may hold a connection string. */
  async #ask(check: Check): Promise<string | undefined> {
    const { promise: late, resolve } = Promise.withResolvers<string>()
    const { timeoutMs } = this.#options
    const timer = setTimeout(() => resolve(`no answer within ${timeoutMs} ms`), timeoutMs)
    try {
      return await Promise.race([check(), late])
    } catch {
      return 'it could not be asked'
    } finally {
      clearTimeout(timer)
    }
  }
}
