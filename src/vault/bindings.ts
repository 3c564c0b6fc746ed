/** The places that secrets are sealed for: one function per kind, so that whoever seals and whoever re-wraps agree. */

/** The place a secret belongs to; it opens nowhere else. */
export interface SecretBinding {
  readonly workspaceId: string
  /** What holds the secret: `connection`, `oauthClient`, `keyProof` and so on. */
  readonly kind: string
  readonly id: string
}

/** Lengths keep the parts apart: no two bindings print alike. */
export function bindingText(binding: SecretBinding): string {
  return [binding.workspaceId, binding.kind, binding.id].map(part => `${part.length}:${part}`).join('|')
}

/** A connection's credential, also while it waits to be revoked. */
export function connectionBinding(workspaceId: string, id: string): SecretBinding {
  return { workspaceId, kind: 'connection', id }
}

/** The client secret or private key of a workspace's own OAuth client. */
export function oauthClientBinding(workspaceId: string, slug: string): SecretBinding {
  return { workspaceId, kind: 'oauthClient', id: slug }
}

/** What is remembered while an end user is at a vendor's consent page. */
export function connectFlightBinding(workspaceId: string, stateHash: Buffer): SecretBinding {
  return { workspaceId, kind: 'connectFlight', id: stateHash.toString('hex') }
}

/** The answer that is given again for an idempotency key. */
export function idempotentAnswerBinding(workspaceId: string, connectionId: string, key: string): SecretBinding {
  return { workspaceId, kind: 'idempotentAnswer', id: `${connectionId} ${key}` }
}

/** What signs the deliveries to a webhook endpoint. */
export function webhookEndpointBinding(workspaceId: string, id: string): SecretBinding {
  return { workspaceId, kind: 'webhookEndpoint', id }
}

/** The proof that a key of this id was used with this store; it belongs to no workspace. */
export function keyProofBinding(keyId: string): SecretBinding {
  return { workspaceId: '', kind: 'keyProof', id: keyId }
}

/** What signs the tokens of sessions. */
export function signingKeyBinding(workspaceId: string, id: string): SecretBinding {
  return { workspaceId, kind: 'signingKey', id }
}

/** What was kept of a call's request and answer. */
export function callExchangeBinding(workspaceId: string, uuid: string): SecretBinding {
  return { workspaceId, kind: 'callExchange', id: uuid }
}
