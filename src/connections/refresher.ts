/**
 * Renews tokens: one at a time per connection, in this process by one flight that all callers share, across processes by
 * a right that the database gives out. The store is the truth, and nothing aborts a renewal once it is sent.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Credential } from '../auth/credential.ts'
import type { ProofMemory } from '../auth/tokens/proof-memory.ts'
import { TokenError, type TokenFetch } from '../auth/tokens/token-endpoint.ts'
import { GatewayError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { ConnectionRow, ConnectionStore } from '../store/connections.ts'
import type { TokenRefreshStore } from '../store/token-refreshes.ts'
import { markFailed, Tracing } from '../telemetry/tracing.ts'
import type { CredentialSeal } from './credential-seal.ts'
import type { RefreshSubject } from './refresh-subject.ts'
import { isRenewable, renewCredential } from './renewal.ts'

export interface RefresherParts {
  readonly store: ConnectionStore
  readonly refreshes: TokenRefreshStore
  readonly seal: CredentialSeal
  readonly fetch: TokenFetch
  readonly events: Pick<Events, 'tokenRefreshed' | 'tokenRefreshFailed' | 'connectionNeedsReauth'>
  /** How clients proved themselves before. */
  readonly proofs?: ProofMemory
  /** Told of every change, so that nothing older is used. */
  readonly onChanged: (row: ConnectionRow) => void
  /** Told of a credential that came for a connection which is gone; never rejects. */
  readonly onOrphaned: (row: ConnectionRow, credential: Credential) => Promise<void>
  /** How the end user repairs a connection. */
  readonly connectUrl?: ((row: ConnectionRow) => string) | undefined
  /** Where each request for a token is traced; nowhere unless given. */
  readonly tracing?: Tracing
  readonly leaseMs?: number
}

export interface RefreshWait {
  /** Milliseconds of the epoch at which waiting makes no sense any more. */
  readonly deadlineMs: number
  /** Ends the wait, never the renewal. */
  readonly signal?: AbortSignal | undefined
}

export interface RefreshOptions {
  /** Somebody asked for it: a failure a moment ago is no reason to wait. */
  readonly isForced?: boolean
  /** False: when the vendor is away, it is told at once instead of tried again. */
  readonly isPatient?: boolean
}

/** How one flight ended; only definite ends are errors. */
type FlightEnd =
  | { readonly state: 'fresh'; readonly row: ConnectionRow }
  | { readonly state: 'later'; readonly atMs: number; readonly reason: string; readonly mayWait: boolean }

const defaultLeaseMs = 5_000
const pollMs = 60
/** After a failure the vendor is asked again this late, then twice as late, and so on. */
const firstPauseMs = 250
const longestPauseMs = 300_000
/** A mistake in the workspace's settings is not mended by asking; with other settings the vendor is asked at once. */
const misconfiguredPauseMs = 15_000
/** How long a token that is there already is tried to be saved. */
const savingMs = 60_000

export class Refresher implements AsyncDisposable {
  readonly #parts: RefresherParts
  readonly #tracing: Tracing
  readonly #flights = new Map<string, Promise<FlightEnd>>()

  constructor(parts: RefresherParts) {
    this.#parts = parts
    this.#tracing = parts.tracing ?? new Tracing()
  }

  /**
   * The connection with a credential newer than the given one; made by whoever comes first.
   * @throws {GatewayError} CONNECTION_NEEDS_REAUTH, CONNECTION_NOT_FOUND, REFRESH_FAILED with `retryAfterMs`; and why the
   *   vendor cannot be asked at all: INTEGRATION_NOT_CONFIGURED, DESTINATION_NOT_ALLOWED, INVALID_INPUT
   */
  async renew(subject: RefreshSubject, wait: RefreshWait, options: RefreshOptions = {}): Promise<ConnectionRow> {
    const { isForced = false, isPatient = !isForced } = options
    for (let round = 0; ; round += 1) {
      const end = await this.#await(this.#join(subject, isForced && round === 0), wait)
      if (end.state === 'fresh') return end.row
      if (!isPatient || !end.mayWait || end.atMs >= wait.deadlineMs) {
        const retryAfterMs = Math.max(1, Math.ceil(end.atMs - Date.now()))
        throw new GatewayError(
          'REFRESH_FAILED',
          `The credential ended and could not be refreshed for now: ${end.reason}`,
          { retryAfterMs },
        )
      }
      await sleep(Math.max(0, end.atMs - Date.now()), undefined, { signal: wait.signal }).catch(() =>
        throwReason(wait.signal),
      )
    }
  }

  /** Renewals that are under way are brought to their end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#flights.values())
  }

  async #await(flight: Promise<FlightEnd>, { deadlineMs, signal }: RefreshWait): Promise<FlightEnd> {
    const gaveUp = new AbortController()
    const left = AbortSignal.any([gaveUp.signal, ...(signal === undefined ? [] : [signal])])
    const timeout = sleep(Math.max(0, deadlineMs - Date.now()), undefined, { signal: left }).then(
      (): FlightEnd => ({
        state: 'later',
        atMs: Date.now() + 1000,
        reason: 'it takes longer than this call may.',
        mayWait: false,
      }),
      () => throwReason(signal),
    )
    // Whoever loses the race must not be reported as unhandled.
    timeout.catch(() => {})
    try {
      return await Promise.race([flight, timeout])
    } finally {
      gaveUp.abort()
    }
  }

  #join(subject: RefreshSubject, isForced: boolean): Promise<FlightEnd> {
    // Who comes with other settings waits for no answer to the old ones.
    const key = `${subject.row.workspaceId} ${subject.row.id} ${subject.settings}`
    const known = this.#flights.get(key)
    if (known !== undefined) return known
    const flight = this.#fly(subject, isForced).finally(() => this.#flights.delete(key))
    this.#flights.set(key, flight)
    return flight
  }

  async #fly(subject: RefreshSubject, isForced: boolean): Promise<FlightEnd> {
    const { refreshes } = this.#parts
    const { row } = subject
    const place = { workspaceId: row.workspaceId, connectionId: row.id }
    const owner = randomUUID()
    for (;;) {
      const newer = await this.#newer(row)
      if (newer !== undefined) return { state: 'fresh', row: newer }
      const options = { evenIfBlocked: isForced, settings: subject.settings }
      const claim = await refreshes.claim(place, owner, this.#leaseMs, options)
      if (claim.state === 'mine') {
        // It may have been renewed between the look and the claim.
        const done = await this.#newer(row)
        if (done === undefined) return await this.#trace(row, () => this.#ask(subject, owner, claim.failures))
        await refreshes.release(place, owner)
        return { state: 'fresh', row: done }
      }
      if (claim.state === 'blocked') {
        const reason = claim.lastFailure ?? 'the vendor did not give a new token.'
        return { state: 'later', atMs: Date.now() + claim.forMs, reason, mayWait: !claim.isMisconfigured }
      }
      await sleep(Math.min(claim.forMs, pollMs * (0.5 + Math.random())) + 5)
    }
  }

  /** Below the call that was first to wait for it; others that wait for the same have no part in it. */
  #trace({ integration, scheme }: ConnectionRow, ask: () => Promise<FlightEnd>): Promise<FlightEnd> {
    const attributes = { 'passgate.integration': integration, 'passgate.scheme': scheme }
    return this.#tracing.within({ name: 'token refresh', attributes }, async span => {
      const end = await ask()
      if (end.state === 'later' && span !== undefined) markFailed(span, 'REFRESH_FAILED')
      return end
    })
  }

  /** The connection as it is, when its credential is another by now. @throws {GatewayError} when it is of no use */
  async #newer(known: ConnectionRow): Promise<ConnectionRow | undefined> {
    const row = await this.#parts.store.get(known.workspaceId, known.id)
    if (row === undefined)
      throw new GatewayError('CONNECTION_NOT_FOUND', 'The workspace has no connection with this id.')
    if (row.status === 'NEEDS_REAUTH') throw this.#needsReauth(row)
    return row.credentialVersion === known.credentialVersion ? undefined : row
  }

  async #ask(subject: RefreshSubject, owner: string, failures: number): Promise<FlightEnd> {
    const { row, entry, config, client } = subject
    const { seal, fetch, refreshes, proofs } = this.#parts
    const place = { workspaceId: row.workspaceId, connectionId: row.id }
    const heartbeat = setInterval(() => {
      refreshes.prolong(place, owner, this.#leaseMs).catch(() => {})
    }, this.#leaseMs / 3)
    try {
      const credential = seal.open(row)
      if (!isRenewable(credential)) return await this.#cannotRenew(row, owner)
      const facts = { entry, config, client, fetch, proofs, now: new Date() }
      const renewed = await renewCredential(credential, facts)
      return { state: 'fresh', row: await this.#save(subject, renewed) }
    } catch (error) {
      return await this.#judge(error, subject, owner, failures)
    } finally {
      clearInterval(heartbeat)
    }
  }

  /** The vendor may have spent the old token: a store that is away for a moment must not cost the new one. */
  async #save({ row, entry }: RefreshSubject, renewed: Credential): Promise<ConnectionRow> {
    const { store, seal, events, onChanged } = this.#parts
    const change = {
      expectedVersion: row.credentialVersion,
      ...seal.sealRenewed(row, renewed, entry),
      patch: { statusReason: null },
      event: 'connection.refreshed' as const,
    }
    const untilMs = Date.now() + savingMs
    for (let pauseMs = 50; ; pauseMs = Math.min(2_000, pauseMs * 2)) {
      try {
        const saved = await store.saveCredential(row.workspaceId, row.id, change)
        const current = saved ?? (await this.#newer(row))
        if (current === undefined) throw new TypeError('a credential was neither saved nor replaced')
        onChanged(current)
        if (saved !== undefined) events.tokenRefreshed(saved)
        return current
      } catch (error) {
        if (error instanceof GatewayError && error.code === 'CONNECTION_NOT_FOUND') {
          // Deleted meanwhile: what the vendor has just given must not live on there.
          await this.#parts.onOrphaned(row, renewed)
        }
        if (error instanceof GatewayError || error instanceof TypeError || Date.now() > untilMs) throw error
        await sleep(pauseMs)
      }
    }
  }

  async #judge(error: unknown, subject: RefreshSubject, owner: string, failures: number): Promise<FlightEnd> {
    const { row, settings } = subject
    const { refreshes, events } = this.#parts
    const place = { workspaceId: row.workspaceId, connectionId: row.id }
    if (error instanceof GatewayError && !isUpstreamFailure(error)) {
      // Ours to say, to each who comes: no vendor is spared by a pause.
      await refreshes.release(place, owner)
      events.tokenRefreshFailed(row, error)
      throw error
    }
    const isVendors = error instanceof TokenError || error instanceof GatewayError
    // A signed assertion is refused when our clock is wrong, too: that ends no connection.
    const isDefinite = error instanceof TokenError && error.kind === 'refused' && subject.entry.scheme !== 'jwtBearer'
    if (isDefinite) return await this.#refused(row, owner, error)
    const isTemporary = error instanceof TokenError ? error.kind === 'unavailable' : isUpstreamFailure(error)
    const pauseMs = isTemporary ? pauseAfter(failures, error) : misconfiguredPauseMs
    const message = isVendors ? error.message : 'the gateway could not do it.'
    await refreshes.fail(place, owner, { message, blockMs: pauseMs, settings: isTemporary ? undefined : settings })
    events.tokenRefreshFailed(row, error)
    return { state: 'later', atMs: Date.now() + pauseMs, reason: message, mayWait: isTemporary }
  }

  /** Somebody may have renewed it with a right that was lost meanwhile: the store is asked before anything is declared dead. */
  async #refused(row: ConnectionRow, owner: string, error: TokenError): Promise<FlightEnd> {
    const { store, refreshes, events, onChanged } = this.#parts
    const newer = await this.#newer(row)
    if (newer !== undefined) return { state: 'fresh', row: newer }
    const { workspaceId, id, credentialVersion: version } = row
    const statusReason = error.message
    const patch = { status: 'NEEDS_REAUTH' as const, statusReason, statusChangedAt: new Date() }
    // Who disabled it meanwhile has the last word: a repair would else enable it.
    const only = { version, unlessDisabled: true }
    const marked = await store.update(workspaceId, id, patch, 'connection.needs_reauth', only)
    const noted =
      marked ??
      (await store.update(workspaceId, id, { statusReason }, 'connection.updated', { version, onlyDisabled: true }))
    if (noted !== undefined) onChanged(noted)
    await refreshes.release({ workspaceId, connectionId: id }, owner)
    if (marked === undefined) {
      const current = await this.#newer(row)
      if (current !== undefined) return { state: 'fresh', row: current }
      throw this.#needsReauth({ ...row, statusReason })
    }
    events.connectionNeedsReauth(marked)
    throw this.#needsReauth(marked)
  }

  async #cannotRenew(row: ConnectionRow, owner: string): Promise<FlightEnd> {
    const end = new TokenError('refused', { message: 'The access token has ended, and there is no refresh token.' })
    return await this.#refused(row, owner, end)
  }

  #needsReauth(row: ConnectionRow): GatewayError {
    return needsReauth(row, this.#parts.connectUrl?.(row))
  }

  get #leaseMs(): number {
    return this.#parts.leaseMs ?? defaultLeaseMs
  }
}

/** One error for a connection whose end user has to connect again. */
export function needsReauth(row: ConnectionRow, connectUrl: string | undefined): GatewayError {
  const why = row.statusReason === null ? '' : ` ${row.statusReason}`
  const message = `The credential of ${row.id} no longer works; its end user has to connect again.${why}`
  return new GatewayError('CONNECTION_NEEDS_REAUTH', message, connectUrl === undefined ? {} : { connectUrl })
}

function isUpstreamFailure(error: unknown): boolean {
  return error instanceof GatewayError && (error.code.startsWith('UPSTREAM_') || error.code === 'RESPONSE_TOO_LARGE')
}

function pauseAfter(failures: number, error: unknown): number {
  const asked = error instanceof TokenError ? (error.retryAfterMs ?? 0) : 0
  const backoff = firstPauseMs * 2 ** Math.min(failures, 12) * (0.75 + Math.random() / 2)
  return Math.min(longestPauseMs, Math.max(asked, backoff))
}

function throwReason(signal: AbortSignal | undefined): never {
  throw signal?.reason ?? new TypeError('a wait ended without a reason')
}
