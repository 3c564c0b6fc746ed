/** Whoever presents a token: an access key, or a session that one minted. */
import type { Caller } from './caller.ts'
import type { AccessKeys } from './keys.ts'
import type { Sessions } from './sessions.ts'

export class Callers {
  readonly #keys: AccessKeys
  readonly #sessions: Sessions

  constructor(keys: AccessKeys, sessions: Sessions) {
    this.#keys = keys
    this.#sessions = sessions
  }

  /** @throws {GatewayError} UNAUTHENTICATED, with one message for all that is unknown, over or revoked */
  authenticate(token: string): Promise<Caller> {
    return this.#sessions.isToken(token) ? this.#sessions.authenticate(token) : this.#keys.authenticate(token)
  }

  /** @throws {GatewayError} UNAUTHENTICATED when the key or session is gone */
  callerOf(workspaceId: string, id: string): Promise<Caller> {
    return id.startsWith('ses_') ? this.#sessions.callerOf(workspaceId, id) : this.#keys.callerOf(workspaceId, id)
  }
}
