/** Whoever presents a token: an access key, or a session that one minted. */
import { GatewayError } from '../errors.ts'
import type { Limits } from '../limits/limits.ts'
import type { Caller } from './caller.ts'
import type { AccessKeys } from './keys.ts'
import type { Sessions } from './sessions.ts'

export interface CallersParts {
  readonly keys: AccessKeys
  readonly sessions: Sessions
  readonly limits: Pick<Limits, 'admit'>
}

export class Callers {
  readonly #parts: CallersParts

  constructor(parts: CallersParts) {
    this.#parts = parts
  }

  /** @throws {GatewayError} UNAUTHENTICATED, with one message for all that is unknown, over or revoked */
  authenticate(token: string): Promise<Caller> {
    const { keys, sessions } = this.#parts
    if (isScheme(token)) {
      const message = `The authorization header has no access key after \`${token}\`.`
      return Promise.reject(new GatewayError('UNAUTHENTICATED', message))
    }
    return sessions.isToken(token) ? sessions.authenticate(token) : keys.authenticate(token)
  }

  /** @throws {GatewayError} UNAUTHENTICATED when the key or session is gone */
  callerOf(workspaceId: string, id: string): Promise<Caller> {
    const { keys, sessions } = this.#parts
    return id.startsWith('ses_') ? sessions.callerOf(workspaceId, id) : keys.callerOf(workspaceId, id)
  }

  /** Counts one request of a caller with a quota; others cost nothing. @throws {GatewayError} RATE_LIMITED */
  async admit({ kind, id, keyId, workspaceId, quota, keyLimits }: Caller): Promise<void> {
    const limits = { caller: keyLimits.quota, session: kind === 'SESSION' ? quota : null }
    if (limits.caller === null && limits.session === null) return
    await this.#parts.limits.admit({ workspaceId, callerId: keyId, sessionId: id, limits })
  }
}

/** What is left of a header whose key was empty. */
function isScheme(token: string): boolean {
  return token.length <= 6 && /^(?:bearer|token|basic)$/i.test(token)
}
