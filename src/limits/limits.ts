/** How much may be called: the vendor's own budget per connection as its answers tell it, and what the workspace sets. */
import { GatewayError } from '../errors.ts'
import { Lane, type Wait } from './lane.ts'
import type { Quota } from './quota.ts'
import type { LimitStore } from './store.ts'
import { type HeaderReader, type RateHints, readBudget, readRetryAfter, type VendorBudget } from './vendor-headers.ts'

/** Whose call it is, and which limits the workspace set for it. */
export interface LimitSubject {
  readonly workspaceId: string
  readonly integration: string
  readonly connectionId: string
  readonly endUserId: string
  readonly callerId: string
  readonly limits: {
    /** For all connections of the integration together. */
    readonly integration?: Quota | null | undefined
    readonly connection?: Quota | null | undefined
    /** For the access key. */
    readonly caller?: Quota | null | undefined
  }
}

export interface LearnedAnswer {
  readonly status: number
  readonly header: HeaderReader
  readonly hints?: RateHints | undefined
}

export interface Limits extends AsyncDisposable {
  /**
   * Undefined when the call may go at once; else resolves when its turn has come. Whoever may go calls {@link leave}.
   * @throws {GatewayError} RATE_LIMITED or OVERLOADED with `retryAfterMs`, as a rejection
   */
  enter(subject: LimitSubject, wait: Wait): Promise<void> | undefined
  /** Notes what the vendor said, undefined when it said nothing. */
  leave(subject: LimitSubject, answer: LearnedAnswer | undefined): void
  /** What the vendor said last. */
  budgetOf(workspaceId: string, connectionId: string): Promise<VendorBudget | undefined>
  forget(workspaceId: string, connectionId: string): void
}

/** What is known of one connection. */
interface Account {
  budget: VendorBudget | undefined
  /** Calls that were let out and have no answer yet; the vendor will count them. */
  open: number
}

const maxAccounts = 100_000
/** A vendor that asks to wait longer is asked again after this time: its clock may be wrong. */
const longestWaitMs = 3_600_000
const keptMs = 60_000
const jitterMs = 100
/** How soon to look again when the last calls of a budget are under way. */
const pollMs = 50

export function createLimits({
  store,
  now = Date.now,
}: {
  readonly store: LimitStore
  readonly now?: () => number
}): Limits {
  const accounts = new Map<string, Account>()
  const lanes = new Map<string, Lane>()

  function accountOf(key: string): Account {
    let account = accounts.get(key)
    if (account === undefined) {
      account = { budget: undefined, open: 0 }
      accounts.set(key, account)
      const [oldest] = accounts.size > maxAccounts ? accounts.keys() : []
      if (oldest !== undefined) accounts.delete(oldest)
    }
    return account
  }

  /** 0 and one more call under way, or the milliseconds until the vendor may have room. */
  function tryAccount(account: Account): number {
    const waitMs = waitOf(account, now())
    if (waitMs === 0) account.open += 1
    return waitMs
  }

  async function tryConnection(key: string, limit: Quota | null | undefined): Promise<number> {
    const account = accountOf(key)
    if (store.isShared) {
      const shared = await store.budget(key)
      if (shared !== undefined && waitOf({ budget: shared, open: 0 }, now()) > 0) account.budget = shared
    }
    const waitMs = tryAccount(account)
    if (waitMs > 0 || limit == null) return waitMs
    const limitedMs = await store.take(`connection ${key}`, limit)
    if (limitedMs > 0) account.open -= 1
    return limitedMs
  }

  function laneOf(key: string, make: () => Lane): Lane {
    let lane = lanes.get(key)
    if (lane === undefined) {
      if (lanes.size >= maxAccounts) for (const [name, idle] of lanes) if (idle.isIdle) lanes.delete(name)
      lane = make()
      lanes.set(key, lane)
    }
    return lane
  }

  async function queue(subject: LimitSubject, wait: Wait): Promise<void> {
    const { workspaceId, integration, connectionId, endUserId, callerId, limits } = subject
    if (limits.caller != null) {
      const retryAfterMs = await store.take(`caller ${workspaceId} ${callerId}`, limits.caller)
      if (retryAfterMs > 0) throw spentKey(retryAfterMs)
    }
    const key = accountKey(workspaceId, connectionId)
    const { integration: ofIntegration, connection: ofConnection } = limits
    // The limit's size is part of the lane's name: one that was changed waits in no old lane.
    const connectionLane = laneOf(`${key} ${sizeOf(ofConnection)}`, () => {
      return new Lane(() => tryConnection(key, ofConnection), { describe: 'The limit of this connection', now })
    })
    if (ofIntegration != null) {
      const shared = `${workspaceId} ${integration}`
      const lane = laneOf(`${shared} ${sizeOf(ofIntegration)}`, () => {
        const tryTurn = () => store.take(`integration ${shared}`, ofIntegration)
        return new Lane(tryTurn, { describe: `The limit of ${integration}`, now })
      })
      await lane.enter(endUserId, wait)
    }
    await connectionLane.enter(endUserId, wait)
  }

  return {
    enter(subject, wait) {
      const { workspaceId, connectionId, limits } = subject
      const isLimited = limits.integration != null || limits.connection != null || limits.caller != null
      if (!isLimited && !store.isShared) {
        const key = accountKey(workspaceId, connectionId)
        const isFree = lanes.get(`${key} ${sizeOf(null)}`)?.isIdle !== false
        if (isFree && tryAccount(accountOf(key)) === 0) return undefined
      }
      return queue(subject, wait)
    },
    leave({ workspaceId, connectionId }, answer) {
      const key = accountKey(workspaceId, connectionId)
      const account = accountOf(key)
      account.open = Math.max(0, account.open - 1)
      const said = answer === undefined ? undefined : judge(answer, now())
      if (said === undefined) return
      account.budget = merge(account.budget, said)
      const keepMs = said.resetsAt === null ? keptMs : Math.min(longestWaitMs, said.resetsAt.getTime() - now())
      if (keepMs > 0) store.keepBudget(key, account.budget, keepMs)
    },
    async budgetOf(workspaceId, connectionId) {
      const key = accountKey(workspaceId, connectionId)
      return (store.isShared ? await store.budget(key) : undefined) ?? accounts.get(key)?.budget
    },
    forget(workspaceId, connectionId) {
      const key = accountKey(workspaceId, connectionId)
      accounts.delete(key)
      store.forgetBudget(key)
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

/** Milliseconds until a call may go: none while the vendor has room for it beside those that are under way. */
function waitOf({ budget, open }: Account, nowMs: number): number {
  if (budget === undefined) return 0
  const resetsAtMs = budget.resetsAt?.getTime()
  if (resetsAtMs === undefined) return 0
  const isOver = resetsAtMs <= nowMs
  const remaining = isOver ? (budget.limit ?? Number.POSITIVE_INFINITY) : budget.remaining
  if (remaining > open) return 0
  if (isOver || budget.remaining > 0) return pollMs
  return Math.min(longestWaitMs, Math.ceil(resetsAtMs - nowMs + Math.random() * jitterMs))
}

/** A refusal for the sake of a limit says more than the figures beside it. */
function judge({ status, header, hints }: LearnedAnswer, nowMs: number): VendorBudget | undefined {
  const budget = readBudget(header, hints, nowMs)
  if (status !== 429) return budget
  const waitMs = readRetryAfter(status, header, hints, nowMs)
  if (waitMs === undefined) return budget
  return { limit: budget?.limit ?? null, remaining: 0, resetsAt: new Date(nowMs + waitMs) }
}

/** Answers may overtake each other: within one window the smaller figure is the later one. */
function merge(before: VendorBudget | undefined, said: VendorBudget): VendorBudget {
  const isSameWindow = before?.resetsAt != null && before.resetsAt.getTime() === said.resetsAt?.getTime()
  return isSameWindow ? { ...said, remaining: Math.min(before.remaining, said.remaining) } : said
}

function accountKey(workspaceId: string, connectionId: string): string {
  return `${workspaceId} ${connectionId}`
}

function sizeOf(limit: Quota | null | undefined): string {
  return limit == null ? '' : `${limit.requests}/${limit.perSeconds}`
}

function spentKey(retryAfterMs: number): GatewayError {
  return new GatewayError('RATE_LIMITED', 'The limit of this access key is spent; try again later.', { retryAfterMs })
}
