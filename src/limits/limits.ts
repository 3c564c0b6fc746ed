/** How much may be called: the vendor's own budget per connection as its answers tell it, and what the workspace sets. */
import { GatewayError } from '../errors.ts'
import { Account, type LearnedAnswer, longestWaitMs } from './account.ts'
import { type GiveBack, refuseAsSpent, type Spent, type Take, takeAll } from './allowance.ts'
import { Lane, type Wait } from './lane.ts'
import type { Quota } from './quota.ts'
import type { LimitStore } from './store.ts'
import type { VendorBudget } from './vendor-headers.ts'

/** Who calls, and which limits the workspace set for them. */
export interface LimitedCaller {
  readonly workspaceId: string
  /** Of the access key. */
  readonly callerId: string
  /** Absent for the key itself. */
  readonly sessionId?: string | undefined
  readonly limits: {
    /** For the access key and all its sessions together. */
    readonly caller?: Quota | null | undefined
    /** For the session alone. */
    readonly session?: Quota | null | undefined
  }
}

/** Whose call it is, and which limits the workspace set for it. */
export interface LimitSubject extends LimitedCaller {
  readonly integration: string
  readonly connectionId: string
  readonly endUserId: string
  /** Which of the vendor's limits it counts against, where there are several; see `separate-limits.ts`. */
  readonly vendorLimit?: string | undefined
  readonly limits: LimitedCaller['limits'] & {
    /** For all connections of the integration together. */
    readonly integration?: Quota | null | undefined
    readonly connection?: Quota | null | undefined
  }
}

/** One call that may go out. Whoever has it ends it or withdraws it, once. */
export interface Turn {
  /** The call went out: notes what the vendor answered, undefined when no answer came. */
  end(answer: LearnedAnswer | undefined): void
  /** The call did not go out after all: it has used nothing up. */
  withdraw(): void
}

export interface Limits extends AsyncDisposable {
  /**
   * No promise when the call may go at once, else one for when its turn has come.
   * @throws {GatewayError} RATE_LIMITED or OVERLOADED with `retryAfterMs`, as a rejection
   */
  enter(subject: LimitSubject, wait: Wait): Turn | Promise<Turn>
  /**
   * Counts one request to the gateway, whether or not it calls anybody: as many are taken as the caller may make calls.
   * @throws {GatewayError} RATE_LIMITED with `retryAfterMs`, as a rejection
   */
  admit(caller: LimitedCaller): Promise<void>
  /** What the vendor said last. */
  budgetOf(workspaceId: string, connectionId: string): Promise<VendorBudget | undefined>
  forget(workspaceId: string, connectionId: string): void
}

const keyLimit = 'The limit of this access key'
const sessionLimit = 'The limit of this session'
/** Connections whose vendors' limits are remembered. */
const maxAccounts = 100_000
const maxLimitsOfVendor = 500
const maxLanes = 10_000
/** How long others are told of a budget whose window has no known end. */
const keptMs = 60_000

export function createLimits({
  store,
  now = Date.now,
}: {
  readonly store: LimitStore
  readonly now?: () => number
}): Limits {
  const accounts = new Map<string, ConnectionAccounts>()
  const lanes = new Map<string, Lane>()
  let closedFor: GatewayError | undefined

  function accountOf({ key, limit }: VendorPlace): Account {
    let own = accounts.get(key)
    if (own === undefined) {
      own = new Map()
      accounts.set(key, own)
      dropOldest(accounts, maxAccounts)
    }
    let account = own.get(limit)
    if (account === undefined) {
      account = new Account()
      own.set(limit, account)
      dropIdle(own, now())
    }
    return account
  }

  function laneOf(key: string): Lane {
    if (closedFor !== undefined) throw closedFor
    let lane = lanes.get(key)
    if (lane === undefined) {
      if (lanes.size >= maxLanes) for (const [name, idle] of lanes) if (idle.isIdle) lanes.delete(name)
      lane = new Lane(now)
      lanes.set(key, lane)
    }
    return lane
  }

  async function takeOfVendor(place: VendorPlace): Promise<GiveBack | Spent> {
    const account = accountOf(place)
    // What is known to be spent need not be asked for.
    if (store.isShared && account.waitMs(now()) === 0) account.adopt(await store.news(sharedKey(place)), now())
    const waitMs = account.take(now())
    if (waitMs === 0) return () => account.close()
    const of = place.limit === '' ? '' : ` and ${place.limit}`
    return { limit: `The vendor’s limit for this connection${of}`, waitMs, isCommon: false }
  }

  function takeOfQuota(key: string, quota: Quota, limit: string, isCommon: boolean): Take {
    return async () => {
      const taken = await store.take(key, quota)
      return typeof taken === 'number' ? { limit, waitMs: taken, isCommon } : taken
    }
  }

  /** In the order in which they are asked: the nearest first, which costs the others nothing when it is spent. */
  function takesOf(subject: LimitSubject): Take[] {
    const { workspaceId, integration, limits } = subject
    const place = placeOf(subject)
    const { key } = place
    const takes: Take[] = [() => takeOfVendor(place)]
    if (limits.connection != null) {
      takes.push(takeOfQuota(`connection ${key}`, limits.connection, 'The limit of this connection', false))
    }
    if (limits.integration != null) {
      const name = `integration ${workspaceId} ${integration}`
      takes.push(takeOfQuota(name, limits.integration, `The limit of the integration ${integration}`, true))
    }
    return takes
  }

  /** What limits an access key or session is not waited for: who has spent it must not fill the places of others. */
  async function takeOfCaller(who: LimitedCaller, what: '' | ' for requests'): Promise<GiveBack> {
    const { workspaceId, callerId, sessionId, limits } = who
    const takes: Take[] = []
    if (limits.session != null) {
      takes.push(takeOfQuota(`session${what} ${workspaceId} ${sessionId}`, limits.session, sessionLimit + what, false))
    }
    if (limits.caller != null) {
      takes.push(takeOfQuota(`caller${what} ${workspaceId} ${callerId}`, limits.caller, keyLimit + what, false))
    }
    const taken = await takeAll(takes)
    if (typeof taken !== 'function') throw refuseAsSpent(taken.limit, taken.waitMs)
    return taken
  }

  async function queue(subject: LimitSubject, wait: Wait): Promise<Turn> {
    const { endUserId } = subject
    const giveBackCaller = await takeOfCaller(subject, '')
    try {
      const takes = takesOf(subject)
      const entrant = { line: lineOf(subject), endUserId, take: () => takeAll(takes) }
      const giveBack = await laneOf(laneKey(subject)).enter(entrant, wait)
      return createTurn(placeOf(subject), () => {
        giveBack()
        giveBackCaller()
      })
    } catch (error) {
      giveBackCaller()
      throw error
    }
  }

  function createTurn(place: VendorPlace, withdraw: GiveBack): Turn {
    return {
      withdraw,
      end(answer) {
        const account = accountOf(place)
        account.close()
        if (answer === undefined) return
        const news = account.learn(answer, now())
        const endsAtMs = news.budget?.resetsAt?.getTime() ?? now() + keptMs
        store.share(sharedKey(place), news, Math.min(longestWaitMs, endsAtMs - now()))
      },
    }
  }

  return {
    enter(subject, wait) {
      const { limits } = subject
      const isLimited =
        limits.integration != null || limits.connection != null || limits.caller != null || limits.session != null
      if (!isLimited && !store.isShared && lanes.get(laneKey(subject))?.isWaitedFor(lineOf(subject)) !== true) {
        const place = placeOf(subject)
        const account = accountOf(place)
        if (account.take(now()) === 0) return createTurn(place, () => account.close())
      }
      return queue(subject, wait)
    },
    async admit(caller) {
      await takeOfCaller(caller, ' for requests')
    },
    async budgetOf(workspaceId, connectionId) {
      const place = placeOf({ workspaceId, connectionId })
      const own = accounts.get(place.key) ?? new Map<string, Account>()
      const account = own.get(place.limit) ?? new Account()
      if (store.isShared) account.adopt(await store.news(sharedKey(place)), now())
      // A vendor may have none but limits of its paths: the tightest of those says most.
      return account.show(now()) ?? tightestOf(own.values(), now())
    },
    forget(workspaceId, connectionId) {
      const { key } = placeOf({ workspaceId, connectionId })
      for (const limit of new Set(['', ...(accounts.get(key)?.keys() ?? [])])) store.forget(sharedKey({ key, limit }))
      accounts.delete(key)
    },
    async [Symbol.asyncDispose]() {
      closedFor = new GatewayError('OVERLOADED', 'The gateway is stopping; try again shortly.', { retryAfterMs: 1000 })
      for (const lane of lanes.values()) lane.close(closedFor)
      await store[Symbol.asyncDispose]()
    },
  }
}

/** One limit of a vendor for one connection. */
interface VendorPlace {
  /** Of the connection. */
  readonly key: string
  /** Empty for the limit of all paths that have none of their own. */
  readonly limit: string
}

/** What the vendor has left for one connection, by limit. */
type ConnectionAccounts = Map<string, Account>

function placeOf({
  workspaceId,
  connectionId,
  vendorLimit = '',
}: Pick<LimitSubject, 'workspaceId' | 'connectionId' | 'vendorLimit'>): VendorPlace {
  return { key: `${workspaceId} ${connectionId}`, limit: vendorLimit }
}

/** As replicas name it to each other. */
function sharedKey({ key, limit }: VendorPlace): string {
  return limit === '' ? key : `${key} ${limit}`
}

/** Who waits for one limit of a connection is not in the way of who needs another. */
function lineOf({ connectionId, vendorLimit = '' }: LimitSubject): string {
  return vendorLimit === '' ? connectionId : `${connectionId} ${vendorLimit}`
}

function tightestOf(accounts: Iterable<Account>, nowMs: number): VendorBudget | undefined {
  let tightest: VendorBudget | undefined
  for (const account of accounts) {
    const budget = account.show(nowMs)
    if (budget === undefined || (budget.resetsAt !== null && budget.resetsAt.getTime() <= nowMs)) continue
    if (tightest === undefined || budget.remaining < tightest.remaining) tightest = budget
  }
  return tightest
}

/** The oldest of too many goes, but none that calls have to wait for: it would be forgotten that they have to. */
function dropIdle(own: ConnectionAccounts, nowMs: number): void {
  if (own.size <= maxLimitsOfVendor) return
  for (const [limit, account] of own) {
    if (account.waitMs(nowMs) > 0 && own.size <= 2 * maxLimitsOfVendor) continue
    own.delete(limit)
    return
  }
}

function dropOldest(map: Map<string, unknown>, max: number): void {
  const [oldest] = map.size > max ? map.keys() : []
  if (oldest !== undefined) map.delete(oldest)
}

/** With the size of what is waited for: a limit that was changed is waited for in no old lane. */
function laneKey({ workspaceId, integration, limits: { integration: quota } }: LimitSubject): string {
  const size = quota == null ? '' : `${quota.requests}/${quota.perSeconds}`
  return `${workspaceId} ${integration} ${size}`
}
