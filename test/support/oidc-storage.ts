/** Where a test's authorization server keeps what it gave out: in memory, with a grace for spent refresh tokens. */

interface Stored {
  readonly [name: string]: unknown
  readonly grantId?: string
  readonly accountId?: string
  readonly uid?: string
  readonly userCode?: string
}

interface Kept {
  payload: Stored
  endsAt: number
  consumedAt?: number
}

export class OidcStorage {
  readonly #kept = new Map<string, Kept>()
  readonly #graceSeconds: number

  constructor(graceSeconds: number) {
    this.#graceSeconds = graceSeconds
  }

  /** The adapter of one kind of record, as the package asks for it. */
  readonly adapterOf = (kind: string) => ({
    upsert: async (id: string, payload: Stored, expiresIn?: number) => {
      const endsAt = expiresIn === undefined ? Number.POSITIVE_INFINITY : Date.now() + expiresIn * 1000
      this.#kept.set(`${kind}:${id}`, { payload, endsAt })
    },
    find: async (id: string) => this.#read(this.#kept.get(`${kind}:${id}`)),
    findByUid: async (uid: string) => this.#search(kind, ({ payload }) => payload.uid === uid),
    findByUserCode: async (code: string) => this.#search(kind, ({ payload }) => payload.userCode === code),
    consume: async (id: string) => {
      const kept = this.#kept.get(`${kind}:${id}`)
      // The first time counts: a token that is used within its grace gains none by it.
      if (kept !== undefined) kept.consumedAt ??= Date.now()
    },
    destroy: async (id: string) => {
      this.#kept.delete(`${kind}:${id}`)
    },
    revokeByGrantId: async (grantId: string) => this.#drop(({ payload }) => payload.grantId === grantId),
  })

  /** Forgets every token, code and grant of an account: it has withdrawn its consent. */
  forget(accountId: string): void {
    this.#drop(({ payload }) => payload.accountId === accountId)
  }

  #read(kept: Kept | undefined): Stored | undefined {
    if (kept === undefined || kept.endsAt <= Date.now()) return undefined
    const { payload, consumedAt } = kept
    const isSpent = consumedAt !== undefined && consumedAt + this.#graceSeconds * 1000 <= Date.now()
    return isSpent ? { ...payload, consumed: Math.floor(consumedAt / 1000) } : payload
  }

  #search(kind: string, test: (kept: Kept) => boolean): Stored | undefined {
    const found = [...this.#kept].find(([key, kept]) => key.startsWith(`${kind}:`) && test(kept))
    return this.#read(found?.[1])
  }

  #drop(test: (kept: Kept) => boolean): void {
    for (const [key, kept] of this.#kept) if (test(kept)) this.#kept.delete(key)
  }
}
