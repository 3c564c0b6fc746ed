/** The life of a connection: created with its credential sealed, listed, changed, opened for a call, deleted. */
import type { Credential } from '../auth/credential.ts'
import { ProofMemory } from '../auth/tokens/proof-memory.ts'
import type { TokenFetch } from '../auth/tokens/token-endpoint.ts'
import { parseConfig, resolveTarget } from '../catalog/target.ts'
import { GatewayError, invalidInput } from '../errors.ts'
import type { Events } from '../events.ts'
import { checkQuota, type Quota } from '../limits/quota.ts'
import { Memo } from '../memo.ts'
import type { ConnectionDeletionStore } from '../store/connection-deletions.ts'
import type {
  ConnectionFilter,
  ConnectionOrder,
  ConnectionPatch,
  ConnectionRow,
  ConnectionStore,
} from '../store/connections.ts'
import type { Page, PageArgs } from '../store/page.ts'
import type { StoredRule } from '../store/tables.ts'
import type { TokenRefreshStore } from '../store/token-refreshes.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { Admission, checkMetadata, connectionNotFound, type NewConnection } from './admission.ts'
import type { CredentialSeal } from './credential-seal.ts'
import { type Deletion, Deletions } from './deletions.ts'
import { type Integration, type Integrations, integrationNotFound } from './integrations.ts'
import { CredentialOpener, type OpenedCredential } from './opener.ts'
import { Reconnection } from './reconnection.ts'
import { createRefreshSubject, entryOf, type RefreshSubject } from './refresh-subject.ts'
import { needsReauth, Refresher, type RefreshWait } from './refresher.ts'
import { isRenewable } from './renewal.ts'
import { createRevocationPlan } from './revocation-request.ts'
import { Revocations } from './revocations.ts'
import { isCertainlyOther, type Verification, type Verify, withoutSecrets } from './verification.ts'

/** A connection as the rest of the house sees it: everything but what is sealed. */
export type Connection = Omit<ConnectionRow, 'sealedCredential' | 'sealedUnder' | 'credentialVersion'>

export interface ConnectionChanges {
  readonly quota?: Quota | null
  readonly config?: Record<string, unknown> | null
  readonly metadata?: Record<string, unknown> | null
  /** Checked by whoever knows rules. */
  readonly rules?: readonly StoredRule[] | null
}

interface Parts {
  readonly store: ConnectionStore
  /** Told of a connection that is gone, so that nothing of it is kept elsewhere. */
  readonly onDeleted: (workspaceId: string, id: string) => void
  readonly integrations: Integrations
  readonly seal: CredentialSeal
  readonly events: Events
  readonly fetch: TokenFetch
  readonly verify: Verify
  /** How the end user repairs a connection. */
  readonly connectUrl?: ((place: Pick<ConnectionRow, 'workspaceId' | 'id'>) => string) | undefined
  readonly refreshes: TokenRefreshStore
  readonly deletions: ConnectionDeletionStore
  readonly tracing?: Tracing
}

export class Connections implements AsyncDisposable {
  readonly #store: ConnectionStore
  readonly #integrations: Integrations
  readonly #events: Events
  readonly #parts: Parts
  readonly #byId = new Memo<ConnectionRow>()
  readonly #byEndUser = new Memo<ConnectionRow[]>()
  readonly #refresher: Refresher
  readonly #opener: CredentialOpener
  readonly #deletions: Deletions
  readonly #revocations: Revocations
  readonly #reconnection: Reconnection
  /** How clients proved themselves to the vendors. */
  readonly proofs = new ProofMemory()
  /** How connections come to be. */
  readonly admission: Admission

  constructor(parts: Parts) {
    const { store, integrations, seal, events } = parts
    this.#parts = parts
    this.#store = store
    this.#integrations = integrations
    this.#events = events
    this.#reconnection = new Reconnection(parts)
    const planRevocation = createRevocationPlan({ ...parts, proofs: this.proofs })
    this.#revocations = new Revocations({ plan: planRevocation, onFailed: events.tokenNotRevoked })
    this.#deletions = new Deletions({ ...parts, planRevocation, revocations: this.#revocations })
    this.#refresher = new Refresher({
      ...parts,
      proofs: this.proofs,
      onChanged: row => this.#forget(row),
      onOrphaned: (row, credential) => this.#revocations.revoke(row, credential),
    })
    this.#opener = new CredentialOpener({ store, seal, integrations, refresher: this.#refresher })
    this.admission = new Admission({ ...parts, proofs: this.proofs, onChanged: row => this.#forget(row) })
  }

  /** Imports a credential. @throws GatewayError `INVALID_INPUT` with a detail per wrong field; nothing is stored then. */
  create(workspaceId: string, input: NewConnection, options: { readonly verify?: boolean } = {}): Promise<Connection> {
    return this.admission.create(workspaceId, input, options)
  }

  get(workspaceId: string, id: string): Promise<ConnectionRow | undefined> {
    return this.#store.get(workspaceId, id)
  }

  async getMany(workspaceId: string, ids: readonly string[]): Promise<ConnectionRow[]> {
    const remember = this.#byId.begin()
    const rows = await this.#store.getMany(workspaceId, ids)
    for (const row of rows) remember(idKey(row), row)
    return rows
  }

  /** What {@link getMany} found a moment ago; for calls, not for lists: it may miss when it was last used. */
  peek(workspaceId: string, id: string): ConnectionRow | undefined {
    return this.#byId.peek(idKey({ workspaceId, id }))
  }

  /** As of a moment ago; none is never remembered. */
  async findByEndUser(
    workspaceId: string,
    integration: string,
    endUserId: string,
    limit: number,
  ): Promise<ConnectionRow[]> {
    const key = `${limit} ${endUserKey({ workspaceId, integration, endUserId })}`
    const found = await this.#byEndUser.get(key, async () => {
      const rows = await this.#store.findByEndUser(workspaceId, integration, endUserId, limit)
      return rows.length === 0 ? undefined : rows
    })
    return found ?? []
  }

  list(
    workspaceId: string,
    filter: ConnectionFilter,
    order: ConnectionOrder,
    page: PageArgs,
  ): Promise<Page<ConnectionRow>> {
    return this.#store.list(workspaceId, filter, order, page)
  }

  /** Replaces config values or metadata; what is absent stays. */
  async update(workspaceId: string, id: string, changes: ConnectionChanges): Promise<Connection> {
    const before = await this.#require(workspaceId, id)
    const patch: ConnectionPatch = {}
    if (changes.quota !== undefined) patch.quota = checkQuota('quota', changes.quota)
    if (changes.rules !== undefined) patch.rules = changes.rules ?? []
    if (changes.config !== undefined) {
      const integration = await this.#integration(workspaceId, before.integration)
      const entry = entryOf(before, integration)
      patch.config = parseConfig(integration.definition, changes.config ?? undefined, entry)
      resolveTarget(integration.definition, patch.config, entry)
    }
    if (changes.metadata !== undefined) patch.metadata = checkMetadata(changes.metadata)
    return this.#save(workspaceId, id, patch)
  }

  /** From now on no call is made with it, until it is enabled. Doing it twice is the same answer. */
  disable(workspaceId: string, id: string): Promise<Connection> {
    return this.#save(workspaceId, id, { status: 'DISABLED', statusChangedAt: new Date() })
  }

  /** Undoes {@link disable}; a connection whose credential is known to be dead needs its end user again. */
  async enable(workspaceId: string, id: string): Promise<Connection> {
    for (;;) {
      const row = await this.#require(workspaceId, id)
      if (row.status !== 'DISABLED') return row
      const status = row.statusReason === null ? ('ACTIVE' as const) : ('NEEDS_REAUTH' as const)
      const event = status === 'ACTIVE' ? 'connection.updated' : 'connection.needs_reauth'
      const patch = { status, statusChangedAt: new Date() }
      // What was found out of the credential that was there says nothing of another.
      const only = { version: row.credentialVersion, onlyDisabled: true }
      const saved = await this.#store.update(workspaceId, id, patch, event, only)
      if (saved !== undefined) return this.#changed(saved)
    }
  }

  /**
   * Stops its use at once, has the vendor revoke the credential, and erases it. Doing it twice is the same answer.
   * @throws GatewayError `CONNECTION_NOT_FOUND`
   */
  async delete(workspaceId: string, id: string): Promise<Deletion> {
    const deletion = await this.#deletions.delete(workspaceId, id, isFirst => {
      this.#byId.forget(idKey({ workspaceId, id }))
      this.#byEndUser.clear()
      this.#parts.onDeleted(workspaceId, id)
      if (isFirst) this.#events.connectionDeleted({ workspaceId, id })
    })
    if (deletion === undefined) throw connectionNotFound()
    return deletion
  }

  /**
   * Has the vendor revoke, in the background, what was refused in place of a connection's credential because it is another
   * account's. Not while the end user has that account connected, too: some vendors end all tokens of an account at once.
   */
  async revokeRefused(before: ConnectionRow, refused: ConnectionRow, credential: Credential): Promise<void> {
    const { workspaceId, integration, endUserId } = before
    const rows = await this.#store.findByEndUser(workspaceId, integration, endUserId, maxAccounts)
    const others = rows.filter(({ id }) => id !== before.id)
    const isAlone = others.every(({ account }) => isCertainlyOther(account, refused.account))
    if (isAlone && rows.length < maxAccounts) void this.#revocations.revoke(refused, credential)
  }

  /**
   * Finishes what a process that died had begun.
   * @param ending aborted when the process ends: nothing more is begun then
   * @returns how many deletions there were, at most `limit`
   */
  finishDeletions(limit: number, ending?: AbortSignal): Promise<number> {
    return this.#deletions.finishAll(limit, ending)
  }

  /**
   * Has the vendor give a new token now.
   * @throws GatewayError `CONNECTION_NOT_FOUND`, `INVALID_INPUT` when its credential has none to be renewed,
   *   `CONNECTION_NEEDS_REAUTH`, `REFRESH_FAILED`
   */
  async refresh(workspaceId: string, id: string, wait: RefreshWait): Promise<Connection> {
    const row = await this.#require(workspaceId, id)
    requireNoReauth(row, this.#parts.connectUrl)
    if (!isRenewable(this.#parts.seal.open(row))) {
      const message = `The connection has a credential of ${row.scheme} that cannot be refreshed: nothing in it leads to a new token.`
      throw invalidInput('id', message)
    }
    const integration = await this.#integration(workspaceId, row.integration)
    return await this.#reconnection.offer(row, integration, () =>
      this.#refresher.renew(this.#subjectAt(row, integration), wait, { isForced: true }),
    )
  }

  /**
   * Renews tokens that would die of disuse.
   * @param ending aborted when the process ends: nothing more is begun then
   * @returns how many were due, at most `limit`
   */
  async keepAlive(limit: number, ending?: AbortSignal): Promise<number> {
    const due = await this.#parts.refreshes.takeDue(limit, keepAliveAgainMs)
    for (const { workspaceId, connectionId } of due) {
      if (ending?.aborted) break
      // What fails is noted with the connection, and due again; the others of the batch are no worse for it.
      await this.#keepOne(workspaceId, connectionId).catch(error => {
        if (!(error instanceof GatewayError)) this.#events.upkeepFailed('keep-alive of a token', error)
      })
    }
    return due.length
  }

  async #keepOne(workspaceId: string, id: string): Promise<void> {
    const row = await this.#store.get(workspaceId, id)
    if (row === undefined || row.status === 'NEEDS_REAUTH' || row.statusReason !== null) return
    const subject = this.#subjectAt(row, await this.#integration(workspaceId, row.integration))
    await this.#refresher.renew(subject, { deadlineMs: Date.now() + 60_000 }, { isPatient: false })
  }

  /** Asks the vendor of a connection anew. Undefined where the integration has no verify request. */
  async verify(
    workspaceId: string,
    id: string,
  ): Promise<{ connection: Connection; verification: Verification | undefined }> {
    const row = await this.#require(workspaceId, id)
    const integration = await this.#integration(workspaceId, row.integration)
    const verification = await this.#parts.verify(row, integration)
    if (verification?.outcome !== 'OK') return { connection: await this.#require(workspaceId, id), verification }
    const account = withoutSecrets(verification.account, this.#parts.seal.open(row), entryOf(row, integration))
    const patch = { account: account ?? row.account, verifiedAt: new Date() }
    return { connection: await this.#save(workspaceId, id, patch), verification: { ...verification, account } }
  }

  /** What a call adds to its request, with a token that is good now: the only place where a credential is opened. */
  openCredential(
    row: ConnectionRow,
    integration: Integration,
    wait: RefreshWait,
  ): OpenedCredential | Promise<OpenedCredential> {
    return this.#reconnection.offer(row, integration, () => this.#opener.open(row, integration, wait))
  }

  /** A page on which its end user connects it again; null unless that is needed. */
  connectUrlFor(row: Connection, integration: Integration | undefined): string | null {
    return this.#reconnection.urlFor(row, integration)
  }

  /** @throws GatewayError `CONNECTION_DISABLED` or `CONNECTION_NEEDS_REAUTH` */
  requireUsable(row: ConnectionRow): void {
    if (row.status === 'ACTIVE') return
    requireNoReauth(row, this.#parts.connectUrl)
    throw new GatewayError(
      'CONNECTION_DISABLED',
      `The connection ${row.id} is disabled; enable it with enableConnection.`,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#refresher[Symbol.asyncDispose](), this.#revocations[Symbol.asyncDispose]()])
  }

  #subjectAt(row: ConnectionRow, integration: Integration): RefreshSubject {
    return createRefreshSubject(row, integration, this.#integrations.clientOf(integration))
  }

  async #save(workspaceId: string, id: string, patch: Parameters<ConnectionStore['update']>[2]): Promise<Connection> {
    const row = await this.#store.update(workspaceId, id, patch)
    if (row === undefined) throw connectionNotFound()
    return this.#changed(row)
  }

  #changed(row: ConnectionRow): Connection {
    this.#forget(row)
    this.#events.connectionUpdated(row)
    return row
  }

  #forget(row: ConnectionRow): void {
    this.#byId.forget(idKey(row))
    this.#byEndUser.clear()
  }

  async #require(workspaceId: string, id: string): Promise<ConnectionRow> {
    const row = await this.#store.get(workspaceId, id)
    if (row === undefined) throw connectionNotFound()
    return row
  }

  async #integration(workspaceId: string, slug: string): Promise<Integration> {
    const integration = await this.#integrations.get(workspaceId, slug)
    if (integration === undefined) throw integrationNotFound(slug)
    return integration
  }
}

function idKey({ workspaceId, id }: Pick<ConnectionRow, 'workspaceId' | 'id'>): string {
  return `${workspaceId} ${id}`
}

/** Lengths keep two of them apart, whatever is in the texts. */
function endUserKey({
  workspaceId,
  integration,
  endUserId,
}: Pick<ConnectionRow, 'workspaceId' | 'integration' | 'endUserId'>): string {
  return `${workspaceId} ${integration.length} ${integration} ${endUserId}`
}

/** Of one end user at one integration. */
const maxAccounts = 100

/** A token whose renewal failed is tried again this late. */
const keepAliveAgainMs = 6 * 3_600_000

function requireNoReauth(row: ConnectionRow, connectUrl: Parts['connectUrl']): void {
  if (row.status === 'NEEDS_REAUTH') throw needsReauth(row, connectUrl?.(row))
}
