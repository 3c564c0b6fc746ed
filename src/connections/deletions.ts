/** How a connection goes: its use stops at once, the vendor revokes the credential, then it is erased with its data key. */
import { setTimeout as sleep } from 'node:timers/promises'
import { TokenError } from '../auth/tokens/token-endpoint.ts'
import { GatewayError } from '../errors.ts'
import type { ConnectionDeletionStore, DeletionRow, DeletionStep } from '../store/connection-deletions.ts'
import type { ConnectionStore } from '../store/connections.ts'
import type { CredentialSeal } from './credential-seal.ts'
import type { PlanRevocation, Revocation } from './revocation-request.ts'
import type { Revocations } from './revocations.ts'

interface DeletionParts {
  readonly store: Pick<ConnectionStore, 'remove'>
  readonly deletions: ConnectionDeletionStore
  readonly seal: CredentialSeal
  readonly planRevocation: PlanRevocation
  readonly revocations: Revocations
  /** How long whoever deletes waits for the vendor. */
  readonly patienceMs?: number
}

export interface Deletion {
  readonly steps: readonly DeletionStep[]
  /** False when somebody else had deleted it already. */
  readonly isFirst: boolean
}

/** What became of a revocation, and what is needed to try it again. */
interface Revoked {
  readonly step: DeletionStep
  readonly failure?: unknown
  readonly revocation?: Revocation | undefined
}

const leaseMs = 60_000
const pollMs = 100
const usualPatienceMs = 10_000
const revoked: DeletionStep = { step: 'REVOKE', outcome: 'DONE', message: null }
const erased: DeletionStep = { step: 'ERASE', outcome: 'DONE', message: null }

export class Deletions {
  readonly #parts: DeletionParts

  constructor(parts: DeletionParts) {
    this.#parts = parts
  }

  /**
   * What was done, also when it was done before; undefined when there never was such a connection.
   * @param onStopped called once it is out of use; `isFirst` for the one that deleted it
   */
  async delete(workspaceId: string, id: string, onStopped: (isFirst: boolean) => void): Promise<Deletion | undefined> {
    const removed = await this.#parts.store.remove(workspaceId, id, leaseMs)
    const isFirst = removed !== undefined
    onStopped(isFirst)
    const row = await this.#parts.deletions.get(workspaceId, id)
    if (row === undefined) return undefined
    return { isFirst, steps: isFirst ? await this.#finish(row) : await this.#stepsOf(row) }
  }

  /**
   * @param ending aborted when the process ends: what is not done by then is left to whoever comes next
   * @returns how many were unfinished, at most `limit`
   */
  async finishAll(limit: number, ending?: AbortSignal): Promise<number> {
    const rows = await this.#parts.deletions.takeUnfinished(limit, leaseMs)
    for (const row of rows) if (!ending?.aborted) await this.#finish(row, ending)
    return rows.length
  }

  /** Whoever removed it finishes it: one who asks meanwhile waits for that, and is told what is done so far when it lasts. */
  async #stepsOf(row: DeletionRow): Promise<readonly DeletionStep[]> {
    let current = row
    for (const untilMs = Date.now() + leaseMs; current.sealedCredential !== null && Date.now() < untilMs; ) {
      await sleep(pollMs)
      current = (await this.#parts.deletions.get(row.workspaceId, row.id)) ?? current
    }
    return current.steps
  }

  async #finish(row: DeletionRow, ending?: AbortSignal): Promise<readonly DeletionStep[]> {
    const { deletions, revocations } = this.#parts
    const { step, failure, revocation } = await this.#revoke(row, ending)
    if (ending?.aborted && step.outcome === 'FAILED') return row.steps
    const finish = (own: DeletionStep) => deletions.finish(row.workspaceId, row.id, [...row.steps, own, erased])
    await finish(step)
    if (revocation !== undefined && revocations.mayTryAgain(failure)) {
      revocations.tryAgain(row, revocation, failure, () => finish(revoked))
    }
    return [...row.steps, step, erased]
  }

  async #revoke(row: DeletionRow, ending: AbortSignal | undefined): Promise<Revoked> {
    const { sealedCredential } = row
    if (sealedCredential === null) return { step: skipped('The credential is erased already.') }
    let revocation: Revocation | undefined
    try {
      const planned = await this.#parts.planRevocation(row, this.#parts.seal.open({ ...row, sealedCredential }))
      if (typeof planned === 'string') return { step: skipped(planned) }
      revocation = planned
      await this.#ask(revocation, ending)
      return { step: revoked }
    } catch (failure) {
      const isKnown = failure instanceof TokenError || failure instanceof GatewayError
      const what = isKnown ? failure.message : 'The gateway could not do it.'
      const further = this.#parts.revocations.mayTryAgain(failure)
        ? 'It is tried again for some minutes; then revoke it at the vendor.'
        : 'Revoke it at the vendor.'
      return { step: { step: 'REVOKE', outcome: 'FAILED', message: `${what} ${further}` }, failure, revocation }
    }
  }

  async #ask(revocation: Revocation, ending: AbortSignal | undefined): Promise<void> {
    const { patienceMs = usualPatienceMs } = this.#parts
    const isAnswered = new AbortController()
    const asked = revocation().finally(() => isAnswered.abort())
    const signal = AbortSignal.any([isAnswered.signal, ...(ending === undefined ? [] : [ending])])
    const isLate = sleep(patienceMs, true, { signal, ref: false }).catch(() => ending?.aborted === true)
    if (!(await Promise.race([isLate, asked.then(isDone, isDone)]))) return await asked
    throw new GatewayError('UPSTREAM_TIMEOUT', `The vendor did not answer within ${patienceMs} ms.`)
  }
}

function skipped(message: string): DeletionStep {
  return { step: 'REVOKE', outcome: 'SKIPPED', message }
}

function isDone(): false {
  return false
}
