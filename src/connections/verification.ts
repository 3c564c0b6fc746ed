/** What the vendor says of a credential: whether it takes it, and whose account it opens. */
import type { Credential } from '../auth/credential.ts'
import type { AuthEntry } from '../auth/scheme.ts'
import { parseSingularPath, readSingularPath } from '../auth/singular-path.ts'
import type { IntegrationDefinition } from '../catalog/entry.ts'
import type { ConnectionRow } from '../store/connections.ts'
import type { StoredAccount } from '../store/tables.ts'
import type { Integration } from './integrations.ts'

export type Account = StoredAccount

export interface Verification {
  /** `UNKNOWN` when the vendor could not be asked, or said neither yes nor no. */
  readonly outcome: 'OK' | 'REFUSED' | 'UNKNOWN'
  /** Of the vendor's answer; null when there was none. */
  readonly status: number | null
  /** One sentence for the workspace. */
  readonly message: string
  /** Null where the integration does not say how to read it. */
  readonly account: Account | null
}

/** Makes the integration's verify request; the row need not be stored yet. Undefined where the integration has none. */
export type Verify = (row: ConnectionRow, integration: Integration) => Promise<Verification | undefined>

const maxLength = 500
const shortestSecret = 6
/** What refuses where the entry does not say. */
const usualRefusals: readonly number[] = [401, 403]

/**
 * What the answer to an entry's verify request means: a status that is neither 2xx nor one that refuses leaves it open.
 * @param answer its JSON; numbers that a double would change are raw JSON values
 */
export function judgeVerification(definition: IntegrationDefinition, status: number, answer: unknown): Verification {
  const { name, verify } = definition
  const isGood = status >= 200 && status < 300
  const said = verify?.ok === undefined ? isGood : readPath(verify.ok, answer)
  if (isGood && said === true) {
    return { outcome: 'OK', status, message: `${name} takes the credential.`, account: readAccount(definition, answer) }
  }
  const refusals = verify?.refused ?? usualRefusals
  if ((isGood && said === false) || refusals.includes(status)) {
    return { outcome: 'REFUSED', status, message: `${name} refuses the credential (status ${status}).`, account: null }
  }
  const message = `${name} answered ${status}, which says neither yes nor no to the credential.`
  return { outcome: 'UNKNOWN', status, message, account: null }
}

/** The account that an answer tells of, by the paths of the entry's verify request. */
function readAccount(definition: IntegrationDefinition, answer: unknown): Account | null {
  const paths = definition.verify?.account
  if (paths === undefined) return null
  const { id, name, email, url } = paths
  const account = { id: read(id, answer), name: read(name, answer), email: read(email, answer), url: read(url, answer) }
  return Object.values(account).every(value => value === null) ? null : account
}

/**
 * A vendor may repeat what it was sent: what holds a secret of the credential is not kept in the clear.
 * @param entry what the integration says of the credential's scheme: which of its fields are secret
 */
export function withoutSecrets(account: Account | null, credential: Credential, entry: AuthEntry): Account | null {
  if (account === null) return null
  const secrets = secretsIn(credential, entry).filter(text => text.length >= shortestSecret)
  const clean = (value: string | null) =>
    value === null || secrets.some(secret => value.includes(secret.slice(0, maxLength))) ? null : value
  const { id, name, email, url } = account
  return { id: clean(id), name: clean(name), email: clean(email), url: clean(url) }
}

function secretsIn(credential: Credential, entry: AuthEntry): string[] {
  const { minted } = { minted: undefined, ...credential }
  const texts = Object.entries('fields' in credential ? credential.fields : credential).flatMap(([name, value]) =>
    typeof value === 'string' && isSecret(name, credential, entry) ? [value] : [],
  )
  return minted === undefined ? texts : [...texts, minted.accessToken]
}

/** What credentials of any scheme have in them that proves nothing. */
const publicNames: ReadonlySet<string> = new Set([
  'scheme',
  'expiresAt',
  'clientId',
  'consumerKey',
  'accessKeyId',
  'certificate',
])

/** A field that the entry does not name is taken for a secret; so is a user name that needs no password. */
function isSecret(name: string, credential: Credential, entry: AuthEntry): boolean {
  if ('fields' in credential) return !('fields' in entry) || entry.fields[name]?.secret !== false
  if (credential.scheme === 'basic' && name === 'username') return credential.password === ''
  return !publicNames.has(name)
}

/** From what is one account's alone to what two accounts could share or one could change. */
const strongestFirst = ['id', 'email', 'name', 'url'] as const

/** By the strongest field that both have, however it is spelled; `UNTOLD` when they have none in common. */
export function compareAccounts(before: Account | null, now: Account | null): 'SAME' | 'OTHER' | 'UNTOLD' {
  for (const field of strongestFirst) {
    const [one, two] = [before?.[field], now?.[field]]
    if (one != null && two != null) return spelled[field](one) === spelled[field](two) ? 'SAME' : 'OTHER'
  }
  return 'UNTOLD'
}

/** By an id that is no email: that is never changed, nor given to another. */
export function isCertainlyOther(before: Account | null, now: Account | null): boolean {
  return before?.id != null && now?.id != null && before.id !== now.id && !isEmail(before.id) && !isEmail(now.id)
}

/** One spelling for all that mean the same. */
const spelled: Readonly<Record<keyof Account, (text: string) => string>> = {
  id: text => (isEmail(text) ? spellEmail(text) : text),
  email: spellEmail,
  name: spellName,
  url: text => (URL.canParse(text) ? new URL(text).href : spellName(text)),
}

/** Some vendors have no other id. */
function isEmail(text: string): boolean {
  return /^[^\s@]+@[^\s@]+$/.test(text)
}

function spellEmail(text: string): string {
  return text.trim().toLowerCase().normalize('NFC')
}

function spellName(text: string): string {
  return text.trim().normalize('NFC')
}

function readPath(path: string | undefined, answer: unknown): unknown {
  const parsed = path === undefined ? undefined : parseSingularPath(path)
  return parsed === undefined ? undefined : readSingularPath(parsed, answer)
}

function read(path: string | undefined, answer: unknown): string | null {
  const value = readPath(path, answer)
  if (JSON.isRawJSON(value)) return value.rawJSON.slice(0, maxLength)
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== ''
    ? value.slice(0, maxLength).toWellFormed().replaceAll('\0', '')
    : null
}
