/** Signatures of deliveries as Standard Webhooks has them (https://www.standardwebhooks.com), and the secrets they are made with. */
import { createHmac, randomBytes } from 'node:crypto'

/** What signs the deliveries to an endpoint: after a rotation the old one does, too, until receivers know the new one. */
export interface SigningSecrets {
  /** `whsec_` and 32 random bytes in base64. */
  readonly current: string
  readonly previous?: { readonly secret: string; readonly until: string } | undefined
}

export interface Message {
  /** The same for every attempt and every endpoint: receivers tell by it what they had already. */
  readonly id: string
  readonly body: string
}

/** How long the secret before a rotation signs beside the new one, in milliseconds. */
export const overlapMs = 24 * 3_600_000

const prefix = 'whsec_'

export function newSecret(): string {
  return prefix + randomBytes(32).toString('base64')
}

export function rotate(secrets: SigningSecrets, now: Date): SigningSecrets & { previous: { until: string } } {
  const until = new Date(now.getTime() + overlapMs).toISOString()
  return { current: newSecret(), previous: { secret: secrets.current, until } }
}

export function writeSecrets(secrets: SigningSecrets): string {
  return JSON.stringify(secrets)
}

/** @throws TypeError when the text is none that {@link writeSecrets} wrote */
export function readSecrets(text: string): SigningSecrets {
  const secrets = JSON.parse(text) as Partial<SigningSecrets> | null
  if (typeof secrets?.current !== 'string') throw new TypeError('the signing secret of a webhook endpoint is damaged')
  return { ...secrets, current: secrets.current }
}

/** The three headers of the standard, by all secrets that sign at this time. */
export function signatureHeaders({ id, body }: Message, secrets: SigningSecrets, now: Date): Record<string, string> {
  const timestamp = Math.floor(now.getTime() / 1000).toString()
  const signatures = secretsAt(secrets, now).map(secret => `v1,${sign(secret, `${id}.${timestamp}.${body}`)}`)
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') }
}

function secretsAt({ current, previous }: SigningSecrets, now: Date): string[] {
  const isOldInUse = previous !== undefined && now.getTime() < Date.parse(previous.until)
  return isOldInUse ? [current, previous.secret] : [current]
}

function sign(secret: string, content: string): string {
  const key = Buffer.from(secret.slice(prefix.length), 'base64')
  return createHmac('sha256', key).update(content).digest('base64')
}
