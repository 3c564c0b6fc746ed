/** The integrations a workspace sees: the built-in catalog, its own definitions, and its settings over both. */
import { createHash } from 'node:crypto'
import type { OAuthClientFacts } from '../auth/tokens/token-endpoint.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { IntegrationDefinition } from '../catalog/entry.ts'
import { parseIntegration, readStoredIntegration } from '../catalog/parse.ts'
import { applySettings, type IntegrationSettings } from '../catalog/settings.ts'
import { GatewayError, invalidInput } from '../errors.ts'
import { checkQuota, type Quota } from '../limits/quota.ts'
import { Memo } from '../memo.ts'
import type { ConnectionStore, Visibility } from '../store/connections.ts'
import { toTypeId } from '../store/ids.ts'
import type { IntegrationRow, IntegrationStore } from '../store/integrations.ts'
import type { PageArgs } from '../store/page.ts'
import type { JsonObject, StoredRule } from '../store/tables.ts'
import { oauthClientBinding } from '../vault/bindings.ts'
import type { Vault } from '../vault/vault.ts'
import { type CallBodySettings, checkCallBodies } from './call-body-settings.ts'
import {
  checkIntegrationFilter,
  countFacets,
  type IntegrationFacets,
  type IntegrationFilter,
  type IntegrationPage,
  type IsConnected,
  pageOfIntegrations,
} from './integration-list.ts'

export interface Integration {
  readonly id: string
  readonly workspaceId: string
  readonly slug: string
  /** The entry with the workspace's settings applied: what a call really uses. */
  readonly definition: IntegrationDefinition
  readonly builtIn: boolean
  /** Why what is stored of it is refused today, so that nothing can be called; null as a rule. */
  readonly refusal: string | null
  /** False while a scheme needs an OAuth client that the workspace has not given; its other schemes work all the same. */
  readonly configured: boolean
  /** What the workspace set for all its connections of this integration together. */
  readonly quota: Quota | null
  /** What may be called at all, by whoever. */
  readonly rules: readonly StoredRule[]
  /** What is kept of the bodies of its calls; null for nothing. */
  readonly callBodies: CallBodySettings | null
  /** When the workspace last changed it; null when it never did. */
  readonly changedAt: Date | null
}

export interface ConfigureIntegration extends IntegrationSettings {
  readonly slug: string
  /** For all of the workspace's connections of this integration together. */
  readonly quota?: Quota | null
  /** Checked by whoever knows rules. */
  readonly rules?: readonly StoredRule[] | null
  readonly callBodies?: CallBodySettings | null
  readonly oauthClient?: { readonly clientId: string; readonly clientSecret?: string | null } | null
}

/** What the settings column holds: the admin's overrides and the public half of the OAuth client. */
interface StoredSettings extends IntegrationSettings {
  readonly quota?: Quota | null
  readonly rules?: readonly StoredRule[] | null
  readonly callBodies?: CallBodySettings | null
  readonly oauthClientId?: string
}

/** The workspace's OAuth client as it is stored, and once it was opened. */
interface SealedClient {
  readonly clientId: string
  readonly sealedSecret: Buffer | null
  opened?: OAuthClientFacts
}

export interface IntegrationsParts {
  readonly catalog: Catalog
  readonly store: IntegrationStore
  readonly connections: Pick<ConnectionStore, 'findConnected'>
  readonly vault: Vault
  /** Told of stored definitions and settings that are refused today: nothing is called there until they are changed. */
  readonly onUnreadable: (integration: { readonly workspaceId: string; readonly slug: string }, error: unknown) => void
}

const tellEveryMs = 60_000

export class Integrations {
  readonly #catalog: Catalog
  readonly #store: IntegrationStore
  readonly #connections: Pick<ConnectionStore, 'findConnected'>
  readonly #vault: Vault
  readonly #memo = new Memo<Integration>()
  readonly #clients = new WeakMap<Integration, SealedClient>()
  /** Of the built-in ones, by slug: a list of them would hash every slug anew. */
  readonly #ids: ReadonlyMap<string, string>
  readonly #onUnreadable: IntegrationsParts['onUnreadable']
  readonly #toldAt = new Map<string, number>()

  constructor(parts: IntegrationsParts) {
    this.#catalog = parts.catalog
    this.#store = parts.store
    this.#connections = parts.connections
    this.#vault = parts.vault
    this.#onUnreadable = parts.onUnreadable
    this.#ids = new Map(parts.catalog.list().map(({ slug }) => [slug, integrationId(slug)]))
  }

  /** One answer per slug, in order; undefined where the workspace has no such integration. */
  async getMany(workspaceId: string, slugs: readonly string[]): Promise<(Integration | undefined)[]> {
    const remember = this.#memo.begin()
    const rows = await this.#store.getMany(workspaceId, [...new Set(slugs)])
    const bySlug = new Map(rows.map(row => [row.slug, row]))
    return slugs.map(slug => {
      const integration = this.#combine(workspaceId, slug, bySlug.get(slug))
      if (integration !== undefined) remember(memoKey(workspaceId, slug), integration)
      return integration
    })
  }

  /** What {@link getMany} found a moment ago. */
  peek(workspaceId: string, slug: string): Integration | undefined {
    return this.#memo.peek(memoKey(workspaceId, slug))
  }

  /** The workspace's own OAuth client; undefined when it has none. @throws {VaultError} */
  clientOf(integration: Integration): OAuthClientFacts | undefined {
    const client = this.#clients.get(integration)
    if (client === undefined) return undefined
    client.opened ??= this.#openClient(integration, client)
    return client.opened
  }

  #openClient(
    { workspaceId, slug, definition }: Integration,
    { clientId, sealedSecret }: SealedClient,
  ): OAuthClientFacts {
    if (sealedSecret === null) return { clientId }
    const secret = this.#vault.open(oauthClientBinding(workspaceId, slug), sealedSecret)
    const isKey = definition.auth.some(
      entry => 'clientAuthentication' in entry && entry.clientAuthentication === 'privateKeyJwt',
    )
    return isKey ? { clientId, privateKey: secret } : { clientId, clientSecret: secret }
  }

  async get(workspaceId: string, slug: string): Promise<Integration | undefined> {
    const [integration] = await this.getMany(workspaceId, [slug])
    return integration
  }

  /** All of them, sorted by slug. */
  async list(workspaceId: string): Promise<Integration[]> {
    const rows = new Map((await this.#store.list(workspaceId)).map(row => [row.slug, row]))
    const slugs = new Set([...this.#catalog.list().map(entry => entry.slug), ...rows.keys()])
    return [...slugs]
      .sort()
      .map(slug => this.#combine(workspaceId, slug, rows.get(slug)))
      .filter(integration => integration !== undefined)
  }

  /**
   * One page of them, in the order of {@link pageOfIntegrations}.
   * @param within whose connections count for `connected`; anybody's unless given
   * @throws GatewayError `INVALID_INPUT`
   */
  async page(
    workspaceId: string,
    filter: IntegrationFilter,
    args: PageArgs,
    within?: Visibility,
  ): Promise<IntegrationPage> {
    checkIntegrationFilter(filter)
    const all = await this.list(workspaceId)
    const isConnected = filter.connected == null ? () => false : await this.#findConnected(workspaceId, all, within)
    return pageOfIntegrations(all, filter, isConnected, args)
  }

  /** How many of them each choice leaves. @param within as for {@link page}. @throws GatewayError `INVALID_INPUT` */
  async facets(workspaceId: string, filter: IntegrationFilter, within?: Visibility): Promise<IntegrationFacets> {
    checkIntegrationFilter(filter)
    const all = await this.list(workspaceId)
    return countFacets(all, filter, await this.#findConnected(workspaceId, all, within))
  }

  async #findConnected(
    workspaceId: string,
    integrations: readonly Integration[],
    within: Visibility | undefined,
  ): Promise<IsConnected> {
    const found = await this.#connections.findConnected(workspaceId, integrations.map(slugOf), within)
    return slug => found.has(slug)
  }

  /** Adds a workspace's own integration. @throws GatewayError `INVALID_INPUT` with a detail per wrong field. */
  async define(workspaceId: string, document: unknown): Promise<Integration> {
    const definition = parseIntegration(document)
    const { slug } = definition
    if (this.#catalog.get(slug) !== undefined) {
      throw invalidInput('definition.slug', `The slug "${slug}" is built in; use configureIntegration or another slug.`)
    }
    const row = await this.#store.insert({
      workspaceId,
      id: integrationId(slug),
      slug,
      definition: document as JsonObject,
    })
    if (row === undefined) {
      throw invalidInput('definition.slug', `The workspace has an integration "${slug}" already; choose another slug.`)
    }
    this.#memo.forget(memoKey(workspaceId, slug))
    return this.#require(workspaceId, slug, row)
  }

  /** Gives one of the workspace's own integrations another definition. @throws GatewayError `INVALID_INPUT`, `INTEGRATION_NOT_FOUND` */
  async redefine(workspaceId: string, document: unknown): Promise<Integration> {
    const definition = parseIntegration(document)
    const { slug } = definition
    this.#requireOwn('definition.slug', slug)
    const row = await this.#store.redefine(workspaceId, slug, document as JsonObject, ({ settings }) => {
      applySettings(definition, (settings ?? {}) as StoredSettings)
    })
    this.#memo.forget(memoKey(workspaceId, slug))
    if (row === undefined) throw integrationNotFound(slug)
    return this.#require(workspaceId, slug, row)
  }

  /**
   * Deletes one of the workspace's own, with its settings, OAuth client and imported actions.
   * @returns its id
   * @throws GatewayError `INVALID_INPUT` while it has connections, `INTEGRATION_NOT_FOUND`
   */
  async delete(workspaceId: string, slug: string): Promise<string> {
    this.#requireOwn('slug', slug)
    const outcome = await this.#store.delete(workspaceId, slug)
    this.#memo.forget(memoKey(workspaceId, slug))
    if (outcome === 'ABSENT') throw integrationNotFound(slug)
    if (outcome === 'CONNECTED') {
      throw invalidInput('slug', `The integration "${slug}" has connections; delete them before it.`)
    }
    return integrationId(slug)
  }

  #requireOwn(field: string, slug: string): void {
    if (this.#catalog.get(slug) === undefined) return
    const message = `"${slug}" is built in; only the workspace's own integrations are changed so. Use configureIntegration.`
    throw invalidInput(field, message)
  }

  /** Changes the workspace's settings: a field that is absent stays as it is, null goes back to the entry's value. */
  async configure(workspaceId: string, input: ConfigureIntegration): Promise<Integration> {
    const { slug, oauthClient, ...given } = input
    const changes = { ...given, callBodies: checkCallBodies('callBodies', given.callBodies) }
    checkQuota('quota', changes.quota)
    const entry = this.#catalog.get(slug)
    const place = { workspaceId, slug, id: entry && integrationId(slug) }
    const saved = await this.#store.saveSettings(place, row => {
      if (entry === undefined && row.definition === null) throw integrationNotFound(slug)
      const before = (row.settings ?? {}) as StoredSettings
      const settings: StoredSettings = { ...before, ...defined(changes), ...clientIdChange(oauthClient) }
      applySettings(entry ?? readStoredIntegration(row.definition), settings)
      return { settings: { ...settings }, ...this.#sealedSecretChange(workspaceId, slug, oauthClient) }
    })
    this.#memo.forget(memoKey(workspaceId, slug))
    if (saved === undefined) throw integrationNotFound(slug)
    return this.#require(workspaceId, slug, saved)
  }

  #sealedSecretChange(workspaceId: string, slug: string, client: ConfigureIntegration['oauthClient']) {
    if (client === undefined) return {}
    if (!client?.clientSecret) return { sealedClientSecret: null }
    return { sealedClientSecret: this.#vault.seal(oauthClientBinding(workspaceId, slug), client.clientSecret).envelope }
  }

  #require(workspaceId: string, slug: string, row: IntegrationRow): Integration {
    const integration = this.#combine(workspaceId, slug, row)
    if (integration === undefined) throw integrationNotFound(slug)
    return integration
  }

  /** What a call really uses; what is stored and refused today is of use to none. */
  #read(
    entry: IntegrationDefinition | undefined,
    row: IntegrationRow,
  ): Pick<Integration, 'definition' | 'refusal'> | undefined {
    try {
      const base = entry ?? (row.definition === null ? undefined : readStoredIntegration(row.definition))
      return base && { definition: applySettings(base, (row.settings ?? {}) as StoredSettings), refusal: null }
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      this.#tellUnreadable(row, error)
      return { definition: standIn(row.slug, entry?.name ?? row.definition?.name), refusal: error.message }
    }
  }

  /** Once a minute of each: it is read with every call. */
  #tellUnreadable(row: IntegrationRow, error: unknown): void {
    const key = memoKey(row.workspaceId, row.slug)
    const now = performance.now()
    if (now - (this.#toldAt.get(key) ?? Number.NEGATIVE_INFINITY) < tellEveryMs) return
    if (this.#toldAt.size >= 1000) this.#toldAt.clear()
    this.#toldAt.set(key, now)
    this.#onUnreadable(row, error)
  }

  #combine(workspaceId: string, slug: string, row: IntegrationRow | undefined): Integration | undefined {
    const entry = this.#catalog.get(slug)
    const read = row === undefined ? entry && { definition: entry, refusal: null } : this.#read(entry, row)
    if (read === undefined) return undefined
    const { definition, refusal } = read
    const settings = (row?.settings ?? {}) as StoredSettings
    const needsClient = definition.auth.some(({ scheme }) => scheme === 'oauth2' || scheme === 'oauth1')
    const integration = {
      id: this.#ids.get(slug) ?? integrationId(slug),
      workspaceId,
      slug,
      definition,
      builtIn: entry !== undefined,
      refusal,
      configured: refusal === null && (!needsClient || settings.oauthClientId !== undefined),
      quota: settings.quota ?? null,
      rules: settings.rules ?? [],
      callBodies: settings.callBodies ?? null,
      changedAt: row?.updatedAt ?? null,
    }
    const { oauthClientId: clientId } = settings
    if (clientId !== undefined) {
      this.#clients.set(integration, { clientId, sealedSecret: row?.sealedClientSecret ?? null })
    }
    return integration
  }
}

/** Shown in the place of what cannot be read: it has no way to authenticate and leads nowhere (RFC 6761 §6.4). */
function standIn(slug: string, name: unknown): IntegrationDefinition {
  const shown = typeof name === 'string' && name !== '' ? name : slug
  const auth = [{ scheme: 'none' }]
  return { ...parseIntegration({ slug, name: shown, baseUrl: 'https://refused.invalid', auth }), auth: [] }
}

/** @throws {GatewayError} INTEGRATION_NOT_CONFIGURED when what is stored of it is refused today */
export function requireReadable({ slug, refusal }: Integration): void {
  if (refusal === null) return
  const message = `What is stored of the integration "${slug}" is refused today: ${refusal} updateIntegration or configureIntegration mends it.`
  throw new GatewayError('INTEGRATION_NOT_CONFIGURED', message)
}

export function integrationNotFound(slug: string): GatewayError {
  return new GatewayError('INTEGRATION_NOT_FOUND', `The workspace has no integration "${slug}".`, {
    details: [{ field: 'integration', message: 'query { integrations } lists the slugs there are' }],
  })
}

/** A slug names an integration for good, so its id is made from it: a UUIDv8 (RFC 9562) of the slug's SHA-256. */
export function integrationId(slug: string): string {
  const bytes = createHash('sha256').update(`integration:${slug}`).digest().subarray(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
  return toTypeId('int', uuid)
}

function memoKey(workspaceId: string, slug: string): string {
  return `${workspaceId} ${slug}`
}

function slugOf({ slug }: Integration): string {
  return slug
}

function clientIdChange(client: ConfigureIntegration['oauthClient']): StoredSettings {
  if (client === undefined) return {}
  if (client === null) return { oauthClientId: undefined }
  if (client.clientId.trim() === '') {
    throw invalidInput('oauthClient.clientId', 'oauthClient.clientId takes the client id; got an empty text.')
  }
  return { oauthClientId: client.clientId }
}

function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Partial<T>
}
