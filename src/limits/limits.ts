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
const maxAccounts = 100_000
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
  const accounts = new Map<string, Account>()
  const lanes = new Map<string, Lane>()
  let closedFor: GatewayError | undefined

  function accountOf(key: string): Account {
    let account = accounts.get(key)
    if (account === undefined) {
      account = new Account()
      accounts.set(key, account)
      const [oldest] = accounts.size > maxAccounts ? accounts.keys() : []
      if (oldest !== undefined) accounts.delete(oldest)
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

  async function takeOfVendor(key: string): Promise<GiveBack | Spent> {
    const account = accountOf(key)
    // What is known to be spent need not be asked for.
    if (store.isShared && account.waitMs(now()) === 0) account.adopt(await store.news(key), now())
    const waitMs = account.take(now())
    return waitMs === 0
      ? () => account.close()
      : { limit: 'The vendor’s limit for this connection', waitMs, isCommon: false }
  }

  function takeOfQuota(key: string, quota: Quota, limit: string, isCommon: boolean): Take {
    return async () => {
      const taken = await store.take(key, quota)
      return typeof taken === 'number' ? { limit, waitMs: taken, isCommon } : taken
    }
  }

  /** In the order in which they are asked: the nearest first, which costs the others nothing when it is spent. */
  function takesOf({ workspaceId, integration, connectionId, limits }: LimitSubject): Take[] {
    const key = accountKey(workspaceId, connectionId)
    const takes: Take[] = [() => takeOfVendor(key)]
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
    const { workspaceId, connectionId, endUserId } = subject
    const giveBackCaller = await takeOfCaller(subject, '')
    try {
      const takes = takesOf(subject)
      const entrant = { connectionId, endUserId, take: () => takeAll(takes) }
      const giveBack = await laneOf(laneKey(subject)).enter(entrant, wait)
      return createTurn(accountKey(workspaceId, connectionId), () => {
        giveBack()
        giveBackCaller()
      })
    } catch (error) {
      giveBackCaller()
      throw error
    }
  }

  function createTurn(key: string, withdraw: GiveBack): Turn {
    return {
      withdraw,
      end(answer) {
        const account = accountOf(key)
        account.close()
        if (answer === undefined) return
        const news = account.learn(answer, now())
        const endsAtMs = news.budget?.resetsAt?.getTime() ?? now() + keptMs
        store.share(key, news, Math.min(longestWaitMs, endsAtMs - now()))
      },
    }
  }

  return {
    enter(subject, wait) {
      const { workspaceId, connectionId, limits } = subject
      const isLimited =
        limits.integration != null || limits.connection != null || limits.caller != null || limits.session != null
      if (!isLimited && !store.isShared && lanes.get(laneKey(subject))?.isWaitedFor(connectionId) !== true) {
        const key = accountKey(workspaceId, connectionId)
        const account = accountOf(key)
        if (account.take(now()) === 0) return createTurn(key, () => account.close())
      }
      return queue(subject, wait)
    },
    async admit(caller) {
      await takeOfCaller(caller, ' for requests')
    },
    async budgetOf(workspaceId, connectionId) {
      const key = accountKey(workspaceId, connectionId)
      const account = accounts.get(key) ?? new Account()
      if (store.isShared) account.adopt(await store.news(key), now())
      return account.show(now())
    },
    forget(workspaceId, connectionId) {
      const key = accountKey(workspaceId, connectionId)
      accounts.delete(key)
      store.forget(key)
    },
    async [Symbol.asyncDispose]() {
      closedFor = new GatewayError('OVERLOADED', 'The gateway is stopping; try again shortly.', { retryAfterMs: 1000 })
      for (const lane of lanes.values()) lane.close(closedFor)
      await store[Symbol.asyncDispose]()
    },
  }
}

function accountKey(workspaceId: string, connectionId: string): string {
  return `${workspaceId} ${connectionId}`
}

/** With the size of what is waited for: a limit that was changed is waited for in no old lane. */
function laneKey({ workspaceId, integration, limits: { integration: quota } }: LimitSubject): string {
  const size = quota == null ? '' : `${quota.requests}/${quota.perSeconds}`
  return `${workspaceId} ${integration} ${size}`
}
