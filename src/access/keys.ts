/** The life of access keys: minted once, kept as a hash, checked on every request. */
import { GatewayError, invalidInput, StartError } from '../errors.ts'
import { checkQuota, type Quota } from '../limits/quota.ts'
import { Memo } from '../memo.ts'
import type { AccessKeyRow, AccessKeyStore, KeyChange, PresetKey } from '../store/access-keys.ts'
import { newId } from '../store/ids.ts'
import type { Page, PageArgs } from '../store/page.ts'
import { type Caller, type Scope, scopes, unknownCaller } from './caller.ts'
import { callerFor } from './key-caller.ts'
import { checkRules, type Rule } from './rules.ts'
import { hashSecret, hasTypingError, newAccessKeySecret, secretHint } from './secret.ts'
import { checkConcurrency, checkNoWider, checkReach, checkScopes, isNarrowed, type KeyVerb } from './width.ts'

export type AccessKey = Omit<AccessKeyRow, 'hash' | 'previousHash'>

export interface NewAccessKey {
  readonly name: string
  readonly scopes: readonly Scope[]
  /** The maker's when absent; so are the quota and the calls at once. */
  readonly expiresAt?: Date | null
  /** The only connection it may call through. */
  readonly connectionId?: string | null
  readonly quota?: Quota | null
  readonly rules?: readonly Rule[] | null
  /** Calls under way at once. */
  readonly maxConcurrency?: number | null
  /** True for a partner's key that runs registered operations only. */
  readonly registeredOnly?: boolean | null
}

/** What of a key changes: what is absent stays as it is, null takes a bound away. */
export interface AccessKeyChange {
  readonly name?: string | null
  readonly scopes?: readonly Scope[] | null
  readonly expiresAt?: Date | null
  readonly quota?: Quota | null
  readonly rules?: readonly Rule[] | null
  readonly maxConcurrency?: number | null
}

const touchEveryMs = 60_000
const longestOverlapSeconds = 30 * 86_400

export class AccessKeys {
  readonly #store: AccessKeyStore
  readonly #hasConnection: (workspaceId: string, id: string) => Promise<boolean>
  /** When each key was last marked as used, so that a busy key costs one write a minute. */
  readonly #touched = new Map<string, number>()
  readonly #bySecret = new Memo<AccessKeyRow>()

  constructor(store: AccessKeyStore, hasConnection: (workspaceId: string, id: string) => Promise<boolean>) {
    this.#store = store
    this.#hasConnection = hasConnection
  }

  /** Mints a key no wider than its maker. The secret is in this answer and nowhere else. */
  async create(asked: Caller, input: NewAccessKey): Promise<{ accessKey: AccessKey; secret: string }> {
    const caller = await this.#asItIs(asked)
    if (isNarrowed(caller)) {
      throw new GatewayError(
        'FORBIDDEN',
        'A key with rules mints no keys: they would be wider than itself. It mints sessions.',
      )
    }
    const name = checkName(input.name)
    const held = checkScopeList(input.scopes)
    checkFuture(input.expiresAt)
    const connectionId = await this.#checkBinding(caller, input)
    checkScopes(caller, input.scopes, 'A key cannot mint a wider one')
    const bounds = {
      expiresAt: input.expiresAt ?? caller.expiresAt,
      quota: checkQuota('quota', input.quota) ?? caller.quota,
      maxConcurrency: checkConcurrency(input.maxConcurrency) ?? caller.maxConcurrency,
    }
    checkNoWider(caller, bounds)
    const secret = newAccessKeySecret()
    const row = await this.#store.insert({
      workspaceId: caller.workspaceId,
      id: newId('key'),
      name,
      hash: hashSecret(secret),
      hint: secretHint(secret),
      scopes: held,
      ...bounds,
      connectionId,
      rules: checkRules('rules', input.rules),
      registeredOnly: input.registeredOnly === true,
    })
    return { accessKey: row, secret }
  }

  /** @throws GatewayError `UNAUTHENTICATED`, with one message for unknown, deleted and expired keys. */
  async authenticate(secret: string): Promise<Caller> {
    let row = this.#bySecret.peek(secret)
    if (row === undefined) {
      if (hasTypingError(secret)) throw unknownCaller()
      row = await this.#find(secret)
    }
    if (row === undefined || !isGood(row, secret)) throw unknownCaller()
    this.#touch(row)
    return callerFor(row)
  }

  /** The caller that a key of the workspace is. @throws GatewayError `UNAUTHENTICATED` when it is gone */
  async callerOf(workspaceId: string, id: string): Promise<Caller> {
    const row = await this.#store.get(workspaceId, id)
    if (row === undefined || isExpired(row)) throw unknownCaller()
    return callerFor(row)
  }

  list(workspaceId: string, page: PageArgs): Promise<Page<AccessKey>> {
    return this.#store.list(workspaceId, page)
  }

  get(workspaceId: string, id: string): Promise<AccessKey | undefined> {
    return this.#store.get(workspaceId, id)
  }

  /**
   * Changes what a key may do, and its sessions with it; its secret stays.
   * @throws {GatewayError} `INVALID_INPUT` for an unknown and the preset key and for what is wider than the caller, `FORBIDDEN` for a wider key
   */
  async update(caller: Caller, id: string, change: AccessKeyChange): Promise<AccessKey> {
    const fresh = await this.#asItIs(caller)
    // A key that changes itself is judged as it is in the transaction: it may have been narrowed a moment ago.
    const row = await this.#store.update(caller.workspaceId, id, before =>
      chooseChange(fresh.id === before.id ? callerFor(before) : fresh, before, change),
    )
    this.#bySecret.clear()
    if (row === 'ABSENT') throw noSuchKey()
    if (row !== 'LAST_ADMIN') return row
    throw invalidInput(
      'id',
      'The last admin key of the workspace cannot be narrowed: nobody could open it again. Make another admin key first.',
    )
  }

  /**
   * From then on it authenticates nothing. @returns the key as it was
   * @throws {GatewayError} `INVALID_INPUT` for an unknown key and for the ones that open the workspace, `FORBIDDEN` for a wider one
   */
  async delete(caller: Caller, id: string): Promise<AccessKey> {
    const key = await this.#reach(caller, id, 'delete')
    if (key.preset) {
      throw invalidInput(
        'id',
        'The preset key cannot be deleted: start the gateway with another PASSGATE_ADMIN_KEY, and its old secret opens nothing.',
      )
    }
    const outcome = await this.#store.delete(caller.workspaceId, id)
    this.#bySecret.clear()
    if (outcome === 'DELETED') return key
    if (outcome === 'ABSENT') throw noSuchKey()
    throw invalidInput(
      'id',
      'The last admin key of the workspace cannot be deleted: nobody could open it again. Make another admin key first.',
    )
  }

  /**
   * A new secret for a key; the one before works for `overlapSeconds` more. The secret is in this answer and nowhere else.
   * @throws {GatewayError} `INVALID_INPUT` for an unknown key and while an earlier overlap runs, `FORBIDDEN` for a wider one
   */
  async rotate(caller: Caller, id: string, overlapSeconds: number): Promise<{ accessKey: AccessKey; secret: string }> {
    if (!Number.isInteger(overlapSeconds) || overlapSeconds < 0 || overlapSeconds > longestOverlapSeconds) {
      const takes = `a whole number from 0 to ${longestOverlapSeconds}`
      throw invalidInput('overlapSeconds', `overlapSeconds takes ${takes}; got ${overlapSeconds}.`)
    }
    const before = await this.#reach(caller, id, 'rotate')
    if (before.preset) throw invalidInput('id', 'The preset key is rotated by PASSGATE_ADMIN_KEY.')
    const now = Date.now()
    const earlier = before.previousUntil
    if (overlapSeconds > 0 && earlier !== null && earlier.getTime() > now) {
      const until = `The secret before this one was promised to work until ${earlier.toISOString()}`
      throw invalidInput(
        'overlapSeconds',
        `${until}: rotate after that, or with overlapSeconds: 0, which ends both old secrets at once.`,
      )
    }
    const secret = newAccessKeySecret()
    const previousUntil = new Date(now + overlapSeconds * 1000)
    const change = { hash: hashSecret(secret), hint: secretHint(secret), previousHash: before.hash, previousUntil }
    const row = await this.#store.replaceSecret(caller.workspaceId, id, change)
    this.#bySecret.clear()
    if (row === undefined)
      throw invalidInput('id', 'The key was rotated or deleted at the same moment; look at it again.')
    return { accessKey: row, secret }
  }

  /** Makes the operator's preset secret the workspace's preset admin key, replacing an earlier preset. */
  async presetAdmin(workspaceId: string, secret: string): Promise<void> {
    if (hasTypingError(secret)) {
      throw new StartError('PASSGATE_ADMIN_KEY has the form of a Passgate key, but its checksum says it is mistyped.')
    }
    await this.#store.savePreset(workspaceId, adminKey(secret))
    this.#bySecret.clear()
  }

  /**
   * The first admin key of a workspace that has no key at all; undefined when it has one. Of replicas that start together
   * one makes it, so that the secret it shows is the one that works.
   */
  async createFirstAdmin(workspaceId: string): Promise<string | undefined> {
    if (await this.#store.hasAny(workspaceId)) return undefined
    const secret = newAccessKeySecret()
    return (await this.#store.insertPreset(workspaceId, adminKey(secret))) ? secret : undefined
  }

  /** What was proved at the start of the request may be out of date, and what is made or changed now stays. */
  async #asItIs(caller: Caller): Promise<Caller> {
    return caller.kind === 'KEY' ? await this.callerOf(caller.workspaceId, caller.keyId) : caller
  }

  async #reach(caller: Caller, id: string, verb: KeyVerb): Promise<AccessKeyRow> {
    const row = await this.#store.get(caller.workspaceId, id)
    if (row === undefined) throw noSuchKey()
    checkReach(await this.#asItIs(caller), row, verb)
    return row
  }

  /** A bound key makes bound keys, and what is no call through the connection is not for it. */
  async #checkBinding(caller: Caller, { connectionId = null, scopes: wanted }: NewAccessKey): Promise<string | null> {
    if (connectionId === null) return caller.connectionId
    const isOwn = caller.connectionId === null || caller.connectionId === connectionId
    if (!isOwn || !(await this.#hasConnection(caller.workspaceId, connectionId))) {
      throw invalidInput('connectionId', 'connectionId names no connection of the workspace.')
    }
    checkBoundScopes(connectionId, wanted)
    return connectionId
  }

  /** Whatever may be a key and opens nothing costs one hash and one look-up: nothing is to be learned from how long it took. */
  #find(secret: string): Promise<AccessKeyRow | undefined> {
    return this.#bySecret.get(secret, async () => {
      const row = await this.#store.findByHash(hashSecret(secret))
      return row !== undefined && isGood(row, secret) ? row : undefined
    })
  }

  #touch(row: AccessKeyRow): void {
    const now = Date.now()
    if (now - (this.#touched.get(row.id) ?? 0) < touchEveryMs) return
    if (this.#touched.size >= 10_000) this.#touched.clear()
    this.#touched.set(row.id, now)
    // A key that could not be marked is marked by its next use; the request itself must not wait for it.
    this.#store.touch(row.workspaceId, row.id, new Date(now)).catch(() => this.#touched.delete(row.id))
  }
}

/** @throws {GatewayError} `INVALID_INPUT`, `FORBIDDEN` */
function chooseChange(caller: Caller, before: AccessKeyRow, change: AccessKeyChange): KeyChange {
  checkReach(caller, before, 'change')
  if (before.preset) throw invalidInput('id', 'The preset key is the operator’s: it opens the whole workspace.')
  const { name, scopes: wanted, expiresAt, quota, rules, maxConcurrency } = change
  if (quota !== undefined && before.quota !== null && caller.id === before.id) {
    throw invalidInput('quota', 'quota of a key is not its own to change: each figure is counted anew.')
  }
  const values: KeyChange = {
    ...(name != null && { name: checkName(name) }),
    ...(wanted != null && { scopes: checkScopeList(wanted) }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(quota !== undefined && { quota: checkQuota('quota', quota) }),
    ...(rules !== undefined && { rules: checkRules('rules', rules) }),
    ...(maxConcurrency !== undefined && { maxConcurrency: checkConcurrency(maxConcurrency) }),
  }
  checkFuture(expiresAt)
  checkBoundScopes(before.connectionId, values.scopes ?? [])
  checkScopes(caller, values.scopes ?? [], 'A key cannot make another wider than itself')
  checkNoWider(caller, { ...before, ...values })
  return values
}

function checkName(given: string): string {
  const name = given.trim()
  if (name !== '' && name.length <= 200) return name
  throw invalidInput('name', `name takes 1 to 200 characters; got ${name.length}.`)
}

/** In the order of the published list, each once. */
function checkScopeList(given: readonly Scope[]): Scope[] {
  if (given.length === 0) throw invalidInput('scopes', 'scopes takes at least one scope; got none.')
  return scopes.filter(scope => given.includes(scope))
}

function checkFuture(expiresAt: Date | null | undefined): void {
  if (expiresAt == null || expiresAt.getTime() > Date.now()) return
  throw invalidInput('expiresAt', `expiresAt takes a time in the future; got ${expiresAt.toISOString()}.`)
}

function checkBoundScopes(connectionId: string | null, wanted: readonly string[]): void {
  const beside = connectionId === null ? [] : wanted.filter(scope => !scope.startsWith('passthrough:'))
  if (beside.length === 0) return
  throw invalidInput(
    'scopes',
    `A key for one connection takes the scopes passthrough:read and passthrough:write; got ${beside.join(', ')}.`,
  )
}

function isExpired({ expiresAt }: AccessKeyRow): boolean {
  return expiresAt !== null && expiresAt.getTime() <= Date.now()
}

function isGood(row: AccessKeyRow, secret: string): boolean {
  return !isExpired(row) && !isSpent(row, secret)
}

/** A secret that was rotated away opens nothing once its overlap is over. */
function isSpent({ hash, previousUntil }: AccessKeyRow, secret: string): boolean {
  if (previousUntil === null || previousUntil.getTime() > Date.now()) return false
  return !hash.equals(hashSecret(secret))
}

function noSuchKey(): GatewayError {
  const details = [{ field: 'id', message: 'id names no access key of the workspace.' }]
  return new GatewayError('INVALID_INPUT', 'The workspace has no access key with this id.', { details })
}

function adminKey(secret: string): PresetKey {
  return { name: 'admin', hash: hashSecret(secret), hint: secretHint(secret), scopes: ['admin'] }
}
