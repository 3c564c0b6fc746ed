/** What sessions may spend: calls and bytes, counted in the store, so that all replicas count together. */
import { GatewayError } from '../errors.ts'
import { heldBytesPerCall, type SessionRow, type SessionStore } from '../store/sessions.ts'
import { type Caller, unknownCaller } from './caller.ts'

const retryAfterMs = 1000

/** For callers without a budget it does nothing. Every call that is let go is settled once. */
export class SessionBudgets {
  readonly #store: Pick<SessionStore, 'holdCall' | 'settleCall'>

  constructor(store: Pick<SessionStore, 'holdCall' | 'settleCall'>) {
    this.#store = store
  }

  /** Lets one call go. @throws {GatewayError} BUDGET_EXCEEDED; RATE_LIMITED while calls under way may use the rest of it */
  async hold({ workspaceId, id, hasBudget }: Caller): Promise<void> {
    if (!hasBudget) return
    const held = await this.#store.holdCall(workspaceId, id)
    if (held.ok) return
    if (held.row === undefined) throw unknownCaller()
    throw refusalOf(held.row)
  }

  /** Counts what went both ways: known when the call is over. */
  async settle({ workspaceId, id, hasBudget }: Caller, bytes: number): Promise<void> {
    if (hasBudget) await this.#store.settleCall(workspaceId, id, bytes)
  }
}

function refusalOf({ maxCalls, maxBytes, spentCalls, spentBytes }: SessionRow): GatewayError {
  const isOutOfCalls = maxCalls !== null && spentCalls >= maxCalls
  if (isOutOfCalls || maxBytes === null || spentBytes >= maxBytes) {
    const figures = isOutOfCalls ? `${spentCalls} calls of ${maxCalls}` : `${spentBytes} bytes of ${maxBytes}`
    return new GatewayError('BUDGET_EXCEEDED', `The budget of this session is spent: ${figures}.`)
  }
  const message = `Calls under way hold what is left of this session’s budget, ${heldBytesPerCall} bytes each: ${spentBytes} bytes of ${maxBytes} are spent. Try again when one is over.`
  return new GatewayError('RATE_LIMITED', message, { retryAfterMs })
}
