/** The life of sessions: minted by a key, no wider than it, for one end user; a signed token that a browser may hold. */
import { decodeProtectedHeader, jwtVerify, SignJWT } from 'jose'
import { type ErrorDetail, GatewayError, invalidFields, invalidInput } from '../errors.ts'
import { checkQuota, type Quota } from '../limits/quota.ts'
import { Memo } from '../memo.ts'
import { newId } from '../store/ids.ts'
import type { Page, PageArgs } from '../store/page.ts'
import type { SessionRow, SessionStore } from '../store/sessions.ts'
import { checkText } from '../store/stored-text.ts'
import { type Caller, describeCaller, hasScope, type Scope, unknownCaller } from './caller.ts'
import type { AccessKeys } from './keys.ts'
import { checkRules, type Rule } from './rules.ts'
import type { SigningKeys } from './signing-keys.ts'
import { checkConcurrency, checkNoWider } from './width.ts'

export interface NewSession {
  readonly endUserId: string
  /** Slugs; any when absent. */
  readonly integrations?: readonly string[] | null
  /** Connection ids; any of the end user's when absent. */
  readonly connections?: readonly string[] | null
  readonly scopes?: readonly Scope[] | null
  readonly rules?: readonly Rule[] | null
  readonly maxCalls?: number | null
  readonly maxBytes?: number | null
  /** Beside those of the key, and no more than they are. */
  readonly quota?: Quota | null
  readonly maxConcurrency?: number | null
  readonly expiresInSeconds?: number | null
}

export interface MintedSession {
  readonly id: string
  readonly token: string
  readonly scopes: readonly Scope[]
  readonly expiresAt: Date
}

/** A session as it is shown: everything but its token, which is kept nowhere. */
export type Session = Omit<SessionRow, 'heldCalls' | 'heldUntil'>

interface SessionParts {
  readonly store: SessionStore
  readonly keys: AccessKeys
  readonly signingKeys: SigningKeys
  /** Those of the slugs that the workspace has an integration of; one statement. */
  readonly findIntegrations: (workspaceId: string, slugs: readonly string[]) => Promise<ReadonlySet<string>>
  /** Those of the ids that are connections of the end user; one statement, whosever they are. */
  readonly findConnections: (
    workspaceId: string,
    endUserId: string,
    ids: readonly string[],
  ) => Promise<ReadonlySet<string>>
}

/** What a browser may do at most. */
export const sessionScopes = ['passthrough:read', 'passthrough:write', 'connections:read'] as const satisfies Scope[]

const audience = 'passgate'
const tokenType = 'passgate-session+jwt'
const defaultLifeSeconds = 3600
const longestLifeSeconds = 86_400

export class Sessions {
  readonly #parts: SessionParts
  readonly #byToken = new Memo<SessionRow>()

  constructor(parts: SessionParts) {
    this.#parts = parts
  }

  /** @throws {GatewayError} INVALID_INPUT; FORBIDDEN for what the key itself may not do */
  async create(asked: Caller, input: NewSession): Promise<MintedSession> {
    if (asked.kind !== 'KEY') throw new GatewayError('FORBIDDEN', 'A session mints no sessions.')
    // The key may have been narrowed a moment ago, and what it mints now stays.
    const caller = await this.#parts.keys.callerOf(asked.workspaceId, asked.keyId)
    const seconds = checkWhole('expiresInSeconds', input.expiresInSeconds ?? defaultLifeSeconds, longestLifeSeconds)
    const keyEndMs = caller.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY
    const expiresAt = new Date(Math.min(Date.now() + seconds * 1000, keyEndMs))
    const quota = checkQuota('quota', input.quota)
    const maxConcurrency = checkConcurrency(input.maxConcurrency)
    // What it does not have of its own it has of its key.
    checkNoWider(caller, {
      expiresAt,
      quota: quota ?? caller.quota,
      maxConcurrency: maxConcurrency ?? caller.maxConcurrency,
    })
    const granted = narrowScopes(caller, input.scopes ?? null)
    const endUserId = checkEndUser(input.endUserId)
    const reach = await this.#checkReach(caller, endUserId, input)
    const row = await this.#parts.store.insert({
      workspaceId: caller.workspaceId,
      id: newId('ses'),
      keyId: caller.keyId,
      endUserId,
      scopes: granted,
      ...reach,
      rules: checkRules('rules', input.rules),
      maxCalls: input.maxCalls == null ? null : checkWhole('maxCalls', input.maxCalls, 2_000_000_000),
      maxBytes: input.maxBytes == null ? null : checkWhole('maxBytes', input.maxBytes, Number.MAX_SAFE_INTEGER),
      quota,
      maxConcurrency,
      expiresAt,
    })
    return { id: row.id, token: await this.#sign(row), scopes: granted, expiresAt }
  }

  /** True for what may be a session's token and is no access key. */
  isToken(text: string): boolean {
    return /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/.test(text) && text.length <= 2048
  }

  /** @throws {GatewayError} UNAUTHENTICATED, in the words for access keys */
  async authenticate(token: string): Promise<Caller> {
    const row = this.#byToken.peek(token) ?? (await this.#byToken.get(token, () => this.#find(token)))
    if (row === undefined || row.expiresAt.getTime() <= Date.now()) throw unknownCaller()
    return await this.#callerFor(row)
  }

  /** The caller that a session is. @throws {GatewayError} UNAUTHENTICATED when it is over */
  async callerOf(workspaceId: string, id: string): Promise<Caller> {
    const row = await this.#parts.store.get(workspaceId, id)
    if (row === undefined || row.expiresAt.getTime() <= Date.now()) throw unknownCaller()
    return await this.#callerFor(row)
  }

  /** True when there was such a session; its token opens nothing from then on. */
  async revoke(workspaceId: string, id: string): Promise<boolean> {
    const wasThere = await this.#parts.store.delete(workspaceId, id)
    this.#byToken.clear()
    return wasThere
  }

  /** All of the end user's. @returns how many of them were not over @throws {GatewayError} INVALID_INPUT */
  async revokeOf(workspaceId: string, endUserId: string): Promise<number> {
    const revoked = await this.#parts.store.deleteOf(workspaceId, checkEndUser(endUserId))
    this.#byToken.clear()
    return revoked
  }

  /** One answer per id, in order; those that are over are absent. */
  async getMany(workspaceId: string, ids: readonly string[]): Promise<(Session | undefined)[]> {
    const found = new Map((await this.#parts.store.getMany(workspaceId, ids)).map(row => [row.id, row]))
    return ids.map(id => found.get(id))
  }

  /** Those that are not over, newest first. @throws {GatewayError} INVALID_INPUT */
  list(workspaceId: string, filter: { readonly endUserId?: string | null }, page: PageArgs): Promise<Page<Session>> {
    return this.#parts.store.list(workspaceId, filter, page)
  }

  /**
   * A new key signs from now on.
   * @param options.revokeOld ends every token that is signed already
   * @returns the new key's id
   */
  async rotateSigningKey({ revokeOld }: { readonly revokeOld: boolean }): Promise<string> {
    const id = await this.#parts.signingKeys.rotate({ revokeOld })
    this.#byToken.clear()
    return id
  }

  deleteExpired(limit: number): Promise<number> {
    return this.#parts.store.deleteExpired(limit)
  }

  /** What names nothing would make a session that can do nothing. @throws {GatewayError} INVALID_INPUT */
  async #checkReach(
    { workspaceId, connectionId }: Caller,
    endUserId: string,
    input: NewSession,
  ): Promise<{ integrations: string[] | null; connections: string[] | null }> {
    const integrations = checkNames('integrations', input.integrations)
    const connections = checkNames('connections', input.connections ?? (connectionId === null ? null : [connectionId]))
    const { findIntegrations, findConnections } = this.#parts
    const [slugs, ids] = await Promise.all([
      findIntegrations(workspaceId, integrations ?? []),
      findConnections(workspaceId, endUserId, connections ?? []),
    ])
    const details = [
      ...absentAmong('integrations', integrations, slugs, 'the slug of an integration of the workspace'),
      ...absentAmong('connections', connections, ids, 'the id of a connection of the end user'),
    ]
    if (details.length > 0) throw invalidFields(details)
    return { integrations, connections }
  }

  async #sign(row: SessionRow): Promise<string> {
    const { id: kid, key, algorithm } = await this.#parts.signingKeys.current()
    return await new SignJWT({ wid: row.workspaceId })
      .setProtectedHeader({ alg: algorithm, kid, typ: tokenType })
      .setSubject(row.endUserId)
      .setJti(row.id)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime(row.expiresAt)
      .sign(key)
  }

  async #find(token: string): Promise<SessionRow | undefined> {
    try {
      const { kid } = decodeProtectedHeader(token)
      const key = kid === undefined ? undefined : await this.#parts.signingKeys.find(kid)
      if (key === undefined) return undefined
      const { payload } = await jwtVerify(token, key, { audience, typ: tokenType, algorithms: ['EdDSA'] })
      const row = await this.#parts.store.get(String(payload.wid), String(payload.jti))
      return row?.endUserId === payload.sub ? row : undefined
    } catch (error) {
      if (
        error instanceof GatewayError ||
        (error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_J'))
      )
        return undefined
      throw error
    }
  }

  /** As wide as its key is now, and no wider. */
  async #callerFor(row: SessionRow): Promise<Caller> {
    const key = await this.#parts.keys.callerOf(row.workspaceId, row.keyId)
    const { id, workspaceId, endUserId, integrations, connections, rules, expiresAt, quota, maxConcurrency } = row
    const own = rules.length === 0 ? [] : [{ owner: 'the session', rules: rules as readonly Rule[] }]
    return {
      ...key,
      kind: 'SESSION',
      id,
      workspaceId,
      scopes: sessionScopes.filter(scope => row.scopes.includes(scope) && hasScope(key, scope)),
      expiresAt,
      quota,
      maxConcurrency,
      endUserId,
      integrations,
      connections,
      ruleSets: [...own, ...key.ruleSets],
      hasBudget: row.maxCalls !== null || row.maxBytes !== null,
    }
  }
}

function narrowScopes(caller: Caller, asked: readonly Scope[] | null): Scope[] {
  if (asked === null) {
    const held = sessionScopes.filter(scope => hasScope(caller, scope))
    if (held.length > 0) return held
    throw invalidInput(
      'scopes',
      `A session has scopes of its key, ${sessionScopes.join(', ')}: ${describeCaller(caller)} needs one of them beside sessions:create.`,
    )
  }
  const beyond = asked.filter(scope => !sessionScopes.some(name => name === scope))
  if (beyond.length > 0) {
    throw invalidInput('scopes', `scopes of a session takes ${sessionScopes.join(', ')}; got ${beyond.join(', ')}.`)
  }
  if (asked.length === 0) throw invalidInput('scopes', 'scopes takes at least one scope; got none.')
  const wider = asked.filter(scope => !hasScope(caller, scope))
  if (wider.length === 0) return sessionScopes.filter(scope => asked.includes(scope))
  throw new GatewayError(
    'FORBIDDEN',
    `A session is no wider than what mints it: ${describeCaller(caller)} lacks ${wider.join(', ')}.`,
  )
}

function checkEndUser(endUserId: string): string {
  if (endUserId.length >= 1 && endUserId.length <= 255 && !/\p{Cc}/u.test(endUserId)) return endUserId
  const isLong = endUserId.length > 255
  const got = endUserId === '' ? 'an empty text' : isLong ? `${endUserId.length} characters` : 'a control character'
  throw invalidInput('endUserId', `endUserId takes 1 to 255 characters without control characters; got ${got}.`)
}

function checkNames(field: string, names: readonly string[] | null | undefined): string[] | null {
  if (names == null) return null
  if (names.length < 1 || names.length > 100)
    throw invalidInput(field, `${field} takes 1 to 100 names, or nothing at all for any; got ${names.length}.`)
  for (const [at, name] of names.entries()) {
    const one = `${field}.${at}`
    checkText(one, name)
    const got = name === '' ? 'an empty text' : `${name.length} characters`
    if (name === '' || name.length > 100) throw invalidInput(one, `${one} takes 1 to 100 characters; got ${got}.`)
  }
  return [...names]
}

function absentAmong(
  field: string,
  names: readonly string[] | null,
  known: ReadonlySet<string>,
  takes: string,
): ErrorDetail[] {
  return (names ?? []).flatMap((name, at) => {
    const one = `${field}.${at}`
    return known.has(name) ? [] : [{ field: one, message: `${one} got ${JSON.stringify(name)}; it takes ${takes}.` }]
  })
}

function checkWhole(field: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value
  throw invalidInput(field, `${field} takes a whole number from 1 to ${max}; got ${value}.`)
}
