/** Opens the credential of a connection for a call, with a token that is good now. */
import type { Credential } from '../auth/credential.ts'
import type { AuthEntry } from '../auth/scheme.ts'
import { createStrategy, type Injection } from '../auth/strategy.ts'
import { GatewayError } from '../errors.ts'
import type { ConnectionRow, ConnectionStore } from '../store/connections.ts'
import type { CredentialSeal } from './credential-seal.ts'
import type { Integration, Integrations } from './integrations.ts'
import { createRefreshSubject, entryOf, type RefreshSubject } from './refresh-subject.ts'
import type { Refresher, RefreshWait } from './refresher.ts'
import { isRenewable, mintJwt } from './renewal.ts'

export interface OpenedCredential {
  readonly injection: Injection
  /**
   * The vendor refused it (401): a newer one, or undefined when there is none to be had now.
   * @throws {GatewayError} CONNECTION_NEEDS_REAUTH, REFRESH_FAILED, INTEGRATION_NOT_CONFIGURED
   */
  readonly renew: (wait: RefreshWait) => Promise<OpenedCredential | undefined>
  /** The vendor took it. */
  readonly accepted: () => void
}

interface OpenerParts {
  readonly store: Pick<ConnectionStore, 'get'>
  readonly seal: CredentialSeal
  readonly integrations: Integrations
  readonly refresher: Refresher
}

interface Rejection {
  /** Of the credential that was refused. */
  readonly version: number
  readonly atMs: number
  readonly count: number
}

interface Remembered {
  readonly integration: Integration
  readonly untilMs: number
  readonly opened: OpenedCredential
}

/** How long a token that still works waits for its successor. */
const politeWaitMs = 5_000
/** A signed token is signed anew so long before its end. */
const jwtMarginMs = 15_000
/** A vendor that refuses every token is not asked for another each time: the pauses grow by this factor. */
const firstPauseMs = 2_000
const longestPauseMs = 600_000
const forgivenAfterMs = 3_600_000
const maxRejections = 10_000

export class CredentialOpener {
  readonly #parts: OpenerParts
  readonly #remembered = new WeakMap<ConnectionRow, Remembered>()
  /** Which token was refused last and led to a new one, when, and how often new ones were refused in a row. */
  readonly #rejections = new Map<string, Rejection>()

  constructor(parts: OpenerParts) {
    this.#parts = parts
  }

  /**
   * At once when the credential is good; a promise when a token has to be renewed or signed first.
   * @throws {GatewayError} CONNECTION_NEEDS_REAUTH, REFRESH_FAILED, INTEGRATION_NOT_CONFIGURED
   */
  open(row: ConnectionRow, integration: Integration, wait: RefreshWait): OpenedCredential | Promise<OpenedCredential> {
    if (row.tokenRenewAt !== null && row.tokenRenewAt.getTime() <= Date.now())
      return this.#renewed(row, integration, wait)
    return this.#use(row, integration)
  }

  #use(row: ConnectionRow, integration: Integration): OpenedCredential | Promise<OpenedCredential> {
    const nowMs = Date.now()
    const known = this.#remembered.get(row)
    if (known?.integration === integration && known.untilMs > nowMs) return known.opened
    const entry = entryOf(row, integration)
    const credential = this.#parts.seal.open(row)
    if (credential.scheme === 'jwt' && entry.scheme === 'jwt') {
      return mintJwt(credential.fields, entry, new Date()).then(minted => {
        const untilMs = Date.parse(minted.expiresAt ?? '') - jwtMarginMs
        return this.#remember(row, integration, entry, { ...credential, minted }, untilMs)
      })
    }
    return this.#remember(row, integration, entry, credential, Number.POSITIVE_INFINITY)
  }

  #remember(
    row: ConnectionRow,
    integration: Integration,
    entry: AuthEntry,
    credential: Credential,
    untilMs: number,
  ): OpenedCredential {
    const client = this.#parts.integrations.clientOf(integration)
    const injection = createStrategy(entry)(credential, { config: row.config, client })
    const opened = {
      injection,
      renew: (wait: RefreshWait) => this.#replace(row, integration, credential, wait),
      accepted: () => this.#forgive(row),
    }
    this.#remembered.set(row, { integration, untilMs, opened })
    return opened
  }

  async #renewed(row: ConnectionRow, integration: Integration, wait: RefreshWait): Promise<OpenedCredential> {
    const isGood = row.tokenExpiresAt !== null && row.tokenExpiresAt.getTime() > Date.now()
    const subject = this.#subjectOf(row, integration)
    const patience = isGood ? { ...wait, deadlineMs: Math.min(wait.deadlineMs, Date.now() + politeWaitMs) } : wait
    try {
      const renewed = await this.#parts.refresher.renew(subject, patience, { isPatient: !isGood })
      // Used even if it is due already: a vendor whose tokens end at once would be asked without an end.
      return await this.#use(renewed, integration)
    } catch (error) {
      if (!isGood || !(error instanceof GatewayError) || isEnd(error)) throw error
      return this.#remember(row, integration, subject.entry, this.#parts.seal.open(row), 0)
    }
  }

  #subjectOf(row: ConnectionRow, integration: Integration): RefreshSubject {
    return createRefreshSubject(row, integration, this.#parts.integrations.clientOf(integration))
  }

  async #replace(
    row: ConnectionRow,
    integration: Integration,
    credential: Credential,
    wait: RefreshWait,
  ): Promise<OpenedCredential | undefined> {
    const hasEnded = row.tokenExpiresAt !== null && row.tokenExpiresAt.getTime() <= Date.now()
    if (!isRenewable(credential) && !hasEnded) return undefined
    if (!this.#mayReplace(row)) {
      const current = await this.#parts.store.get(row.workspaceId, row.id)
      const isNewer = current !== undefined && current.credentialVersion !== row.credentialVersion
      return isNewer ? await this.open(current, integration, wait) : undefined
    }
    return await this.#use(await this.#parts.refresher.renew(this.#subjectOf(row, integration), wait), integration)
  }

  /** All whose token is the one that was refused wait for the same new one; only a new one that is refused, too, waits. */
  #mayReplace(row: ConnectionRow): boolean {
    const version = row.credentialVersion
    const nowMs = Date.now()
    const before = this.#rejections.get(placeOf(row))
    if (before !== undefined && version <= before.version) return true
    const sinceMs = before === undefined ? Number.POSITIVE_INFINITY : nowMs - before.atMs
    const count = sinceMs > forgivenAfterMs ? 0 : (before?.count ?? 0)
    if (count > 0 && sinceMs < Math.min(longestPauseMs, firstPauseMs * 4 ** (count - 1))) return false
    if (this.#rejections.size >= maxRejections) this.#rejections.clear()
    this.#rejections.set(placeOf(row), { version, atMs: nowMs, count: count + 1 })
    return true
  }

  /** A new token that was taken once may be renewed again as soon as it is refused. */
  #forgive(row: ConnectionRow): void {
    if (this.#rejections.size === 0) return
    const place = placeOf(row)
    const before = this.#rejections.get(place)
    if (before !== undefined && row.credentialVersion > before.version) this.#rejections.delete(place)
  }
}

function placeOf({ workspaceId, id }: ConnectionRow): string {
  return `${workspaceId} ${id}`
}

/** What leaves nothing of a token that still works; a refresh that fails for another reason costs nothing. */
function isEnd({ code }: GatewayError): boolean {
  return code === 'CONNECTION_NEEDS_REAUTH' || code === 'CONNECTION_NOT_FOUND'
}
