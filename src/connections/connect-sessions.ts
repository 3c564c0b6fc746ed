/** Connect sessions: the links with which end users connect an account, or repair a connection. */
import { createHash, randomBytes } from 'node:crypto'
import { invalidInput } from '../errors.ts'
import type { AccessKeyStore } from '../store/access-keys.ts'
import type { ConnectSessionRow, ConnectSessionStore } from '../store/connect-sessions.ts'
import type { ConnectionRow } from '../store/connections.ts'
import { newId } from '../store/ids.ts'
import type { WorkspaceStore } from '../store/workspaces.ts'
import type { Vault } from '../vault/vault.ts'
import { checkEndUserId, checkMetadata } from './admission.ts'
import { type ConnectTargets, checkTargets } from './connect-targets.ts'
import { ConnectError, type ConnectErrorReason, type ConnectTheme } from './connect-view.ts'
import type { Connections } from './connections.ts'
import type { Integrations } from './integrations.ts'

export interface NewConnectSession extends ConnectTargets {
  readonly returnUrl?: string | null
  /** Handed back in the query of `returnUrl`. */
  readonly state?: string | null
  /** What the connection that is made gets as its metadata. */
  readonly metadata?: Record<string, unknown> | null
  readonly allowOtherAccount?: boolean | null
  readonly expiresInSeconds?: number | null
}

export interface ConnectLink {
  readonly id: string
  readonly url: string
  readonly expiresAt: Date
}

interface SessionParts {
  readonly store: ConnectSessionStore
  readonly connections: Connections
  readonly integrations: Integrations
  readonly vault: Vault
  /** What links are built on. */
  readonly publicUrl: () => URL
  readonly workspaces: Pick<WorkspaceStore, 'get' | 'saveConnectPage'>
  readonly keys: Pick<AccessKeyStore, 'get'>
}

const defaultLifeSeconds = 900
const longestLifeSeconds = 1800
const linkBinding = { workspaceId: '', kind: 'connectLink', id: '' }
/** In the place of an access key's id: links to repair a connection, which errors and connections show. */
const madeByGateway = ''
/** Each of them lets an access key make links. */
const makerScopes = ['connections:write', 'admin'] as const
/** Repair links carry their facts themselves; the prefix tells them from the others. */
const repairPrefix = 'r-'

export class ConnectSessions {
  readonly #parts: SessionParts

  constructor(parts: SessionParts) {
    this.#parts = parts
  }

  /** @throws {GatewayError} INVALID_INPUT, INTEGRATION_NOT_FOUND, CONNECTION_NOT_FOUND, INTEGRATION_NOT_CONFIGURED */
  async create(workspaceId: string, callerId: string, input: NewConnectSession): Promise<ConnectLink> {
    const seconds = input.expiresInSeconds ?? defaultLifeSeconds
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > longestLifeSeconds) {
      throw invalidInput(
        'expiresInSeconds',
        `expiresInSeconds takes a whole number from 1 to ${longestLifeSeconds}; got ${seconds}.`,
      )
    }
    checkEndUserId(input.endUserId)
    await checkTargets(this.#parts, workspaceId, input)
    const token = randomBytes(32).toString('base64url')
    const expiresAt = new Date(Date.now() + seconds * 1000)
    const { id } = await this.#parts.store.insert({
      workspaceId,
      id: newId('cs'),
      hash: hashOf(token),
      endUserId: input.endUserId,
      integrations: input.integrations == null ? null : [...input.integrations],
      connectionId: input.connectionId ?? null,
      allowOtherAccount: input.allowOtherAccount ?? false,
      returnUrl: checkReturnUrl(input.returnUrl ?? null, input.state ?? null),
      metadata: checkMetadata(input.metadata),
      callerId,
      expiresAt,
    })
    return { id, url: this.#urlOf(token), expiresAt }
  }

  /** A link with which the end user of a connection repairs it; it needs no row until somebody follows it. */
  repairUrl({ workspaceId, id }: Pick<ConnectionRow, 'workspaceId' | 'id'>): string {
    const facts = {
      w: workspaceId,
      c: id,
      e: Date.now() + longestLifeSeconds * 1000,
      n: randomBytes(8).toString('base64url'),
    }
    const sealed = this.#parts.vault.seal(linkBinding, JSON.stringify(facts)).envelope
    return this.#urlOf(repairPrefix + sealed.toString('base64url'))
  }

  /** The session of a link that may be used. @throws {ConnectError} unknown, expired, used, withdrawn */
  async find(token: string): Promise<ConnectSessionRow> {
    const found = await this.#parts.store.findByHash(hashOf(token))
    const session = found ?? (token.startsWith(repairPrefix) ? await this.#openRepair(token) : undefined)
    if (session === undefined) throw new ConnectError('unknown', 'the link is unknown')
    if (session.completedAt !== null) throw await this.#refuse(session, 'used', 'the link was used')
    if (session.expiresAt.getTime() <= Date.now()) throw await this.#refuse(session, 'expired', 'the link is over')
    await this.requireMaker(session)
    return session
  }

  /** A link is no better than the access key that made it. @throws {ConnectError} withdrawn, when that could make none now */
  async requireMaker(session: ConnectSessionRow): Promise<void> {
    const { workspaceId, callerId } = session
    if (callerId === madeByGateway) return
    const key = await this.#parts.keys.get(workspaceId, callerId)
    const isGood = key !== undefined && (key.expiresAt === null || key.expiresAt.getTime() > Date.now())
    if (!isGood) throw await this.#refuse(session, 'withdrawn', 'the access key that made the link is gone')
    if (makerScopes.some(scope => key.scopes.includes(scope))) return
    throw await this.#refuse(session, 'withdrawn', `the access key that made the link has lost ${makerScopes[0]}`)
  }

  async #refuse(session: ConnectSessionRow, reason: ConnectErrorReason, message: string): Promise<ConnectError> {
    return new ConnectError(reason, message, {
      theme: await this.theme(session.workspaceId),
      returnTo: session.returnUrl,
    })
  }

  async #openRepair(token: string): Promise<ConnectSessionRow | undefined> {
    let facts: { w: string; c: string; e: number }
    try {
      facts = JSON.parse(
        this.#parts.vault.open(linkBinding, Buffer.from(token.slice(repairPrefix.length), 'base64url')),
      )
    } catch {
      return undefined
    }
    if (facts.e <= Date.now()) throw new ConnectError('expired', 'the link is over')
    const row = await this.#parts.connections.get(facts.w, facts.c)
    if (row === undefined) return undefined
    const session = {
      workspaceId: row.workspaceId,
      id: newId('cs'),
      hash: hashOf(token),
      endUserId: row.endUserId,
      integrations: [row.integration],
      connectionId: row.id,
      allowOtherAccount: false,
      returnUrl: null,
      metadata: {},
      callerId: madeByGateway,
      expiresAt: new Date(facts.e),
    }
    // Two tabs may follow it at once: the first makes the row.
    return await this.#parts.store.insert(session).catch(async error => {
      const made = await this.#parts.store.findByHash(session.hash)
      if (made === undefined) throw error
      return made
    })
  }

  async theme(workspaceId: string): Promise<ConnectTheme> {
    const workspace = await this.#parts.workspaces.get(workspaceId)
    return workspace?.connectPage ?? { name: 'Passgate', logoUrl: null }
  }

  /** How the pages present the workspace. @throws {GatewayError} INVALID_INPUT */
  async configurePage(
    workspaceId: string,
    { name, logoUrl }: { name: string; logoUrl?: string | null },
  ): Promise<ConnectTheme> {
    const shown = name.trim()
    if (shown === '' || shown.length > 80 || /[\p{Cc}\p{Cs}]/u.test(shown)) {
      throw invalidInput('name', 'name takes 1 to 80 characters without control characters.')
    }
    const isPicture =
      logoUrl == null || (URL.canParse(logoUrl) && new URL(logoUrl).protocol === 'https:' && logoUrl.length <= 2048)
    if (!isPicture) throw invalidInput('logoUrl', 'logoUrl takes an https URL of at most 2048 characters.')
    const page = { name: shown, logoUrl: logoUrl == null ? null : new URL(logoUrl).href }
    await this.#parts.workspaces.saveConnectPage(workspaceId, page)
    return page
  }

  /** Old sessions and those who never came back. @returns how many there were, at most about `limit` */
  deleteExpired(limit: number): Promise<number> {
    return this.#parts.store.deleteExpired(limit)
  }

  #urlOf(token: string): string {
    return new URL(`connect/${token}`, withSlash(this.#parts.publicUrl())).href
  }
}

function checkReturnUrl(text: string | null, state: string | null): string | null {
  if (text === null) return null
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isPlain = url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
  if (!isPlain || text.length > 2048) {
    throw invalidInput(
      'returnUrl',
      'returnUrl takes an absolute http(s) URL without a user, of at most 2048 characters.',
    )
  }
  if (state !== null) url.searchParams.set('state', state)
  return url.href
}

/** Whatever is appended goes below it. */
export function withSlash(url: URL): URL {
  return url.pathname.endsWith('/') ? url : new URL(`${url.href}/`)
}

/** SHA-256: what the store knows of a secret. */
export function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
