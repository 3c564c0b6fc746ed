/** Download links: a safe call that was made, sealed into a URL that makes it again for a while. */
import { GatewayError, invalidInput } from '../errors.ts'
import { isSafeMethod, type RequestPlan } from '../passthrough/request.ts'

/** What a link stands for: whose call, and the call as it went on the wire but for the credential. */
export interface DownloadTicket {
  readonly workspaceId: string
  /** The access key that asked for the link; the link ends with it. */
  readonly keyId: string
  readonly connectionId: string
  readonly method: string
  readonly origin: string
  readonly path: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly expiresAtMs: number
}

/** Keeps what is in a link from everybody who holds it. */
export interface TicketSeal {
  seal(text: string): Buffer
  /** @throws when it was sealed elsewhere or changed */
  open(sealed: Buffer): string
}

const maxSeconds = 3600

/** The token of a link. @throws {GatewayError} INVALID_INPUT for a lifetime or a call that no link can stand for */
export function sealTicket(
  seal: TicketSeal,
  owner: Pick<DownloadTicket, 'workspaceId' | 'keyId'>,
  plan: RequestPlan,
  expiresInSeconds: number,
): string {
  if (!Number.isInteger(expiresInSeconds) || expiresInSeconds < 1 || expiresInSeconds > maxSeconds) {
    const takes = `a whole number from 1 to ${maxSeconds}`
    throw invalidInput('expiresInSeconds', `expiresInSeconds takes ${takes}; got ${expiresInSeconds}.`)
  }
  if (!isSafeMethod(plan.method) || plan.body !== null) {
    throw invalidInput('downloadUrl', 'A link stands for a safe call without a body; it would be made again each time.')
  }
  const ticket: DownloadTicket = {
    ...owner,
    connectionId: plan.connection.id,
    method: plan.method,
    origin: plan.url.origin,
    path: plan.url.path,
    headers: plan.headers,
    expiresAtMs: Date.now() + expiresInSeconds * 1000,
  }
  return seal.seal(JSON.stringify(ticket)).toString('base64url')
}

/** @throws {GatewayError} UNAUTHENTICATED, with one message for expired and for made-up links */
export function openTicket(seal: TicketSeal, token: string): DownloadTicket {
  let ticket: DownloadTicket
  try {
    ticket = JSON.parse(seal.open(Buffer.from(token, 'base64url')))
  } catch (cause) {
    throw linkOver(cause)
  }
  if (ticket.expiresAtMs <= Date.now()) throw linkOver()
  return ticket
}

function linkOver(cause?: unknown): GatewayError {
  return new GatewayError('UNAUTHENTICATED', 'The download link is over or was never valid; ask for a new one.', {
    cause,
  })
}
