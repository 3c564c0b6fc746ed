/** The life of webhook endpoints: where a workspace is told of what happens to its connections. */
import { GatewayError, invalidInput } from '../errors.ts'
import type { ConnectionEventType } from '../store/connection-events.ts'
import { newId } from '../store/ids.ts'
import type { Page, PageArgs } from '../store/page.ts'
import type { WebhookDeliveryFilter, WebhookDeliveryRow, WebhookEndpointRow, WebhookStore } from '../store/webhooks.ts'
import type { EndpointPlace } from './dispatcher.ts'
import { newSecret, readSecrets, rotate, writeSecrets } from './signature.ts'

export type WebhookEndpoint = Omit<WebhookEndpointRow, 'sealedSecret'>
export type WebhookDelivery = WebhookDeliveryRow

export interface NewWebhookEndpoint {
  readonly url: string
  readonly description?: string | null | undefined
  /** All of them, also those to come, unless given. */
  readonly eventTypes?: readonly ConnectionEventType[] | null | undefined
}

export interface WebhookEndpointChange {
  readonly url?: string | null | undefined
  readonly description?: string | null | undefined
  readonly eventTypes?: readonly ConnectionEventType[] | null | undefined
  readonly isEnabled?: boolean | null | undefined
}

export interface WebhookEndpointsOptions {
  readonly store: WebhookStore
  readonly seal: {
    seal(place: EndpointPlace, text: string): Buffer
    /** @throws when the encryption key is gone or the bytes are not what was sealed for this place */
    open(place: EndpointPlace, sealed: Buffer): string
  }
  /** What speaks against sending to a URL, as far as the URL itself tells. */
  readonly refuse: (url: URL) => GatewayError | undefined
}

const maxEndpoints = 20
const maxUrlLength = 2048
const maxDescriptionLength = 500

export class WebhookEndpoints {
  readonly #options: WebhookEndpointsOptions

  constructor(options: WebhookEndpointsOptions) {
    this.#options = options
  }

  /** The secret is in this answer and nowhere else. */
  async create(
    workspaceId: string,
    { url, description, eventTypes }: NewWebhookEndpoint,
  ): Promise<{ endpoint: WebhookEndpoint; secret: string }> {
    const { store, seal } = this.#options
    const id = newId('whe')
    const current = newSecret()
    const row = {
      workspaceId,
      id,
      url: this.#checkUrl(url),
      description: checkDescription(description ?? null),
      eventTypes: checkTypes(eventTypes ?? null),
      sealedSecret: seal.seal({ workspaceId, id }, writeSecrets({ current })),
    }
    const inserted = await store.insertEndpoint(row, maxEndpoints)
    if (inserted === undefined) {
      throw invalidInput('url', `A workspace has at most ${maxEndpoints} webhook endpoints; delete one first.`)
    }
    return { endpoint: withoutSecret(inserted), secret: current }
  }

  /** What is absent stays. Switched on again, an endpoint begins with a clean record. */
  async update(workspaceId: string, id: string, change: WebhookEndpointChange): Promise<WebhookEndpoint> {
    const { url, description, eventTypes, isEnabled } = change
    if (url === null) throw invalidInput('url', 'url takes a URL; got null.')
    if (isEnabled === null) throw invalidInput('isEnabled', 'isEnabled takes true or false; got null.')
    const patch = {
      ...(url !== undefined && { url: this.#checkUrl(url) }),
      ...(description !== undefined && { description: checkDescription(description) }),
      ...(eventTypes !== undefined && { eventTypes: checkTypes(eventTypes) }),
      ...(isEnabled === true && { isEnabled, disabledReason: null, failingSince: null }),
      ...(isEnabled === false && { isEnabled, disabledReason: 'Switched off by the workspace.' }),
    }
    return withoutSecret(requireEndpoint(await this.#options.store.updateEndpoint(workspaceId, id, patch)))
  }

  /** For a while the old secret signs beside the new one; one before the old one is gone at once. */
  async rotateSecret(
    workspaceId: string,
    id: string,
  ): Promise<{ endpoint: WebhookEndpoint; secret: string; previousSecretUntil: Date }> {
    const { store, seal } = this.#options
    const place = { workspaceId, id }
    // Re-wrapped under another encryption key meanwhile, or rotated twice at once: then from there.
    for (let round = 0; round < 5; round++) {
      const { sealedSecret } = requireEndpoint(await store.getEndpoint(workspaceId, id))
      const secrets = rotate(readSecrets(seal.open(place, sealedSecret)), new Date())
      const row = await store.replaceSecret(workspaceId, id, sealedSecret, seal.seal(place, writeSecrets(secrets)))
      if (row === undefined) continue
      const previousSecretUntil = new Date(secrets.previous.until)
      return { endpoint: withoutSecret(row), secret: secrets.current, previousSecretUntil }
    }
    throw new GatewayError('OVERLOADED', 'The secret is being rotated by others; try again.')
  }

  /** True when there was one; what was on its way to it is dropped. */
  delete(workspaceId: string, id: string): Promise<boolean> {
    return this.#options.store.deleteEndpoint(workspaceId, id)
  }

  async get(workspaceId: string, id: string): Promise<WebhookEndpoint | undefined> {
    const row = await this.#options.store.getEndpoint(workspaceId, id)
    return row && withoutSecret(row)
  }

  async list(workspaceId: string, args: PageArgs): Promise<Page<WebhookEndpoint>> {
    const page = await this.#options.store.listEndpoints(workspaceId, args)
    return { ...page, edges: page.edges.map(({ cursor, node }) => ({ cursor, node: withoutSecret(node) })) }
  }

  /** An event that says nothing, to see that it arrives; whatever types the endpoint wants. */
  async sendTest(workspaceId: string, id: string): Promise<WebhookDelivery> {
    const { store } = this.#options
    requireEnabled(requireEndpoint(await store.getEndpoint(workspaceId, id)))
    const type = 'webhook.test'
    const payload = JSON.stringify({ type, timestamp: new Date().toISOString(), data: { endpointId: id } })
    const ids = { workspaceId, id: newId('whd'), endpointId: id, eventId: newId('evt') }
    return await store.insertDelivery({ ...ids, eventType: type, payload })
  }

  getDelivery(workspaceId: string, id: string): Promise<WebhookDelivery | undefined> {
    return this.#options.store.getDelivery(workspaceId, id)
  }

  listDeliveries(workspaceId: string, filter: WebhookDeliveryFilter, page: PageArgs): Promise<Page<WebhookDelivery>> {
    return this.#options.store.listDeliveries(workspaceId, filter, page)
  }

  /** The same message once more, with all its attempts. One that is on its way already stays as it is. */
  async resend(workspaceId: string, id: string): Promise<WebhookDelivery> {
    const { store } = this.#options
    const delivery = await store.getDelivery(workspaceId, id)
    if (delivery === undefined) throw invalidInput('id', 'id names no webhook delivery of the workspace.')
    requireEnabled(requireEndpoint(await store.getEndpoint(workspaceId, delivery.endpointId)))
    return (await store.resend(workspaceId, id)) ?? delivery
  }

  #checkUrl(text: string): string {
    const url = URL.canParse(text) && text.length <= maxUrlLength ? new URL(text) : undefined
    if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
      throw invalidInput('url', `url takes an https URL of at most ${maxUrlLength} characters.`)
    }
    if (url.username !== '' || url.password !== '' || url.hash !== '') {
      throw invalidInput('url', 'url takes neither a user, nor a password, nor a fragment.')
    }
    const refusal = this.#options.refuse(url)
    if (refusal !== undefined) throw invalidInput('url', `url leads where nothing is sent. ${refusal.message}`)
    return url.href
  }
}

function withoutSecret({ sealedSecret: _, ...endpoint }: WebhookEndpointRow): WebhookEndpoint {
  return endpoint
}

function requireEndpoint(row: WebhookEndpointRow | undefined): WebhookEndpointRow {
  if (row === undefined) throw invalidInput('id', 'id names no webhook endpoint of the workspace.')
  return row
}

function requireEnabled({ isEnabled }: WebhookEndpointRow): void {
  if (!isEnabled) throw invalidInput('id', 'The endpoint is disabled; enable it first.')
}

function checkDescription(description: string | null): string | null {
  if ((description?.length ?? 0) <= maxDescriptionLength) return description
  throw invalidInput('description', `description takes at most ${maxDescriptionLength} characters.`)
}

function checkTypes(types: readonly ConnectionEventType[] | null): string[] | null {
  if (types?.length === 0) throw invalidInput('eventTypes', 'eventTypes takes at least one type, or null for all.')
  return types === null ? null : [...new Set(types)]
}
