/** The life of a connection: created with its credential sealed, listed, changed, opened for a call, deleted. */
import { type Credential, parseCredential } from '../auth/credential.ts'
import type { AuthEntry } from '../auth/scheme.ts'
import { createStrategy, type Injection } from '../auth/strategy.ts'
import { parseConfig, resolveTarget } from '../catalog/target.ts'
import { GatewayError, invalidInput } from '../errors.ts'
import type { Events } from '../events.ts'
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
  readonly config?: Record<string, unknown> | null
  readonly metadata?: Record<string, unknown> | null
}

interface Parts {
  readonly store: ConnectionStore
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

  constructor(parts: Parts) {
    this.#store = parts.store
    this.#integrations = parts.integrations
    this.#vault = parts.vault
    this.#events = parts.events
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
    this.#events.connectionCreated(row)
    return row
  }

  get(workspaceId: string, id: string): Promise<ConnectionRow | undefined> {
    return this.#store.get(workspaceId, id)
  }

  getMany(workspaceId: string, ids: readonly string[]): Promise<ConnectionRow[]> {
    return this.#store.getMany(workspaceId, ids)
  }

  findByEndUser(workspaceId: string, integration: string, endUserId: string, limit: number): Promise<ConnectionRow[]> {
    return this.#store.findByEndUser(workspaceId, integration, endUserId, limit)
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
    const patch: { config?: Record<string, string>; metadata?: Record<string, unknown> } = {}
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
    if (!(await this.#store.delete(workspaceId, id))) throw connectionNotFound()
    this.#events.connectionDeleted({ workspaceId, id })
  }

  /**
   * What a call adds to its request: the only place where a credential is opened.
   * @throws GatewayError `CONNECTION_NEEDS_REAUTH` when it cannot be opened or its scheme is gone from the integration
   */
  openCredential(row: ConnectionRow, integration: Integration): Injection {
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
    this.#events.connectionUpdated(row)
    return row
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
