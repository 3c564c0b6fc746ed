/** The life of a connection: created with its credential sealed, listed, changed, opened for a call, deleted. */
import { type Credential, parseCredential } from '../auth/credential.ts'
import type { AuthEntry } from '../auth/scheme.ts'
import { createStrategy, type Injection } from '../auth/strategy.ts'
import { parseConfig, resolveTarget } from '../catalog/target.ts'
import { GatewayError, invalidInput } from '../errors.ts'
import type { Events } from '../events.ts'
import { checkQuota, type Quota } from '../limits/quota.ts'
import { Memo } from '../memo.ts'
import type { ConnectionFilter, ConnectionOrder, ConnectionRow, ConnectionStore } from '../store/connections.ts'
import { newId } from '../store/ids.ts'
import type { Page, PageArgs } from '../store/page.ts'
import { type Vault, VaultError } from '../vault/vault.ts'
import { type Integration, type Integrations, integrationNotFound } from './integrations.ts'

/** A connection as the rest of the house sees it: everything but what is sealed. */
export type Connection = Omit<ConnectionRow, 'sealedCredential' | 'sealedUnder' | 'credentialVersion'>

export interface NewConnection {
  readonly integration: string
  readonly endUserId: string
  readonly config?: Record<string, unknown> | null
  readonly credential: Credential
  readonly metadata?: Record<string, unknown> | null
}

export interface ConnectionChanges {
  readonly quota?: Quota | null
  readonly config?: Record<string, unknown> | null
  readonly metadata?: Record<string, unknown> | null
}

interface Parts {
  readonly store: ConnectionStore
  /** Told of a connection that is gone, so that nothing of it is kept elsewhere. */
  readonly onDeleted: (workspaceId: string, id: string) => void
  readonly integrations: Integrations
  readonly vault: Vault
  readonly events: Events
}

const maxMetadataBytes = 16_384

export class Connections {
  readonly #store: ConnectionStore
  readonly #integrations: Integrations
  readonly #vault: Vault
  readonly #events: Events
  readonly #onDeleted: Parts['onDeleted']
  readonly #byId = new Memo<ConnectionRow>()
  readonly #byEndUser = new Memo<ConnectionRow[]>()
  readonly #opened = new WeakMap<ConnectionRow, { integration: Integration; injection: Injection }>()

  constructor(parts: Parts) {
    this.#store = parts.store
    this.#integrations = parts.integrations
    this.#vault = parts.vault
    this.#events = parts.events
    this.#onDeleted = parts.onDeleted
  }

  /** Imports a credential. @throws GatewayError `INVALID_INPUT` with a detail per wrong field; nothing is stored then. */
  async create(workspaceId: string, input: NewConnection): Promise<Connection> {
    const integration = await this.#integration(workspaceId, input.integration)
    const endUserId = checkEndUserId(input.endUserId)
    const metadata = checkMetadata(input.metadata)
    const config = parseConfig(integration.definition, input.config ?? undefined)
    resolveTarget(integration.definition, config)
    const entry = requireScheme(integration, input.credential.scheme)
    createStrategy(entry)(input.credential)
    const id = newId('conn')
    const sealed = this.#vault.seal(credentialBinding(workspaceId, id), JSON.stringify(input.credential))
    const row = await this.#store.insert({
      workspaceId,
      id,
      integration: integration.slug,
      endUserId,
      scheme: entry.scheme,
      config,
      metadata,
      sealedCredential: sealed.envelope,
      sealedUnder: sealed.keyId,
    })
    this.#forget(row)
    this.#events.connectionCreated(row)
    return row
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
    const patch: { config?: Record<string, string>; metadata?: Record<string, unknown>; quota?: Quota | null } = {}
    if (changes.quota !== undefined) patch.quota = checkQuota('quota', changes.quota)
    if (changes.config !== undefined) {
      const { definition } = await this.#integration(workspaceId, before.integration)
      patch.config = parseConfig(definition, changes.config ?? undefined)
      resolveTarget(definition, patch.config)
    }
    if (changes.metadata !== undefined) patch.metadata = checkMetadata(changes.metadata)
    return this.#save(workspaceId, id, patch)
  }

  /** From now on no call is made with it, until it is enabled. Doing it twice is the same answer. */
  disable(workspaceId: string, id: string): Promise<Connection> {
    return this.#save(workspaceId, id, { status: 'DISABLED' })
  }

  /** Undoes {@link disable}; a connection that needs its end user again stays as it is. */
  async enable(workspaceId: string, id: string): Promise<Connection> {
    const row = await this.#require(workspaceId, id)
    return row.status === 'DISABLED' ? this.#save(workspaceId, id, { status: 'ACTIVE' }) : row
  }

  /** Erases the connection with its sealed credential. @throws GatewayError `CONNECTION_NOT_FOUND` */
  async delete(workspaceId: string, id: string): Promise<void> {
    const wasThere = await this.#store.delete(workspaceId, id)
    this.#byId.forget(idKey({ workspaceId, id }))
    this.#byEndUser.clear()
    this.#onDeleted(workspaceId, id)
    if (!wasThere) throw connectionNotFound()
    this.#events.connectionDeleted({ workspaceId, id })
  }

  /**
   * What a call adds to its request: the only place where a credential is opened.
   * @throws GatewayError `CONNECTION_NEEDS_REAUTH` when it cannot be opened or its scheme is gone from the integration
   */
  openCredential(row: ConnectionRow, integration: Integration): Injection {
    const opened = this.#opened.get(row)
    if (opened?.integration === integration) return opened.injection
    const injection = this.#inject(row, integration)
    this.#opened.set(row, { integration, injection })
    return injection
  }

  #inject(row: ConnectionRow, integration: Integration): Injection {
    const entry = integration.definition.auth.find(auth => auth.scheme === row.scheme)
    if (entry === undefined) {
      const message = `The integration "${row.integration}" no longer takes ${row.scheme} credentials; connect again.`
      throw new GatewayError('CONNECTION_NEEDS_REAUTH', message)
    }
    return createStrategy(entry)(this.#open(row))
  }

  #open(row: ConnectionRow): Credential {
    try {
      const text = this.#vault.open(credentialBinding(row.workspaceId, row.id), row.sealedCredential)
      return parseCredential(JSON.parse(text))
    } catch (cause) {
      if (!(cause instanceof VaultError)) throw cause
      this.#events.credentialUnopened(row, cause)
      const message = 'The credential of this connection cannot be opened; connect the account again.'
      throw new GatewayError('CONNECTION_NEEDS_REAUTH', message, { cause })
    }
  }

  async #save(workspaceId: string, id: string, patch: Parameters<ConnectionStore['update']>[2]): Promise<Connection> {
    const row = await this.#store.update(workspaceId, id, patch)
    if (row === undefined) throw connectionNotFound()
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

/** One sentence for ids that do not exist, are malformed or belong to another workspace. */
export function connectionNotFound(): GatewayError {
  return new GatewayError('CONNECTION_NOT_FOUND', 'The workspace has no connection with this id.')
}

/** The first auth entry of the scheme. @throws GatewayError `INVALID_INPUT` naming the schemes the integration takes. */
function requireScheme(integration: Integration, scheme: string): AuthEntry {
  const entry = integration.definition.auth.find(auth => auth.scheme === scheme)
  if (entry !== undefined) return entry
  const taken = [...new Set(integration.definition.auth.map(auth => auth.scheme))].join(', ')
  throw invalidInput(
    'credential',
    `The integration "${integration.slug}" takes a credential of ${taken}; got ${scheme}.`,
  )
}

function credentialBinding(workspaceId: string, id: string) {
  return { workspaceId, kind: 'connection', id }
}

function checkEndUserId(endUserId: string): string {
  if (endUserId.length < 1 || endUserId.length > 255 || /\p{Cc}/u.test(endUserId)) {
    const got = endUserId.length === 0 ? 'an empty text' : `${endUserId.length} characters`
    throw invalidInput('endUserId', `endUserId takes 1 to 255 characters without control characters; got ${got}.`)
  }
  return endUserId
}

function checkMetadata(metadata: Record<string, unknown> | null | undefined): Record<string, unknown> {
  const size = Buffer.byteLength(JSON.stringify(metadata ?? {}))
  if (size > maxMetadataBytes) {
    throw invalidInput('metadata', `metadata takes at most ${maxMetadataBytes} bytes of JSON; got ${size}.`)
  }
  return metadata ?? {}
}
